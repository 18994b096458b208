"""The order of day and month is settled from whole columns, or the export is refused: never guessed value by value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.cloud import Cloud
from tests.cloud.engine import engine
from tests.cloud.events import EventsInvalid, load_events
from tests.cloud.events.dates import File, Spot, Tally, Unsettled, settle
from tests.cloud.events.moments import Shape, moments, read_name
from tests.support.examples import examples_of

DATA = Path(__file__).parents[2] / "data" / "events"
HEADER = '"TimeGenerated [UTC]",NetworkMessageId,RecipientEmailAddress,LatestDeliveryAction\n'


def _export(folder: Path, *times: str, name: str = "export.csv", header: str = HEADER) -> Path:
    """A CSV export with one row for each of these times."""
    path = folder / name
    path.write_text(header + "".join(f'"{time}",m{n},a@contoso.com,Hard delete\n' for n, time in enumerate(times)))
    return path


def _read(*paths: Path, order: str = "") -> list[str]:
    """The days and times that are read."""
    loaded = load_events(paths, order=order)
    found = [row["TimeGenerated"].removesuffix(".0000000Z") for row in loaded.read()]
    engine().drop(loaded.table)
    return found


def test_the_day_first_export_is_refused_or_right() -> None:
    """Twelve hard deletes, no day above 12: refused with what to do; told the order, each on its day."""
    path = DATA / "day_first.csv"
    with pytest.raises(EventsInvalid) as caught:
        load_events([path])
    words = f"{path}, line 2: TimeGenerated is '01/11/2026, 07:55:45.735': which number is the day?"
    assert str(caught.value).startswith(words)
    assert "DATES=day-first or DATES=month-first" in str(caught.value)
    assert "tostring(TimeGenerated)" in str(caught.value)
    assert _read(path, order="day-first") == [f"2026-11-{day:02}T07:55:45.7350000Z" for day in range(1, 13)]
    assert _read(path, order="month-first")[2] == "2026-03-11T07:55:45.7350000Z"


def test_a_thirteenth_day_settles_the_whole_column(tmp_path: Path) -> None:
    """One value above 12 anywhere settles the order of all before and after it."""
    days = [f"{day:02}/11/2026, 07:55:45" for day in range(1, 14)]
    assert _read(_export(tmp_path, *days)) == [f"2026-11-{day:02}T07:55:45" for day in range(1, 14)]
    assert _read(_export(tmp_path, *days[::-1]))[-1] == "2026-11-01T07:55:45"
    assert _read(_export(tmp_path, "12/11/2026, 07:55:45", "11/13/2026, 07:55:45"))[0] == "2026-12-11T07:55:45"


@pytest.mark.parametrize(
    ("written", "is_read"),
    [
        ("2026-11-12T07:55:45.7357933Z", "2026-11-12T07:55:45.7357933Z"),
        ("2026-11-12 07:55:45", "2026-11-12T07:55:45"),
        ("2026-11-12T07:55", "2026-11-12T07:55:00"),
        ("2026-11-12T00:55:45+02:00", "2026-11-11T22:55:45"),
        ("2026-11-12T23:55:45-0330", "2026-11-13T03:25:45"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T00:30:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00"),
        ("2026-11-12, 7:55:45 a.m.", "2026-11-12T07:55:45"),
        ("2026/11/12 7:55:45", "2026-11-12T07:55:45"),
        ("2026/1/2 17:55", "2026-01-02T17:55:00"),
        ("2026. 11. 12 17:55", "2026-11-12T17:55:00"),
        ("12.11.2026 07:55", "2026-11-12T07:55:00"),
        ("12.11.2026, 07:55:45,735", "2026-11-12T07:55:45.7350000Z"),
        ("1.2.2026, 7:55:45", "2026-02-01T07:55:45"),
        ("11/12/2026, 7:55:45.735 AM", "2026-11-12T07:55:45.7350000Z"),
        ("11/12/2026, 12:05:00\u202fAM", "2026-11-12T00:05:00"),
        ("11/12/2026, 12:05:00 PM", "2026-11-12T12:05:00"),
        ("1/2/2026, 1:05:00.7\u202fPM", "2026-01-02T13:05:00.7000000Z"),
        ("11/12/2026 7:55:45 PM +00:00", "2026-11-12T19:55:45"),
        ("11/11/2026, 07:55:45", "2026-11-11T07:55:45"),
        ("Nov 12, 2026 1:05:06 PM", "2026-11-12T13:05:06"),
        ("Nov 12, 2026, 1:05 PM", "2026-11-12T13:05:00"),
        ("12 Nov 2026, 13:05:06", "2026-11-12T13:05:06"),
        ("12-Nov-2026 13:05:06", "2026-11-12T13:05:06"),
        ("November 12, 2026 1:05:06 PM", "2026-11-12T13:05:06"),
        ("2026. 11. 12. 17:04:19", "2026-11-12T17:04:19"),
        ("2026. 11. 12. 오후 5:04:19", "2026-11-12T17:04:19"),
        ("2026. 1. 2. 오전 12:04:19", "2026-01-02T00:04:19"),
        ("2026/11/12 下午5:04:19", "2026-11-12T17:04:19"),
        ("2026/11/12 上午 9:04:19.735", "2026-11-12T09:04:19.7350000Z"),
        ("2026/11/12 午後5:04:19", "2026-11-12T17:04:19"),
        ("12. 11. 2026. 17:04:19", "2026-11-12T17:04:19"),
        ("12. 11. 2026 17:04:19", "2026-11-12T17:04:19"),
        ("12.11.2026. 17:04", "2026-11-12T17:04:00"),
        ("12.11.2026 г., 17:04:19", "2026-11-12T17:04:19"),
        ("12.11.2026\u202fг., 17:04:19 ч.", "2026-11-12T17:04:19"),
        ("12.11.2026 17.04.19", "2026-11-12T17:04:19"),
        ("12.11.2026, 7.04.19,735", "2026-11-12T07:04:19.7350000Z"),
        ("12.11.2026 klo 17.04.19", "2026-11-12T17:04:19"),
        ("12.11.2026 17.04", "2026-11-12T17:04:00"),
        ("13/11/2026, 17.04.19", "2026-11-13T17:04:19"),
        ("2024-02-29T23:59:59.9999999Z", "2024-02-29T23:59:59.9999999Z"),
    ],
)
def test_forms_that_need_no_settling(tmp_path: Path, written: str, is_read: str) -> None:
    """Years first, dots, months by name, offsets, en-US's AM and PM are read as they are, each alone in its column."""
    assert _read(_export(tmp_path, written)) == [is_read]


