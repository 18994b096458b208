"""A record too large for the ledger loses its oldest messages, on every ledger; it never costs the sweep."""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger import Ledger
from shared.ledger.rows import pack
from shared.ledger.shorten import LARGEST, shortened
from shared.model import (
    Evidence,
    Finding,
    Messages,
    Record,
    Remedy,
    Seen,
    day_number,
    minute_number,
    time_of_minute,
)
from shared.plan.decide import candidate
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.cloud.mail import SOFT, Mail
from tests.support.ledger_samples import NOW, owed_comment, owed_creation, record
from tests.support.ledgers import LedgerPlace
from tests.support.tenant import facts, running_tenant

TODAY = day_number(NOW)
NOW_MINUTE = minute_number(NOW)
DAY = 1_440
MANY = 240_000


@pytest.fixture(params=["sqlite", pytest.param("table", marks=pytest.mark.slow)])
def roomy_place(request: pytest.FixtureRequest) -> LedgerPlace:
    """Each adapter's place in turn, for more rows at their largest than the table service takes in a few seconds."""
    found: LedgerPlace = request.getfixturevalue(f"{request.param}_place")
    return found


def hashes(many: int, seed: int) -> list[int]:
    """Hashes of so many messages."""
    chance = random.Random(seed)
    return [chance.getrandbits(64) for _ in range(many)]


@lru_cache(maxsize=2)
def bombed(many: int = MANY, days: int = 60, seed: int = 1, reported_before: datetime | None = None) -> Record:
    """The record of somebody who got so many messages in so many days up to now, all still seen today."""
    chance = random.Random(seed)
    reported = {key: Seen(NOW_MINUTE - chance.randrange(days * DAY), TODAY) for key in hashes(many, seed)}
    return record(messages=0, reported=reported, reported_before=reported_before, creation=None, comments=(), untold={})


def _finding(*state_times: datetime) -> Finding:
    """Messages that nobody has reported, remediated at these times."""
    items = [Evidence(f"new {n}", when, "s", Remedy.SOFT_DELETE, when, when) for n, when in enumerate(state_times)]
    return Finding.of("ann@contoso.com", tuple(items))


def _oldest(times: Mapping[int, int]) -> int:
    return min(times.values())


