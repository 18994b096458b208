"""`join`: the kinds that say which they are, with Kusto's names for the columns of both sides."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cloud.kql.errors import semantic_error, syntax_error
from tests.cloud.kql.shapes import Names, Shape, named
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
        mine = self.context.shape
        right = self.source()
        theirs = self.context.shape
        self.need("on")
        return self._joined(kind, (left, mine), (right, theirs), self.listed(self._on))

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

    def _joined(
        self, kind: str, left: tuple[str, Shape], right: tuple[str, Shape], keys: Sequence[tuple[str, str]]
    ) -> str:
        """The engine has its own name for a right column that is on the left already; Kusto adds a number."""
        mine = left[1]
        names = Names()
        for name in mine:
            names.given(name)
        theirs = {name: names.made(name) for name in right[1]}
        renamed = ", ".join(f"{named(new)} = {named(old)}" for old, new in theirs.items())
        inside = f"{right[0]} | project {renamed}"
        on = []
        for one, other in keys:
            if one not in mine or other not in theirs:
                raise semantic_error(f"join: Failed to resolve column named '{one if one not in mine else other}'")
            on.append(f"$left.{named(one)} == $right.{named(theirs[other])}")
        text = f"{left[0]}\n| join kind={kind} ({inside}) on {', '.join(on)}"
        self.context.shape = dict(mine)
        if kind in ("leftsemi", "leftanti"):
            return f"{text}\n| project {', '.join(map(named, mine))}"
        # Where a side has no partner, its numbers are missing though they never were before.
        both = mine | {new: right[1][old] for old, new in theirs.items()}
        self.context.shape = {name: "" if kind == "count" else kind for name, kind in both.items()}
        return text