@pytest.mark.parametrize(
    "written",
    [
        "12/11/2026, 07:55:45",
        "1/2/2026 7:55",
        "12-11-2026 07:55:45",
        "12/11/2026, 7:55:45 am",
        "12/11/2026, 7:55:45.735 p.m.",
        "12/11/2026, 7:55:45 p. m.",
        "12/11/2026, 17.04.19",
    ],
)
def test_what_nothing_settles_is_refused(tmp_path: Path, written: str) -> None:
    """Without AM or PM in capitals a date with both numbers below 13 says nothing; the operator can."""
    path = _export(tmp_path, written)
    with pytest.raises(EventsInvalid, match=r"line 2: TimeGenerated is .* which number is the day"):
        load_events([path])
    first, other = _read(path, order="day-first")[0], _read(path, order="month-first")[0]
    assert first[5:10] == "-".join(reversed(other[5:10].split("-")))
    assert first[:10] in ("2026-11-12", "2026-02-01")


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-29T00:00:00Z",
        "31.11.2026 10:00",
        "31/11/2026, 10:00",
        "13/13/2026, 10:00",
        "2026-11-12T24:00:00Z",
        "2026-11-12T10:60:00Z",
        "11/12/2026, 13:05:00 PM",
        "11/12/2026, 0:05:00 AM",
        "2/29/2026, 1:05:00.000 AM",
        "13/2/2026, 24:05:00",
        "13/11-2026 10:00",
        "11/12/26, 10:00",
        "2026-11-12",
        "1763020545",
        "12. November 2026 10:00",
        "١٢/١١/٢٠٢٦ ١٠:٠٠",
        "0001-01-01T00:00:00Z",
        "2026. 11. 31. 17:04:19",
        "31. 11. 2026. 17:04:19",
        "12.11.2026 25.04.19",
        "2026. 11. 12. 오후 17:04:19",
        "2026/11/12 晚上5:04:19",
        "13/11/2026 下午5:04:19",
        "26/11/2569 17:04:19",
        "17:04:19 26/11/2026",
        "2026-11-12 17 h 04 min 19 s",
        "12.11.26 17.04.19",
    ],
)
def test_what_is_no_time_is_named(tmp_path: Path, written: str) -> None:
    """A day that no month has, an hour that no clock shows, a form that is not read: named, never bent."""
    with pytest.raises(EventsInvalid, match=r"line 2: TimeGenerated is .* expected a time in UTC such as"):
        load_events([_export(tmp_path, written)])
    path = _export(tmp_path, "2026-11-12T10:00:00Z", written)
    with pytest.raises(EventsInvalid, match=r"line 3: TimeGenerated is .* expected a time in UTC such as") as caught:
        load_events([path])
    assert repr(written)[:20] in str(caught.value)
    assert "or export again with tostring(TimeGenerated), as the README's query has it" in str(caught.value)


