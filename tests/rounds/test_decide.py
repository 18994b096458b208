"""What a start, a message, a try and an end lead to, as tables."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.model import Cause, EntryEnd, EntryTold, Receipt, RoundTold
from shared.rounds.again import is_tried_again
from shared.rounds.decide import (
    Next,
    came_and_went,
    comes_back,
    entry_ended,
    is_older,
    is_sent,
    may_claim,
    next_of_entry,
    outdated_rounds,
    round_started,
    slot_of,
    told_first,
    with_round,
)
from shared.rounds.messages import NotAMessage, WorkMessage, message_of
from shared.rounds.outcome import event_of, line_of, to_be_posted
from shared.rounds.rows import EntryTries, RoundProgress, RoundsState
from tests.support.clock import START
from tests.support.rounds import BUSY, REFUSED, SKIPPED, receipt_of

ROUND, TOMORROW = "2026-11-24T06:00Z", "2026-11-25T06:00Z"
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
CLAIMED = RoundProgress(claimed_at=START)


@pytest.mark.parametrize(
    ("slot", "progress", "id_", "by_hand"),
    [
        pytest.param(START, None, ROUND, False, id="the slot that fires now"),
        pytest.param(START + SECOND, None, ROUND, False, id="a second early"),
        pytest.param(START + MINUTE, None, "2026-11-24T06:01Z", False, id="a minute early"),
        pytest.param(START + MINUTE + SECOND, None, f"manual-{ROUND}", True, id="more: the coming slot"),
        pytest.param(START - 9 * HOUR, None, "2026-11-23T21:00Z", False, id="past due"),
        pytest.param(START + 30 * SECOND, None, ROUND, False, id="cut to the minute"),
        pytest.param(START, RoundProgress(sent=2), ROUND, False, id="begun before"),
        pytest.param(START, CLAIMED, f"manual-{ROUND}", True, id="somebody tells it"),
        pytest.param(START, RoundProgress(told=True), f"manual-{ROUND}", True, id="told"),
        pytest.param(None, None, f"manual-{ROUND}", True, id="no schedule's status"),
    ],
)
def test_which_round_a_start_begins(
    slot: datetime | None, progress: RoundProgress | None, id_: str, by_hand: bool
) -> None:
    """The slot's, cut to the minute; by hand when the slot lies more than a minute ahead, or its round has ended."""
    known = {f"{slot:%Y-%m-%dT%H:%MZ}": progress} if slot and progress else {}
    found = round_started(slot, START, known)
    assert (found.id, found.by_hand) == (id_, by_hand)


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("2026-11-24T06:00:00+00:00", START),
        ("2026-11-24T06:00:00Z", START),
        ("2026-11-24T06:00:00.1234567Z", START.replace(microsecond=123456)),
        ("2026-11-24T07:00:00+01:00", START),
        ("2026-11-24T06:00:00", START),
        ("0001-01-01T00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_timers_status(text: object, slot: datetime | None) -> None:
    """The host's time, with or without a zone; none when it tells none."""
    assert slot_of({"Next": text}) == slot
    assert slot_of({}) is None
    assert slot is None or slot_of({"Next": text}).tzinfo is not None  # type: ignore[union-attr]


def test_slots_are_utc() -> None:
    """A slot of another zone has the same id."""
    there = slot_of({"Next": START.astimezone(timezone(timedelta(hours=-5))).isoformat()})
    assert there is not None
    assert round_started(there, START, {}).id == ROUND


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        (ROUND, TOMORROW, True),
        (TOMORROW, ROUND, False),
        (ROUND, ROUND, False),
        (f"manual-{ROUND}", TOMORROW, True),
        (f"manual-{TOMORROW}", ROUND, False),
        (ROUND, f"manual-{TOMORROW}", True),
        (f"manual-{ROUND}", ROUND, False),
        (ROUND, "", False),
        ("2026-09-30T06:00Z", "2026-10-01T06:00Z", True),
    ],
)
def test_which_round_is_older(one: str, other: str, older: bool) -> None:
    """By the minute alone, whoever started them."""
    assert is_older(one, other) is older


