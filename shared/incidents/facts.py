"""The plain facts of an incident: how many messages, whose, which actions, why now, in which window."""

from __future__ import annotations

from shared.incidents.fitting import inert_within
from shared.incidents.terms import Background, Terms
from shared.model import Action, Counts, Reason, Remedy
from shared.text import when

_REASONS = {
    Reason.FIRST: "First time over the threshold.",
    Reason.AFTER_BASELINE: "More than a threshold of new messages; those before were taken as reported by an operator.",
    Reason.REOPENED: "Raised again: more than a threshold of new messages since the last incident was closed.",
    Reason.REOPENED_BENIGN: "Raised again: the last incident was closed as benign or false; far more has come since.",
    Reason.RECREATED: "Raised again: the last incident was deleted; more than a threshold of new messages came.",
}

REFUSED = "The messages are not listed here: the full text was refused by Sentinel."


def opening(action: Action, terms: Terms, who: str) -> str:
    """The first line of a description."""
    were = "was" if action.total == 1 else "were"
    return (
        f"{action.total:,} {noun(action.total)} to {who} {were} remediated in {terms.window.days} days. "
        f"More than {terms.threshold:,} is unusual."
    )


def comment_opening(action: Action, terms: Terms, who: str) -> str:
    """The first line of a comment."""
    new = f"{len(action.messages):,} new {noun(len(action.messages))}"
    if action.reason is Reason.ESCALATED:
        return (
            f"Severity escalated to {action.severity.value}: Sum_case is now {action.total:,}, above "
            f"{terms.high_threshold:,}. {new}."
        )
    return f"{new} remediated for {who} since the last report."


def facts(action: Action, terms: Terms) -> list[str]:
    """Doubts about the data, the numbers and the window."""
    doubts = [f"- NOT TRUSTED, the real number may be higher: {inert_within(doubt, 240)}" for doubt in terms.doubts[:3]]
    return [*doubts, *_numbers(action, terms), _window(terms)]


def minimal_facts(action: Action, terms: Terms) -> list[str]:
    """Without the words of a doubt, which may quote the table."""
    doubted = ["- NOT TRUSTED, the real number may be higher."] if terms.doubts else []
    return [*doubted, *_numbers(action, terms), _window(terms)]


def why_now(action: Action) -> list[str]:
    """Why the incident is raised now, and the one before it."""
    lines = [f"- Why now: {_REASONS.get(action.reason, 'Over the threshold.')}"]
    if action.previous:
        lines.append(f"- Incident before this one: {inert_within(action.previous, 60)}")
    return lines


def remediated(about: Background) -> str:
    """Who remediated; "" when it is not known."""
    return f"Who remediated: {inert_within(about.remediators, 240)}" if about.remediators else ""


def _numbers(action: Action, terms: Terms) -> list[str]:
    total = f"- Sum_case: {action.total:,} (threshold {terms.threshold:,}, High above {terms.high_threshold:,})"
    return [total, *(f"- {name}: {number:,}" for name, number in named(action.counts))]


def _window(terms: Terms) -> str:
    return f"- Window: {when(terms.window.start)} to {when(terms.window.end)}"


def named(counts: Counts) -> list[tuple[str, int]]:
    """The four counts with their actions' names, in the rule's order."""
    numbers = (counts.hard_delete, counts.soft_delete, counts.move_to_junk, counts.move_to_delete)
    return [(remedy.value, number) for remedy, number in zip(Remedy, numbers, strict=True)]


def noun(count: int) -> str:
    """The noun after a number of messages."""
    return "message" if count == 1 else "messages"
