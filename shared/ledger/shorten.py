"""A record that is too large for the ledger loses its oldest messages: it never costs a sweep.

The messages that were remediated longest ago are left out, also of what is owed, and what was remediated before the
oldest that is kept counts as reported by its time. A comment that may have been made, or was refused, keeps its
messages: its id is derived from them.
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
    while size > largest and (minutes := _minutes(record)):
        bare = len(pack("record", _since(record, minutes[0] + 1)))
        share = max(largest * _FILLED - bare, 0) / max(size - bare, 1)
        record = _since(record, minutes[min(int(len(minutes) * share), len(minutes) - 1)] + 1)
        size = len(pack("record", record))
    return record


def _minutes(record: Record) -> list[int]:
    """When each message that can be left out was remediated, the newest first; of one that is held twice, twice."""
    owed = [each.messages.times for each in record.comments if not each.fixed]
    owed += [record.creation.messages.times] if record.creation else []
    minutes = [minute for times in (record.untold, *owed) for minute in times.values()]
    return sorted([*minutes, *(seen.minute for seen in record.reported.values())], reverse=True)


def _since(record: Record, edge: int) -> Record:
    """The record in which what was remediated before the minute `edge` counts as reported."""
    before = max(time_of_minute(edge), record.reported_before or time_of_minute(edge))
    creation = record.creation
    return replace(
        record,
        reported={key: seen for key, seen in record.reported.items() if seen.minute >= edge},
        reported_before=before,
        untold={key: minute for key, minute in record.untold.items() if minute >= edge},
        creation=replace(creation, messages=creation.messages.since(time_of_minute(edge))) if creation else None,
        comments=tuple(
            each if each.fixed else replace(each, messages=each.messages.since(time_of_minute(edge)))
            for each in record.comments
        ),
    )
