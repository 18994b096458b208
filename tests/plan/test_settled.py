"""What an operator settles by hand: what is taken as reported, and what stays of somebody who is forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import (
    Act,
    Evidence,
    Finding,
    Reason,
    Record,
    Remedy,
    ToldDue,
    ToldFinding,
    pseudonym,
    without_person,
)
from shared.plan.decide import decide_about
from shared.plan.owed import owing
from shared.plan.records import adopted, created
from shared.plan.settled import baselined, cards_without, forgotten, may_be_made, why_left
from tests.plan.samples import (
    DAY,
    NOW,
    WHO,
    closed,
    comment,
    creation,
    escalation,
    found,
    key,
    name_of,
    noted_card,
    open_incident,
    ours,
    policy,
    record_of,
    some,
    there,
    tried,
)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (None, ""),
        (record_of(3, None), ""),
        (closed(11), ""),
        (record_of(11, ours(there(), deleted=True)), ""),
        (open_incident(11), "open"),
        (record_of(11, ours(None)), "open"),
        (record_of(0, None, creation=creation(some(0, 11))), "owed"),
        (closed(11, creation=creation(some(20, 11), episode=1)), "owed"),
        (closed(11, tell=Reason.FIRST), "owed"),
    ],
)
def test_whom_a_baseline_leaves(known: Record | None, why: str) -> None:
    """Whoever has an open incident, or is owed anything, a card included."""
    assert why_left(known) == why


@pytest.mark.parametrize("known", [None, closed(11, "FalsePositive"), record_of(11, ours(there(), deleted=True))])
def test_what_was_found_is_settled(known: Record | None) -> None:
    """Afterwards nothing of the finding is new; a threshold more changes nothing, and one more is raised with these."""
    after = baselined(found(60), known, NOW)
    assert after.reported.keys() == {key(number) for number in range(60)}
    assert (after.settled_at is None) is (known is not None)
    needed = 20 if known and known.incident and known.incident.open is False and not known.incident.deleted else 10
    assert decide_about(WHO, found(60 + needed), after, policy()).reason is Reason.SETTLED
    action = decide_about(WHO, found(61 + needed), after, policy())
    assert (action.act, len(action.messages)) == (Act.CREATE, needed + 1)
    assert baselined(found(60), after, NOW) == after


def test_a_list_that_was_cut_counts_as_reported_from_its_oldest_on() -> None:
    """What the hunt's lists do not show, because they hold the newest only, is older than what they show."""
    evidence = tuple(
        Evidence(f"m{number}", NOW, "", Remedy.SOFT_DELETE, NOW - number * DAY, NOW) for number in range(12)
    )
    whole = Finding.of(WHO, evidence)
    assert baselined(whole, None, NOW).reported_before is None
    cut = replace(whole, counts=replace(whole.counts, soft_delete=13))
    assert baselined(cut, None, NOW).reported_before == NOW - 11 * DAY
    assert baselined(cut, Record(WHO, reported_before=NOW), NOW).reported_before == NOW


def test_an_incident_ends_the_baseline() -> None:
    """Made or adopted, an incident is what decides from then on."""
    known = baselined(found(11), None, NOW)
    owed = creation(some(20, 11))
    assert created(replace(known, creation=owed), owed, there(), NOW).settled_at is None
    again = adopted(WHO, None, there(), 0, policy(), NOW, record=replace(known, forgotten=True))
    assert (again.settled_at, again.forgotten) == (None, False)


@pytest.mark.parametrize(
    ("known", "doubt"),
    [
        (open_incident(11), False),
        (record_of(0, None, creation=creation(some(0, 11))), False),
        (record_of(0, None, creation=creation(some(0, 11), attempts=tried(in_doubt=True))), True),
        (open_incident(11, comments=(comment(some(20, 1)), comment(some(30, 1), attempts=tried(in_doubt=True)))), True),
        (open_incident(60, escalation=escalation(attempts=tried(in_doubt=True))), True),
        (open_incident(60, escalation=escalation(attempts=tried(refused=True))), False),
    ],
)
def test_what_may_have_been_made(known: Record, doubt: bool) -> None:
    """Whatever was tried without a certain answer."""
    assert may_be_made(known) is doubt


TITLED = there(title=f"Unusual volume of remediated email: {WHO}")


def test_what_stays_of_a_person() -> None:
    """Hashes of all messages that were reported, owed or to be told; the last incident; no name, no text, no count."""
    known = record_of(
        11,
        ours(TITLED, episode=2),
        reported_before=NOW - 40 * DAY,
        counts=found(12).counts,
        remediators="joe@contoso.com",
        creation=creation(some(20, 11), episode=3),
        comments=(comment(some(40, 2)),),
        escalation=escalation(),
        tell=Reason.FIRST,
        untold=some(50, 3).times,
        told_at=NOW,
        reminded_at=NOW,
    )
    kept = forgotten(known, NOW)
    numbers = (*range(11), *range(20, 31), 40, 41, *range(50, 53))
    assert kept.reported.keys() == {key(number) for number in numbers}
    assert kept == Record(
        pseudonym(WHO),
        ours(there(), episode=2, deletion_told=True),
        kept.reported,
        NOW - 40 * DAY,
        forgotten=True,
    )
    assert kept.incident is not None
    assert kept.incident.seen is not None
    assert kept.incident.seen.title == ""