def test_a_start_by_hand_leaves_the_newest_scheduled_round() -> None:
    """It is kept and untold like any other."""
    state = with_round(RoundsState(), round_started(START, START, {}))
    by_hand = with_round(state, round_started(None, START + HOUR, {}))
    assert (state.newest, by_hand.newest, by_hand.last) == (ROUND, ROUND, "manual-2026-11-24T07:00Z")
    assert by_hand.untold == by_hand.kept == (ROUND, "manual-2026-11-24T07:00Z")
    late = with_round(by_hand, round_started(START - HOUR, START + HOUR, {}))
    assert late.newest == ROUND
    assert with_round(late, round_started(START, START, {})) == late


def test_what_is_told_first() -> None:
    """By the schedule: all that is older. By hand: what is past its deadline."""
    untold = (f"manual-{ROUND}", ROUND, TOMORROW)
    scheduled, by_hand = (
        round_started(START + 24 * HOUR, START + 24 * HOUR, {}),
        round_started(None, START + 30 * HOUR, {}),
    )
    assert told_first(scheduled, untold, {}) == [f"manual-{ROUND}", ROUND]
    assert told_first(by_hand, untold, {f"manual-{ROUND}": True, ROUND: True, TOMORROW: False}) == list(untold[:2])


def test_who_came_and_went() -> None:
    """In the order of the entries; nobody is new in the first round."""
    assert came_and_went(("b", "a", "d"), ("c", "a", "e")) == (("b", "d"), ("c", "e"))
    assert came_and_went(("a",), None) == ((), ())


@pytest.mark.parametrize(
    ("progress", "tries", "there", "newest", "leads"),
    [
        (RoundProgress(), EntryTries("a"), True, ROUND, Next.TRY),
        (RoundProgress(), EntryTries("a", 2), True, ROUND, Next.TRY),
        (RoundProgress(), EntryTries("a", 3), True, ROUND, Next.ABANDON),
        (RoundProgress(), EntryTries("a", 3), False, ROUND, Next.REMOVED),
        (RoundProgress(), EntryTries("a"), False, ROUND, Next.REMOVED),
        (RoundProgress(), None, True, ROUND, Next.END),
        (RoundProgress(), EntryTries("a"), True, TOMORROW, Next.END),
        (CLAIMED, EntryTries("a"), True, ROUND, Next.END),
        (RoundProgress(told=True), EntryTries("a"), True, ROUND, Next.END),
        (None, EntryTries("a"), True, ROUND, Next.END),
        (RoundProgress(), EntryTries("a"), True, "", Next.TRY),
    ],
)
def test_what_an_entrys_message_leads_to(
    progress: RoundProgress | None, tries: EntryTries | None, there: bool, newest: str, leads: Next
) -> None:
    """A try, unless the entry, the round or its turn is over."""
    assert next_of_entry(ROUND, RoundsState(newest=newest), progress, tries, there=there) is leads


def cause_with(id_: str, **more: Any) -> Cause:
    """A cause of this id."""
    return Cause(id_, "", **more)


