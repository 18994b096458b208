"""What cards say of where mail came from, and of what grew, in whole sweeps: with context, without, by the settings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shared.model import Campaign, Origin
from shared.sweep import run
from shared.sweep.describe import Words, describe
from tests.cloud.faults import Fault
from tests.support.days import Days

SENDER, DOMAIN, SUBJECT = "billing@evil.example", "evil.example", "Invoice 4711"


def _known(monkeypatch: pytest.MonkeyPatch, *, most: int = 99) -> None:
    """From now on it is known of so many of those planned from whom their mail came, and that it is one campaign."""

    def described(*given: object) -> Words:
        context, planned = given
        names = sorted(each.recipient for each in (*planned.creations, *planned.updates))[:most]  # type: ignore[attr-defined]
        if not names:
            return Words()
        origin = Origin(senders=((SENDER, 11),), domains=((DOMAIN, 11),))
        campaign = Campaign(SENDER, DOMAIN, SUBJECT, 3 * len(names), tuple(names), 11 * len(names))
        words = describe(context, planned)  # type: ignore[arg-type]
        return replace(words, origins=dict.fromkeys(names, origin), campaigns=(campaign,))

    monkeypatch.setattr(run, "describe", described)


def _text(days: Days) -> str:
    return json.dumps(days.tenant.cloud.cards[-1], ensure_ascii=False)


@pytest.mark.parametrize("shown", [False, True])
def test_senders_and_subjects_are_on_cards_as_the_setting_says(
    days: Days, monkeypatch: pytest.MonkeyPatch, shown: bool
) -> None:
    """The domain always, the sender and the subject of a campaign only with CARD_SUBJECTS."""
    _known(monkeypatch)
    days.mail("kim@contoso.com", 11)
    days.mail("li@contoso.com", 11)
    days.sweep(CARD_SUBJECTS=str(shown).lower())
    text = _text(days)
    assert "6 recipients got evil[.]example mail" in text
    assert "From evil[.]example (11)" in text
    assert (SUBJECT in text) is shown
    assert ("By billing@evil[.]example (11)" in text) is shown
    assert ("billing@" in text) is shown


@pytest.mark.parametrize("page", ["", "https://wiki.example.com/operate.md"])
def test_a_notice_leads_to_the_runbook_that_is_set(days: Days, page: str) -> None:
    """With RUNBOOK_URL a failed sweep's card opens the section that says what to do; without it the page is named."""
    days.tenant.cloud.faults.add(Fault(service="log_analytics", status=403, times=None))
    days.sweep(**({"RUNBOOK_URL": page} if page else {}))
    text = _text(days)
    assert ('"https://wiki.example.com/operate.md#sweep-failed"' in text) is bool(page)
    assert ("Runbook: docs/operate.md" in text) is not bool(page)


def test_the_fuses_card_counts_the_held_in(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two raised, four held, all of one campaign: the card says six of six."""
    _known(monkeypatch)
    for number in range(6):
        days.mail(f"r{number}@contoso.com", 11 + number)
    days.sweep(MAX_NEW_INCIDENTS="2")
    assert "One big campaign: 6 of the 6 flagged recipients, the held ones included, got the same mail." in _text(days)
    assert "4 more over the threshold are held back" in _text(days)
    assert not days.told("r0@contoso.com"), "whoever is held is named when raised"


def test_whoever_was_not_looked_up_is_not_counted_out(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of seven who are flagged, four are known: the share is of these, and the three others are said by number.

    Whoever is excluded is no part of it.
    """
    days.mail("old@contoso.com", 12)
    days.sweep()
    _known(monkeypatch, most=4)
    days.pass_by(hours=1)
    for name in (*(f"r{number}" for number in range(6)), "lab"):
        days.mail(f"{name}@contoso.com", 12, days=0.03, after=0.01)
    left_out = json.dumps([{"pattern": "lab@*", "until": "2099-01-01", "reason": "lab"}])
    days.sweep(MAX_NEW_INCIDENTS="2", EXCLUDED_RECIPIENTS=left_out)
    assert "One big campaign: 4 of 4 flagged recipients got the same mail; 3 more were not looked up." in _text(days)


def test_mail_that_has_left_the_window_is_not_known(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """An origin without a sender's domain says nothing: nobody was looked up."""
    monkeypatch.setattr(run, "describe", lambda *_: Words(origins={"r0@contoso.com": Origin()}))
    for number in range(3):
        days.mail(f"r{number}@contoso.com", 12)
    days.sweep(MAX_NEW_INCIDENTS="2")
    assert "Whether this is one big campaign could not be looked up." in _text(days)


def test_a_card_posted_from_records_lacks_the_lines(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be posted is posted by the next sweep, which knows nothing of senders: the same finding, told."""
    _known(monkeypatch)
    days.mail("kim@contoso.com", 11)
    days.tenant.cloud.faults.add(Fault(service="teams", status=404, times=None))
    days.sweep()
    assert not days.cards
    days.well()
    days.pass_by(hours=1)
    found = days.sweep()
    assert found["told"] == 1
    assert "kim@contoso.com" in _text(days)
    assert "evil" not in _text(days)


def test_what_grew_is_said_as_grown(days: Days) -> None:
    """An open incident with a few new messages, too few to be told, is on the next card as grown, not as unchanged."""
    days.mail("kim@contoso.com", 12)
    days.mail("li@contoso.com", 12)
    days.sweep()
    days.pass_by()
    days.mail("kim@contoso.com", 2)
    days.mail("new@contoso.com", 12)
    days.sweep()
    assert "Known: 1 open with new messages, 1 open with nothing new." in _text(days)


def test_notices_lead_to_the_log_of_their_run(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Azure a failed sweep's card opens the app's log; elsewhere there is none. The workbook opens from both."""
    days.tenant.cloud.faults.add(Fault(service="log_analytics", containing="EmailEvents", status=403, times=None))
    days.sweep()
    assert "Log of this run" not in _text(days)
    assert "/MainMenuBlade/~/Workbooks/id/" in _text(days)
    monkeypatch.setenv("WEBSITE_SITE_NAME", "func-sweep")
    monkeypatch.setenv("WEBSITE_OWNER_NAME", "d0cfe6b2-9ac0-4464-9919-dccaee2e48c0+rg-sweep-WestEuropewebspace-Linux")
    days.pass_by()
    days.sweep()
    assert "Log of this run" in _text(days)
    assert "resourceGroups%2Frg-sweep%2Fproviders%2FMicrosoft.Web%2Fsites%2Ffunc-sweep" in _text(days)


def test_cards_about_findings_mention_whoever_is_set_and_say_what_was_looked_at(days: Days) -> None:
    """TEAMS_MENTIONS are on the card as Teams wants them, so that a phone rings; and what the sweep looked at."""
    days.mail("kim@contoso.com", 12)
    days.sweep(TEAMS_MENTIONS='["oncall@contoso.com"]')
    content = days.tenant.cloud.cards[-1]["attachments"][0]["content"]
    assert [each["mentioned"]["id"] for each in content["msteams"]["entities"]] == ["oncall@contoso.com"]
    assert "Data: 12 rows in 30 days, 12 messages in the last 24 h, newest " in _text(days)


@pytest.mark.parametrize("shown", [False, True])
def test_subjects_of_a_finding_are_on_cards_as_the_setting_says(days: Days, shown: bool) -> None:
    """With CARD_SUBJECTS those of its newest messages; without, none."""
    days.mail("kim@contoso.com", 12, subject="Payroll 77")
    days.sweep(CARD_SUBJECTS=str(shown).lower())
    assert ("Payroll 77" in _text(days)) is shown
