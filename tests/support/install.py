# ruff: noqa: T201 - it prints and starts installers: it is a command
"""Set up an environment from a lock file: `python install.py .venv requirements-tryout.txt`.

Runs with a bare Python >= 3.11, nothing installed. The environment is made when it is not there, uv installs (a few
seconds instead of half a minute), pip where uv cannot. Exit code 1 and one sentence when neither can; what they said is
kept in `install.log` in the environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent

DOWNLOADS = {"requirements-tryout.txt": 210, "requirements-dev.txt": 250}
"""About how many MB the packages of a lock file are on Linux, x86_64. A slow test measures them."""

_UNREACHED = "no package index could be reached: the first set-up needs a connection, or PIP_INDEX_URL names a mirror"
_CAUSES = {
    "the certificate of the package index is not trusted: PIP_CERT and SSL_CERT_FILE name your organisation's": (
        "CERTIFICATE_VERIFY_FAILED|invalid peer certificate|SSLError"
    ),
    _UNREACHED: (
        "Max retries exceeded|NewConnectionError|Connection refused|ConnectTimeout|ProxyError|Name or service|dns error"
        r"|error sending request|Network is unreachable|client error \(Connect\)|timed out"
    ),
    "a package is not the one that was locked: the index or a proxy altered it": "DO NOT MATCH THE HASHES|ash mismatch",
    "the disk is full": "No space left on device",
    "a package has no build for this Python on this machine (on Windows use WSL), or your index does not have it": (
        "No matching distribution|o solution found|no wheels with a matching|usable wheels"
    ),
}
"""Why nothing could be installed, by what an installer says then."""


class NotInstalled(Exception):
    """An installer did not succeed; holds all that it said."""


def pip_settings(listed: str) -> dict[str, str]:
    """uv's environment variables for what `pip config list` says of indexes and certificates: uv reads none of it.

    Several addresses are separated by blanks, as uv wants them. What is said for one command, or in the environment,
    wins over what is said for all, as with pip.
    """
    said: dict[str, str] = {}
    order = {"global": 0, "install": 1, ":env:": 2}
    found = re.findall(r"^(global|install|:env:)\.([a-z-]+)='(.*)'$", listed, re.MULTILINE)
    for _, name, value in sorted(found, key=lambda each: order[each[0]]):
        said[name] = " ".join(value.replace("\\n", " ").split())
    named = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    settings = {named[name]: value for name, value in said.items() if name in named and value}
    # As pip does: the best version of all indexes. What is installed is held by its hash, whoever serves it.
    return settings | ({"UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in settings else {})


def cause(said: str) -> str:
    """Why nothing could be installed, in a sentence's second half."""
    if found := re.search(r"^the package index answers .*", said, re.MULTILINE):
        return found[0]
    for words, pattern in _CAUSES.items():
        if re.search(pattern, said):
            return words
    errors = [line.strip() for line in said.splitlines() if re.match(r"\s*(error|×|ERROR)", line)]
    return errors[0] if errors else "the installer gave no reason"


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """What a command printed, all of it."""
    ran = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if ran.returncode:
        raise NotInstalled(ran.stdout)
    return ran.stdout


def _install(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    """Run an installer: on a terminal its progress is shown, and it is asked again for the reason when it fails."""
    shown = {**os.environ, **(environment or {})}
    if sys.stderr.isatty() and not subprocess.run(command, env=shown, stdout=sys.stderr, check=False).returncode:
        return
    _run([*command, "--quiet"], environment)


def _pip(python: Path, *arguments: str) -> list[str]:
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def _uv_alone() -> str:
    """uv's own lines of the lock file: its version and hashes."""
    lock = (_ROOT / "requirements-tryout.txt").read_text(encoding="utf-8")
    return next(block for block in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE) if block.startswith("uv=="))