@pytest.mark.parametrize(
    ("what", "again"),
    [
        (cause_with("sentinel_throttled", status=429), True),
        (cause_with("sentinel_unavailable", status=408), True),
        (cause_with("log_analytics_unavailable", status=504), True),
        (cause_with("teams_unavailable", status=503), True),
        *(
            (cause_with("sentinel_unavailable", fault="unreached"), True),
            (cause_with("sentinel_unavailable", fault="lost"), True),
        ),
        (cause_with("sentinel_unavailable", fault="lost", unanswered=True), True),
        (cause_with("sentinel_unavailable"), True),
        (cause_with("budget_ended"), True),
        (cause_with("lease_lost"), True),
        (cause_with("lease_not_free"), True),
        (cause_with("incidents_unread"), True),
        (cause_with("incidents_unread", status=500), True),
        (cause_with("incidents_unread", status=403), False),
        (cause_with("ledger_unavailable"), True),
        (cause_with("ledger_unavailable", status=403), False),
        (cause_with("identity_sign_in"), False),
        (cause_with("identity_sign_in", status=500), True),
        (cause_with("identity_sign_in", fault="unreached"), True),
        (cause_with("sentinel_sign_in", status=401), False),
        (cause_with("sentinel_forbidden", status=403), False),
        (cause_with("sentinel_not_found", status=404), False),
        (cause_with("teams_not_found", status=404), False),
        (cause_with("sentinel_rejected", status=400), False),
        (cause_with("teams_rejected", status=413), False),
        (cause_with("log_analytics_partial", fault="garbled"), False),
        (cause_with("workspace_mismatch"), False),
        (cause_with("teams_unavailable", fault="lost", unanswered=True), False),
        (cause_with("teams_unanswered"), False),
        (cause_with("teams_unavailable", status=504, unanswered=True), False),
        (cause_with("internal_error"), False),
    ],
    ids=lambda each: f"{each.id} {each.status or each.fault}" if isinstance(each, Cause) else "",
)
def test_what_is_tried_again(what: Cause, again: bool) -> None:
    """By status first, then by how the request failed, then by the cause's id."""
    assert is_tried_again(receipt_of("flagged", what)) is again
    assert is_tried_again(receipt_of("failed", what)) is again
    assert is_tried_again(receipt_of("flagged", REFUSED, what)) is again
    assert not is_tried_again(replace(receipt_of("flagged", what), event="sweep_planned"))


@pytest.mark.parametrize(
    ("receipt", "tries", "end"),
    [
        (receipt_of(), 1, EntryEnd.CLEAN),
        (receipt_of("flagged"), 1, EntryEnd.FLAGGED),
        (receipt_of("untrusted"), 1, EntryEnd.UNTRUSTED),
        (receipt_of("untrusted", BUSY), 1, None),
        (receipt_of("failed", REFUSED), 1, EntryEnd.FAILED),
        (receipt_of("failed", BUSY), 2, None),
        (receipt_of("failed", BUSY), 3, EntryEnd.FAILED),
        (receipt_of("flagged", BUSY), 3, EntryEnd.FLAGGED),
        (receipt_of("flagged", BUSY, event="sweep_planned", dry_run=True), 1, EntryEnd.PLANNED),
        (receipt_of("failed", REFUSED, dry_run=True), 1, EntryEnd.FAILED),
        (SKIPPED, 1, EntryEnd.FAILED),
    ],
)
def test_how_a_try_ends_an_entry(receipt: Receipt, tries: int, end: EntryEnd | None) -> None:
    """As its receipt says; not at all when it is tried again."""
    found = entry_ended(EntryTries("a", tries), receipt)
    assert (found and found.end) == end


def test_what_is_kept_of_a_receipt() -> None:
    """Its reasons, cut; its counts, summed over the tries."""
    causes = [Cause(f"c{number}_rejected", "x" * 2000) for number in range(30)]
    found = entry_ended(EntryTries("a", 2, created=3, told=1, seconds=4.0), receipt_of("flagged", *causes, due=2))
    assert found is not None
    assert (len(found.reasons), max(map(len, found.reasons))) == (12, 500)
    assert (found.created, found.told, found.seconds, found.due, found.tries) == (3, 1, 4.0, 2, 2)


def test_when_somebody_may_tell_a_round() -> None:
    """Nobody does, or whoever did has been silent for ten minutes."""
    assert may_claim(RoundProgress(), START)
    assert not may_claim(CLAIMED, START + 9 * MINUTE)
    assert may_claim(CLAIMED, START + 10 * MINUTE)
    assert not may_claim(replace(CLAIMED, told=True), START + HOUR)


def test_when_the_own_message_comes_back() -> None:
    """After ten minutes, or at the deadline; one that is on its way is enough."""
    assert comes_back(START, 2 * HOUR, START + HOUR) == 10 * MINUTE
    assert comes_back(START, 2 * HOUR, START + 118 * MINUTE) == 2 * MINUTE
    assert comes_back(START, 2 * HOUR, START + 3 * HOUR) == 10 * MINUTE
    assert is_sent(RoundProgress(own_at=START + 10 * MINUTE), START)
    assert not is_sent(RoundProgress(own_at=START), START)
    assert not is_sent(RoundProgress(), START)


