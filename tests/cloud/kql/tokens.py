"""KQL's tokens: names, numbers, strings, typed literals and marks; comments are dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tests.cloud.kql.errors import syntax_error
from tests.cloud.kql.literals import TIMESPAN, datetime_literal


class TokenKind(Enum):
    """What a token is."""

    NAME = auto()
    QUOTED_NAME = auto()
    NUMBER = auto()
    TIMESPAN = auto()
    STRING = auto()
    DATETIME = auto()
    MARK = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` is the name, the decoded string, the mark, or the literal as written; `at` is its offset."""

    kind: TokenKind
    text: str
    at: int

    def is_mark(self, *marks: str) -> bool:
        """Whether it is one of these marks."""
        return self.kind is TokenKind.MARK and self.text in marks

    def is_name(self, *names: str) -> bool:
        """Whether it is one of these unquoted names."""
        return self.kind is TokenKind.NAME and self.text in names


_SKIP = re.compile(r"(?:\s|//[^\n]*)+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+\b|\d+\.\d+(?:[eE][+-]?\d+)?\b|\d+(?:[eE][+-]?\d+)?\b")
_MARK = re.compile(r"!=|!~|==|=~|<=|>=|\.\.|[!|=<>+\-*/%,.()\[\]{};:]")
_WORD_MARK = re.compile(r"in~|!startswith\b")
_QUOTED_NAME = re.compile(r"""\[\s*(?P<quote>['"])(?P<name>[^'"\\\n]+)(?P=quote)\s*\]""")
_ESCAPES = {
    "\\": "\\",
    '"': '"',
    "'": "'",
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}


def tokenize(query: str) -> list[Token]:
    """The tokens of a query.

    Raises:
        KqlError: something in it is no token.
    """
    tokens: list[Token] = []
    at = end = 0
    while at < len(query):
        if skipped := _SKIP.match(query, at):
            at = skipped.end()
            continue
        token, at = _quoted_name(query, at, tokens, at == end) or _token(query, at)
        end = at
        if token.kind is TokenKind.STRING and tokens and tokens[-1].kind is TokenKind.STRING:
            # Strings side by side are one string.
            token = Token(TokenKind.STRING, tokens.pop().text + token.text, token.at)
        tokens.append(token)
    return tokens


def _quoted_name(query: str, at: int, before: Sequence[Token], adjacent: bool) -> tuple[Token, int] | None:
    """A name such as ['my column'], where no list and no index can stand."""
    if query[at] != "[" or not (found := _QUOTED_NAME.match(query, at)):
        return None
    if before and (before[-1].is_mark(")", "]") or (adjacent and before[-1].kind is TokenKind.NAME)):
        return None
    return Token(TokenKind.QUOTED_NAME, found["name"], at), found.end()


def _token(query: str, at: int) -> tuple[Token, int]:
    here = query[at]
    if here in "\"'" or (here == "@" and query[at + 1 : at + 2] in ("'", '"')):
        text, end = _string(query, at)
        return Token(TokenKind.STRING, text, at), end
    if found := _WORD_MARK.match(query, at):
        return Token(TokenKind.MARK, found[0], at), found.end()
    if found := _NAME.match(query, at):
        return _literal(query, found)
    if found := TIMESPAN.match(query, at):
        return Token(TokenKind.TIMESPAN, found[0], at), found.end()
    if found := _NUMBER.match(query, at):
        return Token(TokenKind.NUMBER, found[0], at), found.end()
    if found := _MARK.match(query, at):
        return Token(TokenKind.MARK, found[0], at), found.end()
    raise syntax_error(f"Query could not be parsed at '{here}' ({_place(query, at)})")


def _literal(query: str, found: re.Match[str]) -> tuple[Token, int]:
    """A name, or the typed literal that it begins."""
    at, end = found.span()
    if found[0] in ("datetime", "timespan", "time", "guid") and query[end : end + 1] == "(":
        close = query.find(")", end)
        if close < 0:
            raise syntax_error(f"Query could not be parsed: ')' is missing ({_place(query, at)})")
        inside = query[end + 1 : close].strip()
        if found[0] == "datetime":
            return Token(TokenKind.DATETIME, datetime_literal(inside), at), close + 1
        raise syntax_error(f"{found[0]}({inside}) is not understood ({_place(query, at)})")
    return Token(TokenKind.NAME, found[0], at), end


def _string(query: str, at: int) -> tuple[str, int]:
    start = at
    verbatim = query[at] == "@"
    at += verbatim
    quote = query[at]
    at += 1
    out: list[str] = []
    while True:
        if at >= len(query) or query[at] in "\r\n":
            raise syntax_error(f"Unterminated string literal ({_place(query, start)})")
        here = query[at]
        if here == quote:
            if verbatim and query[at + 1 : at + 2] == quote:
                out.append(quote)
                at += 2
                continue
            return "".join(out), at + 1
        if here == "\\" and not verbatim:
            text, at = _escape(query, at)
            out.append(text)
            continue
        out.append(here)
        at += 1


def _escape(query: str, at: int) -> tuple[str, int]:
    kind = query[at + 1 : at + 2]
    size = {"x": 2, "u": 4, "U": 8}.get(kind)
    if size is not None:
        digits = query[at + 2 : at + 2 + size]
        if not re.fullmatch(rf"[0-9a-fA-F]{{{size}}}", digits) or int(digits, 16) > 0x10FFFF:
            raise syntax_error(f"Bad escape in a string literal ({_place(query, at)})")
        return chr(int(digits, 16)), at + 2 + size
    if kind in _ESCAPES and kind:
        return _ESCAPES[kind], at + 2
    raise syntax_error(f"Bad escape in a string literal ({_place(query, at)})")


def _place(query: str, at: int) -> str:
    line = query.count("\n", 0, at) + 1
    return f"line {line}, position {at - query.rfind(chr(10), 0, at)}"
