"""The tries of one round: they share the fuse, repeat no card that Teams may have taken, and write to one workspace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.model import RoundEntry
from tests.cloud.faults import Fault, Wire
from tests.cloud.mail import Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID, Cloud
from tests.support.clients import sign_in_to
from tests.support.clock import FakeClock
from tests.support.days import Days
from tests.support.tenant import Tenant

WHO, OTHER = "a@contoso.com", "b@contoso.com"
TEN_MINUTES = {"minutes": 10}


def begin_round(days: Days, name: str = "2026-11-24T06:00Z") -> None:
    """A round begins now; the sweeps that follow are its tries."""
    days.tenant.entry = RoundEntry("contoso", name, days.tenant.clock.now())


def posts_sent(days: Days) -> int:
    """How many cards were sent, taken or not."""
    return sum(each.service == "teams" for each in days.tenant.cloud.log)


def reason_ids(days: Days) -> list[str]:
    """The ids of the last receipt's reasons."""
    return [line.partition(":")[0] for line in days.causes.splitlines()]


def test_all_tries_of_a_round_share_the_fuse(days: Days) -> None:
    """What a try has made takes the next one's room; another round has room again."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "3"
    for number in range(7):
        days.mail(f"r{number}@contoso.com", 11 + number)
    begin_round(days)
    days.break_writes(containing="r5", status=400)  # one of the first three is refused: another takes its place
    found = days.sweep()
    assert (found["created"], found["held"], found["due"]) == (3, 3, 1)
    assert days.last is not None
    assert (days.last.receipt.workspace_name, days.last.receipt.round) == ("contoso", "2026-11-24T06:00Z")
    days.tenant.clock.advance(**TEN_MINUTES)
    days.well()
    assert days.sweep().get("created") is None
    begin_round(days, "2026-11-25T06:00Z")
    days.tenant.clock.advance(**TEN_MINUTES)
    assert days.sweep()["created"] == 3


def test_the_fuse_is_shared_when_sentinels_clock_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made in this round was made before it began, by Sentinel's clock: it counts all the same."""
    clock = FakeClock()
    with Cloud(clock=lambda: clock.now() - timedelta(minutes=10)) as cloud:
        sign_in_to(cloud.environment, monkeypatch)
        days = Days(Tenant(cloud, clock, tmp_path / "ledger.db", {"MAX_NEW_INCIDENTS": "1"}))
        for number in range(2):
            days.mail(f"r{number}@contoso.com", 11 + number)
        begin_round(days)
        assert [days.sweep().get("created"), days.sweep().get("created")] == [1, None]


def test_a_card_that_teams_may_have_taken_waits_for_the_next_round(days: Days) -> None:
    """Its finding is due and not told again, what is new is told; the next round tells it."""
    days.mail(WHO, 12)
    begin_round(days)
    days.tenant.cloud.faults.add(Fault(service="teams", effect=True, wire=Wire.DROP))
    assert (days.sweep()["due"], reason_ids(days), posts_sent(days)) == (1, ["teams_unanswered"], 1)
    days.tenant.clock.advance(**TEN_MINUTES)
    days.mail(OTHER, 13, days=0.1, after=0.01)
    found = days.sweep()
    assert (found["due"], found["event"], reason_ids(days)) == (1, "sweep_incomplete", ["teams_unanswered"])
    assert (found["told"], posts_sent(days), days.told(OTHER), days.told(WHO)) == (1, 2, 1, 1)
    begin_round(days, "2026-11-25T06:00Z")
    found = days.sweep()
    assert (found["told"], found.get("due"), days.told(WHO)) == (1, None, 2)


@pytest.mark.slow
def test_what_was_surely_refused_in_this_round_is_told_by_its_next_try(days: Days) -> None:
    """A card in doubt from an earlier round, refused for certain in this one, is no card in doubt of this one."""
    days.mail(WHO, 12)
    begin_round(days)
    days.tenant.cloud.faults.add(Fault(service="teams", wire=Wire.DROP), Fault(service="teams", status=403))
    assert days.sweep()["due"] == 1
    begin_round(days, "2026-11-25T06:00Z")
    assert (days.sweep()["due"], reason_ids(days)) == (1, ["teams_forbidden"])
    days.tenant.clock.advance(**TEN_MINUTES)
    assert (days.sweep()["told"], days.told(WHO)) == (1, 1)


