"""From staged texts to a table of `EmailEvents`: each cell of its column's type, or named."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.cloud.engine import MANY, engine, literal, quoted
from tests.cloud.events.moments import EXAMPLES, Shape, moments, read_name
from tests.cloud.events.record import TIME
from tests.cloud.events.staging import Staging
from tests.cloud.schemas import EMAIL_EVENTS

_REWRITTEN = re.compile(r"\s*(?:\d{1,2}:\d\d\.\d|\d{5}(?:[.,]\d+)?|#+|\d[.,]\d+E\+\d+)\s*")
"""Minutes and tenths, a number of days, a column that was too narrow."""
Orders = Mapping[Shape, bool]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = tuple(name for name, kind in EMAIL_EVENTS.items() if kind == "datetime")
_EXPECTED = {"int": "a whole number", "long": "a whole number", "bool": "true or false", "datetime": EXAMPLES}


@dataclass(frozen=True, slots=True)
class Bad:
    """A cell that is not of its column's type: the first of all with the same cause, which so many rows have."""

    source: int
    record: int
    words: str
    rows: int


def table(
    staging: Staging, orders: Mapping[int, Orders], sources: Collection[int], shift_to: datetime | None = None
) -> str:
    """A new table of the engine with all staged rows, `TimeGenerated` always filled.

    With `shift_to` all times are moved by one amount, so that the newest TimeGenerated is that moment.

    Raises:
        ValueError: a cell is not of its type; `bad` names which.
    """
    made = engine().create(dict(EMAIL_EVENTS), large=staging.rows > MANY)
    times = [name for name in TIMES if name in staging.used]
    try:
        queries = [moments(_staged(staging, alike), times, order) for order, alike in _alike(orders, sources)]
        by = (
            0
            if shift_to is None
            else _ticks(shift_to) - max(_newest(query, staging.used, staging.rows) for query in queries)
        )
        picked = {name: _checked(name, staging.used, by) for name in _columns(staging)}
        for query in queries:
            engine().sql(
                f"INSERT INTO {made} ({', '.join(map(quoted, picked))}) SELECT {', '.join(picked.values())}"
                f" FROM {query} SETTINGS {_bounded(staging.rows)}"
            )
    except ValueError:
        engine().drop(made)
        raise
    return made


def _ticks(time: datetime) -> int:
    return (time.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) * 10


def _newest(query: str, used: Collection[str], rows: int) -> int:
    """The newest TimeGenerated in ticks of 100 ns since 1970."""
    newest = f"toDateTime64(ifNull(max({_generated(used)}), toDateTime64(0, 7, 'UTC')), 7, 'UTC')"
    ticks = f"toUnixTimestamp64Second({newest}) * 10000000 + toInt64(substring(toString({newest}), 21, 7))"
    return int(engine().sql(f"SELECT {ticks} FROM {query} SETTINGS {_bounded(rows)}"))


def _bounded(rows: int) -> str:
    """Small blocks bound what is converted at once. One thread keeps few rows in their order. Nothing is worked out
    only where it is needed: the engine would then do so again for each use."""
    return (
        f"max_block_size = 32768, max_threads = {2 if rows > MANY else 1}, max_insert_threads = 1,"
        " min_insert_block_size_rows = 65536, min_insert_block_size_bytes = 33554432,"
        " short_circuit_function_evaluation = 'disable'"
    )


def bad_cells(staging: Staging, orders: Mapping[int, Orders], sources: Collection[int]) -> list[Bad]:
    """The first cell of each kind that is not of its type, in the order of the files."""
    found: list[Bad] = []
    for order, alike in _alike(orders, sources):
        staged = _staged(staging, alike)
        for expected in dict.fromkeys(_EXPECTED.values()):
            names = [name for name in _columns(staging) if _EXPECTED.get(EMAIL_EVENTS[name]) == expected]
            query = moments(staged, [name for name in names if name in TIMES], order)
            wrong = {name: f"{quoted(name)} != '' AND isNull({_typed(name)})" for name in names}
            found += _first(query, wrong)
        found += _first(staged, {"": "TimeGenerated = '' AND Timestamp = ''"})
    return sorted(found, key=lambda each: (each.source, each.record))


