"""`join`: the kinds that say which they are, with Kusto's names for the columns of both sides."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cloud.kql.errors import semantic_error, syntax_error
from tests.cloud.kql.shapes import Names, named
from tests.cloud.kql.sources import Sources

_KINDS = ("inner", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti")


class Joins(Sources):
    """Lowers `join`."""

    def join(self, left: str) -> str:
        """A join whose word has been taken.

        Raises:
            KqlError: it does not say its kind, or names a column that is not there.
        """
        if self.gives_name() != "kind":
            raise syntax_error("join: say which kind; the default, innerunique, is not understood here")
        kind = self.need(*_KINDS)
        right = self.source()
        self.need("on")
        return self._joined(kind, left, right, self.listed(self._on))

    def _on(self) -> tuple[str, str]:
        if not self.here.is_name("$left", "$right"):
            name = self.name()
            return name, name
        sides: dict[str, str] = {}
        for mark in ("==", ""):
            side = self.need("$left", "$right")
            self.mark(".")
            sides[side] = self.name()
            if mark:
                self.mark(mark)
        if len(sides) != 2:
            raise semantic_error("join: each condition compares $left with $right")
        return sides["$left"], sides["$right"]

    def _joined(self, kind: str, left: str, right: str, keys: Sequence[tuple[str, str]]) -> str:
        """The engine has its own name for a right column that is on the left already; Kusto adds a number."""
        mine = [name for name, _ in self.columns(left)]
        names = Names()
        for name in mine:
            names.given(name)
        theirs = {name: names.made(name) for name, _ in self.columns(right)}
        renamed = ", ".join(f"{named(new)} = {named(old)}" for old, new in theirs.items())
        inside = f"{right} | project {renamed}"
        on = []
        for one, other in keys:
            if one not in mine or other not in theirs:
                raise semantic_error(f"join: Failed to resolve column named '{one if one not in mine else other}'")
            on.append(f"$left.{named(one)} == $right.{named(theirs[other])}")
        text = f"{left}\n| join kind={kind} ({inside}) on {', '.join(on)}"
        if kind in ("leftsemi", "leftanti"):
            text += f"\n| project {', '.join(map(named, mine))}"
        return text
