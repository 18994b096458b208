"""From whom the mail came, in whole sweeps: what is asked and when, what an incident then says, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import unquote

import pytest

from tests.cloud import Fault
from tests.cloud.mail import COUNTED, SOFT, Mail
from tests.support.days import Days

CONTEXT, REACH = "let Listed = ", "let Keys = "
KIM, LEE, SAM = "kim@contoso.com", "lee@contoso.com", "sam@contoso.com"
SUBJECT = "Invoice overdue"


def campaign_day(
    days: Days, recipients: Iterable[str], many: int = 12, *, seed: int = 7, action: str | None = None
) -> None:
    """Mail of one sender and subject, received a day ago and removed seven hours later."""
    made = Mail(days.tenant.clock.now(), seed)
    for recipient in recipients:
        for place in range(many):
            sent = made.now - timedelta(days=1, minutes=place)
            how = action or COUNTED[place % 4]
            subject = (SUBJECT, f" {SUBJECT.upper()} ")[place % 2]
            later = sent + timedelta(hours=7)
            row = made.add(recipient, how, later, delivered=sent, state=later, subject=subject)
            row.update({"SenderFromAddress": "billing@evil.example", "SenderFromDomain": "evil.example"})
    days.tenant.cloud.append("EmailEvents", made.events)


def description(days: Days, recipient: str) -> str:
    """What a recipient's incident says."""
    found = days.incident(recipient)
    assert found is not None
    return str(found["description"])


def times_asked(days: Days, containing: str) -> int:
    """How often the workspace was asked a query with these words."""
    queries = [each for each in days.tenant.cloud.log if each.service == "log_analytics"]
    return sum(containing in each.json["query"] for each in queries)


def test_an_incident_names_its_campaign_and_its_siblings(days: Days) -> None:
    """Senders, threats, the campaign with its reach and the other flagged recipients; with links that open them."""
    campaign_day(days, [KIM, LEE])
    campaign_day(days, [f"reader{place}@contoso.com" for place in range(5)], 1, action="Delivered")
    days.mail(KIM, 3)
    assert days.sweep()["created"] == 2
    text = description(days, KIM).replace(SUBJECT.upper(), SUBJECT)
    for said in (
        "From whom (15 messages in the window):\n- Domains: 12 × evil[.]example, ",
        "- Senders: 12 × billing\\@evil[.]example, ",
        "- Threat types: 15 × Phish\n- Detected by: 15 × URL detonation\n",
        '- 12 × billing\\@evil[.]example, "Invoice overdue": reached 7 recipients, 2 of them over the threshold\n',
        f"threshold\n- Siblings, who have an incident or are to get one: `{LEE}`\n",
        "2026-11-23 13:00, received 2026-11-23 06:00, Hard delete, billing\\@evil[.]example: Invoice overdue",
        "[See it again in Logs](https://portal.azure.com/#blade/",
        ". If the link does not open, paste the query:\n```kql\n",
    ):
        assert said in text
    assert f"`{KIM}`" in description(days, LEE).split("Siblings")[1]
    assert text.index("From whom") < text.index("Campaign") < text.index("Newest messages") < text.index("What to do")
    link = text.split("[See it again in Logs](")[1].split(")")[0]
    assert "/providers/Microsoft.OperationalInsights/workspaces/" in unquote(link)


def test_a_comment_begins_with_a_summary_by_sender(days: Days) -> None:
    """How many of the new messages came from whom, with how many subjects, before the messages."""
    campaign_day(days, [KIM])
    days.sweep()
    days.pass_by(hours=5)
    campaign_day(days, [KIM], 4, seed=8)
    days.mail(KIM, 1, days=0.1, subject="Alone")
    assert days.sweep()["commented"] == 1
    (comment,) = days.comments(KIM)
    summary = comment.split("New messages by sender:\n")[1].splitlines()
    assert summary[0].lower() == "- 4 × billing\\@evil[.]example: invoice overdue"
    assert summary[1].endswith(": Alone")
    assert comment.index("New messages by sender") < comment.index("New messages, newest first (remediated, received,")
    assert comment.count("https://security.microsoft.com/emailentity?id=") == 5


