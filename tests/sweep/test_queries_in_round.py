"""Queries of many workspaces: by whichever way answers, patient with a busy service, and short."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.model import ALONE, RoundEntry
from tests.cloud.faults import Fault
from tests.cloud.wire import Request
from tests.support.days import Days

WHO = "a@contoso.com"
COVERAGE = "let Slots = Sorted"
OWN_CLOSED: dict[str, Any] = {"service": "log_analytics", "times": None}
ARM_CLOSED: dict[str, Any] = {"service": "sentinel", "method": "POST", "match": "/query?", "times": None}


@pytest.fixture
def in_round(days: Days) -> Days:
    """A tenant that is swept in a round, with one finding."""
    days.tenant.entry = RoundEntry("contoso", "2026-11-24T06:00Z", days.tenant.clock.now())
    days.mail(WHO, 12)
    return days


def ways_asked(days: Days, since: int = 0) -> list[str]:
    """By which way each query went."""
    return [
        "api" if each.service == "log_analytics" else "arm"
        for each in days.tenant.cloud.log[since:]
        if each.service == "log_analytics" or (each.service == "sentinel" and each.method == "POST")
    ]


@pytest.mark.parametrize("status", [403, *(pytest.param(status, marks=pytest.mark.slow) for status in (401, 404))])
def test_a_delegated_workspace_is_asked_by_its_arm_path(in_round: Days, status: int) -> None:
    """Its own address is closed: the sweep ends as any other, the way is kept, and asked first the next time."""
    cloud = in_round.tenant.cloud
    cloud.faults.add(Fault(status=status, **OWN_CLOSED))
    found = in_round.sweep()
    assert (found["event"], found["created"], found["told"]) == ("sweep_completed", 1, 1)
    assert ways_asked(in_round)[0] == "api"
    assert in_round.last is not None
    assert in_round.last.receipt.requests["sentinel"] < 10, "queries are counted as queries"
    before = len(cloud.log)
    assert in_round.sweep()["event"] == "sweep_completed"
    assert set(ways_asked(in_round, before)) == {"arm"}


@pytest.mark.slow
def test_the_other_way_is_the_fallback_when_the_known_one_closes(in_round: Days) -> None:
    """The role was granted on the one and taken from the other: one sweep finds out, the next one knows."""
    cloud = in_round.tenant.cloud
    cloud.faults.add(Fault(status=403, **OWN_CLOSED))
    in_round.sweep()
    in_round.well()
    cloud.faults.add(Fault(status=403, **ARM_CLOSED))
    assert in_round.sweep()["event"] == "sweep_completed"
    before = len(cloud.log)
    in_round.sweep()
    assert set(ways_asked(in_round, before)) == {"api"}


@pytest.mark.slow
def test_the_arm_path_is_asked_with_arms_own_token_and_the_same_limits(in_round: Days) -> None:
    """The audience is ARM's, the time-out is passed on, and no redirect is followed."""
    cloud = in_round.tenant.cloud
    cloud.faults.add(Fault(status=403, **OWN_CLOSED))
    in_round.sweep()
    asked = [each for each in cloud.log if each.service == "sentinel" and each.method == "POST"]
    assert {each.status for each in asked} == {200, 400}, "a missing table is told as ever"
    assert {each.headers["prefer"] for each in asked} == {"wait=180"}
    cloud.faults.clear()
    cloud.faults.add(Fault(status=403, **OWN_CLOSED), Fault(status=302, headers={"Location": "/x"}, **ARM_CLOSED))
    assert in_round.sweep()["event"] == "sweep_failed"
    assert "redirects are not followed" in in_round.causes


def test_a_single_workspace_has_one_way(days: Days) -> None:
    """Without entries a refusal is a refusal, and nothing is asked by ARM."""
    days.tenant.entry = ALONE
    days.tenant.cloud.faults.add(Fault(status=403, **OWN_CLOSED))
    assert days.sweep()["event"] == "sweep_failed"
    assert "arm" not in ways_asked(days)


def busy_service(after: int | None, times: int | None) -> Fault:
    """The service has too many queries, and may say when to come back."""
    headers = {} if after is None else {"Retry-After": str(after)}
    return Fault(service="log_analytics", containing=COVERAGE, status=429, headers=headers, times=times)


