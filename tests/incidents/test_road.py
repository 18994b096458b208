"""Which failures are about one effect, which are about its form, and which any other call would meet as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import SweepError
from shared.incidents.port import Ended
from shared.incidents.road import of_the_road
from shared.model import Severity
from tests.cloud import Fault
from tests.cloud.faults import Wire
from tests.support.clients import COMMENT, INCIDENT, Clients, connected, incident_body

WORDS = '{"properties": {"message": "Two more messages."}}'
PAGE = "<html><body>Bad request</body></html>"


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure with an incident, and its clients."""
    with connected(monkeypatch) as clients:
        assert clients.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
        clients.cloud.log.clear()
        yield clients


def arm(code: str, message: str = "x") -> dict[str, Any]:
    """An error body as ARM writes it."""
    return {"error": {"code": code, "message": message}}


NOT_ONBOARDED = arm("BadRequest", "Workspace 'soc' is not onboarded to Microsoft Sentinel. Please onboard it.")
NESTED = arm("InternalError", '{"error": {"code": "BadRequest", "message": "description is invalid"}}')


@pytest.mark.parametrize(
    ("status", "body", "ended", "road"),
    [
        (400, arm("BadRequest"), Ended.REFUSED, False),
        (400, arm("InvalidRequestContent"), Ended.REFUSED, False),
        (400, NESTED, Ended.REFUSED, False),
        (413, arm("RequestEntityTooLarge"), Ended.REFUSED, False),
        (413, PAGE, Ended.REFUSED, False),
        (422, arm("UnprocessableEntity"), Ended.REFUSED, False),
        (400, NOT_ONBOARDED, Ended.DUE, True),
        (400, arm("InvalidApiVersionParameter"), Ended.DUE, True),
        (400, arm("InvalidSubscriptionId"), Ended.DUE, True),
        (400, PAGE, Ended.DUE, True),
        (400, b"", Ended.DUE, True),
        (400, {"code": "BadRequest", "message": "a gateway's"}, Ended.DUE, True),
        (400, {"error": "BadRequest"}, Ended.DUE, True),
        (422, PAGE, Ended.DUE, True),
        (405, arm("MethodNotAllowed"), Ended.DUE, False),
        (302, b"", Ended.DUE, True),
        (401, None, Ended.DUE, True),
        (403, None, Ended.DUE, True),
        (404, arm("ResourceGroupNotFound"), Ended.DUE, True),
        (404, PAGE, Ended.DUE, True),
        (409, None, Ended.DUE, False),
        (409, arm("ScopeLocked"), Ended.DUE, True),
        (409, arm("ReadOnlyDisabledSubscription"), Ended.DUE, True),
        (429, None, Ended.DUE, True),
        (500, None, Ended.DUE, True),
        (503, PAGE, Ended.DUE, True),
        (200, PAGE, Ended.DUE, True),
        (201, {"ok": True}, Ended.DUE, False),
    ],
)
def test_what_a_refused_write_says(azure: Clients, status: int, body: Any, ended: Ended, road: bool) -> None:
    """For every effect: whether another form may be taken, and whether any other call would end so."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=status, body=body, times=None))
    for attempt in (
        azure.sentinel.create(COMMENT, incident_body()),
        azure.sentinel.comment(INCIDENT, COMMENT, WORDS),
        azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH),
    ):
        assert attempt.ended is ended
        assert of_the_road(attempt.error) is road
        assert attempt.in_doubt is (status in (200, 201, 500, 503))


def test_a_refused_reading_is_no_refused_effect(azure: Clients) -> None:
    """Only what was sent can be refused: a 400 for the GET before it leaves the effect due."""
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=400, body=arm("BadRequest"), times=None))
    attempt = azure.sentinel.create(COMMENT, incident_body())
    assert attempt.ended is Ended.DUE
    assert not attempt.in_doubt


def test_no_connection_is_of_the_road(azure: Clients) -> None:
    """Neither a refused connection nor a lost answer says anything about the incident."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=Wire.DROP, times=None))
    lost = azure.sentinel.create(COMMENT, incident_body())
    assert (lost.ended, of_the_road(lost.error), lost.in_doubt) == (Ended.DUE, True, True)
    azure.cloud.refuse("sentinel")
    unreached = azure.sentinel.create(COMMENT, incident_body())
    assert (unreached.ended, of_the_road(unreached.error), unreached.in_doubt) == (Ended.DUE, True, False)


def test_an_incident_that_makes_no_sense_is_not_of_the_road(azure: Clients) -> None:
    """One incident without its etag says nothing about the others; no error says nothing at all."""
    body = {"name": INCIDENT, "properties": {"title": "t", "severity": "Medium", "status": "New"}}
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=200, body=body, times=None))
    attempt = azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH)
    assert isinstance(attempt.error, SweepError)
    assert not of_the_road(attempt.error)
    assert not of_the_road(None)


def test_a_refusal_after_a_lost_answer_leaves_the_doubt(azure: Clients) -> None:
    """The first attempt may yet arrive: that the second was refused does not settle it."""
    azure.cloud.faults.add(
        Fault(service="sentinel", method="PUT", wire=Wire.DROP),
        Fault(service="sentinel", method="PUT", status=400, body=arm("BadRequest")),
    )
    attempt = azure.sentinel.create(COMMENT, incident_body())
    assert (attempt.ended, attempt.in_doubt) == (Ended.REFUSED, True)