@pytest.mark.parametrize("failing", [True, False])
@pytest.mark.slow
def test_a_notice_in_doubt_is_not_repeated_in_its_round(days: Days, failing: bool) -> None:
    """Neither that a sweep failed, nor a heartbeat; the next try of the same round posts nothing in its place."""
    days.tenant.settings["HEARTBEAT_DAYS"] = "1"
    days.mail("quiet@contoso.com", 1, days=0.06)
    begin_round(days)
    if failing:
        days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400, times=None))
    days.tenant.cloud.faults.add(Fault(service="teams", wire=Wire.DROP))
    for _ in range(2):
        days.sweep()
        assert "teams_unanswered" in days.causes or failing
        assert posts_sent(days) == 1
        days.tenant.clock.advance(**TEN_MINUTES)
    begin_round(days, "2026-11-25T06:00Z")
    days.sweep()
    assert posts_sent(days) == 2


@pytest.mark.slow
def test_the_silence_about_a_finding_is_no_sign_of_life(days: Days) -> None:
    """While a finding is not told again, no card says that all is quiet or that the sweep is set up."""
    days.tenant.settings["HEARTBEAT_DAYS"] = "1"
    days.mail(WHO, 12)
    begin_round(days)
    days.tenant.cloud.faults.add(Fault(service="teams", wire=Wire.DROP))
    days.sweep()
    days.tenant.clock.advance(**TEN_MINUTES)
    days.sweep()
    assert posts_sent(days) == 1


def test_a_cause_in_doubt_is_neither_repeated_nor_followed_by_an_all_clear(days: Days) -> None:
    """Our incidents cannot be listed and the card about it is in doubt: no heartbeat, and on no other card again."""
    days.tenant.settings["HEARTBEAT_DAYS"] = "1"
    days.mail("quiet@contoso.com", 1, days=0.06)
    begin_round(days)
    unread = Fault(service="sentinel", method="GET", match="filter", times=None, status=400)
    days.tenant.cloud.faults.add(unread, Fault(service="teams", effect=True, wire=Wire.DROP))
    for _ in range(2):
        assert days.sweep()["event"] == "sweep_incomplete"
        assert posts_sent(days) == 1
        days.tenant.clock.advance(**TEN_MINUTES)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400, times=None))
    days.sweep()
    assert ["could not be listed" in card for card in days.cards] == [True, False]


def break_workspace_read(days: Days, status: int) -> None:
    """The workspace itself cannot be read; its incidents can."""
    match = f"{WORKSPACE_RESOURCE_ID}?api-version"
    days.tenant.cloud.faults.add(Fault(service="sentinel", method="GET", match=match, status=status, times=None))


def asked_or_written(days: Days) -> list[str]:
    """What was asked of the data, or sent to Sentinel."""
    return [
        each.path
        for each in days.tenant.cloud.log
        if each.service == "log_analytics" or (each.service == "sentinel" and each.method != "GET")
    ]


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (403, "workspace_unconfirmed"),
        pytest.param(404, "workspace_unconfirmed", marks=pytest.mark.slow),
        pytest.param(503, "sentinel_unavailable", marks=pytest.mark.slow),
        pytest.param(429, "sentinel_throttled", marks=pytest.mark.slow),
    ],
)
def test_of_many_workspaces_none_is_written_to_unconfirmed(days: Days, status: int, cause: str) -> None:
    """The two ids may be of two customers: nothing is asked or written, and the cause says what to grant."""
    days.mail(WHO, 12)
    begin_round(days)
    break_workspace_read(days, status)
    found = days.sweep()
    assert (found["event"], reason_ids(days), asked_or_written(days)) == ("sweep_failed", [cause], [])
    assert ("Microsoft.OperationalInsights/workspaces/read" in days.causes) == (cause == "workspace_unconfirmed")
    assert days.incident(WHO) is None
    days.well()
    assert days.sweep()["created"] == 1
    break_workspace_read(days, status)
    days.pass_by()
    assert days.sweep()["event"] == "sweep_completed", "confirmed once, it is not asked again"


