"""What a 404 says: that an incident is gone only ARM itself can say, and has to say it twice."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import NotFound, PartialData
from shared.incidents.port import Ended
from shared.model import Severity
from tests.cloud import Fault
from tests.support.clients import COMMENT, INCIDENT, Clients, incident_body

WORDS = '{"properties": {"message": "Two more messages."}}'


@pytest.fixture
def azure(azure: Clients) -> Clients:
    """A small Azure with an incident, and its clients."""
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    azure.cloud.log.clear()
    return azure


def _missing(body: Any, times: int | None = None) -> Fault:
    """Every GET finds nothing, in these words."""
    return Fault(service="sentinel", method="GET", status=404, times=times, body=body)


NOT_ITS_OWN = [
    b"",
    b"   ",
    "<html>404</html>",
    "not found",
    {},
    [],
    {"statusCode": 404, "message": "Resource not found"},
    {"code": "NotFound", "message": "no route"},
    {"error": "NotFound"},
    {"error": {"message": "The incident was not found."}},
    {"error": {"code": "", "message": "NotFound"}},
    {"error": {"code": 404, "message": "NotFound"}},
    {"error": {"code": "BadGateway", "message": "NotFound"}},
]
ITS_OWN = ["NotFound", "ResourceNotFound", "IncidentNotFound", "notFound", "RESOURCE_NOT_FOUND", "EntityDoesNotExist"]


@pytest.mark.parametrize("body", NOT_ITS_OWN, ids=repr)
def test_another_s_404_is_tried_again_then_due(azure: Clients, body: Any) -> None:
    """A 404 of a gateway says nothing about the incident: five attempts, nothing written, nothing concluded."""
    azure.cloud.faults.add(_missing(body))
    with pytest.raises(PartialData, match="an unexpected response"):
        azure.sentinel.read(INCIDENT)
    assert azure.methods() == "GET GET GET GET GET"
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DUE
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DUE
    assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DUE
    assert not azure.sent("sentinel", "PUT")


def test_another_s_404_that_passes_is_forgotten(azure: Clients) -> None:
    """The next attempt finds the incident."""
    azure.cloud.faults.add(_missing(b"", times=2))
    assert azure.sentinel.read(INCIDENT) is not None
    assert azure.methods() == "GET GET GET"


@pytest.mark.parametrize("code", ITS_OWN)
def test_its_own_404_counts_twice(azure: Clients, code: str) -> None:
    """ARM's own code, and a second time: the incident is gone."""
    azure.cloud.faults.add(_missing({"error": {"code": code, "message": f"'{INCIDENT}'"}}))
    assert azure.sentinel.read(INCIDENT) is None
    assert azure.methods() == "GET GET"
    assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.GONE


def test_its_own_404_once_is_not_enough(azure: Clients) -> None:
    """One 404 of a replica that lags behind deletes nothing, in no effect."""
    body = {"error": {"code": "NotFound", "message": "x"}}
    azure.cloud.faults.add(_missing(body, times=1))
    assert azure.sentinel.read(INCIDENT) is not None
    azure.cloud.faults.add(_missing(body, times=1))
    assert azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).ended is Ended.DONE
    azure.cloud.faults.clear()
    azure.cloud.faults.add(
        _missing(body, times=2),  # the comment's own, and the incident's after the PUT
        Fault(service="sentinel", method="PUT", status=404, times=1, body=body),
    )
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DUE


def test_before_a_creation_once_is_enough(azure: Clients) -> None:
    """A PUT without an etag overwrites nothing, so a new incident costs two requests."""
    assert azure.sentinel.create(COMMENT, incident_body()).ended is Ended.DONE
    assert azure.methods() == "GET PUT"


@pytest.mark.parametrize("body", [b"", "<html>404</html>", {"error": {"code": "Nothing", "message": "x"}}], ids=repr)
def test_a_put_s_404_of_another_is_not_about_the_incident(azure: Clients, body: Any) -> None:
    """It is due, and says that the way there is broken."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=404, times=None, body=body))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, NotFound)
    assert not attempt.error.itself
