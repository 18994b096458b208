"""Millions of rows of `EmailEvents` in a minute: columnar, seeded, with only the columns that the hunt reads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.cloud.tenant import COUNTED


def bulk(path: Path, now: datetime, *, rows: int, recipients: int, days: int = 30, seed: int = 1) -> None:
    """A Parquet file of so many rows over the `days` before `now`.

    Nine rows in ten say `Delivered`, the others one of the four counted actions; a third of the rows are a message
    streamed again with a later state. Recipients differ in how much mail they get: a few get very much.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    chance = np.random.default_rng(seed)
    messages = max(1, rows * 2 // 3)
    message = np.concatenate([np.arange(messages), chance.integers(0, messages, rows - messages)])
    whose = (recipients * chance.power(0.6, messages)).astype(np.int64)  # of each message
    age = chance.integers(0, days * 86_400 * 1_000_000, messages)
    generated = np.int64(now.timestamp() * 1_000_000) - age[message]
    later = np.minimum(chance.integers(0, 86_400 * 1_000_000, rows), age[message])
    later[:messages] = 0
    action = np.where(chance.random(rows) < 0.9, 4, chance.integers(0, 4, rows))

    def text(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
        padded = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width=width, padding="0")
        return pc.binary_join_element_wise(pa.scalar(prefix), padded, "")

    def time(numbers: np.ndarray) -> pa.Array:
        return pa.array(numbers).cast(pa.timestamp("us", tz="UTC"))

    address = pc.binary_join_element_wise(text("user", whose[message], 7), pa.scalar("@contoso.com"), "")
    table = pa.table(
        {
            "TimeGenerated": time(generated),
            "Timestamp": time(generated),
            "LastEventExecutionTime": time(generated + later),
            "NetworkMessageId": text("00000000-0000-4000-8000-", message, 12),
            "RecipientEmailAddress": address,
            "Subject": text("Your monthly statement is ready, number ", message, 9),
            "LatestDeliveryAction": pa.array([*COUNTED, "Delivered"]).take(pa.array(action)),
        }
    )
    pq.write_table(table, path, compression="zstd")
