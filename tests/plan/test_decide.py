"""The plan's decision table, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import (
    Act,
    Counts,
    Evidence,
    Finding,
    Incident,
    Reason,
    Record,
    Remedy,
    Severity,
    incident_id,
    message_hash,
)
from shared.plan.decide import Policy, adopt, decide, forget, lengthen, new_messages, plan, refresh, reminders

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/soc"
)
WHO = "dana@contoso.com"


def policy(*, max_new: int = 100, excluded: str = "") -> Policy:
    """The settings that decide: threshold 10, High above 50."""
    return Policy(WORKSPACE, 10, 50, 2, max_new, 30, lambda recipient: recipient == excluded)


def _messages(start: int, count: int, *, age_days: float = 1) -> tuple[Evidence, ...]:
    """So many messages, remediated so long ago."""
    when = NOW - timedelta(days=age_days)
    return tuple(Evidence(f"m-{n}", when, "s", Remedy.SOFT_DELETE, when, when) for n in range(start, start + count))


def _finding(count: int, *, start: int = 0, who: str = WHO, age_days: float = 1) -> Finding:
    """A recipient with so many messages."""
    return Finding.of(who, _messages(start, count, age_days=age_days))


def _record(
    reported: int,
    *,
    status: str = "New",
    classification: str = "",
    severity: Severity = Severity.MEDIUM,
    now_severity: Severity | None = None,
    deleted: bool = False,
    untold: int = 0,
    comments: int = 0,
    episode: int = 0,
    owned: bool = False,
) -> Record:
    """What the ledger knows: the first `reported` messages."""
    name = incident_id(WORKSPACE, WHO, episode)
    incident = Incident(name, status, now_severity or severity, classification, owned, comments=comments)
    return Record(
        recipient=WHO,
        episode=episode,
        incident_id=name,
        severity=severity,
        reported={message_hash(f"m-{n}"): 20_760 for n in range(reported)},
        counts=Counts(),
        raised_at=NOW - timedelta(days=5),
        untold=untold,
        incident=incident,
        deleted=deleted,
    )


def closed(reported: int, classification: str = "", *, deleted: bool = False) -> Record:
    """The record of a closed incident."""
    return _record(reported, status="Closed", classification=classification, deleted=deleted)


TABLE = {
    # the last incident, Sum_case -> act, reason, episode, new messages, told
    "none known": (None, 11, Act.CREATE, Reason.FIRST, 0, 11, True),
    "open, reaches High": (_record(40), 51, Act.ESCALATE, Reason.ESCALATED, 0, 11, True),
    "open, reaches High without anything new": (_record(51), 51, Act.ESCALATE, Reason.ESCALATED, 0, 0, True),
    "active, reaches High": (_record(50, status="Active"), 51, Act.ESCALATE, Reason.ESCALATED, 0, 1, True),
    "open, an analyst lowered it": (_record(50, now_severity=Severity.LOW), 60, Act.COMMENT, Reason.GREW, 0, 10, False),
    "open, an analyst raised it": (_record(50, now_severity=Severity.HIGH), 61, Act.COMMENT, Reason.GREW, 0, 11, True),
    "open and High, falls below": (_record(12, severity=Severity.HIGH), 12, Act.NOTHING, Reason.STANDING, 0, 0, False),
    "open, few new": (_record(11), 12, Act.COMMENT, Reason.GREW, 0, 1, False),
    "open, a threshold of new": (_record(11), 21, Act.COMMENT, Reason.GREW, 0, 10, False),
    "open, more than a threshold of new": (_record(11), 22, Act.COMMENT, Reason.GREW, 0, 11, True),
    "open, untold ones add up": (_record(11, untold=10), 12, Act.COMMENT, Reason.GREW, 0, 1, True),
    "open, nothing new": (_record(11), 11, Act.NOTHING, Reason.STANDING, 0, 0, False),
    "open, the 91st comment": (_record(11, comments=90), 12, Act.COMMENT, Reason.GREW, 0, 1, False),
    "open, after the 91st comment": (_record(11, comments=91), 12, Act.COUNT, Reason.COMMENTS_FULL, 0, 1, False),
    "closed true, a threshold": (closed(11, "TruePositive"), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed true, more": (closed(11, "TruePositive"), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed undetermined": (closed(11, "Undetermined"), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed unclassified": (closed(11), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed benign, a threshold": (closed(11, "BenignPositive"), 22, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed benign, the factor": (closed(11, "BenignPositive"), 31, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed false, more": (closed(11, "FalsePositive"), 32, Act.CREATE, Reason.REOPENED_BENIGN, 1, 21, True),
    "deleted, a threshold": (_record(11, deleted=True), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "deleted, more": (_record(11, deleted=True), 22, Act.CREATE, Reason.RECREATED, 1, 11, True),
    "deleted after a benign closing": (
        closed(11, "BenignPositive", deleted=True), 22, Act.CREATE, Reason.RECREATED, 1, 11, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_row_of_the_table(row: tuple[Record | None, int, Act, Reason, int, int, bool]) -> None:
    """The first row of the design's table that fits gives the action and its reason."""
    known, total, act, reason, episode, new, told = row
    action = decide(_finding(total), known, policy())
    assert (action.act, action.reason, action.episode, len(action.new), action.tell) == (
        act,
        reason,
        episode,
        new,
        told,
    )
    assert action.incident_id == incident_id(WORKSPACE, WHO, episode)
    assert action.previous == (known.incident_id if known and episode > known.episode else "")


