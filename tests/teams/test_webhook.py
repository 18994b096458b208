"""Posting a card: byte for byte, any 2xx but a web page, nothing but the host in what is said about it."""

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from shared.errors import NotFound, PartialData, Rejected, Service, SignInFailed, SweepError, Throttled, Unavailable
from shared.http.client import Limits
from shared.http.web_page import LOOKED_AT, begins_as_page, is_page
from shared.teams.webhook import Webhook, refused_for_its_content
from tests.cloud import Fault, Wire
from tests.support.clients import CARD, Clients, connected


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """The same, with answers waited for a fifth of a second."""
    with connected(monkeypatch, limits=Limits(read=0.2)) as clients:
        yield clients


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
        (Fault(status=408), Unavailable, False),
        (Fault(status=429), Throttled, False),
        (Fault(status=500), Unavailable, False),
        (Fault(status=503), Unavailable, False),
        (Fault(status=507), Unavailable, False),
        (Fault(status=502), Unavailable, True),
        (Fault(status=504), Unavailable, True),
        (Fault(status=502, effect=True), Unavailable, True),
        (Fault(status=504, effect=True), Unavailable, True),
        (Fault(wire=Wire.DROP, effect=False), Unavailable, True),
        (Fault(wire=Wire.DROP, effect=True), Unavailable, True),
        (Fault(wire=Wire.HANG, effect=False, seconds=0.3), Unavailable, True),
        (Fault(wire=Wire.HANG, effect=True, seconds=0.3), Unavailable, True),
    ],
)
def test_what_teams_may_have_taken_is_not_sent_again(
    hasty: Clients, fault: Fault, kind: type[SweepError], unsure: bool
) -> None:
    """After a lost answer or a gateway's error Teams may have taken the card: one request, and the error says so.

    What Teams has refused for now is tried five times, and is certainly not taken.
    """
    fault.service, fault.times = "teams", None
    hasty.cloud.faults.add(fault)
    error = _refused(hasty)
    assert isinstance(error, kind)
    assert error.maybe_done is unsure
    assert len(hasty.sent("teams")) == (1 if unsure else 5)
    assert len(hasty.cloud.cards) == int(bool(fault.effect))


def test_a_doubt_after_refusals_is_a_doubt(azure: Clients) -> None:
    """When a later attempt may have been taken, the refusals before it do not count, and nothing is sent after it."""
    azure.cloud.faults.add(Fault(service="teams", status=503, times=2))
    azure.cloud.faults.add(Fault(service="teams", wire=Wire.DROP, effect=True))
    assert _refused(azure).maybe_done
    assert len(azure.sent("teams")) == 3
    assert len(azure.cloud.cards) == 1


def test_a_card_that_is_refused_for_now_arrives(azure: Clients) -> None:
    """What a later attempt brings through is no error, and arrives once."""
    for status in (408, 429, 500, 503):
        azure.cloud.faults.add(Fault(service="teams", status=status))
    azure.webhook.post(CARD)
    assert len(azure.sent("teams")) == 5
    assert len(azure.cloud.cards) == 1


def test_only_the_card_itself_is_refused_for_its_content(azure: Clients) -> None:
    """400 and 413 are about what the card holds; every other status is about the way to the channel."""
    for status in (*range(300, 310), *range(400, 432), 451, *range(500, 512), 599):
        azure.forget()
        azure.cloud.faults.add(Fault(service="teams", status=status, times=None, effect=False))
        assert refused_for_its_content(_refused(azure)) is (status in (400, 413)), status


@pytest.mark.parametrize("wire", [Wire.DROP, Wire.HANG])
def test_a_lost_answer_is_no_refusal(hasty: Clients, wire: Wire) -> None:
    """No answer, a web page and a missing connection say nothing about the card."""
    hasty.cloud.faults.add(Fault(service="teams", wire=wire, times=None, seconds=0.3))
    assert not refused_for_its_content(_refused(hasty))
    hasty.cloud.faults.clear()
    hasty.cloud.faults.add(Fault(service="teams", status=200, body=PAGE, times=None))
    assert not refused_for_its_content(_refused(hasty))
    hasty.cloud.refuse("teams")
    assert not refused_for_its_content(_refused(hasty))
    hasty.cloud.accept("teams")


def test_only_teams_refuses_a_card() -> None:
    """A 400 of another service, or an error without a status, is not about a card."""
    assert not refused_for_its_content(Rejected("no", service=Service.SENTINEL, status=400))
    assert not refused_for_its_content(Rejected("no", service=Service.TEAMS))


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
