"""KQL's tokens: names, numbers, strings, typed literals and marks; comments are dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto


class KqlError(Exception):
    """The query is refused, as the service refuses one: `kind` is SyntaxError or SemanticError.

    `table` is the table that is missing, when it is that.
    """

    def __init__(self, kind: str, code: str, message: str, table: str = "") -> None:
        super().__init__(message)
        self.kind, self.code, self.message, self.table = kind, code, message, table


def syntax_error(message: str) -> KqlError:
    """The query cannot be parsed."""
    return KqlError("SyntaxError", "SYN0002", message)


def semantic_error(message: str, code: str = "SEM0100") -> KqlError:
    """The query names what is not there, or mixes types."""
    return KqlError("SemanticError", code, message)


def missing_table(name: str) -> KqlError:
    """There is no table of this name."""
    message = f"'{name}' could not be found: Failed to resolve table or column expression named '{name}'"
    return KqlError("SemanticError", "SEM0100", message, name)


def missing_column(name: str) -> KqlError:
    """There is no column or value of this name."""
    return semantic_error(f"Failed to resolve column or scalar expression named '{name}'")


class Kind(Enum):
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

    kind: Kind
    text: str
    at: int

    def is_mark(self, *marks: str) -> bool:
        """Whether it is one of these marks."""
        return self.kind is Kind.MARK and self.text in marks

    def is_name(self, *names: str) -> bool:
        """Whether it is one of these unquoted names."""
        return self.kind is Kind.NAME and self.text in names


_SKIP = re.compile(r"(?:\s|//[^\n]*)+")
_NAME = re.compile(r"\$(?:left|right)\b|[A-Za-z_][A-Za-z0-9_]*")
_TIMESPAN = re.compile(
    r"(\d+(?:\.\d+)?)(days?|d|hours?|hrs?|h|minutes?|min|milliseconds?|millis?|ms|microseconds?|micros?|m"
    r"|seconds?|sec|s|ticks?)\b"
)
_NUMBER = re.compile(r"0x[0-9a-fA-F]+\b|\d+\.\d+(?:[eE][+-]?\d+)?\b|\d+(?:[eE][+-]?\d+)?\b")
_MARK = re.compile(r"!in~|!=|!~|==|=~|<=|>=|<>|\.\.|[!|=<>+\-*/%,.()\[\]{};:]")
_WORD_MARK = re.compile(
    r"(?:!?in~|!(?:in|has_cs|has|contains_cs|contains|startswith_cs|startswith|endswith_cs|endswith|between)\b)"
)
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
_UNITS = {
    "d": "d", "day": "d", "days": "d",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "m": "m", "min": "m", "minute": "m", "minutes": "m",
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "ms": "ms", "milli": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
    "micro": "microsecond", "micros": "microsecond", "microsecond": "microsecond", "microseconds": "microsecond",
    "tick": "tick", "ticks": "tick",
}  # fmt: skip
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "microsecond": 1e-6, "tick": 1e-7}
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?\s*(Z|[+-]\d\d:\d\d)?", re.IGNORECASE
)


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
        if token.kind is Kind.STRING and tokens and tokens[-1].kind is Kind.STRING:
            # Strings side by side are one string.
            token = Token(Kind.STRING, tokens.pop().text + token.text, token.at)
        tokens.append(token)
    return tokens


def _quoted_name(query: str, at: int, before: Sequence[Token], adjacent: bool) -> tuple[Token, int] | None:
    """A name such as ['my column'], where no list and no index can stand."""
    if query[at] != "[" or not (found := _QUOTED_NAME.match(query, at)):
        return None
    if before and (before[-1].is_mark(")", "]") or (adjacent and before[-1].kind is Kind.NAME)):
        return None
    if len(before) > 1 and before[-1].is_mark("(") and before[-2].is_name("dynamic"):
        return None
    return Token(Kind.QUOTED_NAME, found["name"], at), found.end()


def _token(query: str, at: int) -> tuple[Token, int]:
    here = query[at]
    if here in "\"'" or (here in "@hH" and query[at + 1 : at + 2] in ("'", '"', "@")):
        text, end = _string(query, at)
        return Token(Kind.STRING, text, at), end
    if found := _WORD_MARK.match(query, at):
        return Token(Kind.MARK, found[0], at), found.end()
    if found := _NAME.match(query, at):
        return _literal(query, found)
    if found := _TIMESPAN.match(query, at):
        return Token(Kind.TIMESPAN, found[1] + _UNITS[found[2]], at), found.end()
    if found := _NUMBER.match(query, at):
        return Token(Kind.NUMBER, found[0], at), found.end()
    if found := _MARK.match(query, at):
        return Token(Kind.MARK, found[0], at), found.end()
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
            return Token(Kind.DATETIME, datetime_literal(inside), at), close + 1
        if found[0] in ("timespan", "time") and (span := _TIMESPAN.fullmatch(inside)):
            return Token(Kind.TIMESPAN, span[1] + _UNITS[span[2]], at), close + 1
        raise syntax_error(f"{found[0]}({inside}) is not understood ({_place(query, at)})")
    return Token(Kind.NAME, found[0], at), end


def datetime_literal(inside: str) -> str:
    """A datetime literal in its one canonical form, from what stands between its brackets.

    Raises:
        KqlError: it is no datetime.
    """
    inside = inside.strip("\"' ")
    if inside == "null":
        return "datetime(null)"
    found = _MOMENT.fullmatch(inside)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
        if zone and zone.upper() != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
            moment -= offset if zone[0] == "+" else -offset
    except ValueError:
        raise semantic_error(f"datetime({inside}) is not a valid datetime literal") from None
    return f"datetime({moment:%Y-%m-%dT%H:%M:%S}.{fraction or '':0<7}Z)"


def seconds(timespan: str) -> float:
    """How long a timespan token is."""
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", timespan).groups()  # type: ignore[union-attr]
    return float(number) * _SECONDS[unit]


def _string(query: str, at: int) -> tuple[str, int]:
    start = at
    if query[at] in "hH":
        at += 1
    verbatim = query[at] == "@"
    at += verbatim
    quote = query[at]
    if quote not in "\"'":
        raise syntax_error(f"Query could not be parsed at '{query[start]}' ({_place(query, start)})")
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


def quote(text: str) -> str:
    """A string literal that the embedded engine reads back to the letter."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'


def _place(query: str, at: int) -> str:
    line = query.count("\n", 0, at) + 1
    return f"line {line}, position {at - query.rfind(chr(10), 0, at)}"
