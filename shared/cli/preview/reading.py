"""What a person reads of a card and of an incident, as text, from what the services are sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from shared.text import clean


def card_lines(element: Any) -> Iterator[str]:
    """The words of a part of a card in reading order, one line for each text; what is beside it is set in.

    Links are shown by their titles only.
    """
    if isinstance(element, list):
        for item in element:
            yield from card_lines(item)
        return
    match element.get("type"):
        case "TextBlock":
            yield re.sub(r"\*\*(.+?)\*\*", r"\1", clean(element["text"], 400))
        case "RichTextBlock":
            runs = element.get("inlines", [])
            yield clean("".join(run if isinstance(run, str) else run.get("text", "") for run in runs), 400)
        case "Action.OpenUrl":
            yield f"[{clean(element['title'], 60)}]"
        case "FactSet":
            yield from (clean(f"{fact['title']} {fact['value']}", 400) for fact in element.get("facts", []))
        case "ColumnSet":
            first, *others = [list(card_lines(column.get("items", []))) for column in element.get("columns", [])]
            yield from _beside(first, [line for lines in others for line in lines])
        case _:
            for part in ("body", "items", "actions"):
                yield from card_lines(element.get(part, []))


def _beside(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    """Two columns, line by line."""
    for place in range(max(len(first), len(second))):
        left, right = (lines[place] if place < len(lines) else "" for lines in (first, second))
        yield f"{left:<8}{right}"


def card_text(message: Mapping[str, Any]) -> str:
    """A message to Teams as text."""
    lines = [line for each in message["attachments"] for line in card_lines(each["content"])]
    return "\n".join(line for line in lines if line.strip())


def incident_text(title: str, facts: str, description: str, comments: Iterable[str] = ()) -> str:
    """An incident as an analyst reads it: title, facts, description, comments. Markdown, as the portal renders it."""
    parts = [
        f"# {title}",
        facts,
        # A line break is a line break in the portal; in Markdown it is one only where two blanks precede it.
        _line_breaks(description),
    ]
    for comment in comments:
        parts += ["---", "**Comment**", _line_breaks(comment)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _line_breaks(markdown: str) -> str:
    lines: list[str] = []
    code = False
    for line in markdown.split("\n"):
        code ^= line.startswith("```")
        # A list's first line ends the paragraph before it.
        if not code and line.startswith(("- ", "1. ")) and lines and lines[-1].endswith(":  "):
            lines.append("")
        lines.append(line if code or not line or line.startswith(("- ", "```")) else f"{line}  ")
    return "\n".join(lines)
