"""A record that is too large for the ledger loses its oldest messages: it never costs a sweep.

The messages that were remediated longest ago are left out, and what was remediated before the oldest that is kept
counts as reported by its time.
"""

from __future__ import annotations

from dataclasses import replace

from shared.ledger.rows import pack
from shared.model import Record, time_of_minute

LARGEST = 2_500_000
"""Bytes of a row, on every ledger: what one transaction of Table storage takes (4 MiB, in Base64), with room left."""

_FILLED = 0.9  # of LARGEST after a cut, so that not every day's messages need another one


def shortened(record: Record, largest: int = LARGEST) -> Record:
    """The record without its oldest messages, so that its row has at most `largest` bytes; itself if it has."""
    size = len(pack("record", record))
    while size > largest and record.reported:
        bare = len(pack("record", replace(record, reported={})))
        share = max(largest * _FILLED - bare, 0) / max(size - bare, 1)
        record = _newest(record, min(int(len(record.reported) * share), len(record.reported) - 1))
        size = len(pack("record", record))
    return record


def _newest(record: Record, most: int) -> Record:
    """The record with at most `most` messages, those with the newest state time."""
    ordered = sorted(record.reported.items(), key=lambda item: item[1].minute, reverse=True)
    kept = ordered[:most]
    edge = ordered[most][1].minute + 1  # what was remediated in this minute or before counts as reported
    before = time_of_minute(edge)
    return replace(record, reported=dict(kept), reported_before=max(before, record.reported_before or before))
