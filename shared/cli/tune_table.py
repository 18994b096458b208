"""What `tune` shows on a terminal of any width: the curve with bars, domains, replayed days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.cli.tune_words import APPROXIMATIONS, cost, history
from shared.cli.tuning import Replayed, Tuned, by_domain
from shared.plan.threshold import Step, step_at
from shared.text import clean, when

SHOWN = (*range(1, 11), 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 2_500)
DOMAIN_SHOWN = (1, 2, 5, 10, 20, 50, 100)
MOST_DOMAINS = 25
WITH_ACTORS = 100  # columns that the table with who remediated needs
NARROW = 72  # with fewer columns a replayed day has its main figures only
LONGEST_BAR = 40
ACTOR_HEADINGS = ("Admins", "Automation", "ZAP", "Others", "Unknown")


def tune_shown(found: Tuned, width: int, *, domains: bool, blocks: bool) -> RenderableType:
    """All that was found out. `blocks`: the terminal can show a block for bars."""
    parts: list[RenderableType] = [_about(found), _curve(found, width, blocks=blocks)]
    if remarks := _remarks(found):
        parts += [Text(), *(Text(line) for line in remarks)]
    if domains:
        parts += [Text(), Text("Recipients flagged, by their domain", style="bold"), _domains(found, width)]
    if found.replayed:
        parts += [Text(), _replay(found.replayed, width, blocks=blocks)]
        parts += [Text(), Text("A replay is an approximation:")]
        parts.append(_listed(APPROXIMATIONS))
        if short := history(found, found.replayed):
            parts += [Text(short, style="magenta")]
    parts += [Text(), _labelled("suggestion", found.suggestion.reason), _labelled("a week", cost(found))]
    return Group(*parts)


def _listed(lines: Iterable[str]) -> Table:
    """A list whose long lines go on under their beginnings."""
    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row("  -", Text(line))
    return table


def _labelled(label: str, words: str) -> Text:
    return Text.assemble((f"{label}: ", "bold"), words)


def _about(found: Tuned) -> Text:
    settings = found.settings
    how = "each message once" if settings.deduplicate else "every row"
    return Text(
        f"Remediated mail from {when(found.window.start)} to {when(found.window.end)}, {how}, as the hunt counts it"
    )


def _remarks(found: Tuned) -> list[str]:
    lines = [f"The data cannot be trusted: {clean(doubt, 1000)}" for doubt in found.doubts]
    if not found.known:
        lines.append("Who remediated is not known: there is no table EmailPostDeliveryEvents.")
    if found.excluded:
        verb = "recipient is" if found.excluded == 1 else "recipients are"
        lines.append(f"{found.excluded:,} {verb} left out by EXCLUDED_RECIPIENTS.")
    return lines


def thresholds_shown(found: Tuned) -> list[int]:
    """The thresholds that get a line: every low one, fewer of the higher ones, today's and the bend; to the first that
    flags nobody.
    """
    end = next((step.threshold for step in found.steps if not step.flagged), found.steps[-1].threshold)
    marked = {found.settings.sum_case_threshold, found.suggestion.threshold}
    marked |= set() if found.suggestion.knee is None else {found.suggestion.knee}
    return sorted({each for each in SHOWN if each <= end} | marked | {end})


def _note(found: Tuned, threshold: int) -> str:
    notes = {
        "today": found.settings.sum_case_threshold,
        "bend": found.suggestion.knee,
        "suggested": found.suggestion.threshold,
    }
    return ", ".join(name for name, value in notes.items() if value == threshold)


def _curve(found: Tuned, width: int, *, blocks: bool) -> Table:
    steps = [step_at(found.steps, threshold) for threshold in thresholds_shown(found)]
    actors = found.known and width >= WITH_ACTORS
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Threshold", "Flagged", *(ACTOR_HEADINGS if actors else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("")
    room = max(min(LONGEST_BAR, width - (98 if actors else 44)), 4)
    for step in steps:
        note = _note(found, step.threshold)
        table.add_row(
            f"{step.threshold:,}",
            f"{step.flagged:,}",
            *(_shares(step) if actors else ()),
            _bar(step.flagged, steps[0].flagged, room, blocks=blocks),
            note,
            style="bold" if note else "",
        )
    return table


def _shares(step: Step) -> Iterable[str]:
    """Who remediated the messages of those who are flagged."""
    parts = (*step.by, step.messages - sum(step.by))
    return [f"{part / step.messages:.0%}" if step.messages else "" for part in parts]


def _bar(many: int, most: int, room: int, *, blocks: bool) -> str:
    length = round(room * many / most) if most else 0
    return ("█" if blocks else "#") * (max(length, 1) if many else 0)


def _domains(found: Tuned, width: int) -> RenderableType:
    marked = {found.settings.sum_case_threshold, found.suggestion.threshold}
    others = [each for each in DOMAIN_SHOWN if each <= found.steps[-1].threshold]
    columns = sorted({*others[: max((width - 42) // 12, 0)], *marked})
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Domain", overflow="fold", min_width=16)
    for threshold in columns:
        table.add_column(f"over {threshold:,}", justify="right", no_wrap=True)
    curves = by_domain(found)
    for name, steps in list(curves.items())[:MOST_DOMAINS]:
        cells = (f"{step_at(steps, threshold).flagged:,}" for threshold in columns)
        table.add_row(Text(clean(name or "without a domain", 100)), *cells)
    more = len(curves) - MOST_DOMAINS
    return Group(table, Text(f"and {more:,} more domains")) if more > 0 else table


def _replay(replayed: Replayed, width: int, *, blocks: bool) -> Table:
    days: Sequence[tuple[str, str]] = (
        ("Flagged", "flagged"),
        ("Raised", "created"),
        ("Held", "held"),
        ("Comments", "commented"),
        ("To High", "escalated"),
        ("Told", "told"),
    )
    if width < NARROW:
        days = [each for each in days if each[1] in ("flagged", "created", "told")]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Sweep on", no_wrap=True)
    for heading, _ in days:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Raised" if width >= WITH_ACTORS else "")
    most = max((day.created for day in replayed.days), default=0)
    for day in replayed.days:
        figures = [getattr(day, name) for _, name in days]
        short = "history too short" if day.shortened else ""
        bar = _bar(day.created, most, max(min(LONGEST_BAR, width - 90), 0), blocks=blocks)
        words = f"{bar} {short}".strip() if width >= WITH_ACTORS else short and "*"
        cells = (f"{figure:,}" if figure else "-" for figure in figures)
        quiet = not (day.created or day.commented or day.told)
        table.add_row(f"{day.at:%a %Y-%m-%d}", *cells, words, style="dim" if quiet else "")
    return table
