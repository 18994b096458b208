"""A zero means zero, day after day: what stops saying what became of the mail is noticed, and stays noticed."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from zlib import crc32

import pytest

from shared.app import exit_code
from shared.ledger import open_ledger
from shared.model import Coverage, Slot, Verdict
from shared.plan.trust import TrustOptions, judge
from shared.sweep.measure import earlier_measure, measure_as_json
from shared.sweep.receipt import as_json
from tests.cloud import Fault
from tests.cloud.mail import SOFT, Mail, Row
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.cards import strings
from tests.support.clock import START
from tests.support.tenant import Tenant

DAY = timedelta(days=1)
OPTIONS = TrustOptions("sentinel", 30, 24)


def a_day(tenant: Tenant, per_day: int = 20, action: str | None = "Delivered", *, ago: int = 0) -> list[Row]:
    """The mail of 24 hours up to so many days ago: so many messages with this action."""
    now = tenant.clock.now() - ago * DAY
    made = Mail(now, seed=crc32(f"{now} {per_day} {action}".encode()))
    for place in range(per_day):
        made.add(f"u{place % 20}@contoso.com", action, made.ago(0.05 + 0.9 * place / per_day))
    return made.events


def a_month(tenant: Tenant, per_day: int = 20, days: int = 30) -> None:
    """Thirty days of mail up to now."""
    for day in reversed(range(days)):
        tenant.cloud.append("EmailEvents", a_day(tenant, per_day, ago=day))


def causes_of_sweep(tenant: Tenant, **settings: str) -> list[str]:
    """The causes of the reasons of a sweep."""
    return [reason.partition(":")[0] for reason in tenant.sweep(**settings).receipt.reasons]


def text_of_card(card: Any) -> str:
    """All that a card says."""
    return " ".join(text for _, text in strings(card))


def last_card(tenant: Tenant) -> str:
    """The newest card as text."""
    return text_of_card(tenant.cloud.cards[-1])


def test_an_action_that_stops_being_filled_is_noticed_at_once(tenant: Tenant) -> None:
    """From one day on no new row says what became of the mail: at most one sweep more ends clean, and no later one."""
    a_month(tenant)
    assert tenant.sweep().receipt.verdict is Verdict.CLEAN
    verdicts = []
    for _ in range(5):
        tenant.clock.advance(days=1)
        tenant.cloud.append("EmailEvents", [*a_day(tenant, action=None), *a_day(tenant, 15, action=None)])
        verdicts.append(tenant.sweep().receipt.verdict)
    assert verdicts[1:] == [Verdict.UNTRUSTED] * 4


def test_words_that_nobody_knows_are_no_all_clear(tenant: Tenant) -> None:
    """When every removal is called otherwise, the sweep is not clean, and names the word on card and receipt."""
    tenant.cloud.append(
        "EmailEvents", Mail(tenant.clock.now()).remediated("v@contoso.com", 500, actions=("HardDelete",))
    )
    receipt = tenant.sweep().receipt
    assert (receipt.verdict, exit_code(receipt)) == (Verdict.UNTRUSTED, 3)
    assert receipt.reasons[0].startswith("coverage_unknown_actions: ")
    assert as_json(receipt)["coverage"]["suspicious"] == {"HardDelete": 500}
    assert "No all-clear" in last_card(tenant)


def days_of(volume: Any, fill: Any, days: int = 70) -> list[str]:
    """What is said on each of so many days, day 0 being the first of the fault, by the reason or "clean"."""
    receipts: list[dict[str, Any]] = []
    said = []

    def slot(day: int) -> Slot:
        return Slot(START + (day - 1) * DAY, volume(day), round(volume(day) * fill(day)), 0, 0, 0)

    for day in range(-40, days):
        now = START + day * DAY
        slots = tuple(slot(each) for each in range(day - 29, day + 1))
        coverage = Coverage(sum(each.messages for each in slots), now, slots)
        trust = judge(coverage, OPTIONS, now, earlier_measure(receipts[-35:], "sentinel"))
        receipts.append({"started": now.isoformat(), "measure": measure_as_json("sentinel", trust.measure)})
        said.append(",".join(reason.cause for reason in trust.reasons) or "clean")
    return said[40:]


@pytest.mark.parametrize(
    ("volume", "fill", "cause"),
    [
        (lambda day: 1_000 if day < 0 else 250, lambda _: 1.0, "coverage_fallen"),
        (lambda _: 1_000, lambda day: 1.0 if day < 0 else 0.1, "coverage_fill_fallen"),
        (lambda _: 1_000, lambda day: 1.0 if day < 0 else 0.0, "coverage_unfilled"),
    ],
    ids=["a quarter of the mail", "a tenth of the actions", "no action"],
)
def test_an_outage_never_becomes_normal(volume: Any, fill: Any, cause: str) -> None:
    """What lasts longer than the window stays a reason: a day that is not trusted is no measure of the next ones."""
    runs = [(said, len([*days])) for said, days in groupby(days_of(volume, fill))]
    assert runs[-1][0] != "clean"
    assert sum(many for said, many in runs if said == "clean") <= 3
    assert cause in runs[0][0] + runs[-1][0]


def test_the_measure_outlives_the_window(tenant: Tenant) -> None:
    """After a month without a sweep the window holds faulty days only; the ledger knows what was usual before."""
    a_month(tenant, per_day=100)
    assert tenant.sweep().receipt.verdict is Verdict.CLEAN
    tenant.clock.advance(days=31)
    a_month(tenant, per_day=25)
    assert causes_of_sweep(tenant) == ["coverage_fallen"]
    assert "measure" not in as_json(tenant.sweep().receipt)
    tenant.ledger.unlink()
    assert causes_of_sweep(tenant) == []


def test_the_measure_is_of_its_source(tenant: Tenant) -> None:
    """After a switch of HUNT_SOURCE the other source's days are no measure."""
    a_month(tenant, per_day=100)
    tenant.sweep()
    tenant.clock.advance(days=31)
    a_month(tenant, per_day=25)
    assert causes_of_sweep(tenant, HUNT_SOURCE="defender") == []
    assert causes_of_sweep(tenant, HUNT_SOURCE="sentinel") == ["coverage_fallen"]