def _first(query: str, wrong: Mapping[str, str]) -> Iterator[Bad]:
    """The first row where a column is wrong, by a condition for each column, and how many such rows there are."""
    if not wrong:
        return
    where = " OR ".join(f"({each})" for each in wrong.values())
    cells = ", ".join(f"[{literal(name)}, {quoted(name) if name else literal(name)}]" for name in wrong)
    which = ", ".join(f"toUInt8({each})" for each in wrong.values())
    answer = engine().sql(
        f"SELECT _source, _record, [{cells}][indexOf([{which}], 1)] FROM {query} WHERE {where}"
        " ORDER BY _source, _record LIMIT 1",
        "JSONCompactEachRow",
    )
    if answer.strip():
        source, record, (name, cell) = json.loads(answer)
        rows = int(engine().sql(f"SELECT count() FROM {query} WHERE {where}"))
        yield Bad(int(source), int(record), _words(name, cell), rows)


def _words(name: str, cell: str) -> str:
    if not name:
        return f"no time; expected {TIME}"
    kind = EMAIL_EVENTS[name]
    if kind == "datetime" and _REWRITTEN.fullmatch(cell):
        return f"{name} is {cell[:60]!r}: Excel has rewritten it; use the portal's own file, which Excel has not saved"
    again = f"; or export again with tostring({name}), as the README's query has it" if kind == "datetime" else ""
    return f"{name} is {cell[:60]!r}; expected {_EXPECTED[kind]}{again}"


def later(made: str, now: datetime) -> int:
    """How many rows of a table are later than now."""
    moment = f"toDateTime64({literal(now.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S.%f'))}, 7, 'UTC')"
    return int(engine().sql(f"SELECT countIf(TimeGenerated > {moment}) FROM {made}"))


def _staged(staging: Staging, sources: Collection[int]) -> str:
    return f"(SELECT * FROM {staging.table} WHERE _source IN ({', '.join(map(str, sources))}))"


def _alike(orders: Mapping[int, Orders], sources: Collection[int]) -> Iterator[tuple[Orders, list[int]]]:
    """The files whose dates are read in one way, together."""
    kept: dict[frozenset[tuple[Shape, bool]], list[int]] = {}
    for source in sources:
        kept.setdefault(frozenset(orders.get(source, {}).items()), []).append(source)
    for order, alike in kept.items():
        yield dict(order), alike


def _columns(staging: Staging) -> Sequence[str]:
    return [name for name in EMAIL_EVENTS if name in staging.used or name == "TimeGenerated"]


def _generated(used: Collection[str]) -> str:
    # The Defender portal and the streaming export have Timestamp only; the workspace copies it.
    own, other = (_typed(name) if name in used else "NULL" for name in ("TimeGenerated", "Timestamp"))
    return f"if(TimeGenerated = '', {other}, {own})"


def _checked(name: str, used: Collection[str], by: int) -> str:
    """A column's cells, times moved by so many ticks; the query fails at one that is not of its type."""
    kind = EMAIL_EVENTS[name]
    if kind not in _EXPECTED:
        return _typed(name)
    typed, filled = (_generated(used), "1") if name == "TimeGenerated" else (_typed(name), f"{quoted(name)} != ''")
    checked = f"if(throwIf(isNull({typed}) AND {filled}) = 0, {typed}, NULL)"
    if kind != "datetime" or not by:
        return checked
    return f"{checked} + toIntervalSecond({by // 10_000_000}) + toIntervalNanosecond({by % 10_000_000 * 100})"


def _typed(name: str) -> str:
    text = quoted(name)
    match EMAIL_EVENTS[name]:
        case "datetime":
            return read_name(name)
        case "int" | "long" as kind:
            number = f"replaceRegexpOne(trimBoth({text}), '^[+]?(-?[0-9]{{1,19}})([.]0+)?$', '\\\\1')"
            return f"to{'Int32' if kind == 'int' else 'Int64'}OrNull({number})"
        case "bool":
            return f"transform(lower(trimBoth({text})), ['true', '1', 'false', '0'], [1, 1, 0, 0], NULL)"
        case "dynamic":
            return f"nullIf({text}, '')"
        case _:
            return text
