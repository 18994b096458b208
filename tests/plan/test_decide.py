"""The decision table, row by row, and what there is to decide about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.model import Act, Action, Attempts, Messages, Reason, Record, Severity
from shared.plan.decide import Candidate, Plan, candidate, decide, decide_about, plan
from tests.plan.samples import (
    DAY,
    NOW,
    WHO,
    closed,
    creation,
    escalation,
    evidence_of,
    found,
    name_of,
    open_incident,
    ours,
    policy,
    record_of,
    soft,
    some,
    there,
    tried,
)

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW


def deleted(count: int, classification: str = "") -> Record:
    """The record of a recipient whose incident was deleted, perhaps after it was closed."""
    last = there("Closed", classification=classification) if classification else there()
    return record_of(count, ours(last, deleted=True))


def taken(count: int, **more: bool) -> Record:
    """The record of a recipient of whom an operator has taken so many messages as reported."""
    return record_of(count, None, settled_at=NOW - DAY, **more)


def as_seen(count: int, ours_is: Severity, theirs: Severity, **more: Severity) -> Record:
    """The record of an open incident whose severity we set, and what it has now."""
    return record_of(count, ours(there(severity=theirs, **more), severity=ours_is))


TABLE = {
    # the record, Sum_case -> act, reason, episode, how many messages are reported by it, told
    "none known": (None, 11, Act.CREATE, Reason.FIRST, 0, 11, True),
    "known, but no incident was ever made": (record_of(0, None), 11, Act.CREATE, Reason.FIRST, 0, 11, True),
    "open, reaches High": (open_incident(40), 51, Act.ESCALATE, Reason.ESCALATED, 0, 11, True),
    "open, at the high threshold": (open_incident(40), 50, Act.COMMENT, Reason.GREW, 0, 10, False),
    "open, reaches High without anything new": (open_incident(51), 51, Act.ESCALATE, Reason.ESCALATED, 0, 0, True),
    "active, reaches High": (
        record_of(50, ours(there("Active"))), 51, Act.ESCALATE, Reason.ESCALATED, 0, 1, True,
    ),
    "not read yet, reaches High": (record_of(50, ours(None)), 51, Act.ESCALATE, Reason.ESCALATED, 0, 1, True),
    "open, an analyst lowered it": (as_seen(50, MEDIUM, LOW), 60, Act.COMMENT, Reason.GREW, 0, 10, False),
    "open, an analyst raised it": (as_seen(50, MEDIUM, HIGH), 61, Act.COMMENT, Reason.GREW, 0, 11, True),
    "open, High by us and lowered": (as_seen(51, HIGH, MEDIUM), 51, Act.NOTHING, Reason.STANDING, 0, 0, False),
    "open, High by the label": (
        as_seen(51, MEDIUM, HIGH, escalated_to=HIGH), 51, Act.NOTHING, Reason.STANDING, 0, 0, False,
    ),
    "open, High by the label and lowered": (
        as_seen(51, MEDIUM, MEDIUM, escalated_to=HIGH), 51, Act.NOTHING, Reason.STANDING, 0, 0, False,
    ),
    "open, a label below what we set": (
        as_seen(51, HIGH, HIGH, escalated_to=MEDIUM), 51, Act.NOTHING, Reason.STANDING, 0, 0, False,
    ),
    "open and High, falls below": (as_seen(12, HIGH, HIGH), 12, Act.NOTHING, Reason.STANDING, 0, 0, False),
    "open, few new": (open_incident(11), 12, Act.COMMENT, Reason.GREW, 0, 1, False),
    "open, a threshold of new": (open_incident(11), 21, Act.COMMENT, Reason.GREW, 0, 10, False),
    "open, more than a threshold of new": (open_incident(11), 22, Act.COMMENT, Reason.GREW, 0, 11, True),
    "open, untold ones add up": (
        open_incident(20, untold=some(0, 10).times), 21, Act.COMMENT, Reason.GREW, 0, 1, True,
    ),
    "open, untold ones are counted once": (
        open_incident(11, untold=some(11, 10).times), 21, Act.COMMENT, Reason.GREW, 0, 10, False,
    ),
    "open, nothing new": (open_incident(11), 11, Act.NOTHING, Reason.STANDING, 0, 0, False),
    "open, the 91st comment": (record_of(11, ours(there(comments=90))), 12, Act.COMMENT, Reason.GREW, 0, 1, False),
    "open, after the 91st comment": (
        record_of(11, ours(there(comments=91))), 12, Act.COUNT, Reason.COMMENTS_FULL, 0, 1, False,
    ),
    "open, after the 91st comment, many": (
        record_of(11, ours(there(comments=91))), 22, Act.COUNT, Reason.COMMENTS_FULL, 0, 11, True,
    ),
    "closed true, a threshold": (closed(11, "TruePositive"), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed true, more": (closed(11, "TruePositive"), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed undetermined": (closed(11, "Undetermined"), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed unclassified": (closed(11), 22, Act.CREATE, Reason.REOPENED, 1, 11, True),
    "closed benign, a threshold": (closed(11, "BenignPositive"), 22, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed benign, the factor": (closed(11, "BenignPositive"), 31, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed benign, more": (closed(11, "BenignPositive"), 32, Act.CREATE, Reason.REOPENED_BENIGN, 1, 21, True),
    "closed false, the factor": (closed(11, "FalsePositive"), 31, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "closed false, more": (closed(11, "FalsePositive"), 32, Act.CREATE, Reason.REOPENED_BENIGN, 1, 21, True),
    "deleted, a threshold": (deleted(11), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "deleted, more": (deleted(11), 22, Act.CREATE, Reason.RECREATED, 1, 11, True),
    "deleted before it was ever read": (
        record_of(11, ours(None, deleted=True)), 22, Act.CREATE, Reason.RECREATED, 1, 11, True,
    ),
    "deleted after a benign closing": (deleted(11, "BenignPositive"), 22, Act.CREATE, Reason.RECREATED, 1, 11, True),
    "taken as reported, a threshold": (taken(11), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "taken as reported, more": (taken(11), 22, Act.CREATE, Reason.AFTER_BASELINE, 0, 11, True),
    "taken as reported, all known": (taken(60), 60, Act.NOTHING, Reason.SETTLED, 0, 0, False),
    "taken as reported, an incident since": (
        open_incident(11, settled_at=NOW), 12, Act.COMMENT, Reason.GREW, 0, 1, False,
    ),
    "messages of a longer look-back, nothing taken": (record_of(11, None), 21, Act.CREATE, Reason.FIRST, 0, 10, True),
    "forgotten, never raised, a threshold": (
        taken(11, forgotten=True), 21, Act.NOTHING, Reason.SETTLED, 0, 0, False,
    ),
    "forgotten and open, a threshold": (
        open_incident(11, forgotten=True), 21, Act.NOTHING, Reason.STANDING, 0, 0, False,
    ),
    "forgotten and open, more": (open_incident(11, forgotten=True), 22, Act.COMMENT, Reason.GREW, 0, 11, True),
    "forgotten and open, High by a few": (
        open_incident(45, forgotten=True), 51, Act.NOTHING, Reason.STANDING, 0, 0, False,
    ),
    "forgotten and open, High by many": (
        open_incident(40, forgotten=True), 51, Act.ESCALATE, Reason.ESCALATED, 0, 11, True,
    ),
    "forgotten and closed benign, the factor": (
        closed(11, "BenignPositive", forgotten=True), 31, Act.NOTHING, Reason.SETTLED, 0, 0, False,
    ),
    "a creation in doubt": (
        record_of(0, None, creation=creation(some(0, 11), attempts=tried(in_doubt=True))),
        12, Act.NOTHING, Reason.IN_DOUBT, 0, 0, False,
    ),
    "a creation merely owed": (
        record_of(0, None, creation=creation(some(0, 11))), 12, Act.CREATE, Reason.FIRST, 0, 12, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_each_row_of_the_table(row: tuple[Record | None, int, Act, Reason, int, int, bool]) -> None:
    """The first row of the table that fits gives the action and its reason."""
    known, total, act, reason, episode, new, told = row
    finding = found(total)
    number = len(finding.evidence()) - new
    assert decide_about(WHO, finding, known, policy()) == Action(
        act,
        reason,
        WHO,
        episode,
        name_of(episode) if act is Act.CREATE or (known and known.incident) else "",
        HIGH if total > 50 else MEDIUM,
        soft(total),
        Messages.of(evidence_of(number, new)),
        tell=told,
        previous=name_of() if act is Act.CREATE and known and known.incident else "",
    )


@pytest.mark.parametrize("total", [11, 50, 51])
def test_severity_is_high_only_above_its_threshold(total: int) -> None:
    """High needs a Sum_case that exceeds the high threshold; at it, severity is Medium."""
    assert policy().severity(total) is (HIGH if total == 51 else MEDIUM)


def test_the_next_episode_follows_the_last_and_names_it() -> None:
    """Episode, id and the incident before are those of the last incident, whichever that is."""
    known = record_of(11, ours(there("Closed"), episode=4))
    made = decide_about(WHO, found(22), known, policy())
    assert (made.episode, made.incident_id, made.previous) == (5, name_of(5), name_of(4))


@pytest.mark.parametrize("owed", [None, creation(some(0, 11), attempts=tried(in_doubt=True))])
@pytest.mark.parametrize(("incident", "episode", "name"), [(None, 0, ""), (ours(there(), episode=3), 3, name_of(3))])
def test_excluded_recipients_are_left_alone(owed: object, incident: object, episode: int, name: str) -> None:
    """Nothing is done about one who is excluded today, whatever was found or is owed; it says which incident."""
    known = replace(record_of(0, None), incident=incident, creation=owed)  # type: ignore[arg-type]
    assert decide_about(WHO, found(60), known, policy(excluded={WHO})) == Action(
        Act.NOTHING, Reason.EXCLUDED, WHO, episode, name, HIGH, soft(60)
    )


def test_one_without_a_record_is_excluded_as_well() -> None:
    """Exclusion needs no record."""
    left = decide_about(WHO, found(11), None, policy(excluded={WHO}))
    assert (left.reason, left.episode, left.incident_id) == (Reason.EXCLUDED, 0, "")


@pytest.mark.parametrize(("threshold", "reason"), [(11, Reason.FIRST), (12, Reason.RESTING), (13, Reason.RESTING)])
def test_what_is_owed_rests_when_it_is_not_over_todays_threshold(threshold: int, reason: Reason) -> None:
    """What is owed is decided by today's threshold, which it must exceed."""
    known = record_of(0, None, creation=creation(some(0, 12)))
    assert decide_about(WHO, None, known, policy(threshold=threshold)).reason is reason


