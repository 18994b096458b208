"""What `tune` counts: the hunt's own count of everybody, and who remediated, against plain Python."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PartialData, Service
from shared.hunt.removals import REMOVAL_COLUMNS, read_removals
from shared.model import ACTORS
from shared.query.answer import Answer
from tests.cloud import schemas
from tests.cloud.mail import COUNTED, Mail, Row, sample
from tests.hunt.removals_oracle import removals
from tests.support.clients import WINDOW, Clients
from tests.support.clock import START
from tests.support.examples import examples_of

KINDS = ("Manual remediation", "Phish ZAP", "Malware ZAP", "Automated Remediation", "Redelivery", "Something new")


def tenant_of(seed: int) -> Mail:
    """A tenant with messages that several have acted on, also at the same time, and rows that count twice."""
    mail, chance = Mail(START, seed), random.Random(seed)
    for person in range(chance.randrange(3, 9)):
        recipient = f"User{person}@{chance.choice(('contoso.com', 'Example.org', 'sub.contoso.com'))}"
        for _ in range(chance.choice((0, 1, 2, 3, 12, 25))):
            first, message = mail.ago(chance.uniform(0, 33)), mail.message_id()
            for version in range(chance.randrange(1, 4)):
                action = chance.choice((*COUNTED, "Delivered", "", None))
                row = mail.add(recipient, action, first, message=message, version=version)
                for _ in range(chance.randrange(3)):
                    mail.acted(row, chance.choice(KINDS), chance.choice(("Success", "Success", "Error")))
    return mail


def load(azure: Clients, source: str, mail: Mail) -> list[Row]:
    """Put the tenant into the workspace, and where it is asked for into advanced hunting; the rows as it has them."""
    azure.cloud.define("EmailPostDeliveryEvents", schemas.EMAIL_POST_DELIVERY_EVENTS)
    azure.cloud.load("EmailEvents", mail.events)
    azure.cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
    if source == "sentinel":
        return mail.events
    tables = azure.cloud.defender
    tables.refresh()  # so that what follows is not made anew from the workspace's table
    newest: dict[tuple[str, str], Row] = {}
    for row in mail.events:  # one current row for each message and recipient there
        newest[row["NetworkMessageId"], str(row["RecipientEmailAddress"]).lower()] = row
    rows = [{**row, "LastEventExecutionTime": None, "Timestamp": row["TimeGenerated"]} for row in newest.values()]
    for table, columns, held in (
        ("EmailEvents", schemas.EMAIL_EVENTS_DEFENDER, rows),
        ("EmailPostDeliveryEvents", schemas.EMAIL_POST_DELIVERY_EVENTS_DEFENDER, mail.post_delivery),
    ):
        timed = [{**row, "Timestamp": row["TimeGenerated"]} for row in held]
        tables.tables.define(table, columns)
        tables.tables.append(table, [{name: row.get(name) for name in columns} for row in timed])
    return rows


def counted(azure: Clients, source: str, deduplicate: bool) -> dict[str, tuple[int, dict[str, int]]]:
    """What the project counts, in the oracle's form."""
    hunter = azure.hunt(hunt_source=source, deduplicate=str(deduplicate).lower())
    hunter.coverage(WINDOW)
    found, known = hunter.removals(WINDOW)
    assert known
    assert [each.total for each in found] == sorted((each.total for each in found), reverse=True)
    by = {each.recipient: {name: many for name, many in zip(ACTORS, each.by, strict=True) if many} for each in found}
    return {each.recipient: (each.total, by[each.recipient]) for each in found}


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_everybody_is_counted_as_the_hunt_counts(azure: Clients, source: str, deduplicate: bool) -> None:
    """Of the sample tenant, everybody's count and who remediated are those of plain Python."""
    mail = sample(START)
    rows = load(azure, source, mail)
    expected = removals(rows, mail.post_delivery, WINDOW.start, WINDOW.end, deduplicate=deduplicate)
    assert len(expected) > 10
    assert counted(azure, source, deduplicate) == expected


@pytest.mark.examples
@settings(max_examples=examples_of(20), deadline=None)
@given(seed=st.integers(0, 2**31), source=st.sampled_from(["sentinel", "defender"]), deduplicate=st.booleans())
def test_any_tenant_is_counted_as_the_hunt_counts(azure: Clients, seed: int, source: str, deduplicate: bool) -> None:
    """So are those of any tenant: several who acted on a message, failures, what was given back."""
    mail = tenant_of(seed)
    rows = load(azure, source, mail)
    expected = removals(rows, mail.post_delivery, WINDOW.start, WINDOW.end, deduplicate=deduplicate)
    assert counted(azure, source, deduplicate) == expected


def test_the_hunt_flags_whoever_is_over_the_threshold(azure: Clients) -> None:
    """At any threshold the recipients with a higher count are those that a sweep would flag."""
    load(azure, "sentinel", sample(START))
    hunter = azure.hunt()
    hunter.coverage(WINDOW)
    everybody, _ = hunter.removals(WINDOW)
    for threshold in (1, 10, 11, 57):
        flagged = azure.hunt(sum_case_threshold=str(threshold)).findings(WINDOW)
        over = {each.recipient: each.total for each in everybody if each.total > threshold}
        assert {finding.recipient: finding.total for finding in flagged} == over


def test_a_tenant_without_the_second_table_is_counted_all_the_same(azure: Clients) -> None:
    """Where nothing says who remediated, the counts are the same, and it is said that nobody could be asked."""
    load(azure, "sentinel", sample(START))
    hunter = azure.hunt()
    hunter.coverage(WINDOW)
    before, _ = hunter.removals(WINDOW)
    azure.cloud.remove("EmailPostDeliveryEvents")
    after, known = hunter.removals(WINDOW)
    assert not known
    assert [(each.recipient, each.total) for each in after] == [(each.recipient, each.total) for each in before]
    assert {each.by for each in after} == {(0, 0, 0, 0)}


def test_the_oldest_row_is_found(azure: Clients) -> None:
    """How far back the table goes within a window is known, and that an empty one has no row."""
    mail = Mail(START)
    mail.add("a@contoso.com", "Delivered", mail.now - (WINDOW.end - WINDOW.start) / 3)
    mail.add("a@contoso.com", "Delivered", mail.now - (WINDOW.end - WINDOW.start) / 4)
    azure.cloud.load("EmailEvents", mail.events)
    assert azure.hunt().first_row(WINDOW) == mail.now - (WINDOW.end - WINDOW.start) / 3
    azure.cloud.load("EmailEvents", [])
    assert azure.hunt().first_row(WINDOW) is None


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("RecipientEmailAddress", ("", 5, 1, 1, 1, 1)),
        ("Sum_case", ("a@contoso.com", "5", 1, 1, 1, 1)),
        ("Sum_case", ("a@contoso.com", 1, 0, 0, 0, 0)),
        ("Sum_case", ("a@contoso.com", 3, 1, 1, 1, 1)),
        ("Zap", ("a@contoso.com", 5, 1, 1, -1, 1)),
        ("Other", ("a@contoso.com", 5, 1, 1, 1, True)),
    ],
)
def test_a_count_that_cannot_be_true_is_refused(column: str, row: tuple[Any, ...]) -> None:
    """A response with what the query cannot return is discarded, and names its column."""
    types = ["string", *["long"] * 5]
    with pytest.raises(PartialData, match=f"a column {column} "):
        read_removals(Answer(REMOVAL_COLUMNS, types, [row], Service.LOG_ANALYTICS), 1)
