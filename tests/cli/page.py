"""`make docs`: writes docs/cli.md from the commands' own help and from what they print on the small Azure.

All registered commands are in it, in their order. The clock stands still, so that the page is the same on every day.
"""

from __future__ import annotations

import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from tests.cloud import Cloud
from tests.cloud.mail import Mail
from tests.support.clock import START, FakeClock
from tests.tryout.town import town

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
WIDTH = 120
EXAMPLES: dict[str, list[list[str]]] = {
    "sweep": [["--dry-run"]],
    "tune": [["--by", "domain", "--replay", "10"]],
    "show": [["finance@contoso.com"]],
    "forget": [["finance@contoso.com", "--yes"]],
    "workspaces": [[]],
}
"""The arguments with which a command is shown, where it is not shown without any (or with --yes, where it asks)."""
INTRODUCTION = """# The commands

`make docs` writes this page from the commands' own help, and from what they print on the small Azure of `make cloud`. A
test fails when it is out of date. Long lines are broken here.

In a checkout they are run as `.venv/bin/python -m shared …`, with the settings of the environment or of
`local.settings.json`. With `--json` they print one JSON value on standard output and nothing else.
"""
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def commands_page(app: typer.Typer, tenant: Callable[[datetime], Mail] = town) -> str:
    """The whole page about these commands, each run on a small Azure with this tenant."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parts = [INTRODUCTION]
    with _stage(tenant(START)) as folder:
        for name, command in group.commands.items():
            assert isinstance(command, TyperCommand)
            parts.append(f"## {name}\n\n{_fenced(_printed(app, [name, '--help'], folder)[0])}")
            for arguments in examples_for(name, command):
                text, code = _printed(app, [name, *arguments], folder)
                ended = f"\nIt ends with exit code {code}.\n" if code else ""
                parts.append(_fenced(f"$ python -m shared {' '.join([name, *arguments])}\n{text}") + ended)
    return "\n".join(parts)


def examples_for(name: str, command: TyperCommand) -> list[list[str]]:
    """The arguments of each run that is shown: none for a command that needs some and has no example."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    if any(parameter.required for parameter in command.params):
        return []
    asks = any("--yes" in parameter.opts for parameter in command.params)
    return [["--yes"] if asks else []]


@contextmanager
def _stage(mail: Mail) -> Iterator[str]:
    """A small Azure, the settings that lead to it, and a clock that stands still; the folder of the ledger."""
    import shared.app
    import shared.clock

    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        Cloud(mail.events, clock=FakeClock()) as cloud,
    ):
        cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
        for name, value in {**cloud.environment, "LEDGER_URL": f"sqlite:///{folder}/ledger.db"}.items():
            patch.setenv(name, value)
        for module in (shared.clock, shared.app):
            patch.setattr(module, "SystemClock", FakeClock)
        yield folder


def _printed(app: typer.Typer, arguments: list[str], folder: str) -> tuple[str, int]:
    """What the command prints on standard output, without what differs from run to run, and its exit code."""
    ran = CliRunner().invoke(app, arguments, prog_name="python -m shared", terminal_width=100)
    text = _CODES.sub("", ran.stdout).replace(folder, "/home/me")
    text = re.sub(r"fingerprint [0-9a-f]{12}", "fingerprint 0123456789ab", text)
    text = re.sub(r"Reference [0-9a-f]{8}-", "Reference 01234567-", text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8443", text), ran.exit_code


def _fenced(text: str) -> str:
    lines = [part for line in text.strip("\n").splitlines() for part in _broken(line.rstrip())]
    return "\n".join(["```text", *lines, "```", ""])


def _broken(line: str) -> list[str]:
    """The line in lines that fit the page; those that follow are indented."""
    if len(line) <= WIDTH:
        return [line]
    return textwrap.wrap(line, WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False, replace_whitespace=False)


if __name__ == "__main__":
    from shared.cli.commands import app as commands

    PAGE.write_text(commands_page(commands), encoding="utf-8")
    sys.stdout.write(f"Written: {PAGE}\n")