def test_a_column_that_contradicts_itself(tmp_path: Path) -> None:
    """Day first in one row and month first in another: both are shown."""
    path = _export(tmp_path, "01/02/2026, 10:00", "13/11/2026, 10:00", "11/23/2026, 10:00")
    words = r"line 3: TimeGenerated is '13/11/2026, 10:00', and TimeGenerated in line 4 '11/23/2026, 10:00': the day"
    with pytest.raises(EventsInvalid, match=words):
        load_events([path])
    with pytest.raises(EventsInvalid, match=words):
        load_events([path], order="day-first")


def test_the_operator_is_contradicted(tmp_path: Path) -> None:
    """DATES against what the column proves is a mistake, not an order."""
    with pytest.raises(
        EventsInvalid, match="line 3: TimeGenerated is '13/11/2026, 10:00': DATES=month-first, but this"
    ):
        load_events([_export(tmp_path, "01/02/2026, 10:00", "13/11/2026, 10:00")], order="month-first")
    with pytest.raises(EventsInvalid, match=r"line 2: .*: DATES=day-first, but this is month first"):
        load_events([_export(tmp_path, "11/13/2026, 1:00 AM")], order="day-first")


def test_the_columns_of_a_file_settle_each_other(tmp_path: Path) -> None:
    """One browser wrote them all."""
    header = "LastEventExecutionTime,Subject,TimeGenerated,NetworkMessageId,RecipientEmailAddress\n"
    path = tmp_path / "export.csv"
    path.write_text(header + '"13/11/2026, 10:00",s,"12/11/2026, 10:00",m,a\n')
    (row,) = load_events([path]).read()
    assert row["TimeGenerated"] == "2026-11-12T10:00:00.0000000Z"
    assert row["LastEventExecutionTime"] == "2026-11-13T10:00:00.0000000Z"


def test_files_of_one_header_settle_each_other(tmp_path: Path) -> None:
    """The next day's export of the same query tells; one of another header, or another form, does not."""
    one = _export(tmp_path, "12/11/2026, 10:00", name="one")
    two = _export(tmp_path, "13/11/2026, 10:00", name="two")
    other = _export(tmp_path, "13/11/2026, 10:00", name="other", header=HEADER.replace("Latest", "X"))
    form = _export(tmp_path, "13/11/2026, 9:00 am", name="form")
    opposite = _export(tmp_path, "11/14/2026, 10:00", name="opposite")
    assert _read(one, two) == ["2026-11-12T10:00:00", "2026-11-13T10:00:00"]
    for unhelpful in (other, form):
        with pytest.raises(EventsInvalid, match=r"one, line 2: .* which number is the day"):
            load_events([one, unhelpful])
    with pytest.raises(EventsInvalid, match=r"one, line 2: .* which number is the day"):
        load_events([one, two, opposite])
    assert _read(two, opposite) == ["2026-11-13T10:00:00", "2026-11-14T10:00:00"]


def test_capitals_are_not_taken_for_en_us_beside_day_first(tmp_path: Path) -> None:
    """AM and PM are month first unless the column proves otherwise, in whatever form."""
    assert _read(_export(tmp_path, "12/11/2026, 7:00 AM")) == ["2026-12-11T07:00:00"]
    assert _read(_export(tmp_path, "12/11/2026, 7:00 AM", "13/11/2026, 7:00 AM"))[0] == "2026-11-12T07:00:00"
    with pytest.raises(EventsInvalid, match="which number is the day"):
        load_events([_export(tmp_path, "12/11/2026, 7:00 AM", "13/11/2026, 07:00")])