def test_a_record_too_large_loses_its_oldest_messages(
    roomy_place: LedgerPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written, and so are others; what it has lost counts as reported by its time, what is newer does not.

    How many messages were lost, and since when, is in the log; whose they were is not.
    """
    large, other = bombed(), record("bob@contoso.com")
    roomy_place.open().save([large, other])
    loaded = roomy_place.open().load()
    assert loaded.damaged == ()
    assert loaded.records["bob@contoso.com"] == other
    kept = loaded.records["ann@contoso.com"]
    assert MANY / 2 < len(kept.reported) < MANY
    assert f"messages={MANY - len(kept.reported)} before={kept.reported_before}" in caplog.text
    assert "ann@" not in caplog.text
    edge = kept.reported_before
    assert edge is not None
    newest = {key: seen for key, seen in large.reported.items() if time_of_minute(seen.minute) >= edge}
    assert kept.reported == newest
    assert replace(kept, reported=large.reported, reported_before=None) == large
    new = candidate("ann@contoso.com", _finding(edge - timedelta(seconds=1), edge, NOW), kept).new
    assert [item.state_time for item in new.newest] == [NOW, edge]


def test_what_is_kept_goes_by_when_it_was_remediated() -> None:
    """The newest remediations are kept, whenever each message was last seen."""
    large = bombed(400)
    turned = {key: Seen(seen.minute, TODAY - 90 + seen.minute % 90) for key, seen in large.reported.items()}
    kept = shortened(replace(large, reported=turned), 3_000).reported
    lost = turned.keys() - kept.keys()
    assert kept
    assert max(turned[key].minute for key in lost) < min(seen.minute for seen in kept.values())


def test_a_record_that_keeps_growing_is_written_each_day(roomy_place: LedgerPlace) -> None:
    """Day by day 20,000 more: every write succeeds, whoever writes; the cut only moves on, and the newest are kept."""
    kept, edge = bombed(LARGEST // 12, days=30), None
    for day in range(1, 3):
        more = dict.fromkeys(hashes(20_000, seed=day + 1), Seen(NOW_MINUTE + day * DAY, TODAY + day))
        roomy_place.open().save([replace(kept, reported={**kept.reported, **more})])
        kept = roomy_place.open().load().records["ann@contoso.com"]
        assert more.keys() <= kept.reported.keys()
        assert kept.reported_before is not None
        assert edge is None or kept.reported_before >= edge
        edge = kept.reported_before


def test_a_minute_too_large_for_a_row_is_cut() -> None:
    """When more than fit were remediated in one minute, that minute counts as reported."""
    kept = shortened(replace(bombed(1), reported=dict.fromkeys(hashes(400, 1), Seen(NOW_MINUTE, TODAY))), 3_000)
    assert kept.reported == {}
    assert kept.reported_before == time_of_minute(NOW_MINUTE + 1)


def test_a_later_cut_stays() -> None:
    """What counted as reported before the cut still does."""
    later = NOW - timedelta(hours=1)
    assert shortened(bombed(400, reported_before=later), 3_000).reported_before == later


def _flood(many: int, seed: int = 1) -> dict[int, int]:
    """So many messages, remediated one a minute up to now."""
    return {key: NOW_MINUTE - number for number, key in enumerate(hashes(many, seed))}


OWING: dict[str, Callable[[dict[int, int]], Record]] = {
    "untold": lambda times: record(untold=times),
    "a creation": lambda times: record(creation=replace(owed_creation(), messages=Messages(times))),
    "a comment": lambda times: record(
        comments=(
            replace(owed_comment(), messages=Messages(times), attempts=replace(owed_comment().attempts, marked=None)),
        )
    ),
}


@pytest.mark.parametrize("what", OWING)
def test_what_is_owed_is_cut_as_well(what: str) -> None:
    """A month of flood that could be neither raised nor told is written; its newest messages are still owed."""
    large = OWING[what](_flood(2_000))
    kept = shortened(large, 12_000)
    assert len(pack("record", kept)) <= 12_000
    assert kept.tell is large.tell
    left = {
        "untold": kept.untold,
        "a creation": kept.creation.messages.times if kept.creation else {},
        "a comment": kept.comments[0].messages.times if kept.comments else {},
    }[what]
    assert 500 < len(left) < 2_000
    edge = kept.reported_before
    assert edge is not None
    assert time_of_minute(_oldest(left)) == edge
    assert max(left.values()) == NOW_MINUTE


def test_a_comment_that_may_have_been_made_keeps_its_messages() -> None:
    """The id of a comment is derived from its messages: while it is in doubt, or refused, none of them is cut."""
    fixed = (owed_comment(), owed_comment(message="two", refused=True))
    old = tuple(replace(each, messages=Messages({number: 7 + number})) for number, each in enumerate(fixed))
    kept = shortened(replace(bombed(400), comments=old), 3_000)
    assert kept.reported_before is not None
    assert kept.comments == old


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90), st.integers(900, 6_000))
def test_nothing_lost_is_new_again(seed: int, days: int, largest: int) -> None:
    """Whatever a record holds: its row fits, its newest messages stay, and all that left it is older than the cut."""
    large = bombed(400, days, seed)
    kept = shortened(large, largest)
    assert len(pack("record", kept)) <= largest
    lost = large.reported.keys() - kept.reported.keys()
    assert bool(lost) == (len(pack("record", large)) > largest)
    assert kept is large or kept.reported_before is not None
    for key in lost:
        assert kept.reported_before is not None
        assert time_of_minute(large.reported[key].minute) < kept.reported_before
        assert all(large.reported[key].minute < seen.minute for seen in kept.reported.values())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_recipients_flood_stops_nobody_elses_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: LedgerPlace
) -> None:
    """A record at its largest and thousands of new messages for it: the sweep tells both its owner's and all others."""
    monkeypatch.setattr("shared.ledger.open_ledger", _opened(place))
    with running_tenant(tmp_path, monkeypatch) as tenant:
        mail = Mail(tenant.clock.now(), seed=1)
        for _ in range(12):
            mail.add("ann@contoso.com", SOFT, mail.ago(0.1))
        tenant.cloud.append("EmailEvents", mail.events)
        assert facts(tenant.sweep())["created"] == 1
        ledger = _opened(place)("", "", None)
        known = ledger.load().records["ann@contoso.com"]
        today = day_number(tenant.clock.now())
        minute = minute_number(tenant.clock.now()) - 40 * DAY
        ledger.save([_just_fitting(known, minute, today)])
        assert _opened(place)("", "", None).load().records["ann@contoso.com"].reported_before is None
        tenant.clock.advance(days=1)
        mail = Mail(tenant.clock.now(), seed=2)
        for who, many in (("ann@contoso.com", 4_000), ("bob@contoso.com", 12)):
            for _ in range(many):
                mail.add(who, SOFT, mail.ago(0.1))
        tenant.cloud.append("EmailEvents", mail.events)
        assert facts(tenant.sweep()) == {
            "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "created": 1, "commented": 1,
            "escalated": 1, "standing": 1, "told": 2,
        }  # fmt: skip
        kept = _opened(place)("", "", None).load().records["ann@contoso.com"]
        assert kept.reported_before is not None
        assert kept.reported_before.date() < date.fromordinal(tenant.clock.now().date().toordinal() - 30)
        tenant.clock.advance(days=1)
        assert "commented" not in facts(tenant.sweep())


def _just_fitting(record: Record, minute: int, today: int) -> Record:
    """The record with as many reported messages as its row takes: a thousand more do not fit."""
    many = hashes(300_000, 2)

    def holding(number: int) -> Record:
        full = {key: Seen(minute - n, today) for n, key in enumerate(many[:number])}
        return replace(record, reported={**record.reported, **full})

    steps = range(0, len(many), 1_000)
    fits = bisect.bisect(steps, LARGEST, key=lambda number: len(pack("record", holding(number))))
    assert 0 < fits < len(steps)
    return holding(steps[fits - 1])


def _opened(place: LedgerPlace) -> Callable[..., Ledger]:
    """What opens the ledger of the small Azure's workspace on this place."""
    return lambda _url, _workspace, _credential, read_only=False, **_: place.open(
        read_only=read_only, workspace=WORKSPACE_RESOURCE_ID
    )
