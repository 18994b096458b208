"""The server of the preview's page: this machine's browser gets a fixed list of files, and nobody anything else."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cli.preview.samples import sample_named
from shared.cli.preview.server import PreviewServer, RendererMissing, preview_server
from shared.cli.preview.show import as_json_value

RENDERERS = ("adaptivecards/dist/adaptivecards.min.js", "markdown-it/dist/browser/markdown-it.umd.min.js")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of npm packages whose renderers draw nothing, with a secret beside it."""
    for name in RENDERERS:
        (tmp_path / "npm" / name).parent.mkdir(parents=True)
        (tmp_path / "npm" / name).write_text(f"// {name}", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    return tmp_path / "npm"


@pytest.fixture
def server(packages: Path) -> Iterator[PreviewServer]:
    """A running server of one sample."""
    with preview_server([sample_named("due")], packages) as made:
        running = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        running.start()
        yield made
        made.shutdown()
        running.join()


def asked(
    server: PreviewServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """The status, headers and body of the answer; the path goes over the wire as it is, `~` being the secret part."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path.replace("~", f"/{server.secret}"), skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def test_it_serves_the_page_its_parts_and_the_previews(server: PreviewServer) -> None:
    """The page, its style and scripts, both renderers and the previews, each of its kind, under a strict policy."""
    for path, kind in {
        "~/": "text/html", "~/?phone=320": "text/html", "~/page.css": "text/css", "~/page.js": "text/javascript",
        "~/themes.js": "text/javascript", "~/adaptivecards.js": "text/javascript",
        "~/markdown-it.js": "text/javascript", "~/previews.json": "application/json",
    }.items():  # fmt: skip
        status, headers, body = asked(server, path)
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8"), path
        assert int(headers["Content-Length"]) == len(body) > 0
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(asked(server, "~/previews.json")[2]) == as_json_value([sample_named("due")])
    assert asked(server, "~/markdown-it.js")[2] == f"// {RENDERERS[1]}".encode()


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/previews.json", "/page.js", "~", "~/../~/page.js", "~/../secret", "~/secret", "~/..%2f..%2fsecret"),
        *("/secret", "/../secret", "/../../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd", "/.", "/.."),
        *("~/page.css/../secret", "~/page.py", "~/server.py", "\\..\\secret", "http://127.0.0.1/secret"),
        *("~/page.css%00", "~/PAGE.CSS"),
    ],
)
def test_nothing_else_is_there(server: PreviewServer, path: str) -> None:
    """Whatever the path, only the files of the list are served."""
    status, headers, body = asked(server, path)
    assert (status, b"secret" in body) == (404, False)
    assert headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200), ("localhost:{port}", 200), ("127.0.0.1", 403), ("localhost:1", 403), ("", 403),
        ("evil.example:{port}", 403), ("127.0.0.1.evil.example:{port}", 403), ("evil.example@127.0.0.1:{port}", 403),
    ],
)  # fmt: skip
def test_only_this_host_is_answered(server: PreviewServer, host: str, status: int) -> None:
    """A request under another name (a site that has its name lead here) gets nothing of the previews."""
    found, _, body = asked(server, "~/previews.json", host=host.replace("{port}", str(server.server_port)))
    assert (found, b"cards" in body) == (status, status == 200)


def test_it_only_reads(server: PreviewServer) -> None:
    """HEAD has no body; no other method is known."""
    status, headers, body = asked(server, "~/", "HEAD")
    assert (status, body, int(headers["Content-Length"]) > 0) == (200, b"", True)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert asked(server, "~/", method)[0] == 501


def test_it_listens_on_loopback_alone(server: PreviewServer) -> None:
    """Its port is free, on 127.0.0.1, and its address says it."""
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.secret}/"
    assert len(server.secret) >= 20


@pytest.mark.parametrize("name", RENDERERS)
def test_a_missing_renderer_is_named(packages: Path, name: str) -> None:
    """Without a renderer one sentence says what is missing, and which command installs it."""
    (packages / name).unlink()
    with pytest.raises(RendererMissing, match=f"{name.partition('/')[0]}.*`make preview` installs it"):
        preview_server([], packages)
