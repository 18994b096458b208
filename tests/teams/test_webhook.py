"""Posting a card: byte for byte, any 2xx but a web page, nothing but the host in what is said about it."""

import gzip
import json
import zlib

import pytest
from pydantic import SecretStr

from shared.errors import NotFound, PartialData, Rejected, SignInFailed, SweepError, Throttled, Unavailable
from shared.http.web_page import LOOKED_AT, begins_as_page, is_page
from shared.teams.webhook import Webhook
from tests.cloud import Fault, Wire
from tests.support.clients import CARD, Clients


def _refused(azure: Clients) -> SweepError:
    """The error of one post."""
    with pytest.raises(SweepError) as caught:
        azure.webhook.post(CARD)
    return caught.value


def test_the_card_arrives_as_it_is(azure: Clients) -> None:
    """The body is sent byte for byte, in UTF-8, as JSON, to the whole URL."""
    azure.webhook.post(CARD)
    request = azure.sent("teams")[0]
    assert request.body == CARD.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(CARD.encode()))
    assert request.path == azure.cloud.webhook.target
    assert azure.cloud.cards == [json.loads(CARD)]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize(
    "body", ["", " \r\n", "1", "ok", "accepted <b", "<accepted/>", '{"html": "<html>"}', "a < b", "é"]
)
@pytest.mark.parametrize("kind", ["", "text/plain", "application/json"])
def test_any_2xx_is_acceptance(azure: Clients, status: int, body: str, kind: str) -> None:
    """Any 2xx means that Teams took it, whatever its body says or does not, unless it is a web page."""
    azure.cloud.faults.add(Fault(service="teams", status=status, body=body, headers={"Content-Type": kind}))
    azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 1


