"""What holds whatever is found, owed and known."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import (
    Act,
    Attempts,
    Finding,
    OurIncident,
    OwedComment,
    Reason,
    Record,
    Severity,
    WorkspaceState,
    message_hash,
)
from shared.plan.aging import lengthened, refreshed, thinned
from shared.plan.decide import candidate, decide_about, is_fixed_for, plan
from shared.plan.owed import owing
from shared.plan.policy import Policy
from shared.plan.records import adopted, commented, counted, created, told
from tests.plan.samples import (
    DAY,
    DOWN,
    NOW,
    TODAY,
    WHO,
    comment,
    creation,
    escalation,
    mail,
    name_of,
    ours,
    policy,
    reported_ones,
    some,
    there,
    times_of,
    tried,
)

WAITING = (Reason.EXCLUDED, Reason.RESTING, Reason.IN_DOUBT)
CLASSIFICATIONS = ("", "TruePositive", "BenignPositive", "FalsePositive", "Undetermined")

attempts = st.builds(
    tried, in_doubt=st.booleans(), refused=st.booleans(), cause=st.sampled_from([None, DOWN])
) | st.just(Attempts(NOW))
messages = st.builds(some, st.integers(0, 90), st.integers(1, 40))
names = st.sampled_from([name_of(0), name_of(1), name_of(2)])
totals = st.integers(1, 90)
creations = st.builds(creation, messages, episode=st.integers(0, 2), total=totals, attempts=attempts)
comments = st.lists(
    st.builds(comment, messages, on=names, total=totals, attempts=attempts),
    max_size=3,
    unique_by=str,
)
escalations = st.builds(escalation, on=names, total=totals, attempts=attempts)


@st.composite
def _incidents(draw: st.DrawFn) -> OurIncident:
    """An incident of ours in any state."""
    status = draw(st.sampled_from(["New", "Active", "Closed"]))
    seen = there(
        status,
        draw(st.sampled_from(list(Severity))),
        classification=draw(st.sampled_from(CLASSIFICATIONS)) if status == "Closed" else "",
        owned=draw(st.booleans()),
        comments=draw(st.sampled_from([0, 90, 91, 100])),
        escalated_to=draw(st.sampled_from([None, Severity.HIGH])),
    )
    return ours(
        draw(st.sampled_from([seen, None])),
        severity=draw(st.sampled_from([Severity.MEDIUM, Severity.HIGH])),
        episode=draw(st.integers(0, 2)),
        deleted=draw(st.booleans()),
    )


records = st.builds(
    Record,
    st.just(WHO),
    st.none() | _incidents(),
    st.builds(reported_ones, st.integers(0, 40), st.integers(TODAY - 80, TODAY)),
    st.sampled_from([None, None, NOW - 2 * DAY, NOW]),
    creation=st.none() | creations,
    comments=comments.map(tuple),
    escalation=st.none() | escalations,
    tell=st.sampled_from([None, Reason.FIRST, Reason.GREW]),
    untold=st.builds(some, st.integers(0, 90), st.integers(0, 20)).map(lambda each: each.times),
    settled_at=st.sampled_from([None, NOW - 3 * DAY]),
)
findings = st.none() | st.builds(
    lambda start, count: Finding.of(WHO, tuple(mail(n, NOW - (1 + n % 3) * DAY) for n in range(start, start + count))),
    st.integers(0, 60),
    st.integers(11, 70),
)
rules = st.builds(policy, threshold=st.integers(0, 20), excluded=st.sampled_from([(), (), (WHO,)]))
many = settings(max_examples=100, deadline=None)


def fixed_in(known: Record) -> list[OwedComment]:
    """The comments that keep their messages."""
    return [
        each
        for each in known.comments
        if is_fixed_for(each.incident_id, each.fixed, each.attempts.in_doubt, known.incident)
    ]


@many
@given(records, findings, rules)
def test_a_severity_is_never_lowered(known: Record, finding: Finding | None, by: Policy) -> None:
    """An escalation is to a higher severity than the incident has, and only of one that has the severity we set."""
    action = decide_about(WHO, finding, known, by)
    if action.act is Act.ESCALATE:
        assert known.incident is not None
        seen = known.incident.seen
        assert action.severity.rank > known.incident.severity.rank
        if seen is not None:
            assert action.severity.rank > seen.severity.rank
            assert seen.severity in (known.incident.severity, seen.escalated_to)
        assert known.escalation is None or not (
            known.escalation.attempts.in_doubt and known.escalation.incident_id == action.incident_id
        )


@many
@given(records, findings, rules)
def test_only_an_open_incident_is_written_to(known: Record, finding: Finding | None, by: Policy) -> None:
    """A closed or deleted incident is never commented on or escalated; none is made beside an open one. What the rule
    is to make is handed over again as the same incident.
    """
    action = decide_about(WHO, finding, known, by)
    incident = known.incident
    if action.act in (Act.COMMENT, Act.ESCALATE, Act.COUNT):
        assert incident is not None
        assert incident.open
        assert (action.incident_id, action.episode) == (incident.id, incident.episode)
    if action.act is Act.CREATE and incident is not None and known.awaited is not None:
        assert (action.incident_id, action.episode) == (incident.id, incident.episode)
    elif action.act is Act.CREATE:
        assert incident is None or not incident.open
        assert action.episode == (incident.episode + 1 if incident else 0)
        assert not (known.creation and known.creation.attempts.in_doubt)
    if action.act is not Act.NOTHING:
        assert action.total > by.threshold


@many
@given(records, findings, rules)
def test_what_is_in_a_fixed_comment_is_in_no_other_effect(known: Record, finding: Finding | None, by: Policy) -> None:
    """Messages of a comment that may have been made, or was refused, are reported by nothing else. What was handed to
    the rule is in its next row once more.
    """
    action = decide_about(WHO, finding, known, by)
    again = known.awaited.messages.times.keys() if known.awaited else set()
    fixed = times_of(each.messages for each in fixed_in(known)) - again
    assert not (action.messages.times.keys() - again) & (fixed | known.reported.keys())
    after = owing(known, action, NOW)
    if action.reason not in WAITING:
        for kept in fixed_in(known):
            if kept.attempts.in_doubt:
                assert kept in after.comments
        others = [each.messages for each in after.comments if not each.fixed]
        others += [after.creation.messages] if after.creation else []
        assert not times_of(others) & fixed


@many
@given(records, findings)
def test_the_union_loses_nothing(known: Record, finding: Finding | None) -> None:
    """Every message found or owed is new, reported (by id or by time), or fixed in a comment; none is invented."""
    about = candidate(WHO, finding, known)
    owed = [known.creation.messages] if known.creation else []
    owed += [each.messages for each in known.comments]
    edge = known.reported_before
    found_now = {
        message_hash(item.message_id)
        for item in (finding.evidence() if finding else ())
        if edge is None or item.state_time >= edge
    }
    whole = found_now | times_of(each.since(edge) for each in owed)
    fixed = times_of(each.messages for each in fixed_in(known))
    assert about.new.times.keys() == whole - fixed - known.reported.keys()
    assert about.counts.total == max(
        [finding.counts.total if finding else 0, *(each.counts.total for each in known.owed)]
    )


@many
@given(records, findings, rules)
def test_noting_is_idempotent_and_loses_no_message(known: Record, finding: Finding | None, by: Policy) -> None:
    """Noting twice is noting once; all that is decided or was owed is then owed, reported, untold or settled."""
    action = decide_about(WHO, finding, known, by)
    after = owing(known, action, NOW)
    assert owing(after, action, NOW) is after
    again = decide_about(WHO, finding, after, by)
    assert owing(after, again, NOW + DAY) is after
    if action.act not in (Act.NOTHING, Act.COUNT):  # what is counted already, or has lapsed, is owed no more
        assert (again.act, again.reason, again.messages.times) == (action.act, action.reason, action.messages.times)
    if action.reason is not Reason.SETTLED:
        owed = [known.creation.messages] if known.creation else []
        owed += [each.messages for each in known.comments]
        lasting = [after.creation.messages] if after.creation else []
        lasting += [each.messages for each in after.comments]
        wanted = times_of(each.since(known.reported_before) for each in owed) | action.messages.times.keys()
        assert wanted <= times_of(lasting) | known.reported.keys() | known.untold.keys()


@many
@given(records, findings, st.integers(0, 20))
def test_what_waits_keeps_all_that_is_owed(known: Record, finding: Finding | None, threshold: int) -> None:
    """Excluded today, or not over today's threshold: the record stays as it is."""
    for by in (policy(threshold=threshold, excluded={WHO}), policy(threshold=2_500)):
        action = decide_about(WHO, finding, known, by)
        assert action.reason in WAITING
        assert owing(known, action, NOW, DOWN) is known
        assert not action.messages


