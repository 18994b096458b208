"""Posting a card: byte for byte, any 2xx, nothing but the host in what is said about it."""

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from shared.errors import NotFound, Rejected, SignInFailed, SweepError, Throttled, Unavailable
from shared.teams.webhook import Webhook
from tests.cloud import Fault, Wire
from tests.wired import CARD, Wired, wired


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wired]:
    """A small Azure and its clients."""
    with wired(monkeypatch) as clients:
        yield clients


def refused(azure: Wired) -> SweepError:
    """The error of one post."""
    with pytest.raises(SweepError) as caught:
        azure.webhook.post(CARD)
    return caught.value


def test_the_card_arrives_as_it_is(azure: Wired) -> None:
    """The body is sent byte for byte, in UTF-8, as JSON, to the whole URL."""
    azure.webhook.post(CARD)
    request = azure.sent("teams")[0]
    assert request.body == CARD.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(CARD.encode()))
    assert request.path == azure.cloud.webhook.target
    assert azure.cloud.cards == [json.loads(CARD)]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("body", ["", "1", "<html>", '{"error": "not read"}'])
def test_any_2xx_is_acceptance(azure: Wired, status: int, body: str) -> None:
    """Any 2xx means that Teams took it, whatever its body says or does not."""
    azure.cloud.faults.add(Fault(service="teams", status=status, body=body))
    azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 1


def test_an_acceptance_is_not_waited_out(azure: Wired) -> None:
    """Once the status says that it was taken, a body that never ends is nobody's business."""
    azure.cloud.faults.add(Fault(service="teams", status=202, body="x" * 1_000, wire=Wire.TRUNCATE))
    azure.webhook.post(CARD)
    assert azure.http.retries == 0


@pytest.mark.parametrize(
    ("status", "kind", "named"),
    [
        (400, Rejected, "run history"),
        (401, SignInFailed, "signature"),
        (403, SweepError, "open to Anyone"),
        (404, NotFound, "switched off"),
        (413, Rejected, "size budget"),
    ],
)
def test_a_final_refusal_says_what_to_check(azure: Wired, status: int, kind: type[SweepError], named: str) -> None:
    """A refusal that no repetition helps is one request, and says what to look at in the flow."""
    azure.cloud.faults.add(Fault(service="teams", status=status, times=None))
    error = refused(azure)
    assert isinstance(error, kind)
    assert named in str(error)
    assert not error.maybe_done
    assert len(azure.sent("teams")) == 1


def test_a_signature_that_is_wrong(azure: Wired) -> None:
    """A webhook URL whose signature the flow does not know is refused, naming the setting, not the URL."""
    webhook = Webhook(azure.http, SecretStr(azure.cloud.webhook_url + "x"))
    with pytest.raises(SweepError, match="TEAMS_WEBHOOK_URL") as caught:
        webhook.post(CARD)
    assert "sig" not in str(caught.value).replace("signature", "")


@pytest.mark.parametrize(
    ("fault", "kind", "unsure"),
    [
        (Fault(service="teams", status=429, times=None), Throttled, False),
        (Fault(service="teams", status=503, times=None), Unavailable, True),
        (Fault(service="teams", wire=Wire.DROP, effect=False, times=None), Unavailable, True),
        (Fault(service="teams", wire=Wire.DROP, effect=True, times=None), Unavailable, True),
    ],
)
def test_what_teams_may_have_taken_is_said(azure: Wired, fault: Fault, kind: type[SweepError], unsure: bool) -> None:
    """After a failure the error says whether the card may have been taken all the same."""
    azure.cloud.faults.add(fault)
    error = refused(azure)
    assert isinstance(error, kind)
    assert error.maybe_done is unsure


def test_doubt_outlives_a_later_refusal(azure: Wired) -> None:
    """When the first attempt may have been taken, a later attempt's plain refusal does not take that back."""
    azure.cloud.faults.add(Fault(service="teams", wire=Wire.DROP, effect=True))
    azure.cloud.faults.add(Fault(service="teams", status=404, times=None))
    error = refused(azure)
    assert isinstance(error, NotFound)
    assert error.maybe_done
    assert len(azure.cloud.cards) == 1


def test_unreached_is_surely_not_done(azure: Wired) -> None:
    """Where no connection came about, nothing can have been taken."""
    azure.cloud.refuse("teams")
    error = refused(azure)
    assert isinstance(error, Unavailable)
    assert not error.maybe_done
    azure.cloud.accept("teams")


def test_a_broken_handshake_is_surely_not_done(azure: Wired) -> None:
    """Where TLS did not come about, nothing can have been taken."""
    azure.cloud.break_handshakes("teams")
    assert not refused(azure).maybe_done


def test_the_error_names_the_host_and_no_more(azure: Wired) -> None:
    """An error names the host that answered, its status and a well-known code."""
    azure.cloud.faults.add(Fault(service="teams", status=401, times=None))
    assert str(refused(azure)).startswith("Teams answered 401 DirectApiAuthorizationRequired at 127.0.0.1: check")


def test_its_repr_names_the_host_and_no_more(azure: Wired) -> None:
    """The client itself shows only its host."""
    assert repr(azure.webhook) == "Webhook(127.0.0.1)"
