"""After Azure has everything: what the deployment could not grant itself, and what nothing watches."""

from __future__ import annotations

from collections.abc import Mapping

from infra.hooks.programs import say


def run(environment: Mapping[str, str]) -> int:
    """Print what is left to do, nothing when nothing is; return the exit code."""
    for name, heading in (
        ("SENTINEL_ACCESS_COMMAND", "Still to grant, by an administrator:"),
        ("NOT_WATCHED", "Not watched by this deployment:"),
    ):
        if text := environment.get(name, "").strip():
            say(heading, *(f"  {line.strip()}" for line in text.splitlines()))
    return 0
