"""The card of a round over many workspaces: how many are well, then by name those that are not plainly so.

Pure. It goes to the deployment's own channel, never to a customer's, and is never larger than the other cards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.model import EntryEnd, EntryTold, RoundTold
from shared.teams import round_words
from shared.teams.alert import Card
from shared.teams.card import CARD_LIMIT
from shared.teams.elements import Element, box, buttons, line, link_action, mentions, message, text_run, words
from shared.teams.frame import banner, card_id, quoted
from shared.teams.notices import runbook_link
from shared.teams.spoken import in_words
from shared.text import plain, when

_DETAILS = 8
"""So many entries are shown with their causes and a button, the next ones in a line each."""
_MOST_NAMED = 60
_RUNBOOK_PAGE = "docs/operate.md"


def round_card(told: RoundTold) -> Card:
    """The card of a round that has ended; its id is derived from the round."""
    name = card_id("round", told.round)
    named = round_words.worst_first(told.entries)
    meaning, todo = round_words.round_meaning(told)
    mentioned, entities = mentions(told.mentions if _wakes(told) else ())
    top = [banner(round_words.round_headline(told), round_words.about_round(told), _mood(told)), *mentioned]
    top += [line(text_run(text, weight="Bolder")) for text in round_words.come_and_gone(told)]
    bottom = [words(meaning)] if meaning else []
    bottom += [words(f"**To do:** {todo}")] if todo else []
    bottom += _footer(told, name, todo)
    spoken = in_words(_sentences(told, named[:_MOST_NAMED], meaning, todo))
    in_detail = [_detail(entry) for entry in named[:_DETAILS]]
    in_a_line = [_brief(entry) for entry in named[:_MOST_NAMED]]
    for details, lines in _arrangements(len(named)):
        entries = _placed(in_detail[:details], in_a_line[details : details + lines], len(named) - details - lines)
        body = message([*top, *entries, *bottom], spoken, entities)
        if len(body.encode()) <= CARD_LIMIT:
            return Card(name, body)
    raise AssertionError("a card that names nobody is within the limit")  # its parts are bounded, one by one


def _arrangements(count: int) -> Iterator[tuple[int, int]]:
    """How many in detail and how many in a line each: as many as fit, and of these as many in detail."""
    for named in range(min(count, _MOST_NAMED), -1, -1):
        for details in range(min(_DETAILS, named), min(2, named) - 1, -1):
            yield details, named - details


def _placed(details: Sequence[Element], lines: Sequence[Element], rest: int) -> list[Element]:
    shown = [*details, *([box(lines, separator=True)] if lines else [])]
    if rest:
        shown.append(words(f"and {rest:,} more", weight="Bolder", separator=True))
    return shown


def _detail(entry: EntryTold) -> Element:
    facts = [
        line(text_run(round_words.entry_name(entry), weight="Bolder")),
        line(text_run(round_words.entry_why(entry), **_colour(entry)), spacing="None"),
        *(quoted(text) for text in round_words.entry_reasons(entry)),
        *buttons(("Log of its run", entry.run_url)),
    ]
    return box(facts, separator=True)


def _brief(entry: EntryTold) -> Element:
    action = link_action(entry.run_url)
    opens = {"selectAction": action} if action else {}
    return line(
        text_run(f"{round_words.entry_name(entry)}  ", weight="Bolder", **opens),
        text_run(round_words.entry_why(entry), **opens),
    )


def _colour(entry: EntryTold) -> dict[str, str]:
    if entry.end in round_words.BAD:
        return {"color": "attention"}
    return {"color": "warning"} if entry.end is EntryEnd.UNTRUSTED or round_words.is_due(entry) else {}


def _wakes(told: RoundTold) -> bool:
    """Whether somebody is mentioned: not for what the customers' own cards tell, nor for a sign of life."""
    return _mood(told) == "attention" or bool(told.gone) or told.counts[EntryEnd.UNTRUSTED] > 0


def _mood(told: RoundTold) -> str:
    """The colour of the worst in it."""
    counts = told.counts
    if any(counts[end] for end in round_words.BAD):
        return "attention"
    if any(round_words.is_due(entry) for entry in told.entries) or told.gone:
        return "warning"
    if any(counts[end] for end in (EntryEnd.UNTRUSTED, EntryEnd.PLANNED, EntryEnd.REMOVED)):
        return "warning"
    return "good" if told.heartbeat else "accent"


def _footer(told: RoundTold, name: str, todo: str) -> list[Element]:
    runbook = runbook_link(told.runbook_url, round_words.SECTION)
    hint = "" if runbook or not todo else f"Runbook: {_RUNBOOK_PAGE}, “{round_words.SECTION}”"
    small = [hint, f"Sent {when(told.ended)}", f"Round {plain(told.round, 40)}, reference {name[:8]}"]
    lines = [line(text_run(text, size="Small", isSubtle=True), spacing="None") for text in small if text]
    links = (
        ("What to do", runbook if todo else ""),
        ("Log of this round", told.log_url),
        ("Open workbook", told.workbook_url),
    )
    return [box(lines, separator=True, id=f"Card {name}"), *buttons(*links)]


def _sentences(told: RoundTold, named: Sequence[EntryTold], meaning: str, todo: str) -> list[str]:
    each = [f"{round_words.entry_name(entry)}: {round_words.entry_why(entry)}." for entry in named]
    gone = [f"{text}." for text in round_words.come_and_gone(told)]
    return [f"{round_words.round_headline(told)}. {round_words.about_round(told)}.", *gone, meaning, todo, *each]
