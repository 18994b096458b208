"""Incidents and comments as ARM spells them: lenient about what may be missing, strict about the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.errors import Call, Fault, Service, SweepError
from shared.http.statuses import faulty
from shared.model import ESCALATED_LABEL, MERGED_TAG, Incident, Severity

_RECIPIENT = re.compile(r": (\S+)$")
_EPISODE = re.compile(r"episode:(\d{1,9})")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?")
# What Sentinel itself keeps of an incident. Everything else that was read is sent back.
_READ_ONLY = {
    "additionalData",
    "createdTimeUtc",
    "incidentNumber",
    "incidentUrl",
    "lastModifiedTimeUtc",
    "providerIncidentId",
    "providerName",
    "relatedAnalyticRuleIds",
    "teamInformation",
}


def incident_of(resource: object, call: Call = Call.READ) -> Incident:
    """The incident that an ARM resource, come as the answer to `call`, describes.

    Raises:
        PartialData: it lacks its name, its status or a severity we know.
    """
    resource = mapping(resource)
    properties = mapping(resource.get("properties"))
    name, status, severity = _text(resource.get("name")), _text(properties.get("status")), properties.get("severity")
    if not name or not isinstance(properties.get("status"), str) or severity not in list(Severity):
        raise unusable("an incident without its name, status or severity", call)
    labels = _labels(properties)
    episodes = [int(found[1]) for label in labels if (found := _EPISODE.fullmatch(label))]
    owner = mapping(properties.get("owner"))
    number = properties.get("incidentNumber")
    comments = mapping(properties.get("additionalData")).get("commentsCount")
    title = _text(properties.get("title"))
    about = _RECIPIENT.search(title)
    merged = status == "Closed" and MERGED_TAG in labels
    return Incident(
        id=name.lower(),
        status=status,
        severity=Severity(severity),
        classification="" if merged else _text(properties.get("classification")),
        owned=any(owner.get(key) for key in ("objectId", "email", "userPrincipalName", "assignedTo")),
        number=number if isinstance(number, int) else None,
        url=_text(properties.get("incidentUrl")),
        created=_time(properties.get("createdTimeUtc")),
        modified=_time(properties.get("lastModifiedTimeUtc")),
        comments=comments if isinstance(comments, int) else 0,
        episode=max(episodes, default=None),
        escalated_to=_escalated_to(labels),
        title=title,
        about=about[1] if about else "",
        merged=merged,
    )


def with_severity(resource: dict[str, Any], severity: Severity) -> str:
    """The body that sets the severity and adds its label, and only if nobody has changed the incident meanwhile.

    Raises:
        PartialData: the resource lacks its etag, or its labels are no list.
    """
    if not isinstance(resource.get("etag"), str):
        raise unusable("an incident without its etag")
    kept = {name: value for name, value in resource["properties"].items() if name not in _READ_ONLY}
    labels = kept.get("labels") or []
    if not isinstance(labels, list):
        raise unusable("an incident whose labels are not a list")
    added = {"labelName": ESCALATED_LABEL + severity.value}
    changed = {**kept, "severity": severity.value, "labels": [*labels, added]}
    return json.dumps({"etag": resource["etag"], "properties": changed})


def comment_made(resource: object, call: Call = Call.READ) -> datetime | None:
    """When a comment was created, by the resource that came as the answer to `call`; None when that cannot be read.

    Raises:
        PartialData: it is no comment: it lacks its name or its properties.
    """
    resource = mapping(resource)
    if not _text(resource.get("name")) or not isinstance(resource.get("properties"), dict):
        raise unusable("a comment without its name or its properties", call)
    return _time(resource["properties"].get("createdTimeUtc"))


def mapping(value: object) -> Mapping[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _labels(properties: Mapping[str, Any]) -> list[str]:
    labels = properties.get("labels")
    names = [mapping(label).get("labelName") for label in labels] if isinstance(labels, list) else []
    return [name for name in names if isinstance(name, str)]


def _escalated_to(labels: list[str]) -> Severity | None:
    """The highest severity that the sweep has set together with its label."""
    found = [severity for severity in Severity if ESCALATED_LABEL + severity.value in labels]
    return max(found, key=lambda severity: severity.rank, default=None)


def _text(value: object) -> str:
    """The value when it is text, else ""; without lone surrogates, which JSON can carry and no id or row can."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    """A time with up to seven fractional digits, as the service writes it; None for what is not one."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole.replace(microsecond=int((found[2] or "").ljust(6, "0")[:6]))


def unusable(what: str, call: Call = Call.READ) -> SweepError:
    """The error for an answer that is Sentinel's own and yet lacks what it must hold."""
    return faulty(Service.SENTINEL, call, Fault.GARBLED, what=f"sent an answer that cannot be used ({what})")