def test_severity_is_high_only_above_its_threshold() -> None:
    """High needs a Sum_case that exceeds the high threshold; at it, severity is Medium."""
    assert [policy().severity(total) for total in (11, 50, 51)] == [Severity.MEDIUM, Severity.MEDIUM, Severity.HIGH]


def test_the_fuse_holds_the_lowest() -> None:
    """More new incidents than MAX_NEW_INCIDENTS are held, and those raised are the highest."""
    found = [_finding(11 + n, who=f"r{n}@contoso.com") for n in range(5)]
    actions = plan(found, {}, policy(max_new=2))
    assert [(each.recipient[:2], each.act, each.reason) for each in actions] == [
        ("r4", Act.CREATE, Reason.FIRST),
        ("r3", Act.CREATE, Reason.FIRST),
        ("r2", Act.NOTHING, Reason.HELD),
        ("r1", Act.NOTHING, Reason.HELD),
        ("r0", Act.NOTHING, Reason.HELD),
    ]


def test_excluded_recipients_are_left_alone() -> None:
    """An excluded recipient is never raised, and does not use up the fuse."""
    found = [_finding(30), _finding(11, who="other@contoso.com")]
    assert [each.reason for each in plan(found, {}, policy(max_new=1, excluded=WHO))] == [Reason.EXCLUDED, Reason.FIRST]


def test_a_message_counts_once_however_often_its_rows_are_streamed() -> None:
    """New messages are those by message id, whatever the letters' case and however many rows tell of them."""
    rows = _messages(0, 3) + tuple(replace(each, message_id=each.message_id.upper()) for each in _messages(0, 3))
    assert [each.message_id for each in new_messages(Finding.of(WHO, rows), _record(1))] == ["m-1", "m-2"]


def test_adoption_takes_what_came_before_the_last_modification_as_reported() -> None:
    """After a lost ledger only messages with a state time after the incident's last modification are new."""
    before, after = _messages(0, 11, age_days=3), _messages(11, 2, age_days=1)
    found = Finding.of(WHO, before + after)
    incident = replace(_record(0).incident or Incident("", "", Severity.LOW), modified=NOW - timedelta(days=2))
    adopted = adopt(WHO, found, incident, 0, policy(), NOW)
    action = decide(found, adopted, policy())
    assert (action.act, [each.message_id for each in action.new]) == (Act.COMMENT, ["m-11", "m-12"])
    assert adopted.tell is Reason.ADOPTED


def test_adopting_a_closed_incident_does_not_raise_it_again() -> None:
    """Dealt with stays dealt with after the ledger is lost."""
    incident = Incident("x", "Closed", Severity.MEDIUM, "TruePositive", modified=NOW)
    adopted = adopt(WHO, _finding(40), incident, 3, policy(), NOW)
    assert decide(_finding(40), adopted, policy()).reason is Reason.SETTLED
    assert adopted.tell is None


