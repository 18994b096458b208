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
    while size > largest and record.reported:
        bare = len(pack("record", replace(record, reported={})))
        share = max(largest * _FILLED - bare, 0) / max(size - bare, 1)
        record = _newest(record, min(int(len(record.reported) * share), len(record.reported) - 1))
        size = len(pack("record", record))
    while size > largest and (minutes := _not_reported(record)):
        record = _since(record, minutes[len(minutes) // 2] + 1)
        size = len(pack("record", record))
    return record


def _newest(record: Record, most: int) -> Record:
    """The record with at most `most` of the reported messages, those with the newest state time."""
    ordered = sorted(record.reported.items(), key=lambda item: item[1].minute, reverse=True)
    kept = ordered[:most]
    edge = ordered[most][1].minute + 1  # what was remediated in this minute or before counts as reported
    return _since(replace(record, reported=dict(kept)), edge)


def _not_reported(record: Record) -> list[int]:
    """When the messages were remediated that are still to be told or put into an incident, in order."""
    loose = [each.messages.times for each in record.comments if not each.fixed]
    loose += [record.creation.messages.times] if record.creation else []
    return sorted(minute for times in (record.untold, *loose) for minute in times.values())


def _since(record: Record, edge: int) -> Record:
    """The record in which what was remediated before the minute `edge` counts as reported."""
    before = max(time_of_minute(edge), record.reported_before or time_of_minute(edge))
    creation = record.creation
    return replace(
        record,
        reported_before=before,
        untold={key: minute for key, minute in record.untold.items() if minute >= edge},
        creation=replace(creation, messages=creation.messages.since(before)) if creation else None,
        comments=tuple(
            each if each.fixed else replace(each, messages=each.messages.since(before)) for each in record.comments
        ),
    )
