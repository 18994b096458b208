"""Not signed in: said as that, in one sentence, whoever needed the token, and without a useless request."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.core.exceptions as ax
import pytest
import tenacity

from shared.app import hunt_options
from shared.clock import Clock
from shared.errors import Call, Service, SignInFailed, SweepError
from shared.http.client import Http
from shared.http.credential import Credential, sign_in
from shared.http.library_errors import from_azure, mapped
from shared.http.retry import Limits
from shared.http.sign_in import DeveloperSignIn
from shared.http.token_cache import REMEMBERED
from shared.incidents.arm import ArmIncidents
from shared.ledger.port import LedgerSignedOut
from shared.ledger.table import TableLedger
from shared.model import Severity
from shared.query.advanced_hunting import AdvancedHunting
from shared.query.log_analytics import Workspace, connect
from tests.cloud import CLIENT_ID, WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Fault, Wire
from tests.support.clients import COMMENT, INCIDENT, Clients, connected, incident_body
from tests.support.clock import FakeClock

AUDIENCE = "https://management.azure.com"
SCOPE = f"{AUDIENCE}/.default"
NOBODY = "00000000-0000-0000-0000-000000000009"
SHORT = Limits(attempts=5, seconds=60.0, connect=0.2, read=0.2)


@dataclass
class SignedIn:
    """Everything that needs a token, signed in by one credential."""

    azure: Clients
    credential: Credential
    http: Http

    def sentinel(self) -> ArmIncidents:
        """The incidents client."""
        settings = self.azure.settings
        return ArmIncidents(self.http, settings.arm, settings.cloud.arm_audience, WORKSPACE_RESOURCE_ID)

    def table(self) -> None:
        """Ask the ledger in Table storage; nothing listens there, for nothing is to be sent."""
        ledger = TableLedger(
            "https://127.0.0.1:1/account", WORKSPACE_RESOURCE_ID, self.credential, clock=self.azure.clock
        )
        try:
            ledger.load()
        finally:
            ledger.close()

    def query(self) -> None:
        """Ask Log Analytics."""
        with connect(hunt_options(self.azure.settings).log_analytics, self.credential) as client:
            Workspace(client, WORKSPACE_ID, self.http).ask("EmailEvents | count")


CLIENTS: dict[str, Callable[[SignedIn], Any]] = {
    "log analytics": lambda of: of.query(),
    "graph": lambda of: AdvancedHunting(hunt_options(of.azure.settings).graph, 30, of.http).ask("EmailEvents | count"),
    "workspace": lambda of: of.sentinel().workspace_guid(),
    "list": lambda of: list(of.sentinel().changed(None)),
    "read": lambda of: of.sentinel().read(INCIDENT),
    "create": lambda of: of.sentinel().create(INCIDENT, incident_body()).error,
    "comment": lambda of: of.sentinel().comment(INCIDENT, COMMENT, incident_body()).error,
    "escalate": lambda of: of.sentinel().escalate(INCIDENT, Severity.MEDIUM, Severity.HIGH).error,
    "ledger": lambda of: of.table(),
    "check": lambda of: of.http.sign_in(AUDIENCE),
    "sdk": lambda of: of.credential.get_token(SCOPE),
}


FIRST = ("log analytics", "graph", "read", "create", "ledger")  # who asks first; all the others ask after it


def failure(clients: SignedIn, name: str) -> Exception:
    """What a client ends with, raised or handed back."""
    try:
        ended = CLIENTS[name](clients)
    except (SweepError, LedgerSignedOut) as error:
        return error
    assert isinstance(ended, SweepError), ended
    return ended


def _check(error: Exception, words: str) -> str:
    """It is the sign-in's own error, in one sentence, with these words and something to do. The sentence."""
    said = str(error)
    assert isinstance(error, SignInFailed | LedgerSignedOut)
    assert error.cause == "identity_sign_in"
    assert said.startswith("Not signed in")
    assert said.count("Not signed in") == 1
    assert "\n" not in said
    assert words in said
    return said


def clients_of(azure: Clients, credential: Credential) -> SignedIn:
    """Clients that sign in by this credential."""
    return SignedIn(azure, credential, Http(credential, clock=azure.clock, rate_limits={}))


def token(value: object) -> Mapping[str, object]:
    """What the endpoint answers with this for a token."""
    return {"access_token": value, "expires_on": str(int(time.time()) + 9000), "resource": AUDIENCE}


