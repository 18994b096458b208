"""What the table held, measured on the wire: in distinct messages for each 24 hours, and the words in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from shared.errors import PartialData, Service
from shared.hunt.coverage import COLUMNS, read_coverage
from shared.model import Coverage, Slot
from shared.query.answer import Answer
from shared.query.literals import query_text
from tests.cloud.mail import COUNTED, SOFT, UNKNOWN, Mail, sample
from tests.hunt.colliding import Row, several
from tests.hunt.oracle import seven_digits
from tests.support.clients import WINDOW, Clients
from tests.support.clock import START
from tests.support.examples import examples_of

DAY = timedelta(days=1)
KINDS = ["string", "long", "string", "string", "long", "datetime", *["long"] * 6]
SOURCES = pytest.mark.parametrize("source", ["sentinel", "defender"])


def measured(azure: Clients, rows: list[Row], source: str = "sentinel") -> Coverage:
    """The coverage of these rows."""
    azure.cloud.load("EmailEvents", rows)
    return azure.hunt(hunt_source=source).coverage(WINDOW)


def slot_figures(slot: Slot) -> tuple[int, ...]:
    """Messages, filled, unknown, unattributable, removals."""
    return slot.messages, slot.filled, slot.unknown, slot.unattributable, slot.removals


@SOURCES
def test_coverage_is_what_the_table_holds(azure: Clients, source: str) -> None:
    """Rows, the newest, words, rows without recipient, and a slot for each day, the one without mail included."""
    tenant = Mail(START)
    tenant.add("a@contoso.com", "Delivered", START - timedelta(hours=2), message="m1")
    tenant.add("b@contoso.com", "HARD delete", START - timedelta(hours=23), message="m1")
    tenant.add("a@contoso.com", "Hard delete", START - timedelta(hours=25), message="m2")
    tenant.add("", "", START - timedelta(days=29), message="m3")
    tenant.add("a@contoso.com", UNKNOWN[1], START - timedelta(days=3, hours=1), message="m4")
    tenant.add("a@contoso.com", "Hard delete", START - timedelta(days=31), message="m5")
    found = measured(azure, tenant.events, source)
    assert (found.rows, found.newest) == (5, datetime.fromisoformat(tenant.events[0]["Timestamp"]))
    assert found.actions == {"Hard delete": 2, "Delivered": 1}
    assert (found.unknown_actions, found.suspicious, found.without_recipient) == ({UNKNOWN[1]: 1}, {}, 1)
    assert [slot.start for slot in found.slots] == [WINDOW.start + day * DAY for day in range(30)]
    expected = {29: (1, 1, 0, 0, 1), 28: (1, 1, 0, 0, 1), 26: (1, 1, 1, 0, 0), 0: (1, 0, 0, 1, 0)}
    assert {place: slot_figures(slot) for place, slot in enumerate(found.slots) if slot.messages} == expected


def test_a_message_counts_once_a_day_however_often_it_is_streamed(azure: Clients) -> None:
    """Rows are more than messages; one that was streamed on two days is a message of both."""
    tenant = Mail(START)
    for hours in (1, 2, 3, 30):
        for who in ("a@contoso.com", "b@contoso.com"):
            tenant.add(who, "" if hours == 1 else "Delivered", START - timedelta(hours=hours), message="m1")
    found = measured(azure, tenant.events)
    assert (found.rows, [slot_figures(slot) for slot in found.slots[-2:]]) == (8, [(1, 1, 0, 0, 0)] * 2)


def test_a_row_without_an_id_is_a_message_of_its_own(azure: Clients) -> None:
    """Such rows are not one message together, and none of them can be attributed."""
    tenant = Mail(START)
    rows = [tenant.add("a@contoso.com", action, START - timedelta(hours=1)) for action in (SOFT, SOFT, "Zapped", "")]
    found = measured(azure, [row | {"NetworkMessageId": ""} for row in rows])
    assert slot_figures(found.slots[-1]) == (4, 3, 1, 4, 2)


def test_what_is_no_action_fills_nothing(azure: Clients) -> None:
    """None and Unknown are no action, however they are written; nor is white space."""
    tenant = Mail(START)
    for word in ("None", "NONE", " none ", "Unknown", "unknown", "", " ", None):
        tenant.add("a@contoso.com", word, START - timedelta(hours=1))
    tenant.add("a@contoso.com", "Nonesuch", START - timedelta(hours=1))
    found = measured(azure, tenant.events)
    assert (slot_figures(found.slots[-1]), found.unknown_actions) == ((9, 1, 1, 0, 0), {"Nonesuch": 1})


def test_a_message_with_one_known_word_is_not_unknown(azure: Clients) -> None:
    """A message is unknown when all its words are."""
    tenant = Mail(START)
    for message, word in (("m1", "Zapped"), ("m1", "Delivered"), ("m2", "Zapped"), ("m2", "Frozen")):
        tenant.add("a@contoso.com", word, START - timedelta(hours=1), message=message)
    assert slot_figures(measured(azure, tenant.events).slots[-1]) == (2, 2, 1, 0, 0)


def test_a_removal_counts_as_the_hunt_counts_it(azure: Clients) -> None:
    """Words and recipients are trimmed and compared without case; what has no recipient is no removal."""
    tenant = Mail(START)
    for word in (" soft DELETE\t", "Soft delete", "Soft-delete"):
        tenant.add(" A@contoso.com ", word, START - timedelta(hours=1))
    for recipient in ("", "  ", None):
        tenant.add(recipient, SOFT, START - timedelta(hours=1))
    azure.cloud.load("EmailEvents", tenant.events)
    hunter = azure.hunt(sum_case_threshold=1)
    found = hunter.coverage(WINDOW)
    (finding,) = hunter.findings(WINDOW)
    assert (finding.recipient, finding.total) == ("a@contoso.com", 2)
    assert (slot_figures(found.slots[-1]), found.without_recipient) == ((6, 6, 1, 3, 2), 3)


LOOKS = ("HardDelete", "Moved to trash", "junk mail", "PURGED", "Removed")
HARMLESS = ("Delivered", "blocked", "JUNKED", "Quarantined", "Replaced", "Moved to quarantine", "Redelivery")


def test_words_that_look_like_a_removal_are_told_apart(azure: Clients) -> None:
    """Those that mean no removal are known, though "Junked" and "Moved to quarantine" look like one."""
    tenant = Mail(START)
    for word in (*LOOKS, *HARMLESS, *COUNTED, "Zapped"):
        tenant.add("a@contoso.com", word, START - timedelta(hours=1))
    found = measured(azure, tenant.events)
    assert found.suspicious == dict.fromkeys(LOOKS, 1)
    assert found.unknown_actions == dict.fromkeys((*LOOKS, "Zapped"), 1)
    assert found.actions == dict.fromkeys((*COUNTED, *HARMLESS), 1)


def test_a_rare_word_that_looks_like_a_removal_is_named_among_many(azure: Clients) -> None:
    """However many other words there are, the few that matter are named first, each in 64 characters at most."""
    tenant = Mail(START)
    for place in range(230):
        for _ in range(3):
            tenant.add("a@contoso.com", f"{place:03} {'x' * 100}", START - DAY)
    tenant.add("a@contoso.com", "HardDelete", START - DAY)
    found = measured(azure, tenant.events)
    assert (found.suspicious, next(iter(found.unknown_actions))) == ({"HardDelete": 1}, "HardDelete")
    assert len(found.unknown_actions) == 20
    assert max(map(len, found.unknown_actions)) == 64


def test_re_streaming_shows(azure: Clients) -> None:
    """There are more rows than messages where rows were streamed again."""
    found = measured(azure, sample(START).events)
    assert found.rows > sum(slot.messages for slot in found.slots) > 200


def test_an_empty_window_says_when_there_was_something(azure: Clients) -> None:
    """When the window is empty, the last row is looked for up to 90 days back; the slots are there, and empty."""
    tenant = Mail(START)
    tenant.add("a@contoso.com", "Delivered", START - timedelta(days=60))
    found = measured(azure, tenant.events)
    assert found.last_rows == datetime.fromisoformat(tenant.events[0]["TimeGenerated"])
    assert (found.rows, found.newest, len(found.slots)) == (0, None, 30)
    assert not any(any(slot_figures(slot)) for slot in found.slots)
    tenant.events[0]["TimeGenerated"] = (START - timedelta(days=91)).isoformat()
    assert measured(azure, tenant.events).last_rows is None


# -- against plain Python


def in_plain_python(rows: list[Row]) -> list[tuple[int, ...]]:
    """The figures of each slot, the newest first, by the design's words."""
    slots: list[Counter[str]] = [Counter() for _ in range(30)]
    seen: list[dict[str, list[Row]]] = [{} for _ in range(30)]
    for place, row in enumerate(rows):
        if seven_digits(WINDOW.start) <= seven_digits(row["TimeGenerated"]) <= seven_digits(WINDOW.end):
            age = WINDOW.end - datetime.fromisoformat(row["TimeGenerated"])
            key = row["NetworkMessageId"] or f"row {place}"
            seen[min(age // DAY, 29)].setdefault(key, []).append(row)
    for slot, messages in zip(slots, seen, strict=True):
        for same in messages.values():
            words = [word for row in same if (word := _word(row)) not in ("", "none", "unknown")]
            counted = [row for row in same if _word(row) in map(str.lower, COUNTED)]
            slot["messages"] += 1
            slot["filled"] += bool(words)
            slot["unknown"] += bool(words) and not set(words) & {"delivered", *map(str.lower, COUNTED)}
            slot["unattributable"] += any(not (row["RecipientEmailAddress"] or "").strip() for row in same)
            slot["removals"] += any((row["RecipientEmailAddress"] or "").strip() for row in counted)
    names = ("messages", "filled", "unknown", "unattributable", "removals")
    return [tuple(slot[name] for name in names) for slot in slots]


def _word(row: Row) -> str:
    return (row["LatestDeliveryAction"] or "").strip().lower()


@pytest.mark.examples
@settings(max_examples=examples_of(15), deadline=None)
@given(several())
def test_the_figures_are_those_of_plain_python(azure: Clients, rows: list[Row]) -> None:
    """Whatever the rows are, each day's figures are what counting them one by one gives."""
    inside = [row for row in rows if row["TimeGenerated"] != seven_digits(WINDOW.start)]
    found = measured(azure, inside)
    assert [slot_figures(slot) for slot in reversed(found.slots)] == in_plain_python(inside)


# -- malformed


SLOT: dict[str, Any] = {
    "Scope": "slot", "Slot": 0, "Kind": None, "Action": None, "Rows": 4, "Newest": "2026-11-23T07:55:45Z",
    "WithoutRecipient": 0, "Messages": 3, "Filled": 2, "Known": 2, "Unattributable": 0, "Removals": 1,
}  # fmt: skip
WORD: dict[str, Any] = {**dict.fromkeys(COLUMNS), "Scope": "action", "Kind": "known", "Action": "Delivered", "Rows": 4}


def answer_of(*rows: Mapping[str, Any]) -> Answer:
    """A response with these rows."""
    return Answer(COLUMNS, KINDS, [[row[name] for name in COLUMNS] for row in rows], Service.LOG_ANALYTICS)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (SLOT | {"Scope": "some"}, "Scope"),
        (SLOT | {"Rows": None}, "Rows"),
        (SLOT | {"Filled": -1}, "Filled"),
        (SLOT | {"Known": "1"}, "Known"),
        (SLOT | {"Messages": True}, "Messages"),
        (SLOT | {"Slot": None}, "Slot"),
        (SLOT | {"Newest": "yesterday"}, "Newest"),
        (SLOT | {"Newest": 5}, "Newest"),
        (WORD | {"Action": None}, "Action"),
        (WORD | {"Kind": "good"}, "Kind"),
        (WORD | {"Rows": 1.5}, "Rows"),
    ],
)
def test_a_malformed_coverage_names_its_column(row: Mapping[str, Any], column: str) -> None:
    """What the query cannot return is refused, and the column named."""
    with pytest.raises(PartialData, match=f"a column {column} "):
        read_coverage(answer_of(row), WINDOW)


def test_a_slot_that_comes_twice_is_malformed() -> None:
    """Neither of the two is believed."""
    with pytest.raises(PartialData, match="a column Slot that comes twice"):
        read_coverage(answer_of(SLOT, SLOT), WINDOW)


def test_estimates_never_contradict_themselves() -> None:
    """The service counts distinct messages by estimate: a part is never more than the whole, nor less than nothing."""
    row = SLOT | {"Messages": 100, "Filled": 101, "Known": 102, "Unattributable": 103, "Removals": 104}
    assert slot_figures(read_coverage(answer_of(row), WINDOW).slots[-1]) == (100, 100, 0, 100, 100)


def test_the_kql_and_the_rule_agree() -> None:
    """The words that look like a removal are those that docs/hunt.md names."""
    kql = query_text("coverage")
    assert re.findall(r'Action contains "(\w+)"', kql) == ["delete", "junk", "remove", "purge", "move"]
