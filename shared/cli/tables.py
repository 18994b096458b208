"""What the shell shows, for any width of the terminal.

For a sweep: a table of who was flagged and what is done about it, and how the sweep ended. For the doctor: its checks.
"""

from __future__ import annotations

import re
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli.checks import Check, Found
from shared.model import Act, Action, Counts, Reason, Receipt, Severity, Verdict, in_last_day, in_window
from shared.sweep.receipt import COUNTS
from shared.sweep.run import Report
from shared.text import address, clean, when

ACTS = {
    Act.CREATE: "new incident",
    Act.ESCALATE: "raise severity",
    Act.COMMENT: "comment",
    Act.COUNT: "count on the card",
    Act.NOTHING: "nothing",
}
REASONS = {
    Reason.FIRST: "first time over the threshold",
    Reason.AFTER_BASELINE: "over the threshold again since its messages were taken as reported",
    Reason.REOPENED: "came back after its incident was closed",
    Reason.REOPENED_BENIGN: "came back in force after a benign or false-positive closing",
    Reason.RECREATED: "came back after its incident was deleted",
    Reason.ESCALATED: "its volume is now High",
    Reason.GREW: "new messages on an open incident",
    Reason.COMMENTS_FULL: "new messages, but the incident takes no more comments",
    Reason.STANDING: "incident open, nothing new",
    Reason.SETTLED: "dealt with: too few new messages since",
    Reason.ADOPTED: "its open incident was unknown to the ledger: posted again, to be sure",
    Reason.HELD: "held back by MAX_NEW_INCIDENTS: a following sweep raises it",
    Reason.EXCLUDED: "excluded by EXCLUDED_RECIPIENTS",
    Reason.RESTING: "what is owed is not over today's threshold: it waits",
    Reason.AWAITED: "handed to the analytics rule, which makes the incident",
    Reason.IN_DOUBT: "an earlier attempt may have been made, and could not be looked up",
}
ENDINGS = {
    "sweep_completed": "completed",
    "sweep_incomplete": "incomplete: something is still due, the next sweep completes it",
    "sweep_failed": "nothing it found was used",
    "sweep_skipped": "skipped: another sweep is running",
    "sweep_planned": "planned only: nothing was written anywhere",
}
NOT_COUNTED = "findings were not counted"
"""Said of a sweep that did not look, or was stopped: "none flagged" would be an all-clear."""
_DID = ("created", "commented", "escalated", "told", "reminded")
FOUND = {Found.FINE: "green", Found.DOUBT: "magenta", Found.WRONG: "bold red", Found.UNTRIED: "dim"}
WIDE = 130  # columns that the table needs to be readable
NARROW = 60  # columns; below this nothing is side by side
STYLES = {Verdict.CLEAN: "green", Verdict.FLAGGED: "yellow", Verdict.UNTRUSTED: "magenta", Verdict.FAILED: "red"}


_NEXT_SWEEP = re.compile(r"the next sweep (tries again|goes on|asks again)")


def by_hand(words: str) -> str:
    """What to do, for somebody at a shell: no sweep follows by itself, so the message says to try again."""
    return _NEXT_SWEEP.sub("try again", words.replace("nothing to do: the next sweep goes on", "try again later"))


def planned(report: Report) -> list[dict[str, Any]]:
    """The planned actions as JSON, highest `Sum_case` first."""
    return [
        {
            "recipient": action.recipient,
            "sum_case": counts.total,
            "hard_delete": counts.hard_delete,
            "soft_delete": counts.soft_delete,
            "move_to_junk": counts.move_to_junk,
            "move_to_delete": counts.move_to_delete,
            "severity": action.severity.value,
            "act": action.act.value,
            "reason": action.reason.value,
            "episode": action.episode,
            "incident_id": action.incident_id,
            "new_messages": len(action.messages),
            "tell": action.tell,
        }
        for action, counts in _ranked(report)
    ]


def shown(report: Report, width: int = WIDE) -> RenderableType:
    """Who was flagged (if anybody) and the summary, in so many columns. No address in it can move the cursor."""
    summary = _summary(report.receipt)
    if not report.actions:
        return summary
    return Group(_table(report) if width >= WIDE else _list(report), summary)


