"""What on-call is shown in Teams: what a card says, and posting it (`shared.teams.webhook`)."""

from shared.teams.alert import Card, Entry, Notice, OtherReason, Situation
from shared.teams.card import digest_card, notice_card, probe_card
from shared.teams.links import alert_link, incident_link, incidents_link, run_link, workbooks_link

__all__ = [
    "Card",
    "Entry",
    "Notice",
    "OtherReason",
    "Situation",
    "alert_link",
    "digest_card",
    "incident_link",
    "incidents_link",
    "notice_card",
    "probe_card",
    "run_link",
    "workbooks_link",
]
