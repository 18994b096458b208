"""Comments: each is made once, whoever made it and whatever is answered, and it is known when it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import NotFound, PartialData, Rejected, Unavailable
from shared.incidents.arm import NO_TIME
from shared.incidents.port import Ended
from tests.cloud import Fault, Wire
from tests.cloud.wire import Request
from tests.support.clients import COMMENT, INCIDENT, Clients, connected, incident_body
from tests.support.clock import START

WORDS = json.dumps({"properties": {"message": "Two more messages."}})


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure with an incident, and its clients."""
    with connected(monkeypatch) as clients:
        assert clients.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
        clients.clock.advance(hours=1)
        clients.cloud.log.clear()
        yield clients


def comments(azure: Clients) -> list[str]:
    """The incident's comments as they are stored."""
    return [comment["properties"]["message"] for comment in azure.cloud.comments[INCIDENT]]


def _write(azure: Clients) -> None:
    """Have the comment there, made by somebody else just now."""
    azure.cloud.store.put_comment(INCIDENT, COMMENT, json.loads(WORDS))


def test_a_comment_is_written_once(azure: Clients) -> None:
    """The first call makes it, a second one finds it; both know when Sentinel made it."""
    made = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert (made.ended, made.made) == (Ended.DONE, START + timedelta(hours=1))
    azure.clock.advance(hours=2)
    found = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert (found.ended, found.made) == (Ended.FOUND, made.made)
    assert azure.methods() == "GET PUT GET"
    assert comments(azure) == ["Two more messages."]


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("status", [None, 500, 504, 408])
def test_a_lost_answer_is_looked_up(azure: Clients, status: int | None, effect: bool) -> None:
    """Whatever the answer to the PUT, with or without its effect, the comment is there once, and by this call."""
    wire = Wire.DROP if status is None else Wire.ANSWER
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=status, wire=wire, effect=effect))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert attempt.ended is Ended.DONE
    assert attempt.made is not None
    assert comments(azure) == ["Two more messages."]


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_is_decided_anew(azure: Clients, status: int) -> None:
    """After a conflict about the incident the comment is made; after one about the comment it is found."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=status))
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DONE
    azure.cloud.comments[INCIDENT].clear()
    azure.cloud.faults.add(
        Fault(service="sentinel", method="GET", effect=True, then=lambda _: _write(azure)),
    )
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.FOUND
    assert comments(azure) == ["Two more messages."]


@pytest.mark.parametrize("body", [{"ok": True}, {"name": COMMENT}, {"name": "", "properties": {}}], ids=repr)
def test_an_answer_that_is_no_comment_is_not_believed(azure: Clients, body: dict[str, Any]) -> None:
    """After a PUT it is looked up; for a GET it is an error, and nothing is taken for done."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=201, body=body, effect=True))
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DONE
    assert azure.methods() == "GET PUT GET"
    azure.cloud.comments[INCIDENT].clear()
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=200, body=body, times=None))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, PartialData)
    assert not attempt.in_doubt
    with pytest.raises(PartialData, match="a comment without"):
        azure.sentinel.find_comment(INCIDENT, COMMENT)
    assert comments(azure) == []


def test_an_attempt_without_a_certain_answer_is_in_doubt(azure: Clients) -> None:
    """A comment that is due says whether it may have been made, whichever attempt that was."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=Wire.DROP))
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=503, after=1, times=None))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert (attempt.ended, attempt.in_doubt) == (Ended.DUE, True)
    azure.forget()
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=503, times=None))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert (attempt.ended, attempt.in_doubt) == (Ended.DUE, False)


def test_a_comment_on_a_deleted_incident_is_gone(azure: Clients) -> None:
    """GONE only when the incident's own GET says 404; a 404 for the PUT alone leaves it due."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=404, times=None))
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, NotFound)
    azure.cloud.faults.clear()
    azure.cloud.analyst.delete(INCIDENT)
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.GONE


def test_a_full_incident_refuses(azure: Clients) -> None:
    """A comment that the incident has no room for is refused, with the reason."""
    for number in range(100):
        azure.cloud.analyst.comment(INCIDENT, f"number {number}")
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert attempt.ended is Ended.REFUSED
    assert isinstance(attempt.error, Rejected)


def test_a_comment_is_found_by_its_id(azure: Clients) -> None:
    """It is there since the service's own time, which our clock does not move; or it is not there."""
    assert azure.sentinel.find_comment(INCIDENT, COMMENT) is None
    _write(azure)
    azure.clock.advance(days=1)
    assert azure.sentinel.find_comment(INCIDENT, COMMENT) == START + timedelta(hours=1)
    azure.cloud.analyst.delete(INCIDENT)
    assert azure.sentinel.find_comment(INCIDENT, COMMENT) is None
    assert "PUT" not in azure.methods()


@pytest.mark.parametrize("time", [None, "yesterday", 7, "2026-13-01T00:00:00Z"])
def test_a_comment_without_a_time_is_there(azure: Clients, time: object) -> None:
    """A comment whose creation time cannot be read is there since ever, and is not made again."""
    _write(azure)
    azure.cloud.comments[INCIDENT][0]["properties"]["createdTimeUtc"] = time
    found = azure.sentinel.find_comment(INCIDENT, COMMENT)
    assert found == NO_TIME == datetime.min.replace(tzinfo=UTC)
    attempt = azure.sentinel.comment(INCIDENT, COMMENT, WORDS)
    assert (attempt.ended, attempt.made) == (Ended.FOUND, None)


def test_one_404_of_a_replica_is_not_enough(azure: Clients) -> None:
    """A comment is not there when ARM says so twice."""
    _write(azure)
    azure.cloud.faults.add(Fault(service="sentinel", method="GET", status=404))
    assert azure.sentinel.find_comment(INCIDENT, COMMENT) is not None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(service="sentinel", status=404, body=b"", times=None), PartialData),
        (Fault(service="sentinel", status=503, times=None), Unavailable),
        (
            Fault(service="sentinel", status=404, body={"error": {"code": "ResourceGroupNotFound"}}, times=None),
            NotFound,
        ),
    ],
    ids=["gateway", "down", "group"],
)
def test_what_cannot_be_looked_up_is_no_missing_comment(azure: Clients, fault: Fault, error: type[Exception]) -> None:
    """A gateway's 404, a fault, or a missing resource group says nothing about the comment."""
    _write(azure)
    azure.cloud.faults.add(fault)
    with pytest.raises(error):
        azure.sentinel.find_comment(INCIDENT, COMMENT)


def test_an_analyst_who_edits_meanwhile_loses_nothing(azure: Clients) -> None:
    """Where the answer is lost and an analyst rewrites the comment, the words of the analyst stay."""

    def rewrite(_: Request) -> None:
        azure.cloud.comments[INCIDENT][0]["properties"]["message"] = "mine"

    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", wire=Wire.DROP, effect=True, then=rewrite))
    assert azure.sentinel.comment(INCIDENT, COMMENT, WORDS).ended is Ended.DONE
    assert comments(azure) == ["mine"]
