"""What stands around the entries of every card: its banner, doubts, footer, and the id derived from what it tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import uuid5

from shared.model import RULE_ID
from shared.teams import wording
from shared.teams.alert import Situation
from shared.teams.elements import Element, box, buttons, line, text_run, words
from shared.teams.notices import Opens
from shared.text import when

CAUSES = 3
"""So many causes are quoted, the rest counted; and so many remarks on the data at most."""

QUOTED, QUOTED_BYTES = 400, 640
"""Of a cause: what is wrong with the data, and what to do, fit."""

REMARK, REMARK_BYTES = 240, 320
"""Of a remark."""


def card_id(*keys: str) -> str:
    """The id of a card that tells what these keys stand for."""
    return str(uuid5(RULE_ID, "\n".join(keys).encode("utf-8", "replace").decode()))


def banner(heading: str, about: str, mood: str) -> Element:
    """The top of a card: its first line, and what it is about. `mood` is a container style."""
    below = line(text_run(about), spacing="None")
    return box([words(heading, size="Large", weight="Bolder"), below], style=mood, bleed=True)


def quoted(text: str) -> Element:
    """Somebody else's words about what went wrong."""
    return line(text_run(wording.short_line(text, QUOTED, QUOTED_BYTES) or "(no words)"), spacing="Small")


def causes_quoted(texts: Sequence[str]) -> list[Element]:
    """The first causes, and how many more there are."""
    shown = [quoted(text) for text in texts[:CAUSES]]
    if len(texts) > CAUSES:
        shown.append(words(f"and {len(texts) - CAUSES} more", spacing="Small"))
    return shown


def doubts(situation: Situation, *, reasons: bool = True) -> list[Element]:
    """What an untrusted or failed sweep takes from the card's word, with its `reasons` or without."""
    doubt = wording.doubt(situation)
    if not doubt:
        return []
    why = causes_quoted(situation.reasons) if reasons else []
    return [box([words(doubt, weight="Bolder"), *why], style="warning", spacing="Small")]


def footer(
    situation: Situation, card: str, opens: Sequence[Opens], *, due: bool = True, causes: bool = True, hint: str = ""
) -> list[Element]:
    """What is held and `due`, how the rest stands, the time, a `hint`, a short reference, what it `opens`. Without
    `causes`, nothing that quotes somebody else: neither why it is due, nor what the data holds.

    The whole id of the `card` is the last box's own, unseen: for whoever looks at the body in the flow's run history.
    """
    body: list[Element] = []
    if held := wording.held(situation):
        body.append(words(held, color="warning", separator=True))
    if situation.due and due:
        body.append(words(f"{situation.due:,} still due: the next sweep tries again.", color="warning"))
        body += causes_quoted([cause.text for cause in situation.causes]) if causes else []
    small = [wording.standing(situation), wording.covered(situation.coverage, situation)]
    small += (
        [wording.short_line(remark, REMARK, REMARK_BYTES) for remark in situation.remarks[:CAUSES]] if causes else []
    )
    small += [hint, f"Sent {when(situation.now)}", f"Reference {reference(situation.run_id, card)}"]
    lines = [line(text_run(text, size="Small", isSubtle=True), spacing="None") for text in small if text]
    body.append(box(lines, separator=True, id=f"Card {card}"))
    return body + buttons(*opens)


def reference(run_id: str, card: str) -> str:
    """How the sweep and the card are found in the log: the beginnings of both ids."""
    begins = re.match(r"[0-9A-Za-z]{1,8}", run_id)
    return f"{begins[0]}-{card[:8]}" if begins else card[:8]
