"""Where a URL connects to: the host that is checked is the host that requests and urllib3 connect to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from shared.errors import Call, Service, SweepError
from shared.http.exchange import Session
from shared.settings import checks
from shared.settings.clouds import CLOUDS
from shared.web_address import WebAddress, web_address
from tests.support.examples import examples_of

CLOUD = CLOUDS["AzureCloud"]
EXTRA = ("proxy.contoso.com:8443", "10.0.0.1")

ELSEWHERE = [
    "https://evil.example\\.logic.azure.com/workflows/x?sig=S",
    "https://evil.example\\x.logic.azure.com/?sig=S",
    "https://evil.example\\@a.logic.azure.com/",
    "https://evil.example\\\\@a.logic.azure.com/",
    "https://evil.example:443\\.logic.azure.com/",
    "https://a.logic.azure.com\\@evil.example/",
    "https://a.logic.azure.com.evil.example/",
    "https://a.logic.azure.com@evil.example/",
    "https://a.logic.azure.com:443@evil.example/",
    "https://evil.example@a.logic.azure.com/",
    "https://:@a.logic.azure.com/",
    "https://evil.example#.logic.azure.com/",
    "https://evil.example?.logic.azure.com/",
    "https://evil.example/.logic.azure.com/",
    "https://evil.example;.logic.azure.com/",
    "https://evil.example,a.logic.azure.com/",
    "https://evil.example%2f.logic.azure.com/",
    "https://evil.example%5c.logic.azure.com/",
    "https://evil.example%00.logic.azure.com/",
    "https://%61.logic.azure.com/",
    "https://evil.example\x00.logic.azure.com/",
    "https://evil.example\t.logic.azure.com/",
    "https://evil.example\n.logic.azure.com/",
    "https://evil.example\r\n.logic.azure.com/",
    "ht\ntps://a.logic.azure.com/",
    "https:\t//a.logic.azure.com/",
    "https:\\\\a.logic.azure.com/",
    "https:///a.logic.azure.com/",
    "https:/a.logic.azure.com/",
    "https:a.logic.azure.com/",
    "//a.logic.azure.com/",
    "https://a。logic.azure.com/",
    "https://\uff41.logic.azure.com/",
    "https://\u212a.logic.azure.com/",
    "https://a.logic.azure.com\u2024evil/",
    "http\u017f://a.logic.azure.com/",
    "https://evil.example⁄.logic.azure.com/",
    "https://evil.example\uff0f.logic.azure.com/",
    "https://evil.example\uff3c.logic.azure.com/",
    "https://evil.example\u2100.logic.azure.com/",
    "https://bücher.logic.azure.com/",
    "https://a.logic.azure.com./",
    "https://.logic.azure.com/",
    "https://a..logic.azure.com/",
    "https://-a.logic.azure.com/",
    "https://*.logic.azure.com/",
    "https://a_b.logic.azure.com/",
    "https://[::1].logic.azure.com/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://10.0.0.2/",
    "https://010.0.0.1/",
    "https://10.1/",
    "https://167772161/",
    "https://0x0a000001/",
    "https://0xa.0.0.0x1/",
    "https://a.logic.azure.com:/",
    "https://a.logic.azure.com:0443/",
    "https://a.logic.azure.com:4433/",
    "https://a.logic.azure.com:443:8443/",
    "https://a.logic.azure.com:65979/",
    "https://a.logic.azure.com:+443/",
    "https://a.logic.azure.com:\uff14\uff14\uff13/",
    "http://a.logic.azure.com/",
    "ftp://a.logic.azure.com/",
    "https+unix://a.logic.azure.com/",
]
HERE = [
    "https://a.logic.azure.com",
    "https://a.logic.azure.com/",
    "https://a.logic.azure.com:443/workflows/x?sig=S",
    "HTTPS://A.LOGIC.AZURE.COM/Workflows/X",
    "https://xn--bcher-kva.logic.azure.com/x",
    "https://a.logic.azure.com/x@evil.example",
    "https://a.logic.azure.com//evil.example/x",
    "https://a.logic.azure.com?u=https://evil.example/",
    "https://a.logic.azure.com#@evil.example/",
    "https://a.logic.azure.com/;@evil.example:8443/..%5c",
    "https://proxy.contoso.com:8443/x",
    "https://10.0.0.1/x",
]


def accepted(url: str) -> bool:
    """Whether the settings take this URL as the webhook's."""
    return checks.webhook(url, CLOUD, EXTRA) is None


def pool_of(url: str) -> tuple[str, int]:
    """Host and port of the pool of connections that requests takes for a URL."""
    prepared = requests.Request("POST", url).prepare()
    address, _ = HTTPAdapter().build_connection_pool_key_attributes(prepared, verify=True)
    assert address["scheme"] == "https"
    return address["host"], address["port"] or 443


