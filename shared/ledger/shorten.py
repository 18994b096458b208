"""A record that is too large for the ledger loses its oldest messages: it never costs a sweep.

A record holds the day on which each message was last seen, and a message is never remediated after that day. So once
all messages of the oldest days are left out, what has a state time before the end of those days counts as reported by
its time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.ledger.rows import pack
from shared.model import Record

LARGEST = 2_500_000
"""Bytes of a row, on every ledger: what one transaction of Table storage takes (4 MiB, in Base64), with room left."""

_FILLED = 0.9  # of LARGEST after a cut, so that not every day's messages need another one


def shortened(record: Record, largest: int = LARGEST) -> Record:
    """The record without its oldest messages, so that its row has at most `largest` bytes; itself when it has already.

    Of days whole, oldest first; of the newest day only when that one alone is too large.
    """
    size = len(pack("record", record))
    while size > largest and record.reported:
        bare = len(pack("record", replace(record, reported={})))
        share = max(largest * _FILLED - bare, 0) / max(size - bare, 1)
        record = _newest(record, min(int(len(record.reported) * share), len(record.reported) - 1))
        size = len(pack("record", record))
    return record


def _newest(record: Record, most: int) -> Record:
    """The record with at most `most` messages."""
    room, edge = most, None
    for day, count in sorted(Counter(record.reported.values()).items(), reverse=True):
        if count > room:
            edge = day
            break
        room -= count
    if edge is None:
        return record
    kept = {key: seen for key, seen in record.reported.items() if seen > edge}
    if not kept:
        part = [key for key, seen in record.reported.items() if seen == edge][:most]
        kept = dict.fromkeys(part, edge)
    before = datetime.fromtimestamp(0, UTC) + timedelta(days=edge + 1)
    return replace(record, reported=kept, reported_before=max(before, record.reported_before or before))