PAGE = "<html><body>Blocked by policy. Please sign in.</body></html>"
PAGES: dict[str, tuple[str, bytes]] = {
    "by its type": ("text/html", b"Blocked by policy."),
    "by its type with a charset": ("Text/HTML; charset=iso-8859-1", b"<p>Blocked</p>"),
    "xhtml": ("application/xhtml+xml", b"<x/>"),
    "called text": ("text/plain", PAGE.encode()),
    "called JSON": ("application/json", PAGE.encode()),
    "without a type": ("", PAGE.encode()),
    "upper case": ("", PAGE.upper().encode()),
    "a doctype": ("", b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN"><x>'),
    "white space": ("", b" \r\n\t" * 200 + PAGE.encode()),
    "a byte order mark": ("", b"\xef\xbb\xbf" + PAGE.encode()),
    "UTF-16": ("", PAGE.encode("utf-16")),
    "UTF-16 without a mark": ("", PAGE.encode("utf-16-le")),
    "a comment": ("", b"<!-- block page <x> -->\n<!-- 2 -->" + PAGE.encode()),
    "an endless comment": ("", b"<!-- " + b"x" * 100_000),
    "an XML declaration": ("", b'<?xml version="1.0"?>\n<!DOCTYPE html><html/>'),
    "a script": ("", b"<script>location='https://signin.example'</script>"),
    "a meta tag": ("", b'<meta http-equiv="refresh" content="0;url=/signin">'),
    "a large one": ("", PAGE.encode() + b" " * 3_000_000),
}


@pytest.mark.parametrize("packed", ["", "gzip", "deflate"])
@pytest.mark.parametrize("page", PAGES)
def test_a_web_page_is_no_acceptance(azure: Clients, page: str, packed: str) -> None:
    """A web page under a good status is a proxy's: the card was surely not taken, and it is said what it looks like."""
    kind, body = PAGES[page]
    headers = {"Content-Type": kind, "Content-Encoding": packed}
    sent = {"": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[packed]
    azure.cloud.faults.add(Fault(service="teams", status=200, body=sent, headers=headers, times=None))
    error = _refused(azure)
    assert isinstance(error, PartialData)
    assert error.cause == "teams_partial"
    assert "127.0.0.1 answered 200 with a web page" in str(error)
    assert "TEAMS_WEBHOOK_URL" in str(error)
    assert "Blocked" not in str(error)
    assert not error.maybe_done
    assert len(azure.sent("teams")) == 1


@pytest.mark.parametrize("body", ["", " ", "1", '{"status": "ok"}', "[]", "null"])
def test_what_is_called_a_page_and_is_none_counts(azure: Clients, body: str) -> None:
    """Nothing, or JSON, is no page, whatever content type it is given."""
    azure.cloud.faults.add(Fault(service="teams", status=202, body=body, headers={"Content-Type": "text/html"}))
    azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 1


def test_a_page_that_breaks_off_is_no_acceptance(azure: Clients) -> None:
    """Half a page is a page, also one that breaks off within its first tag."""
    for body in (PAGE, "<!DOCTYPE html>"):
        azure.cloud.faults.add(Fault(service="teams", status=200, body=body, wire=Wire.TRUNCATE))
        assert isinstance(_refused(azure), PartialData)


@pytest.mark.parametrize("piece", [1, 2, 7, 4096])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_known_however_it_comes(page: str, piece: int) -> None:
    """Told from its beginning in pieces of any size, a page is never taken for something else."""
    kind, body = PAGES[page]
    told = [begins_as_page(body[:end]) for end in range(0, min(len(body), LOOKED_AT) + 1, piece)]
    assert "html" in kind.lower() or False not in told
    assert is_page(kind, body[:LOOKED_AT])


def test_an_acceptance_is_not_waited_out(azure: Clients) -> None:
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
def test_a_final_refusal_says_what_to_check(azure: Clients, status: int, kind: type[SweepError], named: str) -> None:
    """A refusal that no repetition helps is one request, and says what to look at in the flow."""
    azure.cloud.faults.add(Fault(service="teams", status=status, times=None))
    error = _refused(azure)
    assert isinstance(error, kind)
    assert named in str(error)
    assert not error.maybe_done
    assert len(azure.sent("teams")) == 1


def test_a_signature_that_is_wrong(azure: Clients) -> None:
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
def test_what_teams_may_have_taken_is_said(azure: Clients, fault: Fault, kind: type[SweepError], unsure: bool) -> None:
    """After a failure the error says whether the card may have been taken all the same."""
    azure.cloud.faults.add(fault)
    error = _refused(azure)
    assert isinstance(error, kind)
    assert error.maybe_done is unsure


def test_doubt_outlives_a_later_refusal(azure: Clients) -> None:
    """When the first attempt may have been taken, a later attempt's plain refusal does not take that back."""
    azure.cloud.faults.add(Fault(service="teams", wire=Wire.DROP, effect=True))
    azure.cloud.faults.add(Fault(service="teams", status=404, times=None))
    error = _refused(azure)
    assert isinstance(error, NotFound)
    assert error.maybe_done
    assert len(azure.cloud.cards) == 1


def test_unreached_is_surely_not_done(azure: Clients) -> None:
    """Where no connection came about, nothing can have been taken."""
    azure.cloud.refuse("teams")
    error = _refused(azure)
    assert isinstance(error, Unavailable)
    assert not error.maybe_done
    azure.cloud.accept("teams")


def test_a_broken_handshake_is_surely_not_done(azure: Clients) -> None:
    """Where TLS did not come about, nothing can have been taken."""
    azure.cloud.break_handshakes("teams")
    assert not _refused(azure).maybe_done


def test_the_error_names_the_host_and_no_more(azure: Clients) -> None:
    """An error names the host that answered, its status and a well-known code."""
    azure.cloud.faults.add(Fault(service="teams", status=401, times=None))
    assert str(_refused(azure)).startswith("Teams answered 401 DirectApiAuthorizationRequired at 127.0.0.1: check")


def test_its_repr_names_the_host_and_no_more(azure: Clients) -> None:
    """The client itself shows only its host."""
    assert repr(azure.webhook) == "Webhook(127.0.0.1)"