def test_an_accepted_change_is_no_reason_any_more(tenant: Tenant) -> None:
    """What the ledger says an operator accepted holds in the sweep; the days before it are no measure from then on."""
    a_month(tenant, per_day=100)
    tenant.sweep()
    tenant.clock.advance(days=31)
    a_month(tenant, per_day=25)
    assert causes_of_sweep(tenant) == ["coverage_fallen"]
    accept(tenant, tenant.clock.now().date() - 20 * DAY)
    receipt = tenant.sweep().receipt
    assert (receipt.reasons, receipt.verdict) == ((), Verdict.CLEAN)
    assert receipt.history_days == 19
    assert any(note.startswith("history of 19 days") for note in receipt.notes)
    tenant.clock.advance(days=1)
    tenant.cloud.append("EmailEvents", a_day(tenant, action=None))
    assert causes_of_sweep(tenant) == ["coverage_unfilled"]  # measured by the days since


def accept(tenant: Tenant, day: date) -> None:
    """What an operator does who takes the data since that day for normal."""
    with closing(open_ledger(f"sqlite:///{tenant.ledger}", WORKSPACE_RESOURCE_ID, None)) as ledger:
        ledger.save_state(replace(ledger.load().state, accepted_coverage_since=day))


GOOD = [1_763_000_000, 100, 90, 1, 2, 3]


