"""No secret shows, whatever fails: not in a log at DEBUG, not in an exception, not in what hangs on one."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from azure.core.exceptions import AzureError

from shared.errors import SweepError
from shared.http.client import Limits
from shared.logs import quiet
from shared.model import Severity
from tests.cloud import Fault, Wire
from tests.support.clients import CARD, COMMENT, INCIDENT, Clients, connected, incident_body

WORDS = json.dumps({"properties": {"message": "x"}})

# Everything that sends a request; the service whose trouble it is put to.
CALLS: dict[str, tuple[str, Callable[[Clients], object]]] = {
    "log_analytics": ("log_analytics", lambda azure: azure.workspace.ask("EmailEvents | count")),
    "graph": ("graph", lambda azure: azure.graph.ask("EmailEvents | count")),
    "workspace": ("sentinel", lambda azure: azure.sentinel.workspace_guid()),
    "list": ("sentinel", lambda azure: list(azure.sentinel.changed(None))),
    "read": ("sentinel", lambda azure: azure.sentinel.read(INCIDENT)),
    "create": ("sentinel", lambda azure: azure.sentinel.create(INCIDENT, incident_body()).error),
    "comment": ("sentinel", lambda azure: azure.sentinel.comment(INCIDENT, COMMENT, WORDS).error),
    "escalate": ("sentinel", lambda azure: azure.sentinel.escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).error),
    "card": ("teams", lambda azure: azure.webhook.post(CARD)),
    "token": ("identity", lambda azure: azure.sentinel.read(INCIDENT)),
    "sdk token": ("identity", lambda azure: azure.credential.get_token_info("https://management.azure.com/.default")),
}
HTML = "<html>"
TROUBLE: dict[str, Callable[[str], Fault]] = {
    **{
        f"{status}": lambda echo, status=status: Fault(status=status, times=None, effect=False, body=echo)  # type: ignore[misc]
        for status in (301, 400, 401, 403, 404, 405, 408, 409, 412, 413, 429, 500, 503, 504)
    },
    "retry-after": lambda echo: Fault(status=429, times=None, body=echo, headers={"Retry-After": "999"}),
    "html": lambda echo: Fault(status=200, times=None, effect=False, body=HTML + echo),
    "broken json": lambda echo: Fault(status=200, times=None, effect=False, body=echo[:-5]),
    "other json": lambda echo: Fault(status=200, times=None, effect=False, body=echo),
    "bad headers": lambda echo: Fault(status=200, times=None, body=echo, headers={"Content-Encoding": "gzip"}),
    "dropped": lambda _: Fault(wire=Wire.DROP, times=None),
    "truncated": lambda _: Fault(wire=Wire.TRUNCATE, times=None),
    "hung": lambda _: Fault(wire=Wire.HANG, times=None, seconds=0.3),
}


@dataclass
class Shown:
    """Everything that could be read by somebody: log lines and exceptions, with all that hangs on them."""

    texts: list[str] = field(default_factory=list)

    def error(self, error: BaseException | None) -> None:
        """Take in an exception, its causes and contexts, and its traceback as a log would print it."""
        seen: set[int] = set()
        todo = [error]
        while todo:
            each = todo.pop()
            if each is None or id(each) in seen:
                continue
            seen.add(id(each))
            todo += [each.__cause__, each.__context__]
            self.texts += [str(each), repr(each), repr(each.args), "".join(traceback.format_exception(each))]
            if isinstance(each, SweepError):
                self.texts += [repr(vars(each)), each.cause]

    def logs(self, records: list[logging.LogRecord]) -> None:
        """Take in log records, formatted and not."""
        formatter = logging.Formatter("%(name)s %(message)s")
        for record in records:
            self.texts += [formatter.format(record), repr(record.args), str(record.exc_text)]
            if record.exc_info:
                self.error(record.exc_info[1])


def secrets(azure: Clients) -> set[str]:
    """What must not show: the webhook's signature, the identity's header, every token used so far."""
    tokens = {each.headers.get("authorization", "").removeprefix("Bearer ") for each in azure.cloud.log}
    return {azure.cloud.webhook.sig, azure.cloud.identity.header, *tokens} - {""}


def _check(azure: Clients, shown: Shown) -> None:
    """No secret is in anything shown, and there was something to look at."""
    assert shown.texts
    for secret in secrets(azure):
        assert len(secret) > 20
        for text in shown.texts:
            assert secret not in text, text


def provoke(azure: Clients, call: Callable[[Clients], object], shown: Shown) -> None:
    """Make the call, and take in the error it ends with, raised or handed back."""
    try:
        ended = call(azure)
    except (SweepError, AzureError) as error:
        shown.error(error)
    else:
        if isinstance(ended, SweepError):
            shown.error(ended)


def echo(azure: Clients) -> str:
    """An error body of a service, or of a proxy, that repeats what it was sent."""
    azure.sentinel.read(INCIDENT)
    token = azure.sent("sentinel")[0].headers["authorization"]
    words = f"POST {azure.cloud.webhook_url} with Authorization: {token} ({token.split()[1]}) was refused"
    return json.dumps({"error": {"code": f"X{token.split()[1]}", "message": words}})


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Clients]:
    """A small Azure whose clients run as at the edge, with the root logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    quiet()
    with connected(monkeypatch, limits=Limits(read=0.2, attempts=2)) as clients:
        yield clients