@pytest.mark.slow
def test_a_single_workspace_is_swept_when_it_cannot_be_confirmed(days: Days) -> None:
    """A role may cover the incidents and not the workspace: a note says so, as before."""
    days.mail(WHO, 12)
    break_workspace_read(days, 403)
    assert days.sweep()["created"] == 1
    assert days.last is not None
    assert any("could not check that the workspace settings" in each for each in days.last.receipt.notes)


def test_cards_of_many_workspaces_are_named_and_lead_nowhere_of_the_providers(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings and notices begin with the entry's name; the log and the workbook are not the customer's to see."""
    monkeypatch.setenv("WEBSITE_SITE_NAME", "the-providers-app")
    monkeypatch.setenv("WEBSITE_OWNER_NAME", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0+providers-rg-WestEuropewebspace")
    days.mail(WHO, 12)
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400))
    days.sweep()
    assert "the-providers-app" in days.cards[-1], "of one workspace it does"
    begin_round(days)
    days.pass_by()
    days.sweep()
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400))
    days.sweep()
    for card, heading in zip(days.cards[1:], ("1 new", "Sweep failed: nothing was checked"), strict=True):
        assert f'"text": "contoso: {heading}"' in card
        assert f'"summary": "contoso: {heading}.' in card
        assert "the-providers-app" not in card
        assert "Workbooks" not in card


def test_on_a_shared_channel_the_round_tells_what_the_sweep_itself_has_to_say(days: Days) -> None:
    """No notice, no heartbeat, and none is noted as told; findings are told by the sweep, causes by its receipt."""
    days.tenant.settings["HEARTBEAT_DAYS"] = "1"
    days.mail("quiet@contoso.com", 1, days=0.06)
    odd = Mail(days.tenant.clock.now())
    odd.add("quiet@contoso.com", "Deleted by whom", odd.ago(0.1))
    days.tenant.cloud.append("EmailEvents", odd.events)
    begin_round(days)
    days.tenant.entry = replace(days.tenant.entry, shares_channel=True)
    assert days.sweep()["event"] == "sweep_completed"
    assert '"Deleted by whom" is in 1 rows' in days.causes
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400, times=None))
    found = days.sweep()
    assert (found["event"], found.get("due"), reason_ids(days)) == ("sweep_failed", None, ["log_analytics_rejected"])
    assert posts_sent(days) == 0
    days.well()
    days.mail(WHO, 12)
    days.break_writes(status=403)
    assert days.sweep()["due"] == 1
    assert reason_ids(days) == ["sentinel_forbidden"]
    named = [card for card in days.cards if WHO in card]
    assert (len(days.cards), len(named)) == (1, 1), "who is not raised is named, the notice about it is the round's"
    days.well()
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=400, times=None))
    days.tenant.entry = replace(days.tenant.entry, shares_channel=False)
    days.sweep()
    assert "Sweep failed" in days.cards[-1], "nothing was counted as told"


def test_refused_creations_use_up_the_tries_of_the_round(days: Days) -> None:
    """Twice MAX_NEW_INCIDENTS are tried in a round, whichever of its sweeps does so."""
    days.tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    days.mail(WHO, 12)
    begin_round(days)
    assert days.sweep()["created"] == 1
    days.tenant.clock.advance(**TEN_MINUTES)
    for number in range(5):
        days.mail(f"refused{number}@contoso.com", 11 + number, days=0.1, after=0.01)
    days.break_writes(containing="refused")
    days.sweep()
    written = [each for each in days.tenant.cloud.log if each.service == "sentinel" and each.method == "PUT"]
    assert len({each.path for each in written}) == 2 * 2
