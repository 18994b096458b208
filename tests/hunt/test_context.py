"""From whom the mail came: both queries on the embedded engine against plain Python, and responses that are wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PartialData, Service
from shared.hunt.context import COLUMNS, MOST_ROWS, MailContext, read_context, read_reach
from shared.model import MailGroup, Origin
from shared.query.answer import Answer
from tests.cloud import schemas
from tests.cloud.mail import HARD, Mail
from tests.hunt.colliding import Row, several
from tests.hunt.origin_oracle import campaigns, compared, counted, figures_of, reached
from tests.support.clients import WINDOW, Clients
from tests.support.clock import START
from tests.support.examples import examples_of

_SENDERS = ("billing@evil.example", "Billing@EVIL.example ", "other@evil.example", "@", "none", "", None)
_THREATS = ("Phish", "Malware, Phish", "", None)
_METHODS = (
    '{"Phish":["URL detonation","Mixed analysis"]}',
    '{"Malware":["File detonation"],"Phish":["URL detonation"]}',
)
_SUBJECTS = ("Invoice", " invoice\t", "INVOICE", "Invoice 2", "\U0001f4e7" * 300)

senders = st.fixed_dictionaries(
    {
        "SenderFromAddress": st.sampled_from(_SENDERS),
        "SenderFromDomain": st.sampled_from(("evil.example", "Evil.example", "", None)),
        "ThreatTypes": st.sampled_from(_THREATS),
        "DetectionMethods": st.sampled_from((*_METHODS, "", None)),
    }
)


@st.composite
def tenants(draw: st.DrawFn) -> list[Row]:
    """Rows with senders. Rows that are alike to the hunt are alike in these, too: which of them counts is not told."""
    made: dict[tuple[Any, ...], Row] = {}
    rows = []
    for found in draw(several(2)):
        row = {**found, "Subject": draw(st.sampled_from((found["Subject"], *_SUBJECTS)))}
        alike = tuple(str(value).lower() for value in row.values())
        rows.append({**row, **made.setdefault(alike, draw(senders))})
    return rows


def looked_up(azure: Clients, rows: list[Row], source: str, deduplicate: bool) -> MailContext:
    """What the hunt finds out about everybody who has a counted message."""
    azure.cloud.load("EmailEvents", rows)
    hunter = azure.hunt(hunt_source=source, deduplicate=deduplicate, sum_case_threshold=0)
    found = hunter.context(WINDOW, [finding.recipient for finding in hunter.findings(WINDOW)])
    return found.with_reach(hunter.reach(WINDOW, found.keys))


def context_agrees(rows: list[Row], found: MailContext, deduplicate: bool) -> None:
    """The figures of a context are those of the oracle."""
    of = counted(rows, WINDOW.start, WINDOW.end, deduplicate=deduplicate)
    reach = reached(rows, WINDOW.start, WINDOW.end)
    assert found.origins.keys() == of.keys()
    for recipient, origin in found.origins.items():
        expected = figures_of(of[recipient])
        assert origin.messages == expected.messages
        assert {_mail(group): group.messages for group in origin.groups} == expected.groups
        for name in ("senders", "domains", "threats", "detections"):
            assert dict(getattr(origin, name)) == getattr(expected, name), name
        assert [many for _, many in origin.senders] == sorted(expected.senders.values(), reverse=True)
        for group in origin.groups[:3]:
            asked = group.sender and (group.messages > 1 or group.key in {each.key for each in found.campaigns})
            assert group.reached == (reach[_mail(group)] if asked else None)
        assert set(origin.by_message.values()) <= expected.senders.keys()
    shared = {_mail(each): (each.flagged, each.messages) for each in found.campaigns}
    assert shared == campaigns(of)
    assert all(each.reached == reach[_mail(each)] for each in found.campaigns)


def _mail(group: Any) -> tuple[str, str]:
    return group.sender, compared(group.subject)


@pytest.mark.examples
@settings(max_examples=examples_of(20), deadline=None)
@given(rows=tenants(), deduplicate=st.booleans())
def test_the_oracle_on_any_workspace(azure: Clients, rows: list[Row], deduplicate: bool) -> None:
    """Senders, threats, groups, campaigns and reach are those of plain Python, as each message is counted."""
    context_agrees(rows, looked_up(azure, rows, "sentinel", deduplicate), deduplicate)


@pytest.mark.examples
@settings(max_examples=examples_of(20), deadline=None)
@given(rows=tenants(), deduplicate=st.booleans())
def test_the_oracle_on_advanced_hunting(azure: Clients, rows: list[Row], deduplicate: bool) -> None:
    """The same over Graph, where each message has one row with one time."""
    newest: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row["RecipientEmailAddress"]:
            key = (row["NetworkMessageId"], row["RecipientEmailAddress"].lower())
            newest[key] = {**row, "Timestamp": row["TimeGenerated"], "LastEventExecutionTime": None}
    current = list(newest.values())
    context_agrees(current, looked_up(azure, current, "defender", deduplicate), deduplicate)


def campaign_mail(many: int, recipients: Iterable[str]) -> Mail:
    """A tenant in which so many messages of one sender and subject were removed from each of these mailboxes."""
    tenant = Mail(START)
    for recipient in recipients:
        for _ in range(many):
            row = tenant.add(recipient, HARD, tenant.ago(2), subject="Invoice")
            row.update({"SenderFromAddress": "billing@evil.example", "SenderFromDomain": "evil.example"})
    return tenant


def test_a_workspace_without_these_columns_is_asked_all_the_same(azure: Clients) -> None:
    """What a table lacks is not known; the messages are counted, and grouped by their subjects."""
    rows = campaign_mail(11, ["kim@contoso.com", "lee@contoso.com"]).events
    needed = ("Timestamp", "NetworkMessageId", "RecipientEmailAddress", "Subject", "LatestDeliveryAction")
    azure.cloud.defender.refresh()  # so that what follows is not made anew from the workspace's table
    azure.cloud.defender.tables.define("EmailEvents", {name: schemas.EMAIL_EVENTS[name] for name in needed})
    azure.cloud.defender.tables.append("EmailEvents", [{name: row[name] for name in needed} for row in rows])
    hunter = azure.hunt(hunt_source="defender")
    found = hunter.context(WINDOW, ["kim@contoso.com"])
    (group,) = found.origins["kim@contoso.com"].groups
    assert group == MailGroup("", "", "Invoice", 11, group.key)
    assert found.origins["kim@contoso.com"] == Origin(groups=(group,), messages=11)
    assert (found.campaigns, found.keys) == ((), [])


def test_whose_messages_have_left_the_window_has_an_empty_origin(azure: Clients) -> None:
    """Asked about and not found is another thing than not asked about."""
    azure.cloud.load("EmailEvents", campaign_mail(11, ["kim@contoso.com"]).events)
    found = azure.hunt().context(WINDOW, ["gone@contoso.com", "kim@contoso.com"])
    assert found.origins["gone@contoso.com"] == Origin()
    assert found.origins["kim@contoso.com"].messages == 11


def test_hostile_senders_and_subjects_come_back_as_they_are(azure: Clients) -> None:
    """No character of a sender or subject ends a field, a query or a group."""
    tenant = campaign_mail(11, ["kim@contoso.com", "lee@contoso.com"])
    hostile = "a\"|\\\n{}'`@evil.example"
    for row in tenant.events:
        row.update({"SenderFromAddress": hostile, "SenderFromDomain": None, "Subject": 'x" | take 1 //\n\\'})
    azure.cloud.load("EmailEvents", tenant.events)
    found = azure.hunt().context(WINDOW, ["kim@contoso.com", "lee@contoso.com"])
    (one,) = found.campaigns
    assert (one.sender, one.domain, one.subject) == (hostile, "evil.example", 'x" | take 1 //\n\\')
    assert azure.hunt().reach(WINDOW, found.keys) == {one.key: 2}


# --- responses

GOOD = ["kim@contoso.com", "a@b.example", "b.example", "Hi", "7", "Phish", "", 2, '["M1","m2"]']
KINDS = [*["string"] * 7, "long", "dynamic"]


def rows_answered(*rows: list[Any], names: Iterable[str] = COLUMNS, kinds: Iterable[str] = KINDS) -> Answer:
    """A response with these rows."""
    return Answer(list(names), list(kinds), rows, Service.LOG_ANALYTICS)


def test_a_good_response_is_read() -> None:
    """A list may come as text or as a list, and an id in any case; what is cut, cannot be read or is a plain word."""
    rows = [
        GOOD,
        [*GOOD[:5], "Spam, ", '{"Spam":["Bulk"', 1, ["m3"]],
        [*GOOD[:3], "Ho", "8", "", "Filter", 5, []],
    ]
    found = read_context(rows_answered(*rows), ["kim@contoso.com"]).origins["kim@contoso.com"]
    assert found.groups == (
        MailGroup("a@b.example", "b.example", "Ho", 5, "8"),
        MailGroup("a@b.example", "b.example", "Hi", 3, "7"),
    )
    assert (found.threats, found.detections) == ((("Phish", 2), ("Spam", 1)), (("Filter", 5),))
    assert found.by_message == dict.fromkeys(("m1", "m2", "m3"), "a@b.example")
    assert not read_context(rows_answered(*rows), ["kim@contoso.com"]).cut
    assert read_context(rows_answered(*[GOOD] * MOST_ROWS), ["kim@contoso.com"]).cut


@pytest.mark.parametrize(
    ("place", "value", "column"),
    [
        (0, "else@contoso.com", "Recipient that was not asked about"),
        (0, None, "Recipient that is not text"),
        (1, 5, "Sender that is not text"),
        (7, 0, "Messages that is not a count"),
        (7, "2", "Messages that is not a count"),
        (7, True, "Messages that is not a count"),
        (8, "[", "Ids that does not hold"),
        (8, "{}", "Ids that does not hold"),
        (8, [1], "Ids that does not hold"),
        (8, None, "Ids that does not hold"),
    ],
)
def test_a_malformed_response_is_refused(place: int, value: object, column: str) -> None:
    """What the query cannot return is no origin, and the error names the column."""
    row = [*GOOD[:place], value, *GOOD[place + 1 :]]
    with pytest.raises(PartialData, match=column):
        read_context(rows_answered(GOOD, row), ["kim@contoso.com"])


def test_missing_columns_and_cells_are_refused() -> None:
    """A response without a column, with one of another type, or with a short row is none."""
    with pytest.raises(PartialData, match="Ids missing"):
        read_context(rows_answered(GOOD, GOOD[:8]), ["kim@contoso.com"])
    with pytest.raises(PartialData, match="Ids missing"):
        read_context(rows_answered(names=COLUMNS[:8], kinds=KINDS[:8]), [])
    with pytest.raises(PartialData, match="Messages of type"):
        read_context(rows_answered(kinds=[*KINDS[:7], "string", "dynamic"]), [])
    for row in ([1, 1], ["7", "1"], ["7", -1], ["7", True]):
        with pytest.raises(PartialData, match="Reached"):
            read_reach(rows_answered(row, names=("Key", "Reached"), kinds=("string", "long")))
