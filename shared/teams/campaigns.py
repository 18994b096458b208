"""The campaigns on a card: mail that reached several of those who are flagged, in a line each, before the recipients.

The sender chooses the subject, the address and often the domain, so all of it stands in text runs, made inert.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from shared.model import Campaign
from shared.teams.alert import Entry, Situation
from shared.teams.elements import Element, box, line, size_of, text_run, words
from shared.teams.wording import sender_domain, short_line
from shared.text import address, plain

_SHOWN = 3
_NAMED = 3
_BYTES = 1_800
_MOST, _MUCH = 3 / 4, 1 / 3  # shares of those who are flagged
_UNKNOWN = "Whether this is one big campaign could not be looked up."


def campaign_box(situation: Situation, entries: Sequence[Entry], *, minimal: bool = False) -> list[Element]:
    """The largest campaigns and how many more there are, and whether it is one big campaign; nothing without any.

    Only who is one of the card's `entries` is named, in their order: the others have no incident yet, or nothing new.

    `minimal` leaves out what anybody else wrote: how large the largest is remains.
    """
    share = one_campaign(situation)
    items = [words(share, weight="Bolder")] if share else []
    if not minimal:
        items += _largest(situation.campaigns, [entry.recipient for entry in entries])
    if items:
        return [box(items, style="emphasis", spacing="Small")]
    return [words(_UNKNOWN, size="Small", isSubtle=True)] if _held(situation) else []


def _largest(campaigns: Sequence[Campaign], recipients: Sequence[str]) -> list[Element]:
    """The first campaigns as far as there is room, at least one of them, and how many more there are."""
    items: list[Element] = []
    shown, room = 0, _BYTES
    for each in campaigns[:_SHOWN]:
        lines = _lines(each, campaigns[:shown], recipients)
        room -= sum(map(size_of, lines))
        if room < 0 and shown:
            break
        items += lines
        shown += 1
    if (more := len(campaigns) - shown) > 0:
        items.append(words(f"and {more:,} more {'campaign' if more == 1 else 'campaigns'}", size="Small"))
    return items


def campaign_words(situation: Situation, *, minimal: bool = False) -> list[str]:
    """The same for who draws no card: the share, and the largest campaign."""
    largest = () if minimal else situation.campaigns[:1]
    return [text for text in (one_campaign(situation), *(f"{_reached(each, ())}." for each in largest)) if text]


def one_campaign(situation: Situation) -> str:
    """Whether all that is held is one big campaign; "" when nothing is held, or nothing is known of it."""
    if not _held(situation) or not situation.looked_up:
        return ""
    largest = max((len(each.flagged) for each in situation.campaigns), default=0)
    asked = max(situation.looked_up, largest)
    if (rest := situation.flagged - asked) > 0:
        these, others = f"{asked:,} flagged recipients", f"; {rest:,} more were not looked up"
    else:
        these, others = f"the {asked:,} flagged recipients, the held ones included,", ""
    got = f"{largest:,} of {these} got the same mail" if largest else f"no two of {these} got the same mail"
    share = largest / asked
    if share >= _MOST:
        return f"One big campaign: {got}{others}. Look at the campaign first, then at the recipients."
    return f"{'Partly' if share >= _MUCH else 'Not'} one campaign: {got}{others}."


def _held(situation: Situation) -> bool:
    return bool(situation.held or situation.held_unremembered)


def _lines(campaign: Campaign, before: Sequence[Campaign], recipients: Sequence[str]) -> list[Element]:
    """One campaign: how many got what, who of them is flagged; its subject and sender when they may be shown."""
    flagged = set(campaign.flagged)
    here = islice((each for each in recipients if each in flagged), _NAMED)
    named = [short_line(address(each, 64), 64, 96) for each in here]
    more = f" and {len(flagged) - len(named):,} more" if len(flagged) > len(named) else ""
    who = f": {', '.join(named)}{more}" if named else ""
    made = [line(text_run(_reached(campaign, before), weight="Bolder"), text_run(f" ({len(flagged):,} flagged{who})"))]
    subject = short_line(plain(campaign.subject, 90), 90, 160)
    sender = short_line(plain(campaign.sender, 80), 80, 120)
    if what := " ".join([f"“{subject}”"] * bool(subject) + [f"from {sender}"] * bool(sender)):
        made.append(line(text_run(what, size="Small", italic=True), spacing="None"))
    return made


def _reached(campaign: Campaign, before: Sequence[Campaign]) -> str:
    """How many got it, from which domain; "another" when a line above has the same domain."""
    domain = sender_domain(campaign.domain)
    mail = f"{domain} mail" if domain else "mail of an unknown domain"
    if any(each.domain == campaign.domain for each in before):
        mail = f"another {mail}"
    return f"{campaign.reached:,} recipients got {mail}"