def test_month_first_by_am_and_pm_alone_is_pointed_out(tmp_path: Path) -> None:
    """Only where nothing but AM or PM says so: no value above 12, no other file, no word of the operator's."""
    words = "one: times are read as month-first, because of AM/PM; DATES=day-first if not."
    one = _export(tmp_path, "12/11/2026, 7:00 AM", name="one")
    two = _export(tmp_path, "12/11/2026, 7:00 PM", "11/13/2026, 7:00 PM", name="two")
    same = _export(tmp_path, "11/11/2026, 7:00 PM", name="same")
    named = _export(tmp_path, "Nov 12, 2026 7:00 PM", name="named")
    three = _export(tmp_path, "12/11/2026, 8:00 AM", name="three")
    assert load_events([one]).hints == (words,)
    assert load_events([one, three]).hints == (words.replace("one", "one and 1 more"),)
    assert load_events([one], order="month-first").hints == ()
    for paths in ([one, two], [same], [named]):
        assert load_events(paths).hints == ()


def test_forms_may_be_mixed_where_nothing_is_in_doubt(tmp_path: Path) -> None:
    """Years first, dots and settled slashes in one column are each read."""
    found = _read(
        _export(tmp_path, "2026-11-10T10:00:00Z", "11.11.2026 10:00", "13/11/2026, 10:00", "12/11/2026, 10:00")
    )
    assert found == [f"2026-11-{day}T10:00:00" for day in (10, 11, 13, 12)]


def intl(time: datetime, order: str, padded: bool, halves: tuple[str, str] | None) -> str:
    """A time as a browser's locale writes it."""
    day, month = (f"{n:02}" if padded else str(n) for n in (time.day, time.month))
    date = f"{day}/{month}" if order == "day" else f"{month}/{day}"
    hour = f"{time.hour:02}" if halves is None else str(time.hour % 12 or 12)
    half = "" if halves is None else " " + halves[time.hour >= 12]
    return f"{date}/{time.year}, {hour}:{time:%M:%S}.{time.microsecond // 1000:03}{half}"


LOCALES: dict[str, Callable[[datetime], str]] = {
    "en-US": lambda time: intl(time, "month", padded=False, halves=("AM", "PM")),
    "en-US, 24 hours": lambda time: intl(time, "month", padded=True, halves=None),
    "en-GB": lambda time: intl(time, "day", padded=True, halves=None),
    "es-ES": lambda time: intl(time, "day", padded=False, halves=None),
    "en-AU": lambda time: intl(time, "day", padded=True, halves=("am", "pm")),
    "es-CO": lambda time: intl(time, "day", padded=False, halves=("a.\u00a0m.", "p.\u00a0m.")),
    "de-DE": lambda time: f"{time.day}.{time.month}.{time.year}, {time:%H:%M:%S},{time.microsecond // 1000:03}",
    "nl-NL": lambda time: f"{time:%d-%m-%Y, %H:%M:%S}.{time.microsecond // 1000:03}",
    "ja-JP": lambda time: f"{time.year}/{time.month}/{time.day} {time.hour}:{time:%M:%S}.{time.microsecond // 1000:03}",
    "en-CA": lambda time: (
        f"{time:%Y-%m-%d}, {time.hour % 12 or 12}:{time:%M:%S} {'a.m.' if time.hour < 12 else 'p.m.'}"
    ),
    "Defender": lambda time: f"{time:%b} {time.day}, {time.year} {time.hour % 12 or 12}:{time:%M:%S %p}",
    "hu-HU": lambda time: f"{time.year}. {time.month:02}. {time.day:02}. {time.hour}:{time:%M:%S}",
    "hr-HR": lambda time: f"{time.day:02}. {time.month:02}. {time.year}. {time:%H:%M:%S}",
    "bg-BG": lambda time: f"{time.day}.{time.month:02}.{time.year} г., {time.hour}:{time:%M:%S}",
    "fi-FI": lambda time: f"{time.day}.{time.month}.{time.year} klo {time.hour}.{time:%M.%S}",
    "da-DK": lambda time: f"{time.day}.{time.month}.{time.year} {time:%H.%M.%S}",
    "id-ID": lambda time: f"{time.day}/{time.month}/{time.year}, {time:%H.%M.%S}",
    "ko-KR": lambda time: (
        f"{time.year}. {time.month}. {time.day}. {'오전' if time.hour < 12 else '오후'}"
        f" {time.hour % 12 or 12}:{time:%M:%S}"
    ),
    "zh-TW": lambda time: (
        f"{time.year}/{time.month}/{time.day} {'上午' if time.hour < 12 else '下午'}{time.hour % 12 or 12}:{time:%M:%S}"
    ),
    "ISO": lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z",
}
"""The portals' times by the browser's locale."""
WHEN = (datetime(2024, 1, 1), datetime(2027, 12, 1))  # noqa: DTZ001 (hypothesis wants them so)
SECONDS = {"en-CA", "Defender", "hu-HU", "hr-HR", "bg-BG", "fi-FI", "da-DK", "id-ID", "ko-KR", "zh-TW"}
"""Those that are written without a fraction here."""
NEVER_REFUSED = {"en-US", "de-DE", "ja-JP", "ISO", *SECONDS - {"id-ID"}}


