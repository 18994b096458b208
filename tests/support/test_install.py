"""Setting up: from any lock file, with old pips, on the day after any release, and in words when it cannot be done."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.install import DOWNLOADS, cause, pip_settings
from tests.support.install import version as environment_version
from tests.test_requirements import PYTHONS, interpreter, pinned

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "tests/support/install.py"
PYTHON = "{}.{}".format(*sys.version_info)
OLDEST_PIP = {"3.11": "22.3", "3.12": "23.2.1", "3.13": "24.2"}[PYTHON]
"""What the first release of this Python brings. 3.11's is the oldest that any supported Python brings."""


def set_up(home: Path, lock: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `make` runs to set up an environment, uv not on the PATH."""
    python = interpreter(PYTHON) or sys.executable
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if not (Path(each) / "uv").exists())
    command = [python, str(INSTALL), str(home), str(lock)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path, **environment})


def newer(version: str) -> str:
    """The next minor version: one that `<next major` still allows."""
    major, minor, *_ = version.split(".")
    return f"{major}.{int(minor) + 1}"


def wheel(folder: Path, name: str, version: str, extras: frozenset[str]) -> None:
    """A wheel of that version, with these extras and nothing in it."""
    stem = f"{re.sub('-', '_', name)}-{version}"
    info = f"{stem}.dist-info"
    provided = "".join(f"Provides-Extra: {extra}\n" for extra in sorted(extras))
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{provided}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in files.items()
    }
    record = "".join(f"{path},sha256={digest[path]},{len(text)}\n" for path, text in files.items())
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)


@pytest.fixture(scope="module")
def tomorrow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An index on which every package that is pinned with an extra has a newer release, as pip's environment."""
    folder = tmp_path_factory.mktemp("index")
    extras = {
        need.name: need.extras
        for lock in ("requirements.txt", "requirements-dev.txt")
        for need in pinned(lock)
        if need.extras
    }
    assert extras.keys() >= {"coverage", "pyjwt"}
    for name, own in extras.items():
        wheel(folder, name, newer(pins("requirements-dev.txt")[name]), frozenset(own))
    return {"PIP_FIND_LINKS": " ".join([os.environ.get("PIP_FIND_LINKS", ""), str(folder)]).strip()}


def with_oldest_pip(home: Path) -> Path:
    """An environment with nothing but the oldest pip; its Python."""
    python = interpreter(PYTHON) or sys.executable
    subprocess.run([python, "-m", "venv", str(home)], check=True)
    own = home / "bin/python"
    subprocess.run([str(own), "-m", "pip", "install", "--quiet", f"pip=={OLDEST_PIP}"], check=True)
    return own


def _version(python: Path, package: str) -> str:
    """The version of a package that is installed there."""
    command = [str(python), "-c", f"from importlib.metadata import version; print(version({package!r}))"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("stripped", [False, True], ids=["as it is", "extras lost"])
def test_what_is_deployed_installs_after_a_release(stripped: bool, tmp_path: Path, tomorrow: dict[str, str]) -> None:
    """The oldest pip installs requirements.txt on the day after a release, as the remote build does; and the fault
    would be seen: with a pin that has lost its extra it refuses."""
    python = with_oldest_pip(tmp_path / "venv")
    lock = tmp_path / "requirements.txt"
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lock.write_text(re.sub(r"^([a-z0-9-]+)\[.*?\]==", r"\1==", text, flags=re.M) if stripped else text, "utf-8")
    command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **tomorrow})
    if stripped:
        assert ran.returncode
        assert "must have their versions pinned" in ran.stderr
    else:
        assert not ran.returncode, ran.stderr
        assert _version(python, "pyjwt") == pins("requirements.txt")["pyjwt"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("lock", "installer"),
    [("requirements-tryout.txt", "uv"), ("requirements-dev.txt", "uv"), ("requirements-dev.txt", "pip")],
)
def test_it_is_set_up_after_a_release(lock: str, installer: str, tmp_path: Path, tomorrow: dict[str, str]) -> None:
    """The try-out and the tests' environment are set up on the day after a release, from the oldest pip, with uv and
    without, in a folder with blanks and umlauts; what the project's own tools need is then there."""
    home = tmp_path / "ein Ordner für äöü" / ".venv"
    python = with_oldest_pip(home)
    environment = {**tomorrow, **({"INSTALL_WITH": "pip"} if installer == "pip" else {})}
    ran = set_up(home, ROOT / lock, **environment)
    assert ran.returncode == 0, ran.stderr
    assert (python.parent / "uv").exists()
    assert _version(python, "pyjwt") == pins(lock)["pyjwt"]
    tools = {"chdb-core", "trustme", *(("pytest", "mypy") if "dev" in lock else ())}
    assert all(_version(python, tool) == pins(lock)[tool] for tool in tools)


def pins(lock: str) -> dict[str, str]:
    """The versions in a lock file."""
    return {need.name: next(iter(need.specifier)).version for need in pinned(lock)}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of Linux")
