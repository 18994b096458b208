"""Sentinel's own clock: read from its answers, and never a reason to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.incidents.port import Ended
from shared.incidents.service_time import ServiceTime
from tests.cloud import Fault
from tests.support.clients import COMMENT, INCIDENT, Clients, connected, incident_body
from tests.support.clock import START, FakeClock

AHEAD = timedelta(hours=3, seconds=2)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure whose clock is three hours ahead of ours."""
    clock = FakeClock()
    with connected(monkeypatch, clock=clock, cloud_clock=lambda: clock.now() + AHEAD) as clients:
        yield clients


def test_sentinel_s_time_is_known_from_its_answers(azure: Clients) -> None:
    """It is that of the last answer and what has passed since, whatever our own clock says."""
    sentinel = azure.sentinel
    assert (sentinel.time(), sentinel.skew()) == (None, None)
    assert sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    assert sentinel.time() == START + AHEAD
    azure.clock.advance(minutes=5)
    assert sentinel.time() == START + AHEAD + timedelta(minutes=5)
    assert sentinel.skew() == -AHEAD.total_seconds()


def test_a_comment_is_made_after_its_note_by_one_clock(azure: Clients) -> None:
    """The creation time that Sentinel gives a comment is not before the time we noted for it."""
    sentinel = azure.sentinel
    sentinel.create(INCIDENT, incident_body())
    azure.clock.advance(seconds=7)
    noted = sentinel.time()
    assert noted is not None
    made = sentinel.comment(INCIDENT, COMMENT, '{"properties": {"message": "m"}}').made
    assert made is not None
    assert made >= noted


@pytest.mark.parametrize("call", ["list", "workspace", "read", "find"])
def test_every_good_answer_tells_the_time(azure: Clients, call: str) -> None:
    """A list and a single resource tell it, a question as well as an effect."""
    azure.sentinel.create(INCIDENT, incident_body())
    azure.sentinel.comment(INCIDENT, COMMENT, '{"properties": {"message": "m"}}')
    sentinel = azure.sentinel  # a new client, which knows no time
    calls: dict[str, Callable[[], object]] = {
        "list": lambda: list(sentinel.changed(None)),
        "workspace": sentinel.workspace_guid,
        "read": lambda: sentinel.read(INCIDENT),
        "find": lambda: sentinel.find_comment(INCIDENT, COMMENT),
    }
    assert sentinel.time() is None
    calls[call]()
    assert sentinel.time() == START + AHEAD


def test_a_gateway_s_page_does_not_tell_sentinel_s_time(azure: Clients) -> None:
    """A refusal in Sentinel's place has a clock of its own."""
    headers = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
    azure.cloud.faults.add(Fault(service="sentinel", status=502, body="<html>", headers=headers, times=None))
    sentinel = azure.sentinel
    assert sentinel.create(INCIDENT, incident_body()).ended is Ended.DUE
    assert sentinel.time() is None


BAD = [
    "", " ", "yesterday", "Tue", "Tue, 24 Nov", "Tue, 99 Nov 2026 06:00:00 GMT", "Tue, 24 Nov 2026 25:00:00 GMT",
    "Tue, 24 Nov 2026 06:00:00 +9999999999", "Fri, 31 Dec 9999 23:59:59 -2359", "1764000000", ",,,", "\x00",
    "٢٤ Nov 2026",
]  # fmt: skip


@pytest.mark.parametrize("header", BAD)
def test_a_malformed_date_changes_nothing(header: str) -> None:
    """What is no date is passed over, and the time known before stands."""
    clock = FakeClock()
    time = ServiceTime(clock)
    time.note(header)
    assert (time.now(), time.skew()) == (None, None)
    time.note("Tue, 24 Nov 2026 06:00:05 GMT")
    clock.advance(seconds=2)
    time.note(header)
    time.note(None)
    assert time.now() == START + timedelta(seconds=7)
    assert time.skew() == -5.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Tue, 24 Nov 2026 06:00:05 GMT", 5),
        ("Tue, 24 Nov 2026 07:00:05 +0100", 5),
        ("Tue, 24 Nov 2026 06:00:05 -0000", 5),
        ("Tuesday, 24-Nov-26 06:00:05 GMT", 5),
        ("Tue Nov 24 06:00:05 2026", 5),
    ],
)
def test_a_date_is_read_in_every_form(header: str, seconds: int) -> None:
    """The three forms that HTTP allows, with or without a zone, are the same time."""
    time = ServiceTime(FakeClock())
    time.note(header)
    assert time.now() == START + timedelta(seconds=seconds)


def test_the_end_of_time_is_no_error() -> None:
    """A date after which no time can pass gives no time."""
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    time = ServiceTime(clock)
    time.note("Fri, 31 Dec 9999 23:59:59 GMT")
    clock.advance(seconds=2)
    assert (time.now(), time.skew()) == (None, None)
