"""A headless Chromium, driven by Playwright over Node: `tests/npm/browser.js` says what it can do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NPM = Path(__file__).parents[1] / "npm"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "NO CHROMIUM ON THIS MACHINE (Debian: apt-get install chromium; elsewhere Chromium or Chrome, or"
    " CHROMIUM=/path/to/it)"
)


class BrowserFailed(Exception):
    """The browser could not do what it was told; the message is Playwright's."""


def absence() -> tuple[str, int]:
    """What to say on a machine without a browser, and the exit code: 1 where BROWSER_REQUIRED is set."""
    if chromium() is not None:
        return "", 0
    if os.environ.get("BROWSER_REQUIRED"):
        return f"*** {MISSING}: BROWSER_REQUIRED is set, so nothing is tested without one. ***\n", 1
    return f"*** {MISSING}: the cards are not drawn. ***\n", 0


def chromium() -> str | None:
    """The path of this machine's Chromium or Chrome, or the one that CHROMIUM names; None when there is none."""
    named = os.environ.get("CHROMIUM", "")
    return next((found for name in ((named,) if named else _NAMES) if (found := shutil.which(name))), None)


class Browser:
    """One page of a running browser."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running

    def do(self, verb: str, argument: object = None) -> Any:
        """What the command returns.

        Raises:
            BrowserFailed: it did not work.
        """
        assert self._running.stdin
        assert self._running.stdout
        self._running.stdin.write(json.dumps([verb, argument]) + "\n")
        self._running.stdin.flush()
        answer = json.loads(self._running.stdout.readline() or '{"error": "the browser has ended"}')
        if "error" in answer:
            raise BrowserFailed(answer["error"])
        return answer["value"]

    def open(self, url: str, width: int = 1280, height: int = 800) -> None:
        """Load this address, in a window of that size."""
        self.do("open", {"url": url, "width": width, "height": height})

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self.do("evaluate", expression)

    def shoot(self, selector: str, path: Path, *, fine: bool = True) -> None:
        """A PNG of the first element that the selector finds; without `fine` a pixel of it for each of CSS's."""
        self.do("shoot", {"selector": selector, "path": str(path), "fine": fine})


@contextmanager
def browsing(executable: str, *, scale: float = 1) -> Iterator[Browser]:
    """A browser with so many pixels for each of CSS's."""
    if not (_NPM / "node_modules" / "playwright-core").is_dir():
        raise BrowserFailed("tests/npm is not installed; run `make test`, or `npm ci` in tests/npm")
    command = ["node", str(_NPM / "browser.js"), executable, str(scale)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield Browser(running)
        finally:
            assert running.stdin
            running.stdin.close()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


if __name__ == "__main__":
    said, code = absence()
    sys.stderr.write(said)
    sys.exit(code)