def test_a_busy_service_is_waited_for(in_round: Days) -> None:
    """Twelve times 429 use up no attempt; what Retry-After asks is waited, and the receipt counts the retries."""
    clock = in_round.tenant.clock
    in_round.tenant.cloud.faults.add(busy_service(40, 12))
    assert in_round.sweep()["event"] == "sweep_completed"
    assert in_round.last is not None
    assert in_round.last.receipt.retries == 12
    assert clock.sleeps == [40.0] * 12


def test_by_hand_a_busy_service_is_given_up_as_ever(in_round: Days) -> None:
    """Five attempts in two minutes."""
    in_round.tenant.entry = RoundEntry("contoso")
    in_round.tenant.cloud.faults.add(busy_service(40, 12))
    assert in_round.sweep()["event"] == "sweep_failed"
    assert in_round.tenant.clock.slept <= 120


@pytest.mark.parametrize("after", [0, pytest.param(45, marks=pytest.mark.slow)])
def test_a_service_that_stays_busy_is_given_up_before_the_budgets_end(in_round: Days, after: int) -> None:
    """Never asked in a busy loop, with a fifth left for what follows; the cause is the service's: it is tried again."""
    in_round.tenant.settings["SWEEP_BUDGET_SECONDS"] = "600"
    in_round.tenant.cloud.faults.add(busy_service(after, None))
    assert in_round.sweep()["event"] == "sweep_failed"
    assert in_round.causes.startswith("log_analytics_throttled")
    assert in_round.last is not None
    assert 400 < in_round.last.receipt.seconds <= 480
    assert min(in_round.tenant.clock.sleeps) >= 1.0


def test_an_error_after_a_wait_has_its_own_attempts(in_round: Days) -> None:
    """A 429 leaves the attempts of another failure as they are: five, in the two minutes after it."""
    down = Fault(service="log_analytics", containing=COVERAGE, status=503, times=None)
    in_round.tenant.cloud.faults.add(busy_service(300, 3), down)
    assert in_round.sweep()["event"] == "sweep_failed"
    assert in_round.causes.startswith("log_analytics_unavailable")
    assert (down.hits, in_round.tenant.clock.sleeps[:3]) == (5, [300.0] * 3)


def slow_query(days: Days, containing: str) -> Fault:
    """A query that runs into the time that it asked for."""

    def passes(request: Request) -> None:
        days.tenant.clock.advance(seconds=int(request.headers["prefer"].removeprefix("wait=").partition(",")[0]))

    return Fault(service="log_analytics", containing=containing, status=504, then=passes, times=1)


def test_a_slow_query_is_split_after_three_minutes(in_round: Days) -> None:
    """The hunt by recipients, the coverage by days: each is asked once for 180 s, then in two parts."""
    whole = in_round.tenant.sweep(DRY_RUN="true").receipt
    began = in_round.tenant.clock.monotonic()
    in_round.tenant.cloud.faults.add(slow_query(in_round, COVERAGE), slow_query(in_round, "let Parts = long(1);"))
    found = in_round.sweep()
    assert (found["event"], found["created"]) == ("sweep_completed", 1)
    assert in_round.tenant.clock.monotonic() - began == 2 * 180
    assert in_round.last is not None
    assert in_round.last.receipt.coverage is not None
    assert in_round.last.receipt.coverage == whole.coverage
    asked = [each for each in in_round.tenant.cloud.log if COVERAGE in json.loads(each.body or b"{}").get("query", "")]
    assert len(asked) == 1 + 1 + 2


def test_outside_of_a_round_a_query_has_as_long_as_the_service_allows(in_round: Days) -> None:
    """Ten minutes, and coverage in one piece."""
    in_round.tenant.entry = RoundEntry("contoso")
    in_round.tenant.cloud.faults.add(slow_query(in_round, COVERAGE))
    assert in_round.sweep()["event"] == "sweep_failed"
    prefer = [each.headers["prefer"] for each in in_round.tenant.cloud.log if each.service == "log_analytics"]
    assert prefer[0] == "wait=600"
