"""The ledger's types as rows, and back: JSON with a schema version, packed small.

A row is `{"v": VERSION, <kind>: {field: value, …}}` in JSON, deflated when that makes it smaller. A field that has its
default is left out, a field that is missing takes its default, and one that nobody knows is passed over; so adding a
field with a default needs no new version. Anything else does: count `VERSION` up and add the step to `_UPGRADES`. A
field whose metadata say `"kept": False` is never written.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import struct
import types
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.ledger import schema1
from shared.ledger.port import LedgerNewer
from shared.model import Seen

VERSION = 2
_UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: schema1.upgraded}
"""From each older version the step to the one after it."""

_SMALL = 200
"""Bytes below which deflating gains nothing."""

_MISFITS = (ValueError, TypeError, KeyError, struct.error, OverflowError)
"""What is raised on the way from JSON to a value when the JSON is of another shape."""

_PLAIN = frozenset({str, int, bool, float, type(None)})

Kept = TypeVar("Kept")


class RowDamaged(ValueError):
    """The row cannot be read; the text says why, without its contents."""


def pack(kind: str, value: Any, **beside: Any) -> bytes:
    """The row of a dataclass or a mapping; equal ones give equal rows. `beside` are values next to it."""
    document = {"v": VERSION, **{name: json_value(item) for name, item in beside.items()}, kind: json_value(value)}
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    if len(text) < _SMALL:
        return text
    deflated = zlib.compress(text)
    return deflated if len(deflated) < len(text) else text


def unpack(row: bytes) -> dict[str, Any]:
    """The JSON object in a row, in today's version.

    Raises:
        RowDamaged: it is not one that any version wrote.
        LedgerNewer: a newer version wrote it.
    """
    try:
        # Deflated data begins with "x", JSON with "{".
        document = json.loads(zlib.decompress(row) if row[:1] == b"x" else row)
    except (zlib.error, ValueError, RecursionError) as error:
        raise RowDamaged(f"not JSON, or not deflated JSON ({type(error).__name__})") from None
    version = document.get("v") if isinstance(document, dict) else None
    if type(version) is not int or version < 1:
        raise RowDamaged("has no schema version")
    if version > VERSION:
        raise LedgerNewer(
            f"the ledger was written by a newer version of the sweep (schema {version}, this one knows {VERSION}):"
            " deploy the newer version again"
        )
    try:
        for step in range(version, VERSION):
            document = _UPGRADES[step](document)
    except (*_MISFITS, AttributeError) as error:
        raise RowDamaged(f"does not fit schema {version} ({type(error).__name__})") from None
    return dict(document)


def read(kind: type[Kept], document: Mapping[str, Any], name: str) -> Kept:
    """The value of this type that `document` holds under `name`. Raises RowDamaged when it does not fit."""
    if name not in document:
        raise RowDamaged(f"holds no {name}")
    try:
        found: Kept = _revive(kind, document[name])
    except RowDamaged:
        raise
    except _MISFITS as error:
        raise RowDamaged(f"does not fit a {name} ({type(error).__name__})") from None
    return found


def json_value(value: Any) -> Any:
    """A value of the model as JSON values. Times must be aware; they are written in UTC."""
    if type(value) in _PLAIN:  # most are, and this is quick
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be kept")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain_field(kind, getattr(value, field.name))
            for field, kind in _fields(type(value))
            if field.metadata.get("kept", True) and getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [json_value(item) for item in value]
    return value


_REPORTED = Mapping[int, Seen]
_TIMES = Mapping[int, int]


def _plain_field(kind: Any, value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    # All hashes, then all minutes, then all days: the latter are much alike and deflate well.
    if kind == _REPORTED:
        ordered = sorted(value.items())
        count = len(ordered)
        return _text(
            struct.pack(f">{count}Q", *(key for key, _ in ordered))
            + struct.pack(f">{count}I", *(seen.minute for _, seen in ordered))
            + struct.pack(f">{count}H", *(seen.day for _, seen in ordered))
        )
    if kind == _TIMES:
        ordered = sorted(value.items())
        count = len(ordered)
        return _text(
            struct.pack(f">{count}Q", *(key for key, _ in ordered))
            + struct.pack(f">{count}I", *(minute for _, minute in ordered))
        )
    return json_value(value)


def _packed(value: Any, size: int) -> tuple[bytes, int]:
    packed = base64.b64decode(value, validate=True)
    count, rest = divmod(len(packed), size)
    if rest:
        raise RowDamaged("holds a cut list of message ids")
    return packed, count


def _revive_reported(value: Any) -> dict[int, Seen]:
    packed, count = _packed(value, 14)
    hashes = struct.unpack_from(f">{count}Q", packed)
    minutes = struct.unpack_from(f">{count}I", packed, 8 * count)
    days = struct.unpack_from(f">{count}H", packed, 12 * count)
    return {key: Seen(minute, day) for key, minute, day in zip(hashes, minutes, days, strict=True)}


def _revive_times(value: Any) -> dict[int, int]:
    packed, count = _packed(value, 12)
    hashes = struct.unpack_from(f">{count}Q", packed)
    return dict(zip(hashes, struct.unpack_from(f">{count}I", packed, 8 * count), strict=True))


def _revive(kind: Any, value: Any) -> Any:
    if kind is Any or (type(value) is kind and kind in _PLAIN):
        return value
    if kind == _REPORTED:
        return _revive_reported(value)
    if kind == _TIMES:
        return _revive_times(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError
        return kind(
            **{field.name: _revive(hint, value[field.name]) for field, hint in _fields(kind) if field.name in value}
        )
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _revive(next(arm for arm in get_args(kind) if arm is not type(None)), value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError
        return tuple(_revive(get_args(kind)[0], item) for item in value)
    if origin is not None:  # the only other shape in the model: a mapping by name
        if not isinstance(value, dict):
            raise TypeError
        return {key: _revive(get_args(kind)[1], item) for key, item in value.items()}
    return _revive_plain(kind, value)


def _revive_plain(kind: Any, value: Any) -> Any:
    if kind is datetime:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError
        return time
    if kind is date:
        return date.fromisoformat(value)
    if issubclass(kind, Enum):
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError
    return value


@cache
def _fields(kind: Any) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in dataclasses.fields(kind))


@cache
def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _text(packed: bytes) -> str:
    return base64.b64encode(packed).decode()