@many
@given(records, findings, rules)
def test_a_plan_has_one_action_for_everyone_it_is_about(known: Record, finding: Finding | None, by: Policy) -> None:
    """Everyone who was found, or is owed something, is in the plan once, as decided."""
    today = {WHO: finding} if finding else {}
    planned = plan(today, {WHO: known}, by)
    everyone = (*planned.creations, *planned.updates, *planned.others)
    expected = [decide_about(WHO, finding, known, by)] if finding or known.owed else []
    assert list(everyone) == expected
    assert all(each.act is Act.CREATE for each in planned.creations)
    assert all(each.act in (Act.COMMENT, Act.ESCALATE, Act.COUNT) for each in planned.updates)


@many
@given(records, findings, rules)
def test_what_was_done_is_not_done_again(known: Record, finding: Finding | None, by: Policy) -> None:
    """After the effect, the same finding makes nothing of these messages; what is told counts as reported."""
    action = decide_about(WHO, finding, known, by)
    noted = owing(known, action, NOW)
    if action.act is Act.CREATE and noted.creation:
        done = created(noted, noted.creation, there(id=action.incident_id), NOW)
    elif action.act is Act.COMMENT:
        owed = next(each for each in noted.comments if not each.fixed)
        done = commented(noted, owed, by, NOW)
    elif action.act is Act.COUNT:
        done = told(counted(noted, action, by), NOW)
    else:
        return
    again = candidate(WHO, finding, done)
    assert not again.new.times.keys() & action.messages.times.keys()
    assert known.reported.keys() <= done.reported.keys()


@many
@given(records, findings, st.booleans(), st.booleans())
def test_time_and_adoption_drop_nothing_that_is_owed(
    known: Record, finding: Finding | None, high: bool, deleted: bool
) -> None:
    """Whatever time does and Sentinel says, what is owed stays in the record, and reported messages stay reported. Only
    an incident that is there is no longer to be made.
    """
    some_finding = finding or Finding.of(WHO, ())
    changed = [
        lengthened(some_finding, known, WorkspaceState(unseen_before=NOW - 2 * DAY, lengthened_at=NOW), NOW),
        refreshed(some_finding, known, NOW),
        adopted(WHO, finding, there("Closed"), 3, policy(), NOW, record=known, was_high=high, deleted=deleted),
    ]
    there_now = known.creation is not None and known.creation.incident_id == name_of()
    left = [known.owed, known.owed, known.owed[1:] if there_now else known.owed]
    for each, owed in zip(changed, left, strict=True):
        assert each.owed == owed
        assert known.reported.keys() <= each.reported.keys()
        assert (
            each.reported_before is None
            or known.reported_before is None
            or (each.reported_before >= known.reported_before)
        )
    thin = thinned(known, policy(), NOW)
    assert replace(thin, reported=known.reported) == known
