"""Every status and every network fault, for every kind of request: what is sent, and how it ends.

The expectations are written down here by hand, cell by cell; nothing is read from the code.
"""

from collections.abc import Callable, Iterator

import pytest

from shared.errors import SweepError
from shared.http.client import Limits
from shared.incidents.port import Ended
from tests.cloud import Fault, Wire
from tests.support.clients import CARD, INCIDENT, Clients, connected, incident_body

KQL = "EmailEvents | count"
COLUMNS = ("log_analytics", "graph", "arm_get", "arm_put", "teams")

# What is done after each answer.
#   final          one request, and it failed
#   retry          five requests in all
#   once, twice    repeated so many times
#   fresh          once more with a fresh token
#   answer         asked twice, and it is an answer
#   done           one request, and it did what it should
#   read           before each further attempt it is read whether the effect is there; five attempts in all
#   decide         the same, but three more attempts at most
TABLE: dict[str, tuple[str, str, str, str, str]] = {
    #              Log Analytics Graph    ARM GET   ARM PUT   Teams
    "no connection": ("retry", "retry", "retry", "retry", "retry"),
    "broken handshake": ("retry", "retry", "retry", "retry", "retry"),
    "dropped": ("once", "once", "retry", "read", "final"),
    "hung": ("once", "once", "retry", "read", "final"),
    "truncated": ("once", "once", "retry", "read", "done"),
    "html": ("once", "once", "once", "read", "final"),
    "broken json": ("once", "once", "once", "read", "done"),
    "400": ("final", "final", "final", "final", "final"),
    "401": ("fresh", "fresh", "fresh", "fresh", "final"),
    "403": ("final", "final", "final", "final", "final"),
    "404": ("final", "final", "answer", "final", "final"),
    "404 html": ("final", "final", "retry", "final", "final"),
    "404 empty": ("final", "final", "retry", "final", "final"),
    "408": ("retry", "retry", "retry", "read", "retry"),
    "429": ("retry", "retry", "retry", "read", "retry"),
    "409": ("final", "final", "final", "decide", "final"),
    "412": ("final", "final", "final", "decide", "final"),
    "413": ("final", "final", "final", "final", "final"),
    "502": ("retry", "retry", "retry", "read", "final"),
    "504": ("twice", "twice", "retry", "read", "final"),
    "other 5xx": ("retry", "retry", "retry", "read", "retry"),
    "other": ("final", "final", "final", "final", "final"),
}
REQUESTS = {"final": 1, "answer": 2, "done": 1, "once": 2, "fresh": 2, "twice": 3, "retry": 5, "read": 5, "decide": 4}
METHODS = {"log_analytics": "POST", "graph": "POST", "arm_get": "GET", "arm_put": "PUT", "teams": "POST"}


def _expected(answer: str, column: str) -> str:
    """The cell of the table for a status or a named fault."""
    if answer not in TABLE:
        answer = "other 5xx" if answer.startswith("5") else "other"
    return TABLE[answer][COLUMNS.index(column)]


def service_of(column: str) -> str:
    """The small Azure's name for the service."""
    return "sentinel" if column.startswith("arm") else column


@pytest.fixture(scope="module")
def azure() -> Iterator[Clients]:
    """One small Azure for all the statuses, with answers waited for a fifth of a second."""
    with pytest.MonkeyPatch.context() as patch, connected(patch, limits=Limits(read=0.2)) as clients:
        yield clients


def _ask(azure: Clients, column: str) -> str:
    """Send one request; how it ended."""
    try:
        if column == "log_analytics":
            azure.workspace.ask(KQL)
        elif column == "graph":
            azure.graph.ask(KQL)
        elif column == "arm_get":
            return "answer" if azure.sentinel.read(INCIDENT) is None else "done"
        elif column == "arm_put":
            attempt = azure.sentinel.create(INCIDENT, incident_body())
            failed = attempt.ended in (Ended.DUE, Ended.REFUSED)
            assert (attempt.error is not None) is failed
            return "failed" if failed else "done"
        else:
            azure.webhook.post(CARD)
    except SweepError as error:
        return "failed" if error.service == service_of(column) else f"blamed on {error.service}"
    return "done"