def checked(check: Check, width: int = WIDE) -> RenderableType:
    """One check of the doctor: result, subject and message, each in its column."""
    found = Text(f"{check.found.value:<6}", style=FOUND[check.found])
    words = Text(clean(by_hand(check.words), 2000))
    if width < NARROW:
        return Group(Text.assemble(found, check.about), Padding(words, (0, 0, 0, 2)))
    if width >= WIDE:
        return Text.assemble(found, f"{check.about:<11}", words)
    line = Table.grid()
    for columns in (6, 11, None):
        line.add_column(width=columns)
    line.add_row(found, check.about, words)
    return line


def _ranked(report: Report) -> list[tuple[Action, Counts]]:
    pairs = [(action, action.counts) for action in report.actions]
    return sorted(pairs, key=lambda pair: (-pair[1].total, pair[0].recipient))


def _link(report: Report, action: Action) -> str:
    """The link to the action's incident, or its id without a link; "" when nothing is done."""
    known = report.incidents.get(action.recipient)
    return clean(known or (action.incident_id if action.act is not Act.NOTHING else ""), 1000)


def _list(report: Report) -> RenderableType:
    """The content of the table, for a terminal that is too narrow for it."""
    entries: list[RenderableType] = []
    for action, counts in _ranked(report):
        kinds = (
            (counts.hard_delete, "hard"),
            (counts.soft_delete, "soft"),
            (counts.move_to_junk, "junk"),
            (counts.move_to_delete, "deleted"),
        )
        split = ", ".join(f"{number:,} {kind}" for number, kind in kinds if number)
        lines = [
            f"{counts.total:,} remediated ({split})" if split else f"{counts.total:,} remediated",
            f"{action.severity.value}, {ACTS[action.act]}: {REASONS[action.reason]}",
            _link(report, action),
        ]
        style = "dim" if action.act is Act.NOTHING else ""
        entries.append(Text(address(action.recipient), style=style or "bold"))
        entries += [Padding(Text(line, style=style), (0, 0, 0, 2)) for line in lines if line]
    return Group(*entries)


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Recipient", overflow="fold", ratio=3, min_width=24)
    for heading in ("Sum_case", "Hard", "Soft", "Junk", "Deleted"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Severity", no_wrap=True)
    table.add_column("Action", no_wrap=True)
    table.add_column("Why", ratio=3, min_width=24)
    table.add_column("Incident", overflow="fold", ratio=2, min_width=12)
    for action, counts in _ranked(report):
        table.add_row(
            Text(address(action.recipient)),
            *(
                f"{number:,}"
                for number in (
                    counts.total,
                    counts.hard_delete,
                    counts.soft_delete,
                    counts.move_to_junk,
                    counts.move_to_delete,
                )
            ),
            Text(action.severity.value, style="bold red" if action.severity is Severity.HIGH else ""),
            ACTS[action.act],
            REASONS[action.reason],
            Text(_link(report, action)),
            style="dim" if action.act is Act.NOTHING else "",
        )
    return table


def _summary(receipt: Receipt) -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_row()
    ending = ENDINGS.get(receipt.event, receipt.event)
    if receipt.event == "sweep_failed" and any(getattr(receipt, name) for name in _DID):
        ending = "it did not come to its end: what it had done by then is counted below"
    if receipt.verdict:
        lines.add_row(Text(receipt.verdict.value, style=f"bold {STYLES[receipt.verdict]}"), ending)
    else:
        lines.add_row("", ending)
    for reason in receipt.reasons:
        lines.add_row("", Text(clean(reason, 1000)))
    if receipt.window:
        lines.add_row("window", f"{when(receipt.window.start)} to {when(receipt.window.end)}")
    if covered := receipt.coverage:
        newest = when(covered.newest) if covered.newest else "none"
        rows = f"{covered.rows:,} rows, {in_last_day(covered).messages:,} messages in the last day, newest {newest}"
        lines.add_row("data", f"{rows}, {in_window(covered).filled:.0%} with a delivery action")
    counts = [f"{getattr(receipt, name):,} {name}" for name in COUNTS if getattr(receipt, name)]
    if receipt.verdict in (None, Verdict.FAILED):
        lines.add_row("counts", "; ".join([NOT_COUNTED, *counts]))
    else:
        lines.add_row("counts", ", ".join(counts) or "none flagged")
    requests = ", ".join(f"{number:,} {service}" for service, number in sorted(receipt.requests.items()))
    retries = f"; {receipt.retries:,} retries" if receipt.retries and requests else ""
    lines.add_row("requests", f"{requests or 'none'}{retries}; {receipt.seconds:.1f} s")
    if receipt.card_id:
        lines.add_row("card", receipt.card_id)
    for note in receipt.notes:
        lines.add_row("note", Text(clean(note, 1000)))
    return lines