def test_it_is_asked_once_and_only_when_somebody_is_told(days: Days) -> None:
    """Two queries on a day with news, none on a quiet one, and only one where nothing came twice."""
    campaign_day(days, [KIM, LEE])
    days.sweep()
    assert (times_asked(days, CONTEXT), times_asked(days, REACH)) == (1, 1)
    days.pass_by()
    assert days.sweep()["standing"] == 2
    assert (times_asked(days, CONTEXT), times_asked(days, REACH)) == (1, 1)
    days.mail(SAM, 11)
    days.sweep()
    assert times_asked(days, CONTEXT) == 2


def test_standing_and_held_recipients_are_siblings(days: Days) -> None:
    """A campaign names those who have an incident since yesterday, and those whose turn has not come."""
    campaign_day(days, [KIM])
    days.sweep()
    days.pass_by(hours=5)
    campaign_day(days, [LEE, SAM], seed=9)
    assert days.sweep(MAX_NEW_INCIDENTS="1")["held"] == 1
    raised = LEE if days.incident(LEE) else SAM
    siblings = description(days, raised).split("Siblings, who have an incident or are to get one: ")[1].splitlines()[0]
    assert siblings == ", ".join(f"`{each}`" for each in (KIM, LEE, SAM) if each != raised)


@pytest.mark.parametrize(
    ("broken", "note"),
    [
        (CONTEXT, "could not look up from whom the mail came: "),
        (REACH, "could not look up how many recipients got the same mail: "),
    ],
)
def test_a_query_that_fails_costs_the_context_alone(days: Days, broken: str, note: str) -> None:
    """The incident is raised and told without it, and the receipt says what is missing."""
    campaign_day(days, [KIM, LEE])
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing=broken, status=400, times=None))
    done = days.sweep()
    assert (done["event"], done["created"], done["told"]) == ("sweep_completed", 2, 2)
    assert days.last is not None
    assert sum(said.startswith(note) for said in days.last.receipt.notes) == 1
    text = description(days, KIM)
    if broken == CONTEXT:
        assert "From whom:\n- Not looked up in this sweep. The query shows it.\n" in text
        assert "Campaign" not in text
    else:
        assert '"Invoice overdue": reached 2 recipients, 2 of them' in text.replace(
            "INVOICE OVERDUE", "Invoice overdue"
        )


def test_owed_mail_that_has_left_the_window_has_no_origin(days: Days) -> None:
    """What an earlier sweep could not raise is raised after a month, and says why nobody knows from whom it came."""
    made = Mail(days.tenant.clock.now())
    made.remediated(KIM, 12, days=1, actions=(SOFT,))
    days.tenant.cloud.append("EmailEvents", made.events)
    days.break_writes(status=503)
    assert days.sweep()["due"] == 1
    days.well()
    days.pass_by(days=32)
    assert days.sweep()["created"] == 1
    text = description(days, KIM)
    assert "From whom:\n- Not known any more: the messages have left the window of 30 days.\n" in text
    assert "Newest messages, of 12 (" in text


def test_the_incident_of_advanced_hunting_links_there(days: Days) -> None:
    """With HUNT_SOURCE=defender the same is asked of Graph, a removal has no time, and the query opens in Defender."""
    campaign_day(days, [KIM, LEE])
    assert days.sweep(HUNT_SOURCE="defender")["created"] == 2
    text = description(days, KIM)
    assert "[See it again in Advanced hunting](https://security.microsoft.com/v2/advanced-hunting?query=" in text
    assert "Newest messages, of 12 (received, action, sender, subject; times in UTC):\n- received 2026-" in text
    assert f"Siblings, who have an incident or are to get one: `{LEE}`" in text


def test_the_highest_totals_are_asked_about_first(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all can be asked about, it is those with the most messages."""
    monkeypatch.setattr("shared.sweep.describe.MOST_RECIPIENTS", 2)
    for recipient, many in ((KIM, 11), (LEE, 30), (SAM, 20)):
        campaign_day(days, [recipient], many, seed=many)
    assert days.sweep()["created"] == 3
    assert ["- Senders: " in description(days, each) for each in (KIM, LEE, SAM)] == [False, True, True]
    assert days.last is not None
    assert any("was looked up for 2 recipients, not for all" in note for note in days.last.receipt.notes)