def test_a_creation_in_doubt_stays_so_below_the_threshold() -> None:
    """A doubt is not hidden by a higher threshold."""
    known = record_of(0, None, creation=creation(some(0, 12), attempts=tried(in_doubt=True)))
    assert decide_about(WHO, None, known, policy(threshold=20)).reason is Reason.IN_DOUBT


@pytest.mark.parametrize(
    ("new", "cut", "factor", "reason"),
    [
        (5_000, True, 500, Reason.REOPENED_BENIGN),
        (5_000, False, 500, Reason.SETTLED),
        (4_999, True, 500, Reason.SETTLED),
        (5_001, False, 500, Reason.REOPENED_BENIGN),
    ],
)
def test_a_list_that_was_cut_reaches_the_highest_factor(new: int, cut: bool, factor: int, reason: Reason) -> None:
    """Lists hold 5,000 messages; where as many are needed and all are new, one more was cut off."""
    many = Messages(dict.fromkeys(range(new), 0))
    about = Candidate(WHO, soft(6_000), many, cut)
    if factor == 500:
        by_hand = decide(about, taken(0), policy(threshold=5_000))
        assert (by_hand.reason is Reason.SETTLED) is (reason is Reason.SETTLED)
    assert decide(about, closed(0, "BenignPositive"), policy(factor=factor)).reason is reason


