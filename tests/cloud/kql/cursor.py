"""Reading a query's tokens one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.cloud.kql.errors import KqlError, syntax_error
from tests.cloud.kql.shapes import RESERVED
from tests.cloud.kql.tokens import Token, TokenKind

_END = Token(TokenKind.MARK, "end of query", -1)
T = TypeVar("T")


class Cursor:
    """A place in the tokens. What is `taken` moves it on; what does not fit is refused or left."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def here(self) -> Token:
        """The token at the cursor."""
        return self.ahead(0)

    def ahead(self, number: int) -> Token:
        """A token further on."""
        at = self._at + number
        return self._tokens[at] if at < len(self._tokens) else _END

    @property
    def ended(self) -> bool:
        """Whether all tokens are read."""
        return self._at >= len(self._tokens)

    def unexpected(self) -> KqlError:
        """The refusal of the token at the cursor."""
        return syntax_error(
            f"Query could not be parsed at '{self.here.text}' (offset {self.here.at}); "
            "operators of values that are right in KQL go into tests/cloud/kql/scalars.py"
        )

    def skip(self) -> None:
        """Pass over one token."""
        self._at += 1

    def mark(self, mark: str) -> None:
        """Take this mark, or refuse."""
        if not self.took(mark):
            raise self.unexpected()

    def took(self, *marks: str) -> str:
        """Take one of these marks if it is here, and say which."""
        here = self.here
        if here.is_mark(*marks):
            self._at += 1
            return here.text
        return ""

    def word(self, *words: str) -> str:
        """Take one of these words if it is here, and say which."""
        here = self.here
        if here.is_name(*words):
            self._at += 1
            return here.text
        return ""

    def need(self, *words: str) -> str:
        """Take one of these words, or refuse."""
        if not (word := self.word(*words)):
            raise self.unexpected()
        return word

    def is_name(self) -> bool:
        """Whether a name is here that may be a column's or a table's."""
        here = self.here
        return here.kind is TokenKind.QUOTED_NAME or (here.kind is TokenKind.NAME and here.text not in RESERVED)

    def name(self) -> str:
        """Take a name, or refuse."""
        if not self.is_name():
            raise self.unexpected()
        self._at += 1
        return self._tokens[self._at - 1].text

    def gives_name(self) -> str:
        """Take `name =` if it is here; the name, or nothing."""
        if self.is_name() and self.ahead(1).is_mark("="):
            name = self.name()
            self._at += 1
            return name
        return ""

    def hyphened(self) -> str:
        """Take an operator's name, which may have hyphens in it."""
        name = self.name()
        while self.here.is_mark("-") and self.here.at == self._end_of_last() and self.ahead(1).kind is TokenKind.NAME:
            self._at += 1
            name += "-" + self.name()
        return name

    def _end_of_last(self) -> int:
        last = self._tokens[self._at - 1]
        return last.at + len(last.text)

    def listed(self, one: Callable[[], T]) -> list[T]:
        """One thing or more, with commas between."""
        found = [one()]
        while self.took(","):
            found.append(one())
        return found

    def until(self, close: str, one: Callable[[], T]) -> list[T]:
        """Any number of things with commas between, and the closing mark."""
        found: list[T] = []
        while not self.took(close):
            found.append(one())
            if not self.took(",") and not self.here.is_mark(close):
                raise self.unexpected()
        return found

    def pass_over(self, *stops: str) -> None:
        """Go to the next of these marks or words that stands outside brackets, or to the end of the brackets here."""
        depth = 0
        while not self.ended:
            here = self.here
            if here.is_mark("(", "["):
                depth += 1
            elif here.is_mark(")", "]"):
                if not depth:
                    return
                depth -= 1
            elif not depth and (here.is_mark(*stops) or here.is_name(*stops)):
                return
            self._at += 1

    @property
    def place(self) -> int:
        """Where the cursor is, to `go_back` to."""
        return self._at

    def go_back(self, place: int) -> None:
        """Go to a place."""
        self._at = place
