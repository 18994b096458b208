"""A ledger that schema 1 wrote in the middle of its work, taken over by a whole sweep: nothing is lost or repeated."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from shared.ledger import SqliteLedger
from shared.model import Reason, Record, incident_id
from tests.cloud import WORKSPACE_RESOURCE_ID
from tests.cloud.mail import SOFT, Mail
from tests.support import schema1
from tests.support.tenant import Tenant

SETTINGS = {"SUM_CASE_THRESHOLD": "2", "HIGH_SEVERITY_THRESHOLD": "8", "REMIND_AFTER_DAYS": "0"}
OLD = ("grows", "stays", "rises", "lifts", "told", "silent")
"""Who has an incident of three messages already."""
SEEDS = itertools.count(1)


def _address(who: str) -> str:
    """Somebody's address."""
    return f"{who}@contoso.com"


def incident_of(who: str) -> str:
    """The id of somebody's first incident."""
    return incident_id(WORKSPACE_RESOURCE_ID, _address(who), 0)


def _mail(tenant: Tenant, **remediated: int) -> dict[str, list[str]]:
    """So many messages are remediated for each of these; their ids."""
    made = Mail(tenant.clock.now(), seed=next(SEEDS))
    made.add("quiet@contoso.com", "Delivered", made.ago(0.04))
    rows = {who: made.remediated(_address(who), many, 0.4, (SOFT,)) for who, many in remediated.items()}
    tenant.cloud.append("EmailEvents", made.events)
    return {who: [row["NetworkMessageId"] for row in some] for who, some in rows.items()}


def _records(tenant: Tenant) -> dict[str, Record]:
    """What the ledger holds."""
    with closing(SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID, read_only=True)) as ledger:
        return dict(ledger.load().records)


def replace_ledger(tenant: Tenant, rows: schema1.Rows) -> None:
    """These rows are all that the ledger holds."""
    with closing(sqlite3.connect(tenant.ledger)) as connection, connection:
        connection.execute("DELETE FROM rows")
        new = [(WORKSPACE_RESOURCE_ID.lower(), key, "1", data) for key, data in rows.items()]
        connection.executemany("INSERT INTO rows (workspace, key, version, data) VALUES (?, ?, ?, ?)", new)