# What the identity endpoint does; for which client id; how often it is asked; the words that are said of it.
TODO = "AZURE_CLIENT_ID is its client id"
ENDPOINT: dict[str, tuple[Fault | None, str, int, str]] = {
    "wrong client id": (None, NOBODY, 1, TODO),
    "no client id": (None, "", 1, "set AZURE_CLIENT_ID"),
    **{
        f"{status}": (Fault(status=status), CLIENT_ID, 1, f"answered {status}): check that the managed identity is")
        for status in (302, 400, 401, 403, 404)
    },
    "aadsts": (
        Fault(status=400, body={"statusCode": 400, "message": "AADSTS500011: The resource principal was not found"}),
        CLIENT_ID,
        1,
        "answered 400 AADSTS500011",
    ),
    **{f"{status}": (Fault(status=status), CLIENT_ID, 5, f"answered {status}") for status in (408, 429, 500, 503)},
    "html 502": (Fault(status=502, body="<html>bad gateway</html>"), CLIENT_ID, 5, "answered 502"),
    "busy for long": (Fault(status=429, headers={"Retry-After": "900"}), CLIENT_ID, 1, "answered 429"),
    "time-out": (Fault(wire=Wire.HANG, seconds=0.5), CLIENT_ID, 5, "did not answer"),
    "dropped": (Fault(wire=Wire.DROP), CLIENT_ID, 5, "did not answer"),
    "html": (Fault(status=200, effect=False, body="<html>"), CLIENT_ID, 2, "without a token"),
    "other json": (Fault(status=200, effect=False, body={"hello": 1}), CLIENT_ID, 2, "without a token"),
    "a list": (Fault(status=200, effect=False, body=[1]), CLIENT_ID, 2, "without a token"),
    "empty token": (Fault(status=200, effect=False, body=token("")), CLIENT_ID, 2, "without a token"),
    "odd token": (Fault(status=200, effect=False, body=token({"a": 1})), CLIENT_ID, 2, "without a token"),
    "cut off": (Fault(wire=Wire.TRUNCATE), CLIENT_ID, 5, "did not answer"),
}


@pytest.mark.parametrize("client", FIRST)
@pytest.mark.parametrize("trouble", ENDPOINT)
def test_every_client_says_so(azure: Clients, client: str, trouble: str) -> None:
    """Whatever the identity endpoint does, whoever asks: one sentence, as many requests as the rules say, and none to
    the service; whoever asks next is told the same at once."""
    fault, client_id, asked, words = ENDPOINT[trouble]
    if fault is not None:
        again = Fault(service="identity", times=None, status=fault.status, body=fault.body, wire=fault.wire)
        again.seconds, again.headers, again.effect = fault.seconds, fault.headers, fault.effect
        azure.cloud.faults.add(again)
    credential = sign_in(client_id, azure.clock, limits=SHORT)
    clients = clients_of(azure, credential)
    said = _check(failure(clients, client), words)
    assert {each.service for each in azure.cloud.log} == {"identity"}
    assert len(azure.cloud.log) == asked
    assert azure.clock.monotonic() <= SHORT.seconds
    for other in CLIENTS:
        assert _check(failure(clients, other), words) == said
    assert len(azure.cloud.log) == asked
    clients.http.close()
    credential.close()


