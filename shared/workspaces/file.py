"""`workspaces.json` as it lies beside host.json: its entries as written, and what is wrong with the file as a whole.

Needs only the standard library: the function reads the file at its start. No message repeats a value.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

WORKSPACES_FILE = "workspaces.json"
BESIDE_HOST = Path(__file__).resolve().parents[2]
OWN = "own"
"""The name of the workspace of the app settings, when no entry names it."""
ACCESS = ("responder", "custom", "none")
"""What SENTINEL_ACCESS of an entry may be."""

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_KEY = re.compile(r"[A-Za-z_$]{1,60}")  # anything else that was typed as a key may be a secret in the wrong place
_REFERENCE = re.compile(r"%([A-Z][A-Z0-9_]{0,99})%")
_TOP = ("$schema", "workspaces")
_IDS = ("SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID")
_EMPTY = '{"workspaces": []}'


@dataclass(frozen=True, slots=True)
class WorkspacesFile:
    """The entries as they are written, and the mistakes that make the file unusable as a whole."""

    entries: tuple[Mapping[str, Any], ...] = ()
    mistakes: tuple[str, ...] = ()


class _JsonObject(dict[str, Any]):
    """A JSON object that knows which of its keys were written twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]


def read_file(folder: Path = BESIDE_HOST) -> WorkspacesFile:
    """The folder's `workspaces.json`. It raises nothing."""
    content, wrong = _parsed(folder / WORKSPACES_FILE)
    if wrong:
        return WorkspacesFile(mistakes=(f"{WORKSPACES_FILE} {wrong}",))
    entries = content["workspaces"]
    mistakes = [f"{WORKSPACES_FILE}: {each}" for each in (*_of_the_top(content), *_of_all(entries))]
    return WorkspacesFile(tuple(each for each in entries if isinstance(each, dict)), tuple(mistakes))


def has_entries(folder: Path = BESIDE_HOST) -> bool:
    """Whether the file lists workspaces. One that cannot be read lists none, and that is logged as an error."""
    content, wrong = _parsed(folder / WORKSPACES_FILE)
    if wrong:
        mistakes = [f"{WORKSPACES_FILE} {wrong}"]
        logging.getLogger("sweep").error("settings_invalid %s", json.dumps({"mistakes": mistakes}))
        return False
    return bool(content["workspaces"])


def referenced(folder: Path = BESIDE_HOST) -> frozenset[str]:
    """The app settings that entries take their webhooks from; none when the file cannot be read."""
    webhooks = (each.get("TEAMS_WEBHOOK_URL") for each in read_file(folder).entries)
    return frozenset(name for each in webhooks if (name := referred_setting(each)))


def referred_setting(value: object) -> str:
    """The app setting that `%NAME%` refers to; "" when the value is something else."""
    found = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1] if found else ""


def shown_key(key: str) -> str:
    """The key, unless it may be a value (a secret, even) that was pasted in its place."""
    return key if _KEY.fullmatch(key) else "a key that is no name"


def _parsed(file: Path) -> tuple[dict[str, Any], str]:
    """The file's JSON object with a list of workspaces, and what is wrong with the file ("" for nothing)."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        content = json.loads(text, object_pairs_hook=_JsonObject, parse_constant=_no_constant)
    except FileNotFoundError:
        return {}, f"is missing beside host.json; expected {_EMPTY} where one workspace is swept, that of the settings"
    except json.JSONDecodeError as error:
        return {}, f"is not JSON (line {error.lineno}, column {error.colno}); expected such as {_EMPTY}"
    except UnicodeDecodeError:
        return {}, "is not UTF-8: save it as UTF-8"
    except RecursionError:
        return {}, "is not JSON that can be read (it is nested too deeply)"
    except ValueError:  # NaN, or a number of thousands of digits
        return {}, "is not JSON that can be read (a number in it is none)"
    except OSError as error:
        return {}, f"cannot be read ({error.strerror or type(error).__name__})"
    if not isinstance(content, dict):
        return {}, f"holds no JSON object; expected such as {_EMPTY}"
    if not isinstance(content.get("workspaces"), list):
        return {}, f'has no list "workspaces"; expected such as {_EMPTY}'
    return content, ""


def _no_constant(_: str) -> NoReturn:
    raise ValueError("JSON has no NaN and no Infinity")


def _of_the_top(content: Mapping[str, Any]) -> Iterator[str]:
    for key in content:
        if key not in _TOP:
            yield f'{shown_key(key)} is not expected beside "workspaces": remove it'
    for key in _twice(content, deep=False):
        yield f"{shown_key(key)} is there twice: remove one"


def _of_all(entries: Iterable[Any]) -> Iterator[str]:
    """Mistakes about which no single entry can tell, because it has no name of its own, or two name one thing."""
    names: Counter[str] = Counter()
    ids: dict[tuple[str, str], list[str]] = {}
    for number, each in enumerate(entries, 1):
        if not isinstance(each, dict):
            yield f"entry {number} is no JSON object; expected a name, two workspace ids and settings"
            continue
        wrong = _wrong_name(each)
        label = f"entry {number}" if wrong else f"entry {number} ({each['name']})"
        if wrong:
            yield f"{label}: {wrong}"
        else:
            names[each["name"]] += 1
        yield from (f"{label}: {shown_key(key)} is there twice: remove one" for key in _twice(each))
        for key in _IDS:
            if isinstance(value := each.get(key), str) and value.strip():
                ids.setdefault((key, same_id(value)), []).append(label)
    yield from (
        f"{times} entries have the name {name}; each needs its own" for name, times in names.items() if times > 1
    )
    for (key, _), labels in ids.items():
        if len(labels) > 1:
            yield f"{' and '.join(labels)} have the same {key}: a workspace is swept once"


def _wrong_name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    expected = "expected 1 to 40 of a-z, 0-9 and -"
    if name is None:
        return f"name is missing; {expected}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"name: {expected}"
    return f"name must not be {OWN}, which is the workspace of the app settings" if name == OWN else ""


def same_id(value: str) -> str:
    """The id as it is compared: a GUID may be written with braces, or without hyphens."""
    plain = value.strip().lower()
    bare = plain.removeprefix("urn:uuid:").strip("{}").replace("-", "")
    return bare if re.fullmatch(r"[0-9a-f]{32}", bare) else plain


def _twice(value: Any, *, deep: bool = True) -> Iterator[str]:
    """The keys that are there twice in this object, or in what it holds."""
    if isinstance(value, _JsonObject):
        yield from value.twice
    if deep and isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _twice(each)
