"""Previews in the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from shared.cli.preview.captured import Preview, ShownIncident
from shared.cli.preview.reading import card_text, incident_text
from shared.teams.card import CARD_LIMIT

WIDEST = 110
_IN_FULL = 1
"""So many incidents of a preview are shown in the terminal; JSON and the page have them all."""


def as_json_value(previews: Iterable[Preview]) -> dict[str, Any]:
    """All of it, for a program: each card with its size, the budget and the fallback text."""
    return {"previews": [_as_json(preview) for preview in previews]}


def _as_json(preview: Preview) -> dict[str, Any]:
    return {
        "name": preview.name,
        "about": preview.about,
        "cards": [_card_as_json(body) for body in preview.cards],
        "incidents": [
            {
                "title": incident.title,
                "severity": incident.severity,
                "labels": list(incident.labels),
                "description": incident.description,
                "comments": list(incident.comments),
            }
            for incident in preview.incidents
        ],
    }


def _card_as_json(body: str) -> dict[str, Any]:
    message = json.loads(body)
    fallback = message["attachments"][0]["content"]["fallbackText"]
    return {"bytes": len(body.encode()), "limit": CARD_LIMIT, "fallback_text": fallback, "message": message}


def shown_previews(previews: Sequence[Preview], width: int) -> RenderableType:
    """What each sweep would send, in so many columns."""
    return Group(*(part for preview in previews for part in _shown(preview, min(width, WIDEST))))


def _shown(preview: Preview, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text.assemble((preview.name, "bold"), f": {preview.about}")]
    for body in preview.cards:
        size = f"Teams card, {len(body.encode()):,} of {CARD_LIMIT:,} bytes"
        parts += _panel(Text(card_text(json.loads(body))), size, width)
    if not preview.cards:
        parts += [Text(), Text("No card.")]
    for incident in preview.incidents[:_IN_FULL]:
        parts += _panel(_incident(incident), _heading(incident), width)
    if (more := len(preview.incidents) - _IN_FULL) > 0:
        what = "incident" if more == 1 else "incidents"
        parts += [Text(), Text(f"and {more:,} more {what}: --json and --web have them all")]
    if not preview.incidents:
        parts += [Text(), Text("No incident is made, and none gets a comment.")]
    return [*parts, Text()]


def _heading(incident: ShownIncident) -> str:
    if incident.description:
        return "Incident, as an analyst reads it"
    return "New comment on an incident" if incident.comments else "An incident whose severity changes"


def _incident(incident: ShownIncident) -> Markdown:
    labels = f" · labels: {', '.join(incident.labels)}" if incident.labels else ""
    facts = f"**{incident.severity}**{labels}"
    return Markdown(incident_text(incident.title, facts, incident.description, incident.comments), hyperlinks=False)


def _panel(content: RenderableType, title: str, width: int) -> list[RenderableType]:
    return [Text(), Panel(content, title=title, title_align="left", width=width)]