@pytest.mark.parametrize("client", FIRST)
def test_an_endpoint_that_refuses_connections(azure: Clients, client: str) -> None:
    """Without a connection to the identity endpoint it is the sign-in that is named, by every client."""
    azure.cloud.refuse("identity")
    credential = sign_in(CLIENT_ID, azure.clock, limits=SHORT)
    clients = clients_of(azure, credential)
    _check(failure(clients, client), "could not be reached")
    azure.cloud.accept("identity")
    _check(failure(clients, client), "could not be reached")
    assert not azure.cloud.log
    clients.http.close()
    credential.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"IDENTITY_ENDPOINT": "foo"}, "IDENTITY_ENDPOINT is no address"),
        ({"IDENTITY_ENDPOINT": "http://[::1"}, "IDENTITY_ENDPOINT is no address"),
        ({"IDENTITY_ENDPOINT": "http://127.0.0.1:port/"}, "IDENTITY_ENDPOINT is no address"),
        ({"IDENTITY_ENDPOINT": "ftp://127.0.0.1/"}, "IDENTITY_ENDPOINT is no address"),
        ({"IDENTITY_ENDPOINT": "http://127.0.0.1:1/"}, "could not be reached): Azure sets IDENTITY_ENDPOINT: anywhere"),
        ({"IDENTITY_HEADER": ""}, "IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not"),
    ],
)
def test_an_endpoint_that_is_none_is_named(
    azure: Clients, given: Mapping[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When IDENTITY_ENDPOINT is the mistake it is named, with what to do about it."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    credential = sign_in(CLIENT_ID, azure.clock, limits=SHORT)
    with pytest.raises(SignInFailed) as caught:
        credential.token(AUDIENCE)
    assert "unset it, and sign in with `az login`" in _check(caught.value, words)
    credential.close()


def test_a_failure_is_not_remembered_for_ever(azure: Clients) -> None:
    """After a minute the identity endpoint is asked again, and what passed has passed."""
    azure.cloud.faults.add(Fault(service="identity", status=400))
    with pytest.raises(SignInFailed):
        azure.sentinel.read(INCIDENT)
    azure.clock.advance(seconds=REMEMBERED - 1)
    with pytest.raises(SignInFailed):
        azure.sentinel.read(INCIDENT)
    azure.clock.advance(seconds=2)
    assert azure.sentinel.read(INCIDENT) is None
    assert len(azure.sent("identity")) == 2


def test_one_audience_that_is_refused_leaves_the_others(azure: Clients) -> None:
    """Who has had a token is known to be signed in: an audience that is refused is refused alone."""
    assert azure.sentinel.read(INCIDENT) is None
    azure.cloud.faults.add(Fault(service="identity", match="loganalytics", status=400, times=None))
    for _ in range(2):
        with pytest.raises(SignInFailed):
            azure.workspace.ask("EmailEvents | count")
    azure.graph.ask("EmailEvents | count")
    assert [each.status for each in azure.sent("identity")] == [200, 400, 200]


def test_the_budget_bounds_the_attempts(azure: Clients) -> None:
    """When the sweep's time is up the identity endpoint is asked once, and not waited for."""
    azure.cloud.faults.add(Fault(service="identity", status=500, times=None))
    credential = sign_in(CLIENT_ID, azure.clock, deadline=azure.clock.monotonic)
    with pytest.raises(SignInFailed):
        credential.token(AUDIENCE)
    assert len(azure.sent("identity")) == 1
    assert azure.clock.monotonic() == 0
    credential.close()


def test_who_has_a_token_does_not_wait_for_another_s(azure: Clients) -> None:
    """While the identity endpoint is waited for, a token that is there is handed out: the lease is renewed with one."""
    azure.credential.token(AUDIENCE)
    seen = []

    class Watched(FakeClock):
        """A clock during whose sleep another thread wants the token that is there."""

        def sleep(self, seconds: float) -> None:
            other = threading.Thread(target=lambda: seen.append(credential.token(AUDIENCE)), daemon=True)
            other.start()
            other.join(5)
            assert not other.is_alive()
            super().sleep(seconds)

    clock: Clock = Watched()
    credential = sign_in(CLIENT_ID, clock)
    credential.token(AUDIENCE)
    azure.cloud.faults.add(Fault(service="identity", status=503, times=1))
    credential.token("https://graph.microsoft.com")
    assert len(seen) == 1
    credential.close()


# --- a developer's machine

JSON = {"accessToken": "a.b.c", "expires_on": int(time.time()) + 3600}
AZD = {"token": "a.b.d", "expiresOn": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))}
SIGNED_OUT = """echo "ERROR: Please run 'az login' to setup account." >&2; exit 1"""
AZD_SIGNED_OUT = """echo 'ERROR: not logged in, run `azd auth login` to login' >&2; exit 1"""
EXPIRED = 'echo "ERROR: AADSTS700082: The refresh token of dana@contoso.com has expired. Run az login" >&2; exit 1'
# What `az` and `azd` do, if they are there, and the words that are said of it.
MACHINES: dict[str, tuple[str | None, str | None, str]] = {
    "no az, no azd": (None, None, "no Azure CLI on the PATH): install it and sign in with `az login`"),
    "az not signed in": (SIGNED_OUT, None, "Not signed in: sign in with `az login` or `azd auth login`"),
    "azd not signed in": (None, AZD_SIGNED_OUT, "Not signed in: sign in with `az login` or `azd auth login`"),
    "neither signed in": (SIGNED_OUT, AZD_SIGNED_OUT, "Not signed in: sign in with `az login`"),
    "az signed in long ago": (EXPIRED, None, "`az` could not give a token, AADSTS700082): sign in again"),
    "az signed in long ago, azd today": (EXPIRED, f"echo '{json.dumps(AZD)}'", "`az` could not give a token, AADSTS7"),
    "az prints no token": (f"echo '{json.dumps({**JSON, 'accessToken': ''})}'", None, "`az` could not give a token)"),
    "az prints a number": (f"echo '{json.dumps({**JSON, 'accessToken': 7})}'", None, "`az` could not give a token)"),
    "az hangs": ("exec /bin/sleep 30", None, "`az` did not answer within 1 s"),
    "az says something else": ("echo hello", None, "`az` could not give a token): sign in again"),
    "az prints a list": ("echo '[1]'", None, "`az` could not give a token): sign in again"),
    "az is broken": ("exit 127", None, "no Azure CLI on the PATH"),
    "azd fails": (SIGNED_OUT, "echo boom >&2; exit 3", "`azd` could not give a token): sign in again"),
}


