"""Reads the values of a `local.settings.json`, the file that the Functions tools use on a developer's machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.settings.mistakes import SettingsInvalid

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL_FILE = "local.settings.json"


def local_values(folder: Path) -> dict[str, str]:
    """The values of the folder's `local.settings.json`; none when there is no such file.

    Raises:
        SettingsInvalid: the file cannot be read, or is not as expected.
    """
    file = folder / LOCAL_FILE
    if not file.exists():
        return {}
    content, wrong = _parsed(file)
    if wrong:
        expected = '{"IsEncrypted": false, "Values": {"SWEEP_SCHEDULE": "0 0 6 * * *"}}'
        raise SettingsInvalid([f"{file.name} {wrong}; expected JSON such as {expected}"])
    if content.get("IsEncrypted", False):
        raise SettingsInvalid([f"{file.name} is encrypted; expected it as `func settings decrypt` leaves it"])
    texts = {str(name): value for name, value in content["Values"].items() if value is not None}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in texts.items()}


def _parsed(file: Path) -> tuple[dict[str, Any], str]:
    """The file's JSON object, and what is wrong with it ("" for nothing). The message quotes nothing of the file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        return {}, f"is not JSON (line {error.lineno}, column {error.colno})"
    except RecursionError:
        return {}, "is not JSON that can be read (it is nested too deeply)"
    except UnicodeDecodeError:
        return {}, "is not UTF-8"
    except ValueError:  # a number of thousands of digits
        return {}, "is not JSON that can be read (a number in it is too long)"
    except IsADirectoryError:
        return {}, "is a folder"
    except OSError as error:
        return {}, f"cannot be read ({error.strerror})"
    if not isinstance(content, dict):
        return {}, "holds no JSON object"
    if "Values" not in content:
        return {}, 'has no "Values"'
    return content, "" if isinstance(content["Values"], dict) else 'has "Values" that are no JSON object'


def file_keys(beside: Path = ROOT) -> list[str]:
    """The names in `local.settings.json` as written there; none when the file is missing or cannot be read."""
    try:
        return list(local_values(beside))
    except SettingsInvalid:
        return []