@pytest.mark.parametrize("more", [0, 1])
def test_a_list_was_cut_when_more_was_counted_than_it_holds(more: int) -> None:
    """Counts are exact, lists are not."""
    finding = replace(found(11), counts=soft(11 + more))
    assert candidate(WHO, finding, None) == Candidate(WHO, soft(11 + more), some(0, 11), cut=bool(more))
    assert candidate(WHO, finding, record_of(0, None)).cut is bool(more)


@pytest.mark.parametrize(
    ("attempts", "reason"), [(Attempts(NOW), Reason.RESTING), (tried(in_doubt=True), Reason.IN_DOUBT)]
)
def test_what_waits_says_after_which_incident(attempts: Attempts, reason: Reason) -> None:
    """The action names the last incident, and the counts of what is owed; it reports nothing."""
    known = record_of(0, ours(there("Closed"), episode=3), creation=creation(some(0, 9), episode=4, attempts=attempts))
    assert decide_about(WHO, None, known, policy()) == Action(Act.NOTHING, reason, WHO, 3, name_of(3), MEDIUM, soft(9))


# -- creations --------------------------------------------------------------------------------------------------------


def test_a_creation_after_a_baseline_that_was_refused_waits_behind_the_others() -> None:
    """That Sentinel has refused it is remembered, as of any other creation."""
    owed = creation(some(11, 11), attempts=tried(refused=True))
    first = decide_about(WHO, found(22), replace(taken(11), creation=owed), policy())
    assert (first.reason, first.refused) == (Reason.AFTER_BASELINE, True)
    assert not decide_about(WHO, found(22), taken(11), policy()).refused