def old_keys(tenant: Tenant) -> list[str]:
    """The keys of the rows that only schema 1 has."""
    with closing(sqlite3.connect(tenant.ledger)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM rows WHERE key LIKE 'b.intent.%'")]


def _writes(tenant: Tenant) -> list[str]:
    """The requests that asked Sentinel or Teams for an effect, but for the cards."""
    return [each.path for each in tenant.cloud.log if (each.service, each.method) == ("sentinel", "PUT")]


def places(tenant: Tenant, message: str) -> int:
    """In how many descriptions and comments a message is reported."""
    texts = [each["properties"].get("description", "") for each in tenant.cloud.incidents.values()]
    texts += [each["properties"]["message"] for some in tenant.cloud.comments.values() for each in some]
    return sum(message in text for text in texts)


def _named(tenant: Tenant, who: str) -> int:
    """On how many cards somebody is named."""
    return sum(_address(who) in json.dumps(card) for card in tenant.cloud.cards)


@pytest.fixture
def taken(tenant: Tenant) -> tuple[Tenant, dict[str, list[str]]]:
    """A tenant whose ledger schema 1 left in the middle of a day's work; the ids of that day's messages.

    Made in Sentinel, and not recorded: the incident about ann, the comment on grows, severity and comment of rises.
    Not made: bob, hal (held by the fuse), the comment on stays, severity and comment of lifts. A card about told was
    accepted and not recorded; of one about silent nobody knows.
    """
    tenant.settings.update(SETTINGS)
    _mail(tenant, **dict.fromkeys(OLD, 3))
    assert tenant.sweep().receipt.created == len(OLD)
    before = _records(tenant)
    tenant.clock.advance(days=1)
    messages = _mail(tenant, ann=3, grows=3, rises=7)
    noted = tenant.clock.now() - timedelta(minutes=5)
    assert tenant.sweep().receipt.event == "sweep_completed"
    tenant.cloud.analyst.edit(incident_of("rises"), labels=[{"labelName": "email-remediation-sweep"}])  # as it was then
    messages |= _mail(tenant, bob=4, hal=5, stays=3, lifts=7)
    intents = schema1.Intents(noted)
    for who in ("ann", "bob"):
        intents.create(_address(who), incident_of(who), messages[who])
    intents.create(_address("hal"), incident_of("hal"), messages["hal"], held=True)
    for who in ("rises", "lifts"):
        intents.escalate(_address(who), incident_of(who), 10)
    for who in ("grows", "stays", "rises", "lifts"):
        intents.comment(_address(who), incident_of(who), messages[who])
    intents.card("accepted", f"record|{_address('told')}|0/3/first", accepted=True)
    intents.card("unanswered", f"record|{_address('silent')}|0/3/first")
    rows: dict[str, bytes] = dict(intents.rows)
    for who in OLD:
        owed: dict[str, Any] = {"tell": "first", "untold": 3} if who in ("told", "silent") else {}
        rows |= schema1.record_row(before[_address(who)], **owed)
    rows["b.standing.workspace"] = schema1.row("standing", {"lookback_days": 30, "card_at": noted.isoformat()})
    replace_ledger(tenant, rows)
    tenant.cloud.cards.clear()
    tenant.cloud.log.clear()
    tenant.clock.advance(minutes=5)
    return tenant, messages


def test_a_ledger_of_schema_1_is_completed(taken: tuple[Tenant, dict[str, list[str]]]) -> None:
    """What was not made is made, what was made is recorded, and each is told; nothing is made or told twice."""
    tenant, messages = taken
    receipt = tenant.sweep().receipt
    assert (receipt.event, receipt.due) == ("sweep_completed", 0)
    assert (receipt.created, receipt.commented) == (2, 2)
    assert len(_writes(tenant)) == 2 + 2 + 1, "two incidents, two comments and a severity"
    everyone = {*OLD, "ann", "bob", "hal"}
    assert tenant.cloud.incidents.keys() == {incident_of(who) for who in everyone}
    assert {who: [places(tenant, each) for each in some] for who, some in messages.items()} == {
        who: [1] * len(some) for who, some in messages.items()
    }
    high = {who for who in everyone if tenant.cloud.incidents[incident_of(who)]["properties"]["severity"] == "High"}
    assert high == {"rises", "lifts"}
    assert {who: _named(tenant, who) for who in everyone} == dict.fromkeys(everyone, 1) | {"told": 0}
    assert old_keys(tenant) == []
    assert not [each for each in _records(tenant).values() if each.owed or each.tell]


def test_nothing_is_left_for_the_day_after(taken: tuple[Tenant, dict[str, list[str]]]) -> None:
    """The sweep after the one that took over has nothing to do."""
    tenant, _ = taken
    tenant.sweep()
    tenant.cloud.cards.clear()
    tenant.cloud.log.clear()
    tenant.clock.advance(days=1)
    _mail(tenant)
    receipt = tenant.sweep().receipt
    assert (receipt.event, receipt.told, receipt.created, receipt.commented) == ("sweep_completed", 0, 0, 0)
    assert (_writes(tenant), tenant.cloud.cards) == ([], [])


def test_a_dry_run_takes_nothing_over(taken: tuple[Tenant, dict[str, list[str]]]) -> None:
    """A dry run on a ledger of schema 1 says what is due, and leaves every row as it is."""
    tenant, _ = taken
    before = old_keys(tenant)
    receipt = tenant.sweep(DRY_RUN="true").receipt
    assert receipt.event == "sweep_planned"
    assert old_keys(tenant) == before != []
    assert (_writes(tenant), tenant.cloud.cards) == ([], [])


def test_an_escalation_of_schema_1_is_told_as_one(taken: tuple[Tenant, dict[str, list[str]]]) -> None:
    """A severity that schema 1 set without its label is told as escalated, like any other."""
    tenant, _ = taken
    for who in ("rises", "lifts"):
        assert _records(tenant)[_address(who)].escalation is not None
    tenant.cloud.refuse("teams")
    tenant.sweep()
    told = {who: _records(tenant)[_address(who)].tell for who in ("rises", "lifts")}
    assert told == {"rises": Reason.ESCALATED, "lifts": Reason.ESCALATED}
