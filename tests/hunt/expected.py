"""Findings, and the oracle's answer as findings: what tests of the hunt compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.model import Counts, Evidence, Finding, Remedy
from tests.hunt.oracle import Flagged

Plain = tuple[str, Counts, tuple[Evidence, ...]]


def comparable(findings: Iterable[Finding]) -> list[Plain]:
    """Findings with their evidence decoded, comparable."""
    return [(finding.recipient, finding.counts, finding.evidence()) for finding in findings]


def expected(flagged: Sequence[Flagged]) -> list[Plain]:
    """The oracle's answer as findings."""
    return [(one.recipient, Counts(*one.counts), _evidence(one)) for one in flagged]


def _evidence(one: Flagged) -> tuple[Evidence, ...]:
    found = [
        Evidence(
            message_id=item.message,
            time=datetime.fromisoformat(item.time),
            subject=item.subject,
            remedy=remedy,
            state_time=datetime.fromisoformat(item.state),
            generated=datetime.fromisoformat(item.generated),
        )
        for remedy, items in zip(Remedy, one.lists, strict=True)
        for item in items
    ]
    found.sort(key=lambda evidence: evidence.message_id)
    found.sort(key=lambda evidence: evidence.state_time, reverse=True)
    return tuple(found)