@pytest.mark.parametrize(
    "measure",
    [
        None, [], "x", {}, {"source": "defender", "slots": [GOOD]}, {"source": "sentinel", "slots": None},
        {"source": "sentinel", "slots": [[], None, 5, [*GOOD, 1], GOOD[1:], ["x", *GOOD[1:]], [-1, *GOOD[1:]]]},
        {"source": "sentinel", "slots": [[10**18, *GOOD[1:]], [True, *GOOD[1:]], [*GOOD[:5], 1.5]]},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_read_is_no_measure(measure: Any) -> None:
    """A damaged measure is left out, and an older one is used."""
    older = {"started": "2026-11-01T06:00:00Z", "measure": {"source": "sentinel", "slots": [GOOD]}}
    newer = {"started": "2026-11-02T06:00:00Z", "measure": measure}
    for receipts in ([older, newer], [newer, older]):
        (slot,) = earlier_measure(receipts, "sentinel")
        assert measure_as_json("sentinel", [slot]) == older["measure"]
    assert earlier_measure([newer], "sentinel") == ()


# -- words


def test_a_new_word_is_told_on_the_first_day_only(tenant: Tenant) -> None:
    """A word that looks like a removal is on a card of its own on the day it appears, and then a note in receipts."""
    a_month(tenant)
    tenant.sweep()
    tenant.clock.advance(days=1)
    tenant.cloud.append("EmailEvents", [*a_day(tenant), *a_day(tenant, 2, action="HardDelete")])
    receipt = tenant.sweep().receipt
    assert (receipt.verdict, receipt.event) == (Verdict.CLEAN, "sweep_completed")
    assert any("HardDelete (2)" in note for note in receipt.notes)
    assert "A new word in the data" in last_card(tenant)
    assert '"HardDelete" is in 2 rows' in last_card(tenant)
    cards = len(tenant.cloud.cards)
    tenant.clock.advance(hours=1)
    tenant.sweep()
    for _ in range(3):
        tenant.clock.advance(days=1)
        tenant.cloud.append("EmailEvents", a_day(tenant))
        assert any("HardDelete (2)" in note for note in tenant.sweep().receipt.notes)
    assert len(tenant.cloud.cards) == cards
    tenant.clock.advance(days=1)
    tenant.cloud.append("EmailEvents", [*a_day(tenant), *a_day(tenant, 1, action="Purged")])
    tenant.sweep()
    assert '"Purged" is in 1 rows' in last_card(tenant)
    assert '"HardDelete" is in' not in last_card(tenant)


def test_a_new_word_goes_on_the_day_s_other_card(tenant: Tenant) -> None:
    """When there are findings to tell, their card names the word, and no other card follows on that day."""
    a_month(tenant)
    rows = Mail(tenant.clock.now()).remediated("v@contoso.com", 20, days=0.5, actions=(SOFT,))
    tenant.cloud.append("EmailEvents", [*rows, *a_day(tenant, 2, action="HardDelete")])
    tenant.sweep()
    (card,) = tenant.cloud.cards
    assert "v@contoso.com" in text_of_card(card)
    assert "HardDelete (2)" in text_of_card(card)
    tenant.clock.advance(hours=1)
    tenant.sweep()
    assert len(tenant.cloud.cards) == 1


def test_five_rows_with_such_a_word_are_no_all_clear(tenant: Tenant) -> None:
    """From five rows on the rule may be missing too much; the notice says so once, and names the word."""
    a_month(tenant)
    tenant.cloud.append("EmailEvents", a_day(tenant, 5, action="HardDelete"))
    receipt = tenant.sweep().receipt
    assert receipt.verdict is Verdict.UNTRUSTED
    (card,) = tenant.cloud.cards
    assert "HardDelete (5)" in text_of_card(card)


def test_an_untold_word_leaves_the_sweep_incomplete(tenant: Tenant) -> None:
    """When Teams does not take its card, the sweep says so, and the next one of that day posts it."""
    a_month(tenant)
    tenant.sweep()
    tenant.cloud.append("EmailEvents", a_day(tenant, 2, action="HardDelete"))
    tenant.cloud.faults.add(Fault(service="teams", status=403, times=None))
    assert tenant.sweep().receipt.event == "sweep_incomplete"
    tenant.cloud.faults.clear()
    assert tenant.sweep().receipt.event == "sweep_completed"
    assert "A new word in the data" in last_card(tenant)


# -- the second witness in a whole sweep


def test_a_missing_witness_is_a_note(tenant: Tenant) -> None:
    """Without the table the sweep ends as it would, and its receipt says that there was no second witness."""
    a_month(tenant)
    tenant.cloud.remove("EmailPostDeliveryEvents")
    receipt = tenant.sweep().receipt
    assert (receipt.verdict, receipt.event) == (Verdict.CLEAN, "sweep_completed")
    assert "no second witness of removals: the table EmailPostDeliveryEvents is missing" in receipt.notes
    assert as_json(receipt)["coverage"]["removals_seen"] is None


def test_a_failing_witness_is_a_note(tenant: Tenant) -> None:
    """When it cannot be asked, the sweep ends as it would, and says why."""
    a_month(tenant)
    tenant.cloud.faults.add(Fault(service="log_analytics", containing="ShownInWeek", status=500, times=None))
    receipt = tenant.sweep().receipt
    assert (receipt.verdict, receipt.event) == (Verdict.CLEAN, "sweep_completed")
    assert any(note.startswith("could not ask EmailPostDeliveryEvents") for note in receipt.notes)


@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_a_contradicting_witness_is_no_all_clear(tenant: Tenant, source: str) -> None:
    """Nobody is over the threshold by EmailEvents; the other table knows of removals that it does not show."""
    a_month(tenant)
    made = Mail(tenant.clock.now())
    for row in made.remediated("v@contoso.com", 20, actions=(SOFT,)):
        made.acted(row, "Phish ZAP")
    tenant.cloud.append("EmailEvents", [row | {"LatestDeliveryAction": "Delivered"} for row in made.events])
    tenant.cloud.append("EmailPostDeliveryEvents", made.post_delivery)
    receipt = tenant.sweep(HUNT_SOURCE=source).receipt
    assert (receipt.verdict, receipt.flagged, exit_code(receipt)) == (Verdict.UNTRUSTED, 0, 3)
    (reason,) = receipt.reasons
    assert reason.startswith("coverage_contradicted: EmailPostDeliveryEvents shows 20 removals")
    assert ("HUNT_SOURCE=defender" in reason) == (source == "sentinel")
    assert "EmailEvents shows 0 of them as removed" in last_card(tenant)


def test_the_receipt_says_what_was_seen_and_shown(tenant: Tenant) -> None:
    """The figures of the witness, of the last day and of the history are in the receipt."""
    a_month(tenant)
    made = Mail(tenant.clock.now())
    for row in made.remediated("v@contoso.com", 8, actions=(SOFT,)):
        made.acted(row, "Phish ZAP")
    tenant.cloud.append("EmailEvents", made.events)
    tenant.cloud.append("EmailPostDeliveryEvents", made.post_delivery)
    coverage = as_json(tenant.sweep().receipt)["coverage"]
    assert (coverage["removals_seen"], coverage["removals_shown"], coverage["history_days"]) == (8, 8, 29)
    assert coverage["last_day"]["filled"] == 1.0
    assert coverage["last_day"]["rows"] >= 20


def test_the_first_cards_say_how_much_history_there_is(tenant: Tenant) -> None:
    """A tenant of three days is told what cannot be judged yet, on card and receipt."""
    a_month(tenant, days=3)
    receipt = tenant.sweep().receipt
    (note,) = [note for note in receipt.notes if note.startswith("history of ")]
    assert note.startswith("history of 2 days; not judged yet: ")
    assert note in last_card(tenant)