@pytest.mark.parametrize("known", [record_of(3, None), record_of(0, None, creation=creation(some(0, 11)))])
def test_who_was_never_raised_is_settled_by_it(known: Record) -> None:
    """Without an incident, the same messages make none later."""
    kept = replace(forgotten(known, NOW), recipient=WHO)
    assert kept.settled_at == NOW
    assert decide_about(WHO, found(11), kept, policy()).reason is (Reason.SETTLED)


def test_a_person_comes_back_with_what_is_owed() -> None:
    """While nothing is done the record stays without a name; with something owed it is an ordinary one again."""
    kept = replace(forgotten(open_incident(11), NOW), recipient=WHO)
    quiet = decide_about(WHO, found(21), kept, policy())
    assert owing(kept, quiet, NOW) is kept
    loud = decide_about(WHO, found(22), kept, policy())
    assert not owing(kept, loud, NOW).forgotten
    for threshold, excluded in ((100, ()), (10, (WHO,))):
        rests = decide_about(WHO, found(22), kept, policy(threshold=threshold, excluded=excluded))
        assert owing(kept, rests, NOW).forgotten


def test_what_is_read_later_names_nobody_either() -> None:
    """An incident that is read after its person was forgotten has a title; it is not written down."""
    kept = replace(forgotten(open_incident(11), NOW), recipient=WHO, remediators="joe@contoso.com")
    read = replace(kept, incident=ours(TITLED))
    written = without_person(read)
    assert (written.recipient, written.remediators) == (pseudonym(WHO), "")
    assert written.incident is not None
    assert written.incident.seen is not None
    assert written.incident.seen.title == ""
    assert pseudonym(written.recipient) == written.recipient != pseudonym("other@contoso.com")


def test_a_card_that_names_nobody_else_is_dropped_and_others_are_left_alone() -> None:
    """A card without the person is not written anew; one with causes stays."""
    alone, both = noted_card(1, reminders=(WHO,)), noted_card(2, reminders=(WHO, "eve@x"), deletions=(WHO,))
    causes, other = noted_card(3, deletions=(WHO,), causes=("hunt_failed",)), noted_card(4, reminders=("eve@x",))
    heartbeat = noted_card(5)
    changed, emptied = cards_without([alone, both, causes, other, heartbeat], WHO)
    assert emptied == (alone.id,)
    assert changed == (replace(both, reminders=("eve@x",), deletions=()), replace(causes, deletions=()))


EVE = "eve@contoso.com"


def on_a_card(kind: str, who: str) -> dict[str, Any]:
    """This recipient as one thing that a card tells."""
    one = {
        "findings": ToldFinding(who, name_of(who=who), 0, Reason.FIRST),
        "unanswered": ToldFinding(who, name_of(who=who), 0, Reason.FIRST),
        "due": ToldDue(who, name_of(who=who), "sentinel_unavailable"),
        "reminders": who,
        "deletions": who,
    }
    return {kind: (one[kind],)}


KINDS = ("findings", "unanswered", "due", "reminders", "deletions")


@pytest.mark.parametrize("kind", KINDS)
def test_a_person_is_taken_off_whatever_a_card_tells(kind: str) -> None:
    """A card that tells anything of others, be it one thing of one kind, stays with that; one of the person alone goes,
    and cards between them that do not name the person are left alone.
    """
    other = "deletions" if kind == "findings" else "findings"
    alone = noted_card(1, **on_a_card(kind, WHO))
    untouched = noted_card(2, **on_a_card(kind, EVE))
    left = [noted_card(3, **on_a_card(each, EVE)) for each in KINDS if each != kind]
    named = [replace(card, **on_a_card(kind, WHO)) for card in left]
    both = replace(noted_card(4), **{kind: on_a_card(kind, WHO)[kind] + on_a_card(kind, EVE)[kind]})
    mixed = noted_card(5, **on_a_card(kind, WHO), **on_a_card(other, WHO))
    changed, emptied = cards_without([alone, untouched, *named, both, mixed], WHO)
    assert changed == (*left, noted_card(4, **on_a_card(kind, EVE)))
    assert emptied == (alone.id, mixed.id)


def test_a_baseline_keeps_what_was_counted() -> None:
    """The record has the figures of the finding that was settled, not those of an earlier one."""
    assert baselined(found(60), None, NOW).counts == found(60).counts
    assert baselined(found(60), closed(11, counts=found(11).counts), NOW).counts == found(60).counts
