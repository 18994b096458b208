"""Millions of rows of `EmailEvents` in seconds, made by the engine: seeded, the columns that the hunt reads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.cloud.engine import engine, literal
from tests.cloud.mail import COUNTED

_DAY = 86_400 * 1_000_000  # microseconds


def bulk(path: Path, now: datetime, *, rows: int, recipients: int, days: int = 30, seed: int = 1) -> None:
    """A Parquet file of so many rows over the `days` before `now`, from the query of `made`."""
    query = made(now, rows=rows, recipients=recipients, days=days, seed=seed)
    engine().sql(
        f"INSERT INTO FUNCTION file({literal(str(path))}, Parquet) {query}"
        " SETTINGS engine_file_truncate_on_insert = 1, output_format_parquet_compression_method = 'zstd'"
    )


def made(now: datetime, *, rows: int, recipients: int, days: int = 30, seed: int = 1) -> str:
    """The engine's query for the rows.

    Nine rows in ten say `Delivered`, the others one of the four counted actions; a third of the rows are a message
    streamed again with a later state. Recipients differ in how much mail they get: a few get very much.
    """
    messages = max(1, rows * 2 // 3)
    end = int(now.timestamp() * 1_000_000)

    def chance(what: str, of: str) -> str:
        """A number that looks random, and is the same for the same seed."""
        return f"sipHash64({seed}, {literal(what)}, {of})"

    def share(what: str, of: str) -> str:
        """Chance between 0 and 1."""
        return f"({chance(what, of)} / 18446744073709551616.)"

    def time(microseconds: str) -> str:
        return f"fromUnixTimestamp64Micro({microseconds}, 'UTC')"

    actions = f"[{', '.join(map(literal, COUNTED))}]"
    return (
        f"SELECT {time('generated')} AS TimeGenerated, {time('generated')} AS Timestamp,"
        f" {time('generated + later')} AS LastEventExecutionTime,"
        " concat('00000000-0000-4000-8000-', leftPad(toString(message), 12, '0')) AS NetworkMessageId,"
        f" concat('user', leftPad(toString(toUInt64({recipients} * pow({share('who', 'message')}, 1 / 0.6))), 7, '0'),"
        " '@contoso.com') AS RecipientEmailAddress,"
        " concat('Your monthly statement is ready, number ', leftPad(toString(message), 9, '0')) AS Subject,"
        f" if({share('lot', 'number')} < 0.9, 'Delivered', {actions}[{chance('kind', 'number')} % 4 + 1])"
        " AS LatestDeliveryAction"
        f" FROM (SELECT number, message, toInt64({end} - age) AS generated,"
        f" if(number < {messages}, 0, toInt64(least({chance('later', 'number')} % {_DAY}, age))) AS later"
        f" FROM (SELECT number, message, {chance('age', 'message')} % {days * _DAY} AS age"
        f" FROM (SELECT number, if(number < {messages}, number, {chance('again', 'number')} % {messages}) AS message"
        f" FROM numbers({rows}))))"
    )