@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_secret_shows_in_any_trouble(azure: Clients, caplog: pytest.LogCaptureFixture, trouble: str) -> None:
    """Whichever call meets this trouble, neither logs nor errors show a signature, a token or the identity's header."""
    repeated = echo(azure)
    shown = Shown()
    for service, call in CALLS.values():
        azure.cloud.faults.clear()
        azure.credential.renew(azure.credential.generation())
        fault = TROUBLE[trouble]("{}" if service == "identity" else repeated)
        fault.service = service
        azure.cloud.faults.add(fault)
        provoke(azure, call, shown)
    shown.logs(caplog.records)
    _check(azure, shown)


@pytest.mark.parametrize("service", ["identity", "log_analytics", "sentinel", "graph", "teams"])
@pytest.mark.parametrize("way", ["refused", "handshake", "certificate"])
def test_no_secret_shows_without_a_connection(
    azure: Clients, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, service: str, way: str
) -> None:
    """A service that cannot be reached, or whose certificate is not trusted, makes no secret show either."""
    shown = Shown()
    azure.sentinel.read(INCIDENT)
    azure.credential.renew(azure.credential.generation())
    if way == "refused":
        azure.cloud.refuse(service)
    elif way == "handshake":
        azure.cloud.break_handshakes(service)
    else:
        azure.cloud.break_handshakes(service, 0)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    for where, call in CALLS.values():
        if where == service:
            provoke(azure, call, shown)
    if way == "refused":
        azure.cloud.accept(service)
    shown.logs(caplog.records)
    _check(azure, shown)


def test_no_secret_shows_when_all_is_well(azure: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged of a request that went well that could be used to send another."""
    for _, call in CALLS.values():
        call(azure)
    shown = Shown([repr(azure.webhook), repr(azure.http), repr(azure.credential), repr(azure.sentinel)])
    shown.logs(caplog.records)
    _check(azure, shown)


def test_a_webhook_stays_secret_whatever_is_switched_on(azure: Clients, caplog: pytest.LogCaptureFixture) -> None:
    """An operator who sets urllib3's own logger to DEBUG still gets no path of the webhook."""
    before = logging.getLogger("urllib3").level
    try:
        caplog.set_level(logging.DEBUG, logger="urllib3")
        caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
        azure.cloud.faults.add(Fault(service="teams", status=503, times=1, headers={"Odd Header": "1"}))
        azure.webhook.post(CARD)
    finally:
        logging.getLogger("urllib3").setLevel(before)
    shown = Shown(["something"])
    shown.logs(caplog.records)
    _check(azure, shown)
