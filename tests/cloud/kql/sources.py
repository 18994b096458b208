"""Where a tabular expression begins: a table, `print`, `datatable`, a union."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from tests.cloud.kql.context import INGESTED, datetime_of
from tests.cloud.kql.errors import missing_table, semantic_error, syntax_error
from tests.cloud.kql.literals import quote
from tests.cloud.kql.scalars import Scalars
from tests.cloud.kql.shapes import Names, Shape, kind_of, named, null_of
from tests.cloud.kql.tokens import TokenKind

_SOURCES = ("datatable", "union", "print")
_READ = {
    "string": "",
    "datetime": "todatetime",
    "long": "tolong",
    "int": "toint",
    "bool": "tobool",
    "real": "todouble",
}


class Sources(Scalars):
    """Lowers the beginnings of tabular expressions."""

    def is_tabular(self) -> bool:
        """Whether a tabular expression is here."""
        here, after = self.here, self.ahead(1)
        if here.is_mark("("):
            self.skip()
            inside = self.is_tabular()
            self.go_back(self.place - 1)
            return inside
        if here.is_name(*_SOURCES):
            return True
        if here.kind not in (TokenKind.NAME, TokenKind.QUOTED_NAME) or here.is_name("true", "false"):
            return False
        if here.text in self.context.lets:
            return self.context.lets[here.text]
        if after.is_mark("("):
            return False
        return after.is_mark("|", ";") or self.context.catalog.table(here.text) is not None

    def source(self) -> str:
        """The beginning of a tabular expression, lowered.

        Raises:
            KqlError: there is none here, or it names what is not there.
        """
        if self.took("("):
            return self._bracketed()
        if self.word("union"):
            return self._union()
        if self.word("print"):
            return f"print {', '.join(self._printed())}"
        if self.word("datatable"):
            return self._datatable()
        return self._table(self.name())

    def _bracketed(self) -> str:
        text, self.context.shape = self.pipeline()
        self.mark(")")
        return f"({text})"

    def _table(self, name: str) -> str:
        context = self.context
        if context.lets.get(name):
            context.basic = context.basic_lets.get(name, context.basic)
            context.shape = dict(context.let_shapes[name])
            return named(name)
        source = None if name in context.lets else context.catalog.table(name)
        if source is None:
            raise missing_table(name)
        context.rows += source.rows
        context.shape = dict(source.columns)
        if source.basic:
            context.basic = name
        context.timed = source.timed
        wanted = [f"{INGESTED} <= {datetime_of(context.seen)}"] if source.timed else []
        if context.span is not None and source.time:
            start, end = map(datetime_of, context.span)
            wanted.append(f"{source.time} >= {start} and {source.time} <= {end}")
        return f"({source.name} | where {' and '.join(wanted)})" if wanted else source.name

    def without_times(self, text: str) -> str:
        """A tabular expression without the hidden column, as what is outside it may see it."""
        if not self.context.timed:
            return text
        self.context.timed = False
        return f"({text}\n| project {', '.join(map(named, self.context.shape))})"

    def _printed(self) -> list[str]:
        names = Names()
        self.context.shape = {}
        out: list[str] = []
        shape: Shape = {}
        while True:
            name = self.gives_name()
            value = self.expression()
            shape[names.given(name or f"print_{len(out)}")] = value.kind
            out.append(f"{named(list(shape)[-1])} = {value.text}")
            if not self.took(","):
                self.context.shape = shape
                return out

    def _datatable(self) -> str:
        """The engine's own has no missing values: what is no text is written as text and read back."""

        def column() -> tuple[str, str]:
            name = self.name()
            self.mark(":")
            return name, self.need(*_READ)

        self.mark("(")
        columns = self.until(")", column)
        self.mark("[")
        place = itertools.count()
        values = self.until("]", lambda: self._datum(columns[next(place) % len(columns)][1]))
        if not columns or len(values) % len(columns):
            raise semantic_error("datatable: the number of values is no multiple of the number of columns")
        # The engine forgets the columns of a table without rows.
        listed = values or [quote("")] * len(columns)
        text = f"datatable({', '.join(f'{named(name)}: string' for name, _ in columns)}) [{', '.join(listed)}]"
        text = text if values else f"({text} | where 1 == 2)"
        self.context.shape = dict(columns)
        read = [f"{named(name)} = {_READ[kind]}({named(name)})" for name, kind in columns if kind != "string"]
        return f"({text} | extend {', '.join(read)})" if read else text

    def _datum(self, kind: str) -> str:
        value = self.expression()
        if kind == "string":
            if value.literal != "string":
                raise semantic_error(f"datatable: {value.text} is no string literal")
            return value.text
        text = re.sub(r"^(?:datetime|long|int|real|double|bool)\((.*)\)$", r"\1", value.text)
        if value.literal not in ("number", "datetime", "bool") and text == value.text:
            raise semantic_error(f"datatable: {value.text} is no literal of type {kind}")
        return quote("" if text == "null" else text)

    def _union(self) -> str:
        parts = self.listed(lambda: (self.without_times(self.source()), self.context.shape))
        return self._united(parts)

    def _united(self, parts: Sequence[tuple[str, Shape]]) -> str:
        """Inputs side by side: the engine goes by position, Kusto by name."""
        texts, shapes = [text for text, _ in parts], [shape for _, shape in parts]
        if any(not kind for shape in shapes for kind in shape.values()) or any(shapes[0] != shape for shape in shapes):
            shapes = [{name: kind_of(kind) for name, kind in self.engine_types(text).items()} for text in texts]
        self.context.shape = types = dict(shapes[0])
        for shape in shapes[1:]:
            for name, kind in shape.items():
                if _class(types.setdefault(name, kind)) != _class(kind):
                    raise syntax_error(f"union: the column '{name}' has different types, which is not understood here")
                types[name] = kind if types[name] == "count" else types[name]
        for name, kind in types.items():
            if kind == "count" and any(name not in shape for shape in shapes):
                types[name] = "long"  # it can be missing now
        if all(list(shape.items()) == list(types.items()) for shape in shapes):
            return f"union {', '.join(f'({text})' for text in texts)}"
        aligned = []
        for text, shape in zip(texts, shapes, strict=True):
            listed = [_aligned(name, kind, shape) for name, kind in types.items()]
            aligned.append(f"({text} | project {', '.join(listed)})")
        return f"union {', '.join(aligned)}"


def _aligned(name: str, kind: str, shape: Shape) -> str:
    """A column of an input as the union has it: the engine finds no common type for whole numbers of two kinds."""
    if name not in shape:
        return f"{named(name)} = {null_of(kind)}"
    return f"{named(name)} = toInt64({named(name)})" if (kind, shape[name]) == ("long", "count") else named(name)


def _class(kind: str) -> str:
    return "long" if kind in ("count", "int") else kind
