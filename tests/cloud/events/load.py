"""Exports into the engine: read every file, settle the dates, type the cells, move the times."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tests.cloud.events import csv_file, dates, json_file, typed
from tests.cloud.events.dates import File, Unsettled
from tests.cloud.events.hints import hints
from tests.cloud.events.loaded import Loaded
from tests.cloud.events.mistakes import EXPECTED, NAMED, Advance, EventsInvalid, Mistakes, at
from tests.cloud.events.progress import Report, reported
from tests.cloud.events.record import Cells
from tests.cloud.events.source import Source, blocks, size, unusable
from tests.cloud.events.staging import Staging, records_of


def load_events(
    paths: Iterable[Path | str],
    shift_to: datetime | None = None,
    *,
    order: str = "",
    now: datetime | None = None,
    console: Console | None = None,
) -> Loaded:
    """The rows of all files in a table of the engine, with `EmailEvents`' own columns and times in UTC.

    Args:
        paths: the files.
        shift_to: all times are moved by one amount, so that the newest `TimeGenerated` is that moment.
        order: day-first or month-first, for dates such as 12/11/2026 that nothing else settles.
        now: rows later than this moment are worth a hint.
        console: shows how far it is, when it is a terminal.

    Raises:
        EventsInvalid: a file is not wholly an export of EmailEvents, or its dates can be read in two ways.
    """
    if order not in dates.ORDERS:
        raise EventsInvalid(f"DATES: expected day-first, month-first or nothing, not {order[:40]!r}")
    sources = [Source(place, Path(path)) for place, path in enumerate(paths)]
    if wrong := [f"{source.path}: {why}" for source in sources if (why := unusable(source.path))]:
        raise EventsInvalid("\n".join(wrong[:NAMED] + ["… and more"] * (len(wrong) > NAMED)))
    total = sum(size(source.path) for source in sources)
    with Staging() as staging, reported(console, total) as report:
        groups = _stage(sources, staging, report)
        _check_rows(sources, staging, headed=any(groups.values()))
        report("reading the columns", total)
        files, given = _dates(groups, staging), dates.ORDERS[order]
        table = _typed(sources, files, staging, given, shift_to)
        later = typed.later(table, now) if now else 0
        return Loaded(table, staging.rows, hints(sources, staging, later, dates.assumed(files, given)))


def _stage(sources: Sequence[Source], staging: Staging, report: Report) -> dict[int, Hashable]:
    """Stage every file. What its header is, by file."""
    mistakes, groups, before = Mistakes(), dict[int, Hashable](), 0
    for source in sources:
        advance = _advance(report, source, before)
        groups[source.place] = _read(source, staging, mistakes, advance)
        before += size(source.path)
    staging.flush()
    mistakes.check()
    return groups


def _advance(report: Report, source: Source, before: int) -> Callable[[int], None]:
    return lambda done: report(f"reading {source.path.name}", before + done)


def _read(source: Source, staging: Staging, mistakes: Mistakes, advance: Advance) -> Hashable:
    is_json, content = _opened(source, advance)
    if is_json:
        _keep(source, staging, mistakes, json_file.json_records(source, content))
        return "JSON"
    titles: tuple[str, ...] = ()
    for chunk in csv_file.chunks(source, content):
        titles = chunk.header.titles
        if chunk.data and not staging.chunk(source, chunk):
            _keep(source, staging, mistakes, csv_file.csv_records(source, chunk))
    return titles


def _opened(source: Source, advance: Advance = lambda _: None) -> tuple[bool, Iterator[bytes]]:
    """Whether it is JSON, and its blocks."""
    content = blocks(source, advance)
    first: list[bytes] = []
    for block in content:
        first.append(block)
        if block.strip():
            break
    begins = b"".join(first).lstrip()[:1]

    def whole() -> Iterator[bytes]:
        yield from first
        yield from content

    return begins in (b"{", b"["), whole()


def _keep(source: Source, staging: Staging, mistakes: Mistakes, records: Iterable[tuple[int, Cells | str]]) -> None:
    for line, found in records:
        if isinstance(found, str):
            mistakes.add(source.path, line, found)
        else:
            staging.add(source, found)


def _check_rows(sources: Sequence[Source], staging: Staging, headed: bool) -> None:
    if staging.rows:
        return
    why = ": the query found nothing. More days? The right workspace?" if headed else f"; expected {EXPECTED}"
    if len(sources) == 1:
        raise EventsInvalid(f"{sources[0].path}: holds no row{why}")
    raise EventsInvalid(f"no rows at all in {len(sources):,} files{why}")


def _dates(groups: Mapping[int, Hashable], staging: Staging) -> dict[int, File]:
    times = [name for name in typed.TIMES if name in staging.used]
    return {place: File(groups[place], tallies) for place, tallies in dates.tally(staging.table, times).items()}


def _typed(
    sources: Sequence[Source],
    files: Mapping[int, File],
    staging: Staging,
    given: bool | None,
    shift_to: datetime | None,
) -> str:
    places = range(len(sources))
    try:
        orders = dates.settle(files, given)
    except Unsettled as unsettled:
        raise EventsInvalid(_unsettled(sources[unsettled.source], unsettled)) from None
    try:
        return typed.table(staging, orders, places, shift_to)
    except ValueError as error:
        mistakes = Mistakes()
        for bad in typed.bad_cells(staging, orders, places):
            source = sources[bad.source]
            line, _ = _lines(source, [bad.record])[bad.record]
            mistakes.add(source.path, line, bad.words, bad.rows)
        mistakes.check()
        raise RuntimeError(f"the engine does not take these events: {error}") from None


def _unsettled(source: Source, unsettled: Unsettled) -> str:
    found = _lines(source, {spot.record for spot in unsettled.spots})
    shown = [(found[spot.record], spot.column) for spot in unsettled.spots]
    (line, cells), column = shown[0]
    words = f"{column} is {cells.get(column, '')[:60]!r}"
    for (other, others), named in shown[1:]:
        words += f", and {named} in line {other} {others.get(named, '')[:60]!r}"
    return at(source.path, line, f"{words}: {unsettled.words}")


def _lines(source: Source, wanted: Collection[int]) -> dict[int, tuple[int, Cells]]:
    """Line and cells of some records, which are counted from 0 as they were staged."""
    found: dict[int, tuple[int, Cells]] = {}
    is_json, content = _opened(source)
    records = (
        json_file.json_records(source, content) if is_json else records_of(source, csv_file.chunks(source, content))
    )
    for number, (line, cells) in enumerate(records):
        if number in wanted and not isinstance(cells, str):
            found[number] = (line, cells)
            if len(found) == len(wanted):
                break
    return found
