"""The messages of the queue `sweep-work`: an entry of a round, the round's own, or a workspace by hand. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

QUEUE = "sweep-work"
_KEYS = {"round", "workspace"}
_EXPECTED = (
    'expected JSON such as {"round": "2026-11-27T06:00Z", "workspace": "contoso"}, or {"workspace": "contoso"} to sweep'
    " one by hand"
)


class NotAMessage(ValueError):
    """The text is no message of a round; says what is expected, and nothing of the text."""


@dataclass(frozen=True, slots=True)
class WorkMessage:
    """`round` is "" for a workspace that is swept by hand, `workspace` is "" for the round's own message."""

    round: str = ""
    workspace: str = ""

    def as_text(self) -> str:
        """As it is sent."""
        fields = {"round": self.round, "workspace": self.workspace}
        return json.dumps({name: value for name, value in fields.items() if value})


def message_of(text: bytes | str) -> WorkMessage:
    """The message in this text. Raises NotAMessage."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAMessage(f"it is not JSON: {_EXPECTED}") from None
    if not isinstance(fields, dict) or not fields:
        raise NotAMessage(f"it is no JSON object, or an empty one: {_EXPECTED}")
    if fields.keys() - _KEYS or not all(isinstance(each, str) and each for each in fields.values()):
        raise NotAMessage(f'it holds something else than the texts "round" and "workspace": {_EXPECTED}')
    return WorkMessage(**fields)
