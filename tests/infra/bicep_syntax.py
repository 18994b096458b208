"""Reads Bicep into a tree: what is declared, and expressions with Bicep's own precedence.

Names, texts and types stay apart, so that a tree can be evaluated and checked. It reads the part of the language that
`infra/` uses, and raises `BicepSyntaxError` with the line for the rest, so that nothing is judged by half.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.infra.bicep_tree import (
    At,
    BicepType,
    Call,
    Condition,
    Declaration,
    Get,
    Items,
    Lambda,
    Literal,
    Loop,
    Name,
    Operation,
    Pairs,
    Text,
)


class BicepSyntaxError(ValueError):
    """The text is not Bicep, or a part of it that is not read here; the message names the line."""


_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)|(?P<newline>\n)|(?P<number>\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>'|=>|==|!=|=~|!~|<=|>=|&&|\|\||\?\?|!\.|\.\?|[-+*/%<>!?:.,=@(){}\[\]])",
    re.DOTALL,
)
_LEVELS = (("??",), ("||",), ("&&",), ("==", "!=", "=~", "!~"), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", "\\": "\\", "$": "$"}
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


class BicepReader:
    """Reads one text from its beginning."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    # ---- what stands next

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self._text.count("\n", 0, self._at) + 1

    def _fail(self, expected: str) -> BicepSyntaxError:
        near = self._text[self._at : self._at + 30].split("\n")[0]
        return BicepSyntaxError(f"line {self.line}: expected {expected}, found {near!r}")

    def _next(self) -> tuple[str, str]:
        """The kind and text of the next token, without taking it; newlines count as tokens."""
        while found := _TOKEN.match(self._text, self._at):
            if found.lastgroup != "space":
                return str(found.lastgroup), found[0]
            self._at = found.end()
        if self._at < len(self._text):
            raise self._fail("Bicep")
        return "end", ""

    def _take(self, *texts: str) -> str:
        """Take the next token when it is one of these, else ""."""
        _, text = self._next()
        if text not in texts:
            return ""
        self._at += len(text)
        return text

    def _must(self, text: str) -> None:
        if not self._take(text):
            raise self._fail(repr(text))

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise self._fail("a name")
        self._at += len(text)
        return text

    def _lines(self) -> None:
        while self._take("\n"):
            pass

    # ---- declarations

    def declarations(self) -> list[Declaration]:
        """All of the file's top-level declarations, targetScope not among them."""
        found: list[Declaration] = []
        while True:
            self._lines()
            decorators: dict[str, tuple[Any, ...]] = {}
            while self._take("@"):
                call = self._call(self._word())
                decorators[call.name] = call.arguments
                self._lines()
            if self._next()[0] == "end":
                return found
            if declared := self._declaration(decorators):
                found.append(declared)

    def _declaration(self, decorators: Mapping[str, tuple[Any, ...]]) -> Declaration | None:
        line, what = self.line, self._word()
        if what == "targetScope":
            self._must("=")
            self.expression()
            return None
        name = self._word()
        if what in ("param", "output"):
            kind = self._kind()
            value = self.expression() if self._take("=") else None
            return Declaration(what, name, line, value, kind, decorators=decorators)
        if what in ("resource", "module"):
            detail = "".join(self._quoted().parts)
            existing = bool(self._take("existing"))
            self._must("=")
            return Declaration(what, name, line, self._deployed(), None, detail, existing, decorators)
        self._must("=")
        if what == "type":
            return Declaration(what, name, line, None, self._kind(), decorators=decorators)
        if what == "var":
            return Declaration(what, name, line, self.expression(), decorators=decorators)
        raise BicepSyntaxError(f"line {line}: {what} is not read here")

    def _deployed(self) -> Any:
        if not self._take("if"):
            return self.expression()
        self._must("(")
        condition = self.expression()
        self._must(")")
        return Condition(condition, self.expression())

    def _kind(self) -> BicepType:
        if self._take("{"):
            fields = []
            self._lines()
            while not self._take("}"):
                name = self._word()
                self._must(":")
                fields.append((name, self._kind()))
                self._lines()
            kind = BicepType("object", fields=tuple(fields))
        else:
            kind = BicepType(self._word())
        while self._take("["):
            self._must("]")
            kind = BicepType("array", item=kind)
        return kind

    # ---- expressions

    def expression(self) -> Any:
        """An expression, the conditional operator being the loosest."""
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self.expression()
        self._must(":")
        return Operation("?:", (condition, yes, self.expression()))

    def _binary(self, level: int) -> Any:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            left = Operation(sign, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> Any:
        if sign := self._take("!", "-"):
            return Operation(sign, (self._unary(),))
        found = self._primary()
        while True:
            line = self.line
            if sign := self._take(".", "!.", ".?"):
                found = Get(found, self._word(), sign.strip("."), line)
            elif self._take("["):
                found = At(found, self.expression())
                self._must("]")
            else:
                return found

    def _primary(self) -> Any:
        line, (kind, text) = self.line, self._next()
        if text == "'":
            return self._quoted()
        if kind == "number":
            self._at += len(text)
            return Literal(int(text))
        if self._take("("):
            inner = self.expression()
            self._must(")")
            return inner
        if self._take("["):
            return self._list()
        if self._take("{"):
            return self._object()
        word = self._word()
        if word in _WORDS:
            return Literal(_WORDS[word])
        if self._next()[1] == "(":
            return self._call(word)
        if self._take("=>"):
            return Lambda(word, self.expression())
        return Name(word, line)

    def _call(self, name: str) -> Call:
        line = self.line
        self._must("(")
        arguments = []
        self._lines()
        while not self._take(")"):
            arguments.append(self.expression())
            self._take(",")
            self._lines()
        return Call(name, tuple(arguments), line)

    def _list(self) -> Any:
        self._lines()
        if self._take("for"):
            return self._loop()
        values = []
        while not self._take("]"):
            values.append(self.expression())
            self._take(",")
            self._lines()
        return Items(tuple(values))

    def _loop(self) -> Loop:
        item, index = "", ""
        if self._take("("):
            item = self._word()
            self._must(",")
            index = self._word()
            self._must(")")
        else:
            item = self._word()
        self._must("in")
        source = self.expression()
        self._must(":")
        body = self.expression()
        self._lines()
        self._must("]")
        return Loop(item, index, source, body)

    def _object(self) -> Pairs:
        pairs = []
        self._lines()
        while not self._take("}"):
            key = self._quoted() if self._next()[1] == "'" else Text((self._word(),))
            self._must(":")
            pairs.append((key, self.expression()))
            self._take(",")
            self._lines()
        return Pairs(tuple(pairs))

    def _quoted(self) -> Text:
        self._must("'")
        parts: list[Any] = [""]
        while (letter := self._text[self._at : self._at + 1]) != "'":
            if letter in ("", "\n"):
                raise self._fail("the end of a text")
            if self._text.startswith("${", self._at):
                self._at += 2
                parts += [self.expression(), ""]
                self._must("}")
                continue
            if letter == "\\":
                self._at += 1
                letter = _ESCAPES.get(self._text[self._at], "\\" + self._text[self._at])
            parts[-1] += letter
            self._at += 1
        self._at += 1
        return Text(tuple(part for part in parts if part != "") or ("",))
