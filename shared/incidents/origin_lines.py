"""From whom the mail came and which campaign it belongs to, as lines of an incident or a comment. All is inert."""

from __future__ import annotations

from collections.abc import Sequence

from shared.incidents.fitting import Section, inert_within
from shared.incidents.terms import Background, Terms
from shared.model import Action, Campaign, MailGroup, Origin
from shared.text import inert_address, ordinary

_NAMES = 4  # senders, domains … in one line
_CAMPAIGNS = 3
_SIBLINGS = 5
_NAME = 90
_SUBJECT = 110
_UNKNOWN = "a sender that is not known"


def inert_recipient(recipient: str) -> str:
    """A recipient's address, made inert."""
    return inert_address(recipient) if ordinary(recipient) else inert_within(recipient, 320)


def sender_named(sender: str) -> str:
    """A sender's address, made inert."""
    return inert_within(sender, _NAME) if sender else _UNKNOWN


def origin_section(about: Background, terms: Terms) -> Section:
    """Senders, their domains, what Defender called the mail; or why that is not known."""
    origin = about.origin
    if origin is None or not origin.messages:
        return Section("From whom:", [f"- {_why_unknown(origin, terms)}"])
    lines = [
        _tally("Domains", origin.domains),
        _tally("Senders", origin.senders),
        _tally("Threat types", origin.threats),
        _tally("Detected by", origin.detections),
    ]
    if not origin.senders:
        lines.insert(0, "- Not known: the table does not name the senders.")
    counted = "1 message" if origin.messages == 1 else f"{origin.messages:,} messages"
    return Section(f"From whom ({counted} in the window):", [line for line in lines if line])


def _why_unknown(origin: Origin | None, terms: Terms) -> str:
    if origin is None:
        return "Not looked up in this sweep. The query shows it."
    return f"Not known any more: the messages have left the window of {terms.window.days} days."


def _tally(name: str, counts: Sequence[tuple[str, int]]) -> str:
    if not counts:
        return ""
    shown = [f"{many:,} × {inert_within(each, _NAME)}" for each, many in counts[:_NAMES]]
    more = len(counts) - len(shown)
    return f"- {name}: {', '.join(shown)}" + (f" and {_more(more)}" if more else "")


def _more(many: int) -> str:
    # Twenty of each kind are known.
    return f"{many} more" if many < 20 - _NAMES else "more"


def campaign_section(action: Action, about: Background) -> Section:
    """The campaigns of this recipient, each with its siblings; then mail that reached others, none of them flagged."""
    origin = about.origin
    if origin is None or not origin.messages:
        return Section("", [])
    own = {group.key: group for group in origin.groups}
    shared = [*about.campaigns]
    shared.sort(key=lambda each: -(own[each.key].messages if each.key in own else 0))
    lines = [line for each in shared[:_CAMPAIGNS] for line in _campaign(action.recipient, each, own.get(each.key))]
    if len(shared) > _CAMPAIGNS:
        lines.append(f"- and {len(shared) - _CAMPAIGNS} more campaigns")
    keys = {each.key for each in shared}
    alone = [group for group in origin.groups if group.key not in keys and (group.reached or 0) > 1]
    lines += [_reached(group) for group in alone[: _CAMPAIGNS - 1]]
    return Section("Campaign (same sender and subject, in the whole window):", lines)


def _campaign(recipient: str, campaign: Campaign, own: MailGroup | None) -> list[str]:
    siblings = [each for each in campaign.flagged if each != recipient]
    here = f"{own.messages:,} × " if own else ""
    first = (
        f"- {here}{_mail(campaign.sender, campaign.subject)}: reached {campaign.reached:,} recipients, "
        f"{len(campaign.flagged):,} of them over the threshold"
    )
    named = ", ".join(inert_recipient(each) for each in siblings[:_SIBLINGS])
    more = f" and {len(siblings) - _SIBLINGS:,} more" if len(siblings) > _SIBLINGS else ""
    return [first, f"- Siblings, who have an incident or are to get one: {named}{more}"]


def _reached(group: MailGroup) -> str:
    return (
        f"- {group.messages:,} × {_mail(group.sender, group.subject)}: reached {group.reached:,} recipients, "
        "nobody else known to be over the threshold"
    )


def _mail(sender: str, subject: str) -> str:
    return f'{sender_named(sender)}, "{inert_within(subject, _SUBJECT) or "(no subject)"}"'
