"""The parts of an Adaptive Card 1.4 that the sweep uses, and the message that carries a card.

TextBlocks render Markdown, so only the sweep's own words go into `words`; whatever anybody else wrote goes into a
`text_run`, which renders nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from shared.text import clean, link

Element = dict[str, Any]

LONGEST_URL = 600
"""A longer one is not linked: it would take the place of findings. The portal's are about half as long."""

_MENTIONED = 10
_UPN = 113  # the longest that Entra ID has


def words(text: str, **style: Any) -> Element:
    """A TextBlock of the sweep's own words. `style` are the element's own properties."""
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


def text_run(text: str, **style: Any) -> Element:
    """A TextRun: shown letter for letter. Untrusted text must have been through `shared.text` all the same."""
    return {"type": "TextRun", "text": text, **style}


def line(*runs: Element, **style: Any) -> Element:
    """A RichTextBlock of runs; it wraps."""
    return {"type": "RichTextBlock", "inlines": list(runs), **style}


def box(items: Sequence[Element], **style: Any) -> Element:
    """A Container."""
    return {"type": "Container", "items": list(items), **style}


def two_columns(narrow: Sequence[Element], width: str, wide: Sequence[Element], **style: Any) -> Element:
    """Two columns, the first `width` wide, the second taking the rest."""
    columns = [
        {"type": "Column", "width": width, "items": list(narrow)},
        {"type": "Column", "width": "stretch", "items": list(wide)},
    ]
    return {"type": "ColumnSet", "columns": columns, **style}


def link_action(url: str) -> Element | None:
    """The action that opens this URL, None unless it is absolute https and not too long."""
    return {"type": "Action.OpenUrl", "url": url} if link(url, LONGEST_URL) else None


def buttons(*links: tuple[str, str]) -> list[Element]:
    """Buttons that open these (title, URL) pairs, without those whose URL is not absolute https; maybe none.

    Two stand side by side: a third would be cut off on a phone.
    """
    actions = [{**action, "title": title} for title, url in links if (action := link_action(url))]
    return [{"type": "ActionSet", "actions": actions[first : first + 2]} for first in range(0, len(actions), 2)]


def mentions(upns: Sequence[str]) -> tuple[list[Element], list[Element]]:
    """The TextBlock (or nothing) that mentions these users, and the entities that make Teams notify them.

    The two match to the letter; at most 10 are mentioned, the rest named by count.
    """
    named: dict[str, str] = {}
    for upn in [upn for upn in upns if clean(upn, _UPN) == upn][:_MENTIONED]:
        name = re.sub(r"[^A-Za-z0-9.' -]+", " ", upn.split("@")[0]).strip()[:40] or "on-call"
        unique = next(one for one in (name, *(f"{name} {n}" for n in range(2, 99))) if one not in named)
        named[unique] = upn
    if not named:
        return [], []
    entities = [
        {"type": "mention", "text": f"<at>{name}</at>", "mentioned": {"id": upn, "name": name}}
        for name, upn in named.items()
    ]
    text = " ".join(str(entity["text"]) for entity in entities)
    if len(upns) > len(named):
        text += f" and {len(upns) - len(named)} more"
    return [words(text, spacing="Small")], entities


def message(body: Sequence[Element], spoken: str, entities: Sequence[Element]) -> str:
    """The webhook's whole JSON: a message with one card, `spoken` being the alert in plain words."""
    teams: Element = {"width": "Full"}
    if entities:
        teams["entities"] = list(entities)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": spoken,
        "speak": spoken,
        "body": list(body),
        "msteams": teams,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    whole = {"type": "message", "summary": spoken, "attachments": [attachment]}
    return _as_json(whole)


def size_of(element: Element) -> int:
    """Bytes that this element adds to a card."""
    return len(_as_json(element).encode()) + 1  # with a comma


def _as_json(value: Element) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