def is_allowed(host: str, port: int) -> bool:
    """Whether the webhook may be at this host and port, in the plainest words there are for it."""
    if f"{host}:{port}" in EXTRA or (port == 443 and host in EXTRA):
        return True
    return port == 443 and host.endswith(CLOUD.teams_hosts) and not host.startswith(".")


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_url_whose_host_can_be_read_in_two_ways_is_refused(url: str) -> None:
    """Backslashes, user names, dots of other scripts, escapes, odd ports and addresses in disguise are refused."""
    assert not accepted(url)


@pytest.mark.parametrize("url", HERE)
def test_a_plain_url_is_taken(url: str) -> None:
    """What stands after the host may be anything; upper case, the port 443 and hosts of one's own are as good."""
    assert accepted(url)


PIECES = (
    "https://", "HTTPS://", "http://", "//", "a", "prod-1", "evil.example", ".logic.azure.com", "proxy.contoso.com",
    ".environment.api.powerplatform.com", "10.0.0.1", "[::1]", ":443", ":8443", ":", "@", "\\", "/", "?", "#", ";",
    "%2f", "\u212a", "%5c", "%40", ".", "。", "\t", "\n", "\x00", "\u2100", "\uff20", "ß", "xn--", " ", "x=1",
)  # fmt: skip
loose = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=7).map("".join)
hosts = st.sampled_from(["a.logic.azure.com", "A.B.environment.api.powerplatform.com", "proxy.contoso.com:8443"])
urls = st.one_of(
    st.tuples(st.just("https://"), hosts, st.sampled_from(["", "/", "?", "#"]), loose).map("".join),
    st.tuples(st.just("https://"), loose, hosts, loose).map("".join),
    loose,
)


# Few of all strings are taken, and only these are of interest here.
@pytest.mark.examples
@settings(max_examples=examples_of(600), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(urls)
@example("https://evil.example\\.logic.azure.com/workflows/x?sig=S")
def test_whatever_is_taken_connects_to_the_host_that_was_checked(url: str) -> None:
    """Every URL that passes goes to an allowed host and port, as requests and urllib3 read it."""
    assume(accepted(url))
    assert web_address(url) == WebAddress("https", *pool_of(url))
    assert is_allowed(*pool_of(url))


@settings(max_examples=300, deadline=None)
@given(urls.filter(lambda url: "\x00" not in url))
def test_an_endpoint_connects_to_the_host_that_was_checked(url: str) -> None:
    """The addresses of services, and of the ledger, are a plain host and nothing else, however they are read."""
    for mistake in (checks.endpoint(url, CLOUD.arm), checks.ledger(url, CLOUD)):
        if mistake is None and not url.startswith(("sqlite:", "http:")):
            host, port = pool_of(url)
            assert url.lower().rstrip("/") in (f"https://{host}", f"https://{host}:{port}")


@pytest.mark.parametrize(
    "url", [*ELSEWHERE[:3], *(f"https://{tail}" for tail in ("a.b@c.d", "a.b\\c.d", "a.b%2f", "a。b"))]
)
def test_no_other_address_may_be_ambiguous(url: str) -> None:
    """What is refused of the webhook is refused of the services' addresses, the ledger's and an extra host as well."""
    assert checks.endpoint(url, CLOUD.arm)
    assert checks.ledger(url, CLOUD)
    assert checks.ledger(url.replace("https:", "http:"), CLOUD)
    assert checks.host(url.removeprefix("https://"))


@pytest.mark.parametrize(
    "rest", ["\\@evil.example/", "@evil.example/", ".evil.example/", ":10002\\@evil.example", "?x"]
)
def test_a_ledger_without_a_certificate_is_on_this_machine(rest: str) -> None:
    """Plain http is for a storage emulator of this machine only."""
    assert checks.ledger("http://127.0.0.1:10002/devstoreaccount1", CLOUD) is None
    assert checks.ledger(f"http://127.0.0.1{rest}", CLOUD)


class ConnectProxy:
    """A proxy that writes down whom it is asked to connect to, and refuses."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                head = connection.recv(65_536).decode("latin-1")
                self.asked.append(head.split(" ")[1])
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    def close(self) -> None:
        """Stop listening."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectProxy]:
    """The proxy that this process's requests go through."""
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with closing(ConnectProxy()) as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        yield running


def test_behind_a_proxy_it_is_the_same_host(proxy: ConnectProxy) -> None:
    """A proxy is asked to connect to the host and port that were checked, and to no other."""
    with closing(Session()) as session:
        for url in HERE:
            proxy.asked.clear()
            with pytest.raises(SweepError):
                session.exchange(Service.TEAMS, Call.TELL, url, token="", body=b"{}", connect=5, read=5)
            address = web_address(url)
            assert address is not None
            assert proxy.asked == [f"{address.host}:{address.port}"]
            assert is_allowed(address.host, address.port)
