"""What the lowering of one query knows: the database, the time, what `let` has named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from tests.cloud.kql.cursor import Cursor
from tests.cloud.kql.shapes import Columns, Shape
from tests.cloud.kql.tokens import Token

INGESTED = "kql_ingested"
"""The hidden column that holds what ingestion_time() gives."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table of the database: the engine's name for it, its columns, whether its plan refuses to summarise, its
    column of time and how many rows it holds.

    One that is `timed` has a hidden column INGESTED. A query sees the rows that were ingested by the
    time at which it runs.
    """

    name: str
    columns: Mapping[str, str]
    basic: bool = False
    time: str = "TimeGenerated"
    rows: int = 0
    timed: bool = False


class Catalog(Protocol):
    """What the lowering must know of the database."""

    def table(self, name: str) -> TableSource | None:
        """Where a table is; None when there is none of this name."""

    def columns(self, kql: str) -> Columns:
        """The columns that lowered KQL answers with."""


@dataclass
class Context:
    """`span` is applied to the time of every table that is read; `lets` says of each name whether it is a table.

    Of a timed table the rows are there that were ingested by `seen`.

    `left` is the pipeline so far, `shape` its columns, `basic` the table on the Basic plan that it reads; `timed` says
    that its rows still carry the time of their ingestion, hidden.
    """

    catalog: Catalog
    now: datetime
    span: tuple[datetime, datetime] | None
    seen: datetime
    lets: dict[str, bool] = field(default_factory=dict)
    prelude: str = ""
    left: str = ""
    shape: Shape = field(default_factory=dict)
    let_kinds: dict[str, str] = field(default_factory=dict)
    let_shapes: dict[str, Shape] = field(default_factory=dict)
    basic: str = ""
    basic_lets: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    timed: bool = False


class QueryReader(Cursor):
    """A cursor with its query's context."""

    def __init__(self, tokens: list[Token], context: Context) -> None:
        super().__init__(tokens)
        self.context = context

    def engine_types(self, text: str) -> dict[str, str]:
        """The engine types of the columns of a lowered pipeline of this query, by name; to be asked for sparingly.

        Raises:
            KqlError: it cannot be run.
        """
        return dict(self.context.catalog.columns(f"{self.context.prelude}{text}\n| take 0"))


def datetime_of(time: datetime) -> str:
    """A datetime literal."""
    return f"datetime({time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}0Z)"