def machine(folder: Path, az: str | None, azd: str | None) -> None:
    """Put programs of these names into the folder that counts how often they are called."""
    for name, script in (("az", az), ("azd", azd)):
        if script is not None:
            file = folder / name
            file.write_text(f'#!/bin/sh\necho "$@" >> {folder}/{name}.calls\n{script}\n')
            file.chmod(file.stat().st_mode | stat.S_IXUSR)


def developer(azure: Clients) -> Credential:
    """The credential of a developer's machine, with less patience than the real one."""
    return Credential(lambda _: DeveloperSignIn(1), azure.clock)


@pytest.mark.parametrize("client", ["log analytics", "read", "ledger"])
@pytest.mark.parametrize("name", MACHINES)
def test_a_developer_is_told_how_to_sign_in(
    azure: Clients, client: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a developer's machine every client says what to run, nobody's name is repeated, and `az` is run once."""
    az, azd, words = MACHINES[name]
    machine(tmp_path, az, azd)
    monkeypatch.setenv("PATH", str(tmp_path))
    credential = developer(azure)
    clients = clients_of(azure, credential)
    said = _check(failure(clients, client), words)
    assert "dana" not in said
    for other in ("read", "ledger", "log analytics"):
        assert _check(failure(clients, other), words) == said
    assert not azure.cloud.log
    for called in tmp_path.glob("*.calls"):
        assert len(called.read_text().splitlines()) == 1
    clients.http.close()
    credential.close()


@pytest.mark.parametrize(
    ("az", "azd", "expected"),
    [
        (f"echo '{json.dumps(JSON)}'", None, "a.b.c"),
        (None, f"echo '{json.dumps(AZD)}'", "a.b.d"),
        (SIGNED_OUT, f"echo '{json.dumps(AZD)}'", "a.b.d"),
    ],
    ids=["az", "azd alone", "azd when az is signed out"],
)
def test_a_developer_s_own_sign_in_is_used(
    azure: Clients, az: str | None, azd: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Azure CLI's token is used, or azd's when there is none."""
    machine(tmp_path, az, azd)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    credential = sign_in(clock=azure.clock)
    assert credential.token(AUDIENCE) == expected
    credential.close()


def test_a_program_that_cannot_be_run(azure: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `az` that the system cannot run is named."""
    (tmp_path / "az").write_bytes(b"\x7fELF no program")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SignInFailed, match="`az` could not give a token"):
        developer(azure).token(AUDIENCE)


# --- what libraries make of it


def wrapped(make: Callable[[], Exception]) -> Exception:
    """An exception that a library raises while it handles the credential's."""
    ours = SignInFailed("Not signed in: x", service=Service.IDENTITY)
    try:
        try:
            raise ours
        except SignInFailed:
            raise make()  # noqa: B904 - as libraries do
    except Exception as error:  # noqa: BLE001
        return error


@pytest.mark.parametrize(
    "make",
    [
        lambda: ax.HttpResponseError("x"),
        lambda: ax.ServiceRequestError("x"),
        lambda: ax.ClientAuthenticationError("x"),
        lambda: tenacity.RetryError(tenacity.Future(1)),
        lambda: ConnectionError("x"),
        lambda: KeyError("x"),
    ],
)
def test_a_library_that_wraps_it_is_seen_through(make: Callable[[], Exception]) -> None:
    """What a library raises from the credential's error stands for that error."""
    error = wrapped(make)
    for found in (mapped(Service.LOG_ANALYTICS, Call.QUERY, error), from_azure(Service.LEDGER, Call.READ, error)):
        assert isinstance(found, SignInFailed)
        assert (found.cause, str(found)) == ("identity_sign_in", "Not signed in: x")


def test_the_sdks_let_it_through(azure: Clients) -> None:
    """What the credential raises is no azure-core error, which the SDKs would make another one of."""
    azure.cloud.faults.add(Fault(service="identity", status=400, times=None))
    for ask in (azure.credential.get_token_info, azure.credential.get_token):
        with pytest.raises(SignInFailed) as caught:
            ask(SCOPE)
        assert not isinstance(caught.value, ax.AzureError)
        assert caught.value.call is None


def test_a_claims_challenge_gets_a_fresh_token(azure: Clients) -> None:
    """With claims a token is asked for anew, and then kept."""
    first = azure.credential.get_token(SCOPE)
    assert first.token == azure.credential.token(AUDIENCE)
    assert azure.credential.get_token(SCOPE, claims="{}").token != first.token


def test_another_cloud_s_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cloud that does not know the service's audience the sign-in is named, with AZURE_CLOUD's code."""
    with connected(monkeypatch, cloud="AzureChinaCloud") as azure:
        credential = sign_in(CLIENT_ID, azure.clock)
        with pytest.raises(SignInFailed, match="400 AADSTS500011"):
            credential.token(AUDIENCE)
        credential.close()
