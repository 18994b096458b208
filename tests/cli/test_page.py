"""docs/cli.md is what the commands say and print."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from shared.cli.commands import app
from tests.cli.page import PAGE, commands_page, examples_for
from tests.cloud.mail import Mail


def test_the_page_is_up_to_date() -> None:
    """The page is as `make docs` writes it now, and has each command."""
    text = PAGE.read_text(encoding="utf-8")
    assert commands_page(app) == text, "docs/cli.md is out of date: run make docs"
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        assert f"\n## {name}\n" in text
        assert f"python -m shared {name}" in text


def test_another_help_or_output_is_another_page() -> None:
    """What a command says of itself, what it prints and what it ends with are on the page."""
    other = typer.Typer(add_completion=False)

    @other.command()
    def first(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
        """Help that is nowhere else."""
        typer.echo(f"output {yes} of it " + "long " * 40)
        raise typer.Exit(3)

    @other.command()
    def second(who: str) -> None:
        """Needs an argument."""

    text = commands_page(other, Mail)
    for words in (
        "## first",
        "Help that is nowhere else.",
        "$ python -m shared first --yes\noutput True of it long",
        "It ends with exit code 3.",
        "## second",
    ):
        assert words in text
    assert "$ python -m shared second" not in text
    assert max(map(len, text.splitlines())) <= 125


def test_every_command_that_can_be_shown_is() -> None:
    """Each command of today has an example."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        assert isinstance(command, TyperCommand)
        assert examples_for(name, command)
