"""Uploading rows to the findings table: the Logs Ingestion API, in batches that it takes.

An upload may be repeated: rows of a repetition have the ids of the first time. So a lost answer is tried again, and
what is uploaded twice is one row for whoever reads the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.errors import Call, Rejected, Service, SweepError
from shared.http.client import Http
from shared.incidents.guidance import stamp

API_VERSION = "2023-01-01"
CALL_BYTES = 1_000_000
"""Of one call's body; the service takes 1 MB."""
FIELD_BYTES = 65_536
"""Of one column of a row, as UTF-8; what is longer the service cuts without a word."""
_TOO_LARGE = 413


class FindingUploads:
    """Uploads rows to one stream of one data collection rule. Safe for many threads."""

    def __init__(self, http: Http, endpoint: str, audience: str, rule_id: str, stream: str) -> None:
        """`endpoint` is the rule's address without a trailing slash, `rule_id` its immutable id."""
        self._http = http
        self._audience = audience
        self._url = f"{endpoint}/dataCollectionRules/{rule_id}/streams/{stream}?api-version={API_VERSION}"

    def upload(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Upload these rows, in this order, as if they came about now. What was accepted is not sent again.

        Raises:
            SweepError: a batch was not accepted, and none after it was sent. `maybe_done` when that batch may have been
                accepted all the same. Rejected with status 413: a field or a row is larger than the service takes.
        """
        now = stamp(self._http.clock.now())
        for body in batches([{"TimeGenerated": now, **row} for row in rows]):
            self._send(body)

    def check(self) -> None:
        """Ask whether the service takes uploads from us, with an upload of no row.

        Raises:
            SweepError: it does not. A refusal of the empty list itself (`own`) comes from behind sign-in and role.
        """
        self._send(b"[]")

    def _send(self, body: bytes) -> None:
        self._http.send(Service.INGESTION, Call.UPLOAD, self._url, audience=self._audience, body=body)


def batches(rows: Sequence[Mapping[str, Any]], most: int = CALL_BYTES) -> Iterator[bytes]:
    """The rows as JSON arrays of at most so many bytes, brackets and commas counted.

    Raises:
        Rejected: a row or a field is too large; before anything is yielded.
    """
    texts = [_json(row) for row in rows]
    for row, text in zip(rows, texts, strict=True):
        _check(row, len(text) + 2, most)
    batch: list[bytes] = []
    size = 2
    for text in texts:
        if batch and size + len(text) + 1 > most:
            yield _array(batch)
            batch, size = [], 2
        batch.append(text)
        size += len(text) + (1 if len(batch) > 1 else 0)
    if batch:
        yield _array(batch)


def _array(texts: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def _check(row: Mapping[str, Any], size: int, most: int) -> None:
    for name, value in row.items():
        length = len(value.encode("utf-8", "replace")) if isinstance(value, str) else len(_json(value))
        if length > FIELD_BYTES:
            raise _refusal(f"the column {name} has {length:,} bytes, more than the {FIELD_BYTES:,} of a field")
    if size > most:
        raise _refusal(f"a row has {size:,} bytes, more than the {most:,} of a call")


def _refusal(what: str) -> SweepError:
    return Rejected(
        f"{Service.INGESTION.words} was not sent a finding: {what}. It is sent without its mail; if that is refused,"
        " report it",
        service=Service.INGESTION,
        call=Call.UPLOAD,
        status=_TOO_LARGE,
    )


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