def _uvs(python: Path) -> Iterator[str]:
    """The uv on the PATH, then the one in the environment, which is installed there when it is missing."""
    if os.environ.get("INSTALL_WITH") == "pip":  # the only other choice; main() refuses what is neither
        return
    if found := shutil.which("uv"):
        yield found
    own = python.parent / "uv"
    if not own.exists():
        with tempfile.TemporaryDirectory() as folder:
            only = Path(folder, "uv.txt")
            only.write_text(_uv_alone(), encoding="utf-8")
            hashed = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(only))
            _run(_pip(python, "install", "--quiet", "--retries", "1", *hashed))
    yield str(own)


def _with_uv(python: Path, lock: Path) -> bool:
    """Install with uv. False where there is no uv; where it is there and does not succeed, NotInstalled."""
    settings = pip_settings(_run(_pip(python, "config", "list")))
    settings = {name: value for name, value in settings.items() if name not in os.environ}
    failed = None
    for uv in _uvs(python):
        try:
            _install(
                [uv, "pip", "install", "--python", str(python), "--no-deps", "--require-hashes", "-r", str(lock)],
                settings,
            )
        except (NotInstalled, OSError) as error:
            failed = NotInstalled(str(error))
        else:
            return True
    if failed:
        raise failed
    return False


def version(python: Path) -> tuple[int, ...] | None:
    """The version of an environment's Python, None where it has none with pip."""
    command = [str(python), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if ran.returncode else tuple(map(int, ran.stdout.split()))


def refused(environment: Mapping[str, str]) -> str:
    """What an index of the operator's own says when it refuses a request; "" when it does not, or is not asked."""
    index = environment.get("UV_DEFAULT_INDEX", "").split(" ")[0].rstrip("/")
    if not index.startswith(("http://", "https://")):
        return ""
    try:
        with urllib.request.urlopen(f"{index}/uv/", timeout=10):  # noqa: S310 (http and https only)
            return ""
    except urllib.error.HTTPError as error:
        return f"the package index answers {error.code} ({error.reason}): does it need a sign-in, or another address?"
    except (OSError, ValueError):
        return ""


def install(home: Path, lock: Path) -> None:
    """Bring the environment in `home` to what the lock file says.

    Raises:
        NotInstalled: neither uv nor pip could.
    """
    python = home / "bin/python"
    here = version(python)
    # Another Python than the environment's is meant only when it is named.
    if here is None or (os.environ.get("PYTHON") and here != sys.version_info[:2]):
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
    said = ""
    try:
        if _with_uv(python, lock):
            return
    except NotInstalled as failed:
        said = str(failed)
        if cause(said) == _UNREACHED:  # pip would ask the same index, and wait for longer
            raise
        print("Trying pip instead of uv (about half a minute)", file=sys.stderr)
    try:
        _install(_pip(python, "install", "--no-deps", "--require-hashes", "-r", str(lock)))
    except NotInstalled as failed:
        why = refused(pip_settings(_run(_pip(python, "config", "list"))))
        raise NotInstalled(f"{said}\n{failed}\n{why}") from None


def main(home: Path, lock: Path) -> int:
    """Install, and say what is done. The exit code."""
    chosen = os.environ.get("INSTALL_WITH", "")
    if chosen not in ("", "uv", "pip"):
        print(f"INSTALL_WITH: expected uv or pip, not {chosen}", file=sys.stderr)
        return 1
    running = ".".join(map(str, sys.version_info[:2]))
    size = f"up to {DOWNLOADS[lock.name]} MB to download" if lock.name in DOWNLOADS else "a small download"
    print(f"Setting up {home.name} with Python {running}: {size}, once", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        install(home, lock)
    except NotInstalled as failed:
        said = str(failed)
        kept = ""
        if home.is_dir():
            (home / "install.log").write_text(said, encoding="utf-8")
            kept = f" ({home.name}/install.log has all that was said)"
        print(f"{home.name} is not set up: {cause(said)}{kept}", file=sys.stderr)
        return 1
    print(f"{home.name} is set up ({time.monotonic() - begun:.0f} s)", file=sys.stderr)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*map(Path, sys.argv[1:3])))
    except KeyboardInterrupt:
        print("stopped; run it again to go on", file=sys.stderr)
        sys.exit(130)