# -- escalations ------------------------------------------------------------------------------------------------------


def test_a_severity_that_may_have_been_set_is_not_set_again() -> None:
    """An escalation in doubt is settled first; new messages are commented on meanwhile."""
    owed = escalation(attempts=tried(in_doubt=True))
    assert decide_about(WHO, found(60), open_incident(60, escalation=owed), policy()).reason is Reason.STANDING
    assert decide_about(WHO, found(60), open_incident(59, escalation=owed), policy()).reason is Reason.GREW


def test_an_owed_severity_counts_by_the_higher_sum() -> None:
    """One that was to be escalated still is when the sum has fallen below; a refused one says so."""
    for attempts, refused in ((Attempts(NOW), False), (tried(refused=True), True)):
        known = open_incident(51, escalation=escalation(total=55, attempts=attempts))
        made = decide_about(WHO, found(20), known, policy())
        assert (made.act, made.total, made.refused) == (Act.ESCALATE, 55, refused)


@pytest.mark.parametrize("attempts", [tried(in_doubt=True), tried(refused=True)])
def test_an_escalation_of_an_earlier_incident_has_lapsed(attempts: Attempts) -> None:
    """It neither holds up the escalation of the incident that followed, nor counts as its refusal."""
    known = record_of(51, ours(there(), episode=1), escalation=escalation(on=name_of(0), attempts=attempts))
    made = decide_about(WHO, found(51), known, policy())
    assert (made.act, made.incident_id, made.refused) == (Act.ESCALATE, name_of(1), False)


@pytest.mark.parametrize("last", [there("Closed"), there(severity=LOW)])
def test_an_owed_severity_lapses_with_its_incident(last: object) -> None:
    """Closed, or no longer of our severity: nobody escalates it."""
    known = record_of(60, ours(last, severity=MEDIUM), escalation=escalation())  # type: ignore[arg-type]
    assert decide_about(WHO, found(60), known, policy()).act is Act.NOTHING


# -- all of them ------------------------------------------------------------------------------------------------------


def test_the_highest_come_first_and_the_refused_last() -> None:
    """Creations and updates are in the order of their turns: refused last, else by Sum_case, then by name."""
    names = ("b@x", "a@x", "c@x", "low@x", "refused@x", "rests@x", "up2@x", "up1@x", "settled@x")
    totals = dict(zip(names, (20, 20, 30, 11, 40, 12, 12, 13, 11), strict=True))
    findings = {who: found(total, who=who) for who, total in totals.items() if who not in ("rests@x", "c@x")}
    made = creation(some(0, 12), attempts=tried(refused=True))
    records = {
        "refused@x": Record("refused@x", creation=replace(made, incident_id=name_of(0, "refused@x"))),
        "c@x": Record("c@x", creation=creation(some(0, 30))),
        "rests@x": Record("rests@x", creation=creation(some(0, 10))),
        "up1@x": replace(open_incident(11), recipient="up1@x"),
        "up2@x": replace(open_incident(11), recipient="up2@x"),
        "settled@x": replace(closed(11), recipient="settled@x"),
        "quiet@x": replace(closed(11), recipient="quiet@x"),
    }
    planned = plan(findings, records, policy())
    assert [each.recipient for each in planned.creations] == ["c@x", "a@x", "b@x", "low@x", "refused@x"]
    assert [each.refused for each in planned.creations] == [False, False, False, False, True]
    assert [each.recipient for each in planned.updates] == ["up1@x", "up2@x"]
    assert {each.recipient: each.reason for each in planned.others} == {
        "settled@x": Reason.SETTLED,
        "rests@x": Reason.RESTING,
    }
    assert planned.actions() == {
        each.recipient: each for each in (*planned.creations, *planned.updates, *planned.others)
    }
    assert planned.actions().keys() == {*names}


def test_a_refusal_is_of_one_episode() -> None:
    """A creation that was refused says nothing about the next episode's."""
    owed = creation(some(0, 12), episode=0, attempts=tried(refused=True))
    known = closed(0, creation=owed)
    made = decide_about(WHO, None, known, policy())
    assert (made.act, made.episode, made.refused) == (Act.CREATE, 1, False)
    again = decide_about(WHO, None, replace(known, creation=replace(owed, incident_id=name_of(1))), policy())
    assert again.refused


def test_there_is_no_plan_for_nobody() -> None:
    """Nobody found and nothing owed: nothing to do."""
    assert plan({}, {WHO: open_incident(11)}, policy()) == Plan()
