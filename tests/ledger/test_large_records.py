"""A record too large for the ledger loses its oldest messages, on every ledger; it never costs the sweep."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger import Ledger
from shared.ledger.rows import pack
from shared.ledger.shorten import LARGEST, shortened
from shared.model import Evidence, Finding, Record, Remedy
from shared.plan.decide import Policy, adopt, day_number, new_messages
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.cloud.mail import SOFT, Mail
from tests.support.ledgers import NOW, WORKSPACE, LedgerPlace, record
from tests.support.tenant import Tenant, facts

TODAY = day_number(NOW)
MANY = 330_000


@lru_cache(maxsize=2)
def bombed(many: int = MANY, days: int = 60, seed: int = 1, reported_before: datetime | None = None) -> Record:
    """The record of somebody who got so many messages in so many days up to today."""
    chance = random.Random(seed)
    reported = {chance.getrandbits(64): TODAY - n % days for n in range(many)}
    return record(messages=0, reported=reported, reported_before=reported_before)


@pytest.fixture(params=["sqlite", pytest.param("table", marks=pytest.mark.slow)])
def roomy_place(request: pytest.FixtureRequest) -> LedgerPlace:
    """Each adapter's place in turn, for more rows at their largest than the table service takes in a few seconds."""
    found: LedgerPlace = request.getfixturevalue(f"{request.param}_place")
    return found


def midnight(day: int) -> datetime:
    """The beginning of a day that is counted from 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def _finding(*state_times: datetime) -> Finding:
    """Messages that nobody has reported, remediated at these times."""
    items = [Evidence(f"new {n}", when, "s", Remedy.SOFT_DELETE, when, when) for n, when in enumerate(state_times)]
    return Finding.of("ann@contoso.com", tuple(items))


def test_a_record_too_large_loses_its_oldest_messages(place: LedgerPlace) -> None:
    """It is written, and so are others; what it has lost counts as reported by its time, what is newer does not."""
    large, other = bombed(), record("bob@contoso.com")
    place.open().confirm([], [large, other])
    loaded = place.open().load()
    assert loaded.damaged == ()
    assert loaded.records["bob@contoso.com"] == other
    kept = loaded.records["ann@contoso.com"]
    assert MANY / 2 < len(kept.reported) < MANY
    oldest = min(kept.reported.values())
    assert kept.reported == {key: day for key, day in large.reported.items() if day >= oldest}
    assert kept.reported_before == midnight(oldest)
    assert replace(kept, reported=large.reported, reported_before=None) == large
    edge = midnight(oldest)
    new = new_messages(_finding(edge - timedelta(seconds=1), edge, NOW), kept)
    assert [item.state_time for item in new] == [edge, NOW]


def test_a_record_that_keeps_growing_is_written_each_day(roomy_place: LedgerPlace) -> None:
    """Day by day 20,000 more: every write succeeds, whoever writes; the cut only moves on, and the newest are kept."""
    kept, edge = bombed(LARGEST // 9, days=30), None
    for day in range(1, 3):
        more = bombed(20_000, days=1, seed=day + 1).reported
        grown = replace(kept, reported={**kept.reported, **dict.fromkeys(more, TODAY + day)})
        roomy_place.open().confirm([], [grown])
        kept = roomy_place.open().load().records["ann@contoso.com"]
        assert more.keys() <= kept.reported.keys()
        assert kept.reported_before is not None
        assert edge is None or kept.reported_before >= edge
        edge = kept.reported_before


def test_a_day_too_large_for_a_row_is_cut(roomy_place: LedgerPlace) -> None:
    """When all were seen on one day, some of them are kept, and that day counts as reported."""
    large = bombed(days=1)
    roomy_place.open().confirm([], [large])
    kept = roomy_place.open().load().records["ann@contoso.com"]
    assert 0 < len(kept.reported) < MANY
    assert kept.reported.items() <= large.reported.items()
    assert kept.reported_before == midnight(TODAY + 1)


def test_a_later_cut_stays(roomy_place: LedgerPlace) -> None:
    """What counted as reported before the cut still does."""
    later = NOW - timedelta(hours=1)
    roomy_place.open().confirm([], [bombed(reported_before=later)])
    assert roomy_place.open().load().records["ann@contoso.com"].reported_before == later


def test_the_loss_is_logged_without_an_address(roomy_place: LedgerPlace, caplog: pytest.LogCaptureFixture) -> None:
    """How many messages were lost, and since when, is in the log; whose they were is not."""
    roomy_place.open().confirm([], [bombed()])
    kept = roomy_place.open().load().records["ann@contoso.com"]
    assert f"messages={MANY - len(kept.reported)} before={kept.reported_before}" in caplog.text
    assert "ann@" not in caplog.text


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 90),
    st.integers(600, 4_000),
)
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
        assert midnight(large.reported[key] + 1) <= kept.reported_before
        assert all(large.reported[key] <= day for day in kept.reported.values())


def test_an_adopted_episode_keeps_the_cut() -> None:
    """What a shortened record counts as reported by its time stays so in the next episode's record."""
    policy = Policy(WORKSPACE, 10, 50, 2, 100, 30, excluded=lambda _: False)
    old = record(reported_before=NOW - timedelta(days=1))
    assert old.incident is not None
    for modified, expected in ((NOW - timedelta(days=9), old.reported_before), (NOW, NOW)):
        incident = replace(old.incident, modified=modified)
        adopted = adopt("ann@contoso.com", None, incident, 2, policy, NOW, record=old)
        assert adopted.reported_before == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_recipients_flood_stops_nobody_elses_finding(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, place: LedgerPlace
) -> None:
    """A record at its largest and thousands of new messages for it: the sweep tells both its owner's and all others."""
    monkeypatch.setattr("shared.ledger.open_ledger", _opened(place))
    mail = Mail(tenant.clock.now(), seed=1)
    for _ in range(12):
        mail.add("ann@contoso.com", SOFT, mail.ago(0.1))
    tenant.cloud.append("EmailEvents", mail.events)
    assert facts(tenant.sweep())["created"] == 1
    ledger = _opened(place)(None, None)
    known = ledger.load().records["ann@contoso.com"]
    today = day_number(tenant.clock.now())
    chance = random.Random(2)
    full = {chance.getrandbits(64): today - n % 60 for n in range(273_000)}  # as many as just fit
    ledger.confirm([], [replace(known, reported={**known.reported, **full})])
    assert _opened(place)(None, None).load().records["ann@contoso.com"].reported_before is None
    tenant.clock.advance(days=1)
    mail = Mail(tenant.clock.now(), seed=2)
    for who, many in (("ann@contoso.com", 4_000), ("bob@contoso.com", 12)):
        for _ in range(many):
            mail.add(who, SOFT, mail.ago(0.1))
    tenant.cloud.append("EmailEvents", mail.events)
    assert facts(tenant.sweep()) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 2, "created": 1, "commented": 1, "raised": 1,
        "standing": 1, "told": 2,
    }  # fmt: skip
    kept = _opened(place)(None, None).load().records["ann@contoso.com"]
    assert kept.reported_before is not None
    assert kept.reported_before.date() < date.fromordinal(tenant.clock.now().date().toordinal() - 30)
    tenant.clock.advance(days=1)
    assert "commented" not in facts(tenant.sweep())


def _opened(place: LedgerPlace) -> Callable[..., Ledger]:
    """What opens the ledger of the small Azure's workspace on this place."""
    return lambda _settings, _credential, read_only=False, **_: place.open(
        read_only=read_only, workspace=WORKSPACE_RESOURCE_ID
    )