def test_adoption_raises_only_what_nobody_can_have_lowered() -> None:
    """An adopted Medium incident is raised later only if it was Medium when it was made and has no comments."""
    old, new = _messages(0, 11, age_days=5), _messages(11, 45, age_days=0.1)
    found = Finding.of(WHO, old + new)
    made = NOW - timedelta(days=4)
    quiet = Incident("x", "New", Severity.MEDIUM, created=made, modified=made)
    assert decide(found, adopt(WHO, found, quiet, 0, policy(), NOW), policy()).act is Act.ESCALATE
    touched = replace(quiet, comments=1)
    assert decide(found, adopt(WHO, found, touched, 0, policy(), NOW), policy()).act is Act.COMMENT
    lowered = replace(quiet, severity=Severity.LOW)
    assert decide(found, adopt(WHO, found, lowered, 0, policy(), NOW), policy()).act is Act.COMMENT


def test_a_longer_lookback_reports_nothing_old_as_new() -> None:
    """What only the longer window shows is taken as reported."""
    old, recent = _messages(11, 20, age_days=45), _messages(0, 11)
    found = Finding.of(WHO, recent + old)
    kept = lengthen(found, _record(11), NOW - timedelta(days=30), NOW)
    assert decide(found, kept, policy()).reason is Reason.STANDING


def test_seen_days_are_refreshed_and_forgotten() -> None:
    """A record is forgotten only when closed, told, and unseen for the look-back plus 30 days."""
    kept = replace(_record(3, status="Closed"), raised_at=NOW - timedelta(days=200))
    assert refresh(_finding(3), kept, NOW) is not kept
    assert refresh(_finding(3), refresh(_finding(3), kept, NOW), NOW) == refresh(_finding(3), kept, NOW)
    assert forget([kept], policy(), NOW) == []
    long_ago = replace(kept, reported=dict.fromkeys(kept.reported, 20_780 - 200))
    assert forget([long_ago], policy(), NOW) == [WHO]
    for living in (replace(long_ago, tell=Reason.GREW), replace(_record(0), raised_at=long_ago.raised_at)):
        assert forget([living], policy(), NOW) == []


@pytest.mark.parametrize(
    ("known", "days", "due"),
    [
        (_record(11), 3, True),
        (_record(11), 6, False),
        (_record(11), 0, False),
        (_record(11, owned=True), 3, False),
        (_record(11, status="Active"), 3, False),
        (closed(11), 3, False),
        (_record(11, deleted=True), 3, False),
        (replace(_record(11), reminded_at=NOW - timedelta(days=2)), 3, False),
        (replace(_record(11), reminded_at=NOW - timedelta(days=3)), 3, True),
        (replace(_record(11), tell=Reason.FIRST), 3, False),
        (replace(_record(11), told_at=NOW - timedelta(hours=1)), 3, False),
        (replace(_record(11), told_at=NOW - timedelta(days=1)), 3, True),
    ],
)
def test_reminders(known: Record, days: int, due: bool) -> None:
    """A reminder is for a New, unowned, told incident of that age, and then every so many days."""
    assert bool(reminders([known], days, NOW)) is due


@settings(max_examples=60, deadline=None)
@given(
    st.integers(11, 120),
    st.integers(0, 120),
    st.sampled_from(["New", "Active", "Closed"]),
    st.sampled_from(["", "TruePositive", "BenignPositive", "FalsePositive", "Undetermined"]),
    st.sampled_from(list(Severity)),
    st.booleans(),
)
def test_invariants(
    total: int, reported: int, status: str, classification: str, severity: Severity, deleted: bool
) -> None:
    """Whatever is known: reported messages are never new, severity never falls, an analyst's is never changed."""
    known = _record(reported, status=status, classification=classification, now_severity=severity, deleted=deleted)
    action = decide(_finding(total), known, policy())
    assert all(message_hash(each.message_id) not in known.reported for each in action.new)
    assert action.episode in (known.episode, known.episode + 1)
    if action.act is Act.ESCALATE:
        assert severity is known.severity
        assert action.severity.rank > severity.rank
    if action.act is Act.CREATE:
        assert len(action.new) > 10
        assert deleted or status == "Closed"
    by_recipient: Mapping[str, Record] = {WHO: known}
    assert plan([_finding(total)], by_recipient, policy()) == [action]