@pytest.mark.examples
@settings(max_examples=examples_of(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    locale=some.sampled_from(sorted(LOCALES)),
    begin=some.datetimes(*WHEN),
    steps=some.lists(some.timedeltas(timedelta(), timedelta(days=4)), max_size=12),
)
def test_a_column_is_read_right_or_refused(
    tmp_path: Path, locale: str, begin: datetime, steps: list[timedelta]
) -> None:
    """A column rendered in a known locale: every value comes out as it went in, or nothing does. It is refused only
    when no value has a day above 12, and never in a locale that leaves nothing in doubt."""
    times, time = [], begin
    for step in [timedelta(), *steps]:
        time += step
        cut = 1000 if locale not in SECONDS else 1_000_000
        times.append(time.replace(microsecond=time.microsecond // cut * cut, tzinfo=UTC))
    path = _export(tmp_path, *(LOCALES[locale](each) for each in times))
    refused = ""
    try:
        found = [datetime.fromisoformat(each.removesuffix("Z")[:26] + "+00:00") for each in _read(path)]
    except EventsInvalid as error:
        refused = str(error)
    if refused:
        assert "which number is the day" in refused
        assert locale not in NEVER_REFUSED
        assert all(each.day <= 12 for each in times)
        assert any(each.day != each.month for each in times)
    else:
        assert found == times


SPOT = Spot(0, "TimeGenerated")
TALLIES = some.builds(Tally, *[some.sampled_from([None, SPOT])] * 3)
FILES = some.dictionaries(
    some.integers(0, 4),
    some.builds(File, some.sampled_from("ab"), some.dictionaries(some.sampled_from(Shape), TALLIES)),
)


@given(files=FILES, said=some.sampled_from([None, True, False]))
def test_settling_never_goes_against_what_is_proven(files: dict[int, File], said: bool | None) -> None:
    """Whatever the columns say: an order is given for each file and form, and never one that a value contradicts."""
    contradicted = any(each.day and each.month for file in files.values() for each in file.tallies.values())
    try:
        found = settle(files, said)
    except Unsettled:
        return
    assert not contradicted
    assert {place: set(orders) for place, orders in found.items()} == {p: set(f.tallies) for p, f in files.items()}
    for place, orders in found.items():
        for shape, day_first in orders.items():
            tally = files[place].tallies[shape]
            assert not (tally.month if day_first else tally.day)
            if said is not None and tally.open:
                assert day_first is said


def test_no_all_clear_by_a_wrong_order() -> None:
    """The twelve days are twelve days to the hunt."""
    loaded = load_events([DATA / "day_first.csv"], order="day-first")
    with Cloud(events=loaded):
        assert engine().sql(f"SELECT min(TimeGenerated), max(TimeGenerated), count() FROM {loaded.table}").split(
            "\t"
        ) == [
            "2026-11-01 07:55:45.7350000",
            "2026-11-12 07:55:45.7350000",
            "12\n",
        ]


@pytest.mark.parametrize(
    "times", [["12/11/2026, 07:55:45"], ["1/2/2026, 7:55:45 AM"], ["12/11/2026 7:55", "x", "1-2-2026 7:55 am"]]
)
def test_an_order_that_is_not_settled_reads_nothing(times: list[str]) -> None:
    """Should a doubtful date come so far, it is no time: whether all of a column are alike or not."""
    table = f"(SELECT arrayJoin({times!r}) AS t)"
    kept = f"SELECT count({read_name('t')}) FROM "
    assert int(engine().sql(kept + moments(table, ["t"], {}))) == 0
    assert int(engine().sql(kept + moments(table, ["t"], dict.fromkeys(Shape, True)))) == len(set(times) - {"x"})
