"""What a time looks like in an export, and how the engine reads it: patterns and expressions of its SQL.

Read are: years first (`2026-11-23T07:55:45.7357933Z`, `2026/11/23 7:55`), dots (`23.11.2026 07:55`, always day first),
slashes and dashes (`11/23/2026, 7:55:45.735 AM`: the order is settled elsewhere), English months (`Nov 3, 2026 1:05:06
PM`, `3 Nov 2026 13:05`). Without an offset a time is in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from tests.cloud.engine import engine, literal, quoted

Layer = Mapping[str, str]
"""Names and their expressions, for one column."""
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


def slashed(text: str) -> tuple[str, str]:
    """Whether a text has two numbers whose order is in doubt; they, as an array of texts."""
    return f"match({text}, {literal(_SLASHED)})", f"extractGroups({text}, {literal(_SLASHED)})"


def shape(text: str) -> str:
    """The Shape of a date with slashes."""
    upper, lower = (literal(rf"\d{_BLANK}*{half}") for half in ("[AP]M", r"[AaPp]\.?[\s\x{A0}\x{202F}]?[Mm]"))
    # Most have no such letter at all, which is quickly seen.
    parts = f"match({text}, {upper}), 'upper', match({text}, {lower}), 'lower', 'plain'"
    return f"multiIf(NOT match({text}, '[Mm]'), 'plain', {parts})"


def moments(table: str, columns: Sequence[str], day_first: Mapping[Shape, bool]) -> str:
    """A subquery of a table with, for each of these columns of text, the same as a datetime under `read_name`.

    It is null where the text is none, or where nothing settles which number is the day. Each layer uses the names that
    the one below it gave: an expression written out in full would be worked out many times for each row.
    """
    settled = {shape: int(day_first[shape]) if shape in day_first else 2 for shape in Shape}
    query = table
    for place, column in enumerate(columns):
        for layer in _layers(table, quoted(column), settled):
            added = [
                f"{expression.format(text=quoted(column), c=f'_{place}', **settled)} AS {name.format(c=f'_{place}')}"
                for name, expression in layer.items()
            ]
            query = f"(SELECT *, {', '.join(added)} FROM {query})"
    results = [f"_{place}_moment AS {read_name(column)}" for place, column in enumerate(columns)]
    return f"(SELECT *, {', '.join(results)} FROM {query})" if columns else table


def _layers(table: str, text: str, settled: Mapping[Shape, int]) -> Sequence[Layer]:
    """How a column is read: where all its texts are of one frequent form, by their places, ten times as fast."""
    for pattern, doubtful, layers in _FORMS:
        strange = f"{text} != '' AND NOT match({text}, {literal(pattern)})"
        some = f"(SELECT {text} FROM {table} WHERE {text} != '' LIMIT 1000)"
        if doubtful is not None and settled[doubtful] == 2:
            continue
        if all(int(engine().sql(f"SELECT count() FROM {rows} WHERE {strange}")) == 0 for rows in (some, table)):
            return (*layers, *_QUICK)
    spelled = int(engine().sql(f"SELECT max(match({text}, '[JFMASOND][a-z][a-z]')) FROM {table}"))
    changed = "{text}"
    if int(engine().sql(f"SELECT max(match({text}, {literal(_LOCAL)})) FROM {table}")):
        for pattern, order in _LOCALES:
            changed = f"replaceRegexpOne({changed}, {_pattern(pattern)}, {literal(order)})"
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


_DAY = r"\d{1,2}"
_LOCAL = (
    r"\d\. |\d\.,|\d{4}\.|\d{4} ?\x{433}|\d\.\d\d\.\d\d|[ \x{A0},]\d{1,2}\.\d\d|\x{C624}|\x{4E0A}|\x{4E0B}|\x{5348}"
)
"""What only the locales below write. Nothing is guessed: the year is first, or dots say that the day is."""
_AFTER = rf"(\d{{4}}(?:,?{_BLANK}+|,))"
_BEFORE = r"(\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)"
_LOCALES = (
    # Hungarian, Korean: 2026. 11. 26. 17:04:19
    (rf"^{_BLANK}*(\d{{4}})\. ?({_DAY})\. ?({_DAY})\.", r"\1-\2-\3"),
    # Croatian, Serbian, Bulgarian: 26. 11. 2026. 17:04:19; 26.11.2026 \u0433., 17:04:19 \u0447.
    (rf"^{_BLANK}*({_DAY})\. ?({_DAY})\. ?(\d{{4}})(?:\.|{_BLANK}?\x{{433}}\.)", r"\1.\2.\3"),
    (rf"(:\d\d){_BLANK}\x{{447}}\.$", r"\1"),
    # Finnish: 26.11.2026 klo 17.04.19
    (rf"^({_DAY}\.{_DAY}\.\d{{4}}){_BLANK}klo{_BLANK}", r"\1 "),
    # Danish, Finnish, Indonesian: 26.11.2026 17.04.19
    (rf"{_AFTER}({_DAY})\.(\d\d)\.(\d\d)", r"\1\2:\3:\4"),
    (rf"{_AFTER}({_DAY})\.(\d\d)$", r"\1\2:\3"),
    # Korean, Chinese, Japanese, the half of the day before the time: 2026/11/26 \u4e0b\u53485:04:19
    (
        rf"^(\d{{4}}\D.*){_BLANK}(?:\x{{C624}}\x{{C804}}|\x{{4E0A}}\x{{5348}}|\x{{5348}}\x{{524D}}){_BLANK}?{_BEFORE}$",
        r"\1 \2 AM",
    ),
    (
        rf"^(\d{{4}}\D.*){_BLANK}(?:\x{{C624}}\x{{D6C4}}|\x{{4E0B}}\x{{5348}}|\x{{5348}}\x{{5F8C}}){_BLANK}?{_BEFORE}$",
        r"\1 \2 PM",
    ),
)


def _pattern(pattern: str) -> str:
    return literal(pattern).replace("{", "{{").replace("}", "}}")


_DATE = r"^\d{1,2}/\d{1,2}/\d{4}, "
_MINUTES = r":\d\d:\d\d(\.\d{1,7})?"


def _by_places(order: Shape, hour: str, tail: str) -> Sequence[Layer]:
    """Layers that put a date with slashes in the order of ISO 8601. `tail` is how long what follows its time is."""
    second, first = (f"if({{{order}}} = 1, {{c}}_{one}, {{c}}_{other})" for one, other in ("ba", "ab"))
    return (
        {"{c}_p": "position({text}, '/')", "{c}_clock": "substring({text}, position({text}, ', ') + 2)"},
        {"{c}_q": "position({text}, '/', {c}_p + 1)", "{c}_h": "substringIndex({c}_clock, ':', 1)"},
        {
            "{c}_a": "leftPad(substring({text}, 1, {c}_p - 1), 2, '0')",
            "{c}_b": "leftPad(substring({text}, {c}_p + 1, {c}_q - {c}_p - 1), 2, '0')",
            "{c}_minutes": "substring({c}_clock, length({c}_h) + 1,"
            f" length({{c}}_clock) - length({{c}}_h) - {tail})",
        },
        {
            "{c}_plain": f"concat(substring({{text}}, {{c}}_q + 1, 4), '-', {second}, '-', {first}, ' ',"
            f" leftPad({hour}, 2, '0'), {{c}}_minutes)"
        },
    )


_TO_24 = "toString(toUInt8OrZero({c}_h) % 12 + if(endsWith({text}, 'PM'), 12, 0))"
_FORMS: Sequence[tuple[str, Shape | None, Sequence[Layer]]] = (
    (
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$",
        None,
        ({"{c}_plain": "concat(substring({text}, 1, 10), ' ', substring({text}, 12, length({text}) - 12))"},),
    ),
    (rf"{_DATE}\d{{1,2}}{_MINUTES}$", Shape.PLAIN, _by_places(Shape.PLAIN, "{c}_h", "0")),
    (
        rf"{_DATE}(1[0-2]|[1-9]){_MINUTES}[ \x{{202F}}][AP]M$",
        Shape.UPPER,
        _by_places(Shape.UPPER, _TO_24, "if(position({text}, '\u202f') > 0, 5, 3)"),
    ),
)
_YEARS = "BETWEEN 1971 AND 2200"
_QUICK: Sequence[Layer] = (
    {"{c}_any": "toDateTime64OrNull({c}_plain, 7, 'UTC')"},
    # A day that no month has is read as one of the next month.
    {
        "{c}_moment": "if(substring(toString({c}_any), 1, 19) = substring({c}_plain, 1, 19)"
        f" AND toYear({{c}}_any) {_YEARS}, {{c}}_any, NULL)"
    },
)
_LAYERS: Sequence[Layer] = (
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
