"""A page on loopback that draws previews with Microsoft's own renderer. It serves a fixed list of files, to this
machine's browser only.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from shared.cli.preview.captured import Preview
from shared.cli.preview.show import as_json_value
from shared.settings import ROOT

NPM = ROOT / "tests" / "npm" / "node_modules"
_HERE = Path(__file__).parent
_RENDERERS = {
    "/adaptivecards.js": "adaptivecards/dist/adaptivecards.min.js",
    "/markdown-it.js": "markdown-it/dist/browser/markdown-it.umd.min.js",
}
_OWN = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/themes.js": ("themes.js", "text/javascript"),
}
_HEADERS = {
    # Nothing from elsewhere, and no script but the page's own, whatever a subject holds.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class RendererMissing(Exception):
    """The renderer's packages are not installed; the message says which command installs them."""


class _File(NamedTuple):
    kind: str
    content: bytes


class PreviewServer(ThreadingHTTPServer):
    """Serves the page at `address`, on a free port of 127.0.0.1, to whoever knows the address: other users of this
    machine cannot guess it. Only a request that names this host is answered, so that no page of another site can read
    it by a name of its own that leads here.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, _File]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = secrets.token_urlsafe(16)
        self.files = {f"/{self.secret}{path}": file for path, file in files.items()}

    @property
    def address(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.server_port}/{self.secret}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request's Host may be."""
        return f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"


def preview_server(previews: Sequence[Preview], packages: Path = NPM) -> PreviewServer:
    """The server of a page with these previews; not yet serving.

    Raises:
        RendererMissing: the npm packages that draw are not in `packages`.
    """
    files = {path: _File(kind, (_HERE / name).read_bytes()) for path, (name, kind) in _OWN.items()}
    for path, name in _RENDERERS.items():
        try:
            files[path] = _File("text/javascript", (packages / name).read_bytes())
        except OSError:
            raise RendererMissing(
                f"The page needs {name.partition('/')[0]}, which is not in {packages}:"
                " `make preview` installs it and shows the samples (or run `npm ci` in tests/npm)."
            ) from None
    value = json.dumps(as_json_value(previews)).encode()
    return PreviewServer({**files, "/previews.json": _File("application/json", value)})


class _Handler(BaseHTTPRequestHandler):
    server: PreviewServer
    server_version = "preview"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        file = self.server.files.get(self.path.partition("?")[0])
        if self.headers.get("Host") not in self.server.hosts:
            self._answer(HTTPStatus.FORBIDDEN, _File("text/plain", b"This page is for this machine only.\n"))
        elif file is None:
            self._answer(HTTPStatus.NOT_FOUND, _File("text/plain", b"There is no such page.\n"))
        else:
            self._answer(HTTPStatus.OK, file)

    do_HEAD = do_GET  # noqa: N815 (the base class calls it so)

    def _answer(self, status: HTTPStatus, file: _File) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{file.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(file.content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(file.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """A request is no news."""
