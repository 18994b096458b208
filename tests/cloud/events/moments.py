"""What a time looks like in an export, and how the engine reads it: patterns and expressions of its SQL.

Read are: years first (`2026-11-23T07:55:45.7357933Z`, `2026/11/23 7:55`), dots (`23.11.2026 07:55`, always day first),
slashes and dashes (`11/23/2026, 7:55:45.735 AM`: the order is settled elsewhere), English months (`Nov 3, 2026 1:05:06
PM`, `3 Nov 2026 13:05`). Without an offset a time is in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from tests.cloud.engine import engine, literal, quoted

EXAMPLES = (
    'a time in UTC such as 2026-11-23T07:55:45.7357933Z, "11/23/2026, 7:55:45.735 AM" or "23/11/2026, 07:55:45.735"'
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BLANK = r"[\s\x{A0}\x{202F}\x{200E}]"
# Groups: first, mark, second, mark, third, hour, minute, second, fraction, half of the day, offset.
_TIME = (
    rf"^{_BLANK}*(\d{{1,4}})([-/.]) ?(\d{{1,2}}|[A-Z][a-z][a-z])([-/.]) ?(\d{{1,4}})(?:T|t|,?{_BLANK}+|,)"
    rf"(\d{{1,2}}):(\d\d)(?::(\d\d)(?:[.,](\d{{1,9}}))?)?"
    rf"{_BLANK}*([AaPp]\.?{_BLANK}?[Mm]\.?)?{_BLANK}*(Z|z|UTC|[+-]\d\d:?\d\d)?{_BLANK}*$"
)
_SLASHED = rf"^{_BLANK}*(\d{{1,2}})[-/] ?(\d{{1,2}})[-/] ?\d{{4}}\D"


class Shape(StrEnum):
    """How a date with slashes or dashes is written: what one browser writes, it writes always."""

    PLAIN = "plain"
    """Without AM or PM."""
    UPPER = "upper"
    """With AM or PM, as en-US writes it."""
    LOWER = "lower"
    """With am, p.m. and the like, as other locales do."""


def slashed(text: str) -> str:
    """The two numbers whose order is in doubt, as an array of texts; empty where there is none."""
    return f"extractGroups({text}, {literal(_SLASHED)})"


def shape(text: str) -> str:
    """The Shape of a date with slashes."""
    upper, lower = (literal(rf"\d{_BLANK}*{half}") for half in ("[AP]M", r"[AaPp]\.?[\s\x{A0}\x{202F}]?[Mm]"))
    return f"multiIf(match({text}, {upper}), 'upper', match({text}, {lower}), 'lower', 'plain')"


def moments(table: str, columns: Sequence[str], day_first: Mapping[Shape, bool]) -> str:
    """A subquery of a table with, for each of these columns of text, the same as a datetime under `read_name`.

    It is null where the text is none, or where nothing settles which number is the day. Each layer uses the names that
    the one below it gave: an expression written out in full would be worked out many times for each row.
    """
    settled = {shape: int(day_first[shape]) if shape in day_first else 2 for shape in Shape}
    query = table
    for place, column in enumerate(columns):
        for layer in _layers(table, quoted(column), settled[Shape.PLAIN]):
            added = [
                f"{expression.format(text=quoted(column), c=f'_{place}', **settled)} AS {name.format(c=f'_{place}')}"
                for name, expression in layer.items()
            ]
            query = f"(SELECT *, {', '.join(added)} FROM {query})"
    results = [f"_{place}_moment AS {read_name(column)}" for place, column in enumerate(columns)]
    return f"(SELECT *, {', '.join(results)} FROM {query})" if columns else table


def _layers(table: str, text: str, plain: int) -> Sequence[Mapping[str, str]]:
    """How a column is read: where all its texts are of one frequent form, by their places, ten times as fast."""
    checks = [f"countIf({text} != '' AND NOT match({text}, {literal(form)}))" for form, _ in _FORMS]
    months = f"countIf(match({text}, '[JFMASOND][a-z][a-z]'))"
    *others, spelled = map(int, engine().sql(f"SELECT {', '.join(checks)}, {months} FROM {table}").split())
    for (_, rebuilt), strange in zip(_FORMS, others, strict=True):
        if not strange and not ("{plain}" in rebuilt and plain == 2):
            return ({"{c}_plain": rebuilt}, *_QUICK)
    changed = "{text}"
    for pattern, order in _SPELLED if spelled else ():
        changed = f"replaceRegexpOne({changed}, {_pattern(pattern)}, {literal(order)})"
    return ({"{c}_plain": changed}, *_LAYERS)


def read_name(column: str) -> str:
    """Where `moments` puts what it read of a column."""
    return quoted(f"{column} as a moment")


_NAMED = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_SPELLED = (
    (rf"^{_NAMED} (\d{{1,2}}),? (\d{{4}})", r"\3-\1-\2"),
    (rf"^(\d{{1,2}}) {_NAMED},? (\d{{4}})", r"\3-\2-\1"),
    (rf"-{_NAMED}-", r"-\1-"),
)


def _pattern(pattern: str) -> str:
    return literal(pattern).replace("{", "{{").replace("}", "}}")


_FORMS = (
    (
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$",
        "concat(substring({text}, 1, 10), ' ', substring({text}, 12, length({text}) - 12))",
    ),
    (
        r"^\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d\.\d{1,7}$",
        (
            "concat(substring({text}, 7, 4), '-', substring({text}, if({plain} = 1, 4, 1), 2), '-',"
            " substring({text}, if({plain} = 1, 1, 4), 2), ' ', substring({text}, 13))"
        ),
    ),
)
_YEARS = "BETWEEN 1971 AND 2200"
_QUICK: tuple[Mapping[str, str], ...] = (
    {"{c}_any": "toDateTime64OrNull({c}_plain, 7, 'UTC')"},
    # A day that no month has is read as one of the next month.
    {
        "{c}_moment": "if(substring(toString({c}_any), 1, 19) = substring({c}_plain, 1, 19)"
        f" AND toYear({{c}}_any) {_YEARS}, {{c}}_any, NULL)"
    },
)
_LAYERS: tuple[Mapping[str, str], ...] = (
    {"{c}_g": f"extractGroups({{c}}_plain, {_pattern(_TIME)})"},
    {
        "{c}_year_first": "length({c}_g[1]) = 4",
        # 1: the day is first, 0: the month, 2: not settled.
        "{c}_order": "multiIf({c}_g[2] = '.' OR length({c}_g[3]) = 3, 1, match({c}_g[10], '^[AP]M$'), {upper},"
        " {c}_g[10] != '', {lower}, {plain})",
        "{c}_first": "toUInt16OrZero({c}_g[1])",
        "{c}_second": f"ifNull(toUInt16OrNull({{c}}_g[3]), indexOf({[*_MONTHS]!r}, {{c}}_g[3]))",
        "{c}_third": "toUInt16OrZero({c}_g[5])",
        "{c}_hour": "toUInt16OrZero({c}_g[6])",
        "{c}_minutes": "toUInt16OrZero({c}_g[7])",
        "{c}_seconds": "toUInt16OrZero({c}_g[8])",
        "{c}_ticks": "toUInt32OrZero(rightPad(substring({c}_g[9], 1, 7), 7, '0'))",
        "{c}_half": "substring(upper({c}_g[10]), 1, 1)",
        "{c}_away": "if(length({c}_g[11]) < 5, 0, if(startsWith({c}_g[11], '-'), -60, 60)"
        " * (toUInt16OrZero(substring({c}_g[11], 2, 2)) * 60 + toUInt16OrZero(right({c}_g[11], 2))))",
    },
    {
        "{c}_year": "if({c}_year_first, {c}_first, {c}_third)",
        "{c}_month": "if({c}_year_first OR {c}_order = 1, {c}_second, {c}_first)",
        "{c}_day": "multiIf({c}_year_first, {c}_third, {c}_order = 1, {c}_first, {c}_second)",
        "{c}_whole": "length({c}_g) = 11 AND {c}_g[2] = {c}_g[4] AND {c}_hour < 24 AND {c}_minutes < 60"
        " AND {c}_seconds < 60 AND ({c}_half = '' OR {c}_hour BETWEEN 1 AND 12) AND ({c}_year_first"
        " OR length({c}_g[5]) = 4 AND length({c}_g[1]) <= 2 AND {c}_order != 2)",
    },
    {"{c}_date": "makeDate32({c}_year, {c}_month, {c}_day)"},
    {
        "{c}_moment": f"if({{c}}_whole AND {{c}}_year {_YEARS} AND"
        " toYear({c}_date) = {c}_year"
        " AND toMonth({c}_date) = {c}_month AND toDayOfMonth({c}_date) = {c}_day,"
        " toDateTime64(toInt64(toInt32({c}_date)) * 86400 - {c}_away + {c}_minutes * 60 + {c}_seconds"
        " + multiIf({c}_half = '', {c}_hour, {c}_hour % 12 + if({c}_half = 'P', 12, 0)) * 3600, 7, 'UTC')"
        " + toIntervalNanosecond({c}_ticks * 100), NULL)"
    },
)
