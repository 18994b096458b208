"""A JSON text read value by value, so that a long list in it is never in memory as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
_CUT_VALUE = re.compile(r"|-|t|tr|tru|f|fa|fal|fals|n|nu|nul|[.eE][+-]?|u[0-9a-fA-F]{0,4}")
"""What may be left of a value that a file ends in."""
_READ = json.JSONDecoder().raw_decode


def ends_early(error: json.JSONDecodeError) -> bool:
    """Whether a text is no JSON because it ends too soon."""
    if error.msg.startswith("Unterminated string"):
        return True
    return _CUT_VALUE.fullmatch(error.doc[error.pos :].rstrip()) is not None


class JsonText:
    """A text and the place that is read next. Every method raises ValueError where the text is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self._seen, self._line = 0, 1
        self.skip()

    @property
    def line(self) -> int:
        """The line of the place that is read next."""
        self._line += self.text.count("\n", self._seen, self.place)
        self._seen = self.place
        return self._line

    def skip(self, many: int = 0) -> str:
        """Go so many characters on, then over white space; the character there, "" at the end."""
        found = _SPACE.match(self.text, self.place + many)
        self.place = found.end() if found else len(self.text)
        return self.text[self.place : self.place + 1]

    @property
    def begins(self) -> str:
        """The first character of what is read next."""
        return self.text[self.place : self.place + 1]

    def read(self) -> Any:
        """The next value."""
        value, self.place = _READ(self.text, self.place)
        self.skip()
        return value

    def elements(self) -> Iterator[None]:
        """Stop before each element of the list that is next. The caller reads it before going on."""
        more = self.skip(1) != "]"
        while more:
            yield
            more = self._comma("]")
        self.skip(1)

    def members(self) -> Iterator[str]:
        """The key of each member of the object that is next. The caller reads its value before going on."""
        more = self.skip(1) != "}"
        while more:
            if self.begins != '"':
                raise self._expected("a name in quotes")
            key = self.read()
            if self.begins != ":":
                raise self._expected("':'")
            self.skip(1)
            yield key
            more = self._comma("}")
        self.skip(1)

    def _comma(self, end: str) -> bool:
        if self.begins == end:
            return False
        if self.begins != ",":
            raise self._expected(f"',' or '{end}'")
        self.skip(1)
        return True

    def _expected(self, what: str) -> ValueError:
        return json.JSONDecodeError(f"Expecting {what}", self.text, self.place)
