"""What there is to decide about: today's finding and what is owed, together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import Counts, Finding, Messages, Record
from shared.plan.decide import Candidate, candidate, is_fixed_for
from tests.plan.samples import (
    DAY,
    NOW,
    WHO,
    closed,
    comment,
    creation,
    escalation,
    evidence_of,
    found,
    mail,
    name_of,
    open_incident,
    ours,
    record_of,
    soft,
    some,
    there,
    tried,
)

MINUTE = timedelta(minutes=1)


def test_messages_count_once_however_often_their_rows_are_streamed() -> None:
    """New messages are those by message id, whatever its letters' case and however many rows tell of them."""
    rows = evidence_of(0, 3) + tuple(replace(each, message_id=each.message_id.upper()) for each in evidence_of(0, 3))
    new = candidate(WHO, Finding.of(WHO, rows), record_of(1, None)).new
    assert [each.message_id for each in new.newest] == ["m-1", "m-2"]


DOUBTED = comment(some(9, 12), attempts=tried(in_doubt=True))
DOUBTED_BEFORE = comment(some(9, 12), on=name_of(7), attempts=tried(in_doubt=True))
REFUSED_BEFORE = comment(some(9, 12), on=name_of(7), attempts=tried(refused=True))
UNION = {
    # the record -> the numbers of the messages to decide about, Sum_case; 0 to 10 were found today
    "nothing owed": (open_incident(5), range(5, 11), 11),
    "a creation": (record_of(0, None, creation=creation(some(8, 12))), range(20), 12),
    "a creation of fewer": (record_of(0, None, creation=creation(some(8, 4))), range(12), 11),
    "a creation, in part reported": (closed(10, creation=creation(some(8, 12), episode=1)), range(10, 20), 12),
    "a comment": (open_incident(5, comments=(comment(some(9, 12)),)), range(5, 21), 12),
    "two comments": (open_incident(5, comments=(comment(some(9, 9)), comment(some(18, 3)))), range(5, 21), 11),
    "a comment in doubt": (open_incident(5, comments=(DOUBTED,)), range(5, 9), 12),
    "in doubt on a closed one": (
        closed(5, comments=(comment(some(9, 12), attempts=tried(in_doubt=True)),)), range(5, 9), 12,
    ),
    "in doubt on an earlier one": (
        open_incident(5, comments=(DOUBTED_BEFORE,)), range(5, 9), 12,
    ),
    "refused": (open_incident(5, comments=(comment(some(9, 12), attempts=tried(refused=True)),)), range(5, 9), 12),
    "refused on a closed one": (
        closed(5, comments=(comment(some(9, 12), attempts=tried(refused=True)),)), range(5, 21), 12,
    ),
    "refused on an earlier one": (
        open_incident(5, comments=(REFUSED_BEFORE,)), range(5, 21), 12,
    ),
    "refused, and one in doubt": (
        open_incident(2, comments=(
            comment(some(2, 3), attempts=tried(refused=True)), comment(some(5, 3), attempts=tried(in_doubt=True)),
        )), range(8, 11), 11,
    ),
    "an escalation": (open_incident(5, escalation=escalation(total=55)), range(5, 11), 55),
}  # fmt: skip


@pytest.mark.parametrize("row", UNION.values(), ids=UNION.keys())
def test_what_is_owed_is_a_finding(row: tuple[Record, range, int]) -> None:
    """The union of both, by the higher Sum_case, less what is reported or fixed in a comment that may be made."""
    known, numbers, total = row
    about = candidate(WHO, found(11), known)
    assert about.new.times.keys() == some(numbers.start, len(numbers)).times.keys()
    assert {item.message_id for item in about.new.newest} == {f"m-{number}" for number in numbers}
    assert about.counts == soft(total)


def test_today_decides_between_equal_sums() -> None:
    """Of two equal sums the counts are today's."""
    owed = replace(creation(some(0, 11)), counts=Counts(hard_delete=11))
    assert candidate(WHO, found(11), record_of(0, None, creation=owed)).counts == soft(11)


def test_what_is_owed_is_decided_about_without_a_finding() -> None:
    """One who is no longer found is planned by what is owed."""
    about = candidate(WHO, None, record_of(0, None, creation=creation(some(0, 12))))
    assert about == Candidate(WHO, soft(12), some(0, 12))


def test_messages_from_before_count_as_reported_by_their_time() -> None:
    """Those with a state time before `reported_before` are not new: to the microsecond as found, to the minute as owed.

    At that very time they are new.
    """
    edge = NOW - 2 * DAY + timedelta(seconds=30)
    times = [edge - timedelta(microseconds=1), edge, edge - MINUTE, edge - 2 * MINUTE]
    rows = tuple(mail(number, when) for number, when in enumerate(times))
    known = open_incident(0, reported_before=edge)
    assert candidate(WHO, Finding.of(WHO, rows), known).new == Messages.of(rows[1:2])
    for owing in (
        replace(known, comments=(comment(Messages.of(rows)),)),
        replace(known, creation=creation(Messages.of(rows))),
    ):
        assert candidate(WHO, None, owing).new.times.keys() == Messages.of(rows[:2]).times.keys()


@pytest.mark.parametrize(
    ("incident", "in_doubt", "refused", "keeps"),
    [
        (ours(there()), False, False, False),
        (ours(there()), False, True, True),
        (ours(there()), True, False, True),
        (ours(there("Closed")), False, True, False),
        (ours(there("Closed")), True, True, True),
        (ours(there(), deleted=True), False, True, False),
        (ours(there(), episode=1), False, True, False),
        (None, False, True, False),
        (None, True, False, True),
    ],
)
def test_which_comments_keep_their_messages(incident: object, in_doubt: bool, refused: bool, keeps: bool) -> None:
    """One that may have been made; and one that was refused, while its incident takes comments."""
    assert is_fixed_for(name_of(), in_doubt or refused, in_doubt, incident) is keeps  # type: ignore[arg-type]
