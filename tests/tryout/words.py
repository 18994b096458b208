"""What a person reads of an incident, as text: from the JSON that the small Azure has of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.cli.preview.reading import card_lines, card_text, incident_text

__all__ = ["card_lines", "card_text", "incident_markdown"]


def incident_markdown(incident: Mapping[str, Any], comments: Iterable[Mapping[str, Any]] = ()) -> str:
    """An incident as an analyst reads it: title, facts, description, comments. Markdown, as the portal renders it."""
    properties = incident["properties"]
    owner = (properties.get("owner") or {}).get("assignedTo") or "unassigned"
    labels = ", ".join(label["labelName"] for label in properties.get("labels", []))
    facts = f"**{properties['severity']}** · {properties['status']} · {owner} · labels: {labels}"
    said = [comment["properties"]["message"] for comment in comments]
    return incident_text(properties["title"], facts, properties["description"], said)
