"""What an incident may hold: its required properties, their known values and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SEVERITIES = ("High", "Medium", "Low", "Informational")
STATUSES = ("New", "Active", "Closed")
CLASSIFICATIONS = ("Undetermined", "TruePositive", "BenignPositive", "FalsePositive")
REASONS = (
    "SuspiciousActivity",
    "SuspiciousButExpected",
    "IncorrectAlertLogic",
    "InaccurateData",
)
MAX_TITLE = 150
MAX_DESCRIPTION = 5_000
MAX_MESSAGE = 30_000
MAX_COMMENTS = 100
MAX_LABELS = 50

_LIMITS = {"title": MAX_TITLE, "description": MAX_DESCRIPTION, "classificationComment": MAX_DESCRIPTION}
_TIMES = ("firstActivityTimeUtc", "lastActivityTimeUtc")
_OWNER = ("objectId", "email", "assignedTo", "userPrincipalName")


class Rejected(Exception):
    """The request cannot be stored: an HTTP status, a code and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def arm_time(time: datetime) -> str:
    """A time as ARM writes it: UTC, seven digits, no trailing zeros."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + "Z"


def units(text: str) -> int:
    """The length of a text as .NET counts characters: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def bad(message: str) -> Rejected:
    """A refusal with 400."""
    return Rejected(400, "BadRequest", message)


def properties_of(body: Any) -> dict[str, Any]:
    """A request's `properties`.

    Raises:
        Rejected: there are none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise bad("The request body must hold an object named 'properties'.")
    properties: dict[str, Any] = body["properties"]
    return properties


WRITABLE = (
    "title",
    "description",
    "severity",
    "status",
    "classification",
    "classificationReason",
    "classificationComment",
    "owner",
    "labels",
    "firstActivityTimeUtc",
    "lastActivityTimeUtc",
)


def writable(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of an incident's given properties is stored: the writable ones, checked; all others are left out.

    Raises:
        Rejected: one is missing, too long or of no known value.
    """
    wanted: dict[str, Any] = {}
    for name, choices in (("severity", SEVERITIES), ("status", STATUSES)):
        if given.get(name) not in choices:
            raise bad(f"'{name}' is required and must be one of {', '.join(choices)}.")
        wanted[name] = given[name]
    for name, choices in (("classification", CLASSIFICATIONS), ("classificationReason", REASONS)):
        if given.get(name) is not None:
            if given[name] not in choices:
                raise bad(f"'{name}' must be one of {', '.join(choices)}.")
            wanted[name] = given[name]
    if not isinstance(given.get("title"), str) or not given["title"].strip():
        raise bad("'title' is required.")
    wanted |= {name: _limited(name, given[name]) for name in _LIMITS if given.get(name) is not None}
    wanted |= {name: _time(name, given[name]) for name in _TIMES if given.get(name) is not None}
    return wanted | {"owner": _owner(given.get("owner")), "labels": _labels(given.get("labels"))}


def _limited(name: str, value: Any) -> str:
    if not isinstance(value, str) or units(value) > _LIMITS[name]:
        raise bad(f"'{name}' must be a text of at most {_LIMITS[name]} characters.")
    return value


def _time(name: str, value: Any) -> str:
    try:
        return arm_time(datetime.fromisoformat(value).replace(tzinfo=datetime.fromisoformat(value).tzinfo or UTC))
    except (TypeError, ValueError):
        raise bad(f"'{name}' is not a time.") from None


def _owner(given: Any) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise bad("'owner' must be an object.")
    owner = {name: (given or {}).get(name) for name in _OWNER}
    if any(value is not None and not isinstance(value, str) for value in owner.values()):
        raise bad("'owner' must hold texts.")
    return owner


def _labels(given: Any) -> list[dict[str, str]]:
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MAX_LABELS:
        raise bad(f"'labels' must be a list of at most {MAX_LABELS}.")
    labels: list[dict[str, str]] = []
    for label in given:
        if not isinstance(label, dict) or not isinstance(label.get("labelName"), str) or not label["labelName"]:
            raise bad("A label needs a 'labelName'.")
        labels.append({"labelName": label["labelName"], "labelType": "User"})
    return labels