def test_which_rounds_leave() -> None:
    """Those older than five weeks; never one that is still to be told, nor the last one."""
    old = ("2026-10-01T06:00Z", "manual-2026-10-02T06:00Z", "2026-10-03T06:00Z")
    state = RoundsState(newest=ROUND, last=ROUND, kept=(*old, ROUND), untold=(old[0],))
    assert outdated_rounds(state, START) == [old[1], old[2]]
    assert outdated_rounds(replace(state, last=old[2]), START) == [old[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"round": "r", "workspace": "a"}', WorkMessage("r", "a")),
        (b'{"round": "r"}', WorkMessage("r")),
        ('{"workspace": "a"}', WorkMessage(workspace="a")),
    ],
)
def test_messages(text: str | bytes, message: WorkMessage) -> None:
    """Three kinds, and each reads as it is written."""
    assert message_of(text) == message == message_of(message.as_text())


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "nonsense", '"x"', "null", '{"round": 1}', '{"workspace": ""}', '{"round": "r", "more": "x"}'],
)
def test_what_is_no_message(text: str) -> None:
    """It says what is expected, and repeats nothing."""
    with pytest.raises(NotAMessage, match="expected JSON such as") as raised:
        message_of(text)
    assert "nonsense" not in str(raised.value)
    for wrong in (b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(NotAMessage):
            message_of(wrong)


def told(*entries: EntryTold, **fields: Any) -> RoundTold:
    """A round of ten minutes with these entries."""
    return RoundTold(ROUND, START, START + 10 * MINUTE, entries, **fields)


def one(end: str, **fields: Any) -> EntryTold:
    """An entry that ended so."""
    return EntryTold("a", EntryEnd(end), **fields)


@pytest.mark.parametrize(
    ("entry", "event", "posted"),
    [
        (one("clean"), "round_completed", False),
        (one("flagged"), "round_completed", False),
        (one("flagged", created=1), "round_completed", True),
        (one("flagged", told=1), "round_completed", True),
        (one("clean", reasons=("new_word: Vanished was in 40 rows",)), "round_completed", True),
        (one("flagged", due=1), "round_incomplete", True),
        (one("planned", due=1, dry_run=True), "round_completed", True),
        (one("untrusted"), "round_completed", True),
        (one("removed"), "round_completed", True),
        (one("failed"), "round_incomplete", True),
        (one("abandoned"), "round_incomplete", True),
        (one("missing"), "round_incomplete", True),
    ],
)
def test_what_a_round_is_told_as(entry: EntryTold, event: str, posted: bool) -> None:
    """Incomplete when anything failed, is abandoned, missing or due; silence and what stands are not posted."""
    assert event_of(told(entry)) == event
    assert (to_be_posted(told(entry), START, 0) is not None) is posted


def test_a_change_of_the_entries_is_posted() -> None:
    """A customer that was dropped from the file, or a new one, is never silent."""
    assert to_be_posted(told(one("clean"), gone=("b",)), START, 0)
    assert to_be_posted(told(one("clean"), new=("a",)), START, 0)


def test_the_last_line() -> None:
    """Every entry is counted once; one that was abandoned has failed."""
    line = line_of(told(*(one(each.value) for each in EntryEnd)))
    assert line["failed"] == 2
    assert line["workspaces"] == len(EntryEnd) == sum(value for key, value in line.items() if key in list(EntryEnd))


@pytest.mark.parametrize(
    ("card_at", "days", "posted"),
    [
        (None, 7, True),
        (None, 0, False),
        (START - timedelta(days=6), 7, False),
        (START - timedelta(days=7) + 20 * MINUTE, 7, True),
        (START - timedelta(days=30), 0, False),
    ],
)
def test_heartbeats(card_at: datetime | None, days: int, posted: bool) -> None:
    """A sign of life after the first round, and after so many days without a card; never for a bad round."""
    found = to_be_posted(told(one("clean")), card_at, days)
    assert (found is not None) is posted
    assert found is None or (found.heartbeat and found.since == card_at)
    bad = to_be_posted(told(one("failed")), card_at, days)
    assert bad is not None
    assert not bad.heartbeat