def test_it_says_how_much_it_downloads(tmp_path: Path) -> None:
    """The figure said beforehand is that of the packages, to a tenth."""
    for lock, said in DOWNLOADS.items():
        folder = tmp_path / lock
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "-d",
            str(folder),
        ]
        subprocess.run([*command, "-r", str(ROOT / lock)], check=True, capture_output=True)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        assert said * 0.9 < size < said * 1.1, f"{lock}: {size:.0f} MB"


@pytest.mark.parametrize("installer", ["uv", pytest.param("pip", marks=pytest.mark.slow)])
def test_without_a_connection_it_says_so(installer: str, tmp_path: Path) -> None:
    """Offline there is one line with the reason and what to do, the whole story in a file, no traceback, exit 1."""
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://127.0.0.1:1/simple", "PIP_RETRIES": "1"}
    chosen = {"INSTALL_WITH": "pip"} if installer == "pip" else {}
    home = tmp_path / "ein Ordner" / ".venv"
    ran = set_up(home, ROOT / "requirements-tryout.txt", PIP_FIND_LINKS="", **nowhere, **chosen)
    assert ran.returncode == 1
    said = ran.stderr.splitlines()
    assert said[-1].startswith(".venv is not set up: no package index could be reached"), ran.stderr
    assert "PIP_INDEX_URL" in said[-1]
    assert "Traceback" not in ran.stderr
    assert "NewConnectionError" in (home / "install.log").read_text(encoding="utf-8")


class Refusing(BaseHTTPRequestHandler):
    """An index that wants a sign-in."""

    def do_GET(self) -> None:
        """Refuse."""
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_index_that_refuses_is_said_to(tmp_path: Path) -> None:
    """A company's index that answers with a refusal is not taken for one that lacks the packages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        own = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple"}
        ran = set_up(tmp_path / ".venv", ROOT / "requirements-tryout.txt", PIP_FIND_LINKS="", **own)
        server.shutdown()
    assert ran.returncode == 1
    assert ".venv is not set up: the package index answers 403 (Forbidden)" in ran.stderr


def test_only_a_known_installer_is_chosen(tmp_path: Path) -> None:
    """INSTALL_WITH takes uv or pip; anything else is named."""
    ran = set_up(tmp_path / ".venv", ROOT / "requirements-tryout.txt", INSTALL_WITH="conda")
    assert ran.returncode == 1
    assert "INSTALL_WITH: expected uv or pip, not conda" in ran.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_python_that_is_named_is_taken(tmp_path: Path) -> None:
    """An environment of another Python is made anew when the Python is named, and left alone when it is not."""
    home = tmp_path / ".venv"
    others = [(version, found) for version in PYTHONS if version != PYTHON and (found := interpreter(version))]
    if not others:
        pytest.skip("*** ONE PYTHON ONLY ON THIS MACHINE: an environment was not made anew for another ***")
    version, other = others[0]
    subprocess.run([other, "-m", "venv", str(home)], check=True)
    lock = tmp_path / "empty.txt"
    lock.touch()
    assert set_up(home, lock).returncode == 0
    assert environment_version(home / "bin/python") == tuple(map(int, version.split(".")))
    assert set_up(home, lock, PYTHON=PYTHON).returncode == 0
    assert environment_version(home / "bin/python") == sys.version_info[:2]


def test_an_absent_lock_is_no_success(tmp_path: Path) -> None:
    """Where a lock file cannot be read the set-up fails, with a reason."""
    ran = set_up(tmp_path / ".venv", tmp_path / "absent.txt", INSTALL_WITH="pip")
    assert ran.returncode == 1
    assert "absent.txt" in ran.stderr


@pytest.mark.parametrize(
    ("listed", "settings"),
    [
        ("", {}),
        ("global.index-url='https://a/simple'", {"UV_DEFAULT_INDEX": "https://a/simple"}),
        (
            "global.index-url='https://a/simple'\ninstall.index-url='https://b/simple'\n:env:.index-url='https://c/x'",
            {"UV_DEFAULT_INDEX": "https://c/x"},
        ),
        (
            "global.extra-index-url='https://a/s\\nhttps://b/s'",
            {"UV_INDEX": "https://a/s https://b/s", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        (":env:.cert='/ca.pem'\n:env:.disable-pip-version-check='1'", {"SSL_CERT_FILE": "/ca.pem"}),
    ],
)
def test_uv_asks_where_pip_asks(listed: str, settings: dict[str, str]) -> None:
    """An organisation's own index and certificate, set up for pip, are uv's as well."""
    assert pip_settings(listed) == settings


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("connection broken by NewConnectionError('…')", "no package index could be reached"),
        ("error: client error (Connect)", "no package index could be reached"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] …", "certificate"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "altered"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for chdb-core", "WSL"),
        ("something\nERROR: quite new\nmore", "ERROR: quite new"),
        ("", "no reason"),
    ],
)
def test_the_reason_is_a_sentence(said: str, words: str) -> None:
    """What an installer says on a page is said in a sentence, with what to do where something can be done."""
    assert words in cause(said)
    assert "\n" not in cause(said)


def test_nothing_beside_it_hides_a_module_of_python() -> None:
    """`install.py` runs as a file, so that its folder comes first when Python looks for a module."""
    assert {path.stem for path in Path(__file__).parent.glob("*.py")} & sys.stdlib_module_names == set()