def _check(azure: Clients, answer: str, column: str, *, effect: bool = False) -> None:
    """One request met by this answer for ever behaves as the table says; with `effect` it was carried out each time."""
    cell = _expected(answer, column)
    before = azure.http.requests[service_of(column)]
    retried = azure.http.retries
    tokens = len(azure.sent("identity"))
    ended = _ask(azure, column)
    sent = azure.http.requests[service_of(column)] - before
    if column == "arm_put":
        if effect and cell in ("read", "decide"):
            assert (ended, azure.methods()) == ("done", "GET PUT GET"), (answer, column)
            return
        tries = REQUESTS[cell]
        assert (ended, sent) == ("failed", 2 * tries), (answer, column)
        assert azure.http.retries - retried == tries - 1, (answer, column)
        if azure.sent("sentinel"):
            assert azure.methods() == " ".join(["GET PUT"] * tries), (answer, column)
    else:
        how = {"answer": "answer", "done": "done"}.get(cell, "failed")
        assert (ended, sent) == (how, REQUESTS[cell]), (answer, column)
    if cell == "fresh":
        assert len(azure.sent("identity")) - tokens >= 1, (answer, column)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_status(azure: Clients, column: str) -> None:
    """Each status from 300 to 599 is tried again as the rules say."""
    for status in range(300, 600):
        azure.forget()
        azure.cloud.faults.add(
            Fault(service=service_of(column), method=METHODS[column], status=status, times=None, effect=False)
        )
        _check(azure, str(status), column)


HTML = "<html><body>The service is unavailable</body></html>"
ON_THE_WIRE: dict[str, Callable[[bool], Fault]] = {
    "dropped": lambda effect: Fault(wire=Wire.DROP, times=None, effect=effect),
    "hung": lambda effect: Fault(wire=Wire.HANG, times=None, effect=effect, seconds=0.3),
    "truncated": lambda effect: Fault(
        wire=Wire.TRUNCATE,
        times=None,
        effect=effect,
        status=None if effect else 200,
        body=None if effect else {"x": "y" * 99},
    ),
    "html": lambda effect: Fault(
        status=200, times=None, effect=effect, body=HTML, headers={"Content-Type": "text/html"}
    ),
    "404 html": lambda effect: Fault(status=404, times=None, effect=effect, body=HTML),
    "404 empty": lambda effect: Fault(status=404, times=None, effect=effect, body=b""),
    "broken json": lambda effect: Fault(status=200, times=None, effect=effect, body='{"properties": {'),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("effect", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("answer", ON_THE_WIRE)
def test_broken_answers(azure: Clients, answer: str, column: str, effect: bool) -> None:
    """An answer that is lost or broken is tried again as the rules say, whether or not the request was carried out."""
    azure.forget()
    if column == "arm_get" and effect:
        azure.sentinel.create(INCIDENT, incident_body())
        azure.cloud.log.clear()
    fault = ON_THE_WIRE[answer](effect)
    fault.service, fault.method = service_of(column), METHODS[column]
    azure.cloud.faults.add(fault)
    _check(azure, answer, column, effect=effect)
    if column == "arm_put":
        assert len(azure.cloud.incidents) == int(effect)


@pytest.mark.parametrize("column", COLUMNS)
def test_no_connection(azure: Clients, column: str) -> None:
    """A service that cannot be reached is tried five times."""
    azure.forget()
    azure.cloud.refuse(service_of(column))
    try:
        unreached(azure, column)
    finally:
        azure.cloud.accept(service_of(column))


@pytest.mark.parametrize("column", COLUMNS)
def test_broken_handshake(azure: Clients, column: str) -> None:
    """A TLS handshake that breaks is tried five times."""
    azure.forget()
    azure.cloud.break_handshakes(service_of(column))
    try:
        unreached(azure, column)
    finally:
        azure.cloud.break_handshakes(service_of(column), 0)


def unreached(azure: Clients, column: str) -> None:
    """Five attempts and a failure. Of a PUT it is the GET before it that finds nobody there."""
    before = azure.http.requests[service_of(column)]
    assert _ask(azure, column) == "failed"
    assert azure.http.requests[service_of(column)] - before == REQUESTS["retry"]


@pytest.mark.parametrize("answer", ["500", "502", "503", "504", "dropped", "429", "408"])
def test_a_put_that_overwrites_loses_nothing(azure: Clients, answer: str) -> None:
    """Where a PUT overwrites instead of answering 409, what an analyst wrote after a lost answer is still there."""
    azure.forget()
    azure.cloud.store.overwrites = True
    try:
        fault = Fault(wire=Wire.DROP, effect=True) if answer == "dropped" else Fault(status=int(answer), effect=True)
        fault.service, fault.method = "sentinel", "PUT"
        fault.then = lambda _: azure.cloud.analyst.assign(INCIDENT)
        azure.cloud.faults.add(fault)
        assert azure.sentinel.create(INCIDENT, incident_body()).ended in (Ended.DONE, Ended.FOUND)
        assert azure.methods() == "GET PUT GET"
        assert azure.cloud.incidents[INCIDENT]["properties"]["owner"]["assignedTo"] == "Ana Lyst"
    finally:
        azure.cloud.store.overwrites = False
