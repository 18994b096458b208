"""The second witness on the wire: what EmailPostDeliveryEvents has seen removed, and how much EmailEvents shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.errors import PartialData, Service
from shared.hunt.witness import COLUMNS, TABLE, read_witness
from shared.model import Coverage, Witness
from shared.query.answer import Answer
from tests.cloud import Fault
from tests.cloud.mail import DELETED, HARD, JUNK, SOFT, Mail, Row, stamp
from tests.support.clients import WINDOW, Clients, connected
from tests.support.clock import START
from tests.support.coverage import ordinary

SOURCES = pytest.mark.parametrize("source", ["sentinel", "defender"])
SERVICES = {"sentinel": "log_analytics", "defender": "graph"}
COVERED = ordinary(START)


class Witnessed:
    """Mail, and what was done about it afterwards."""

    def __init__(self) -> None:
        self.mail = Mail(START)
        self.done: list[Row] = []

    def removed(
        self, days: float, shown: str | None = SOFT, done: str = SOFT, result: str = "Success", **other: Any
    ) -> Row:
        """A message that was removed so many days ago: what EmailEvents shows of it, what its table says was done."""
        row = self.mail.add("a@contoso.com", shown, START - timedelta(days=days))
        return self.act(row, days, done, result, **other)

    def act(self, row: Row, days: float, done: str, result: str = "Success", **other: Any) -> Row:
        """Something was done to this message so many days ago."""
        when = stamp(START - timedelta(days=days))
        self.done.append(
            {
                "TimeGenerated": when,
                "NetworkMessageId": row["NetworkMessageId"],
                "RecipientEmailAddress": row["RecipientEmailAddress"],
                "Action": done,
                "ActionType": "Phish ZAP",
                "ActionResult": result,
                **other,
            }
        )
        return row

    def witness(self, azure: Clients, source: str = "sentinel") -> Witness | None:
        """What the second witness says; there is no note."""
        azure.cloud.load("EmailEvents", self.mail.events)
        azure.cloud.load(TABLE, self.done)
        found, note = azure.hunt(hunt_source=source).with_witness(WINDOW, COVERED)
        assert (note, found.witness_missing) == ("", False)
        return found.witness


@SOURCES
def test_an_agreeing_witness(azure: Clients, source: str) -> None:
    """What both tables show removed agrees, with any of the four kinds."""
    scene = Witnessed()
    for place, word in enumerate((HARD, SOFT, JUNK, DELETED) * 6):
        scene.removed(1 + place, shown=word, done=("Hard delete", "SoftDelete", "Move to junk", word)[place % 4])
    assert scene.witness(azure, source) == Witness(24, 24)


@SOURCES
def test_a_contradicting_witness(azure: Clients, source: str) -> None:
    """Of the removals seen, those count as shown of which EmailEvents has a row with one of the four."""
    scene = Witnessed()
    for place in range(24):
        scene.removed(1 + place, shown=SOFT if place < 5 else ("Delivered", "", None, "SoftDelete")[place % 4])
    assert scene.witness(azure, source) == Witness(24, 5)


@SOURCES
def test_a_missing_witness(source: str) -> None:
    """A tenant without the table has no second witness; that is said, and is no failure."""
    with pytest.MonkeyPatch.context() as patch, connected(patch) as azure:
        azure.cloud.load("EmailEvents", Mail(START).remediated("a@contoso.com", 3))
        azure.cloud.remove(TABLE)
        found, note = azure.hunt(hunt_source=source).with_witness(WINDOW, COVERED)
    assert (found.witness, found.witness_missing, note) == (None, True, "")


@SOURCES
@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 500}, {"status": 200, "body": b"<html>"}], ids=str)
def test_a_failing_witness(azure: Clients, source: str, fault: dict[str, Any]) -> None:
    """Whatever keeps it from being asked is a note that says what to do, and no failure of the hunt."""
    azure.cloud.faults.add(Fault(service=SERVICES[source], containing="ShownInWeek", times=None, **fault))
    found, note = azure.hunt(hunt_source=source).with_witness(WINDOW, COVERED)
    assert (found.witness, found.witness_missing) == (None, False)
    assert note.startswith("could not ask EmailPostDeliveryEvents for the removals that it has seen")
    assert len(note) > 120


def test_a_table_that_cannot_be_summarised_is_a_note(azure: Clients) -> None:
    """On a Basic plan it cannot be asked."""
    azure.cloud.tables.set_basic(TABLE)
    try:
        found, note = azure.hunt().with_witness(WINDOW, COVERED)
    finally:
        azure.cloud.tables.set_basic(TABLE, False)
    assert found.witness is None
    assert "plan to Analytics" in note


def test_an_empty_answer_has_seen_nothing(azure: Clients) -> None:
    """No body means no data."""
    azure.cloud.faults.add(Fault(service="log_analytics", containing="ShownInWeek", status=204, body=b"", times=None))
    assert azure.hunt().with_witness(WINDOW, COVERED)[0].witness == Witness(0, 0)


def test_an_empty_table_needs_no_witness(azure: Clients) -> None:
    """When EmailEvents holds nothing, nothing is asked."""
    before = len(azure.cloud.log)
    empty = Coverage(0, None)
    assert azure.hunt().with_witness(WINDOW, empty) == (empty, "")
    assert len(azure.cloud.log) == before


def test_it_is_one_request(azure: Clients) -> None:
    """The witness costs one query."""
    scene = Witnessed()
    scene.removed(1)
    http = azure.fresh_http()
    azure.cloud.load(TABLE, scene.done)
    azure.hunt(http).with_witness(WINDOW, COVERED)
    assert http.requests == {"log_analytics": 1}


def test_only_the_newest_successful_action_counts(azure: Clients) -> None:
    """A message that was given back, or quarantined later, is none; a failed attempt changes nothing."""
    scene = Witnessed()
    scene.act(scene.removed(3), 2, "Redelivery", ActionType="Redelivery")
    scene.act(scene.removed(3), 2, "Moved to quarantine")
    scene.act(scene.removed(3), 3, "Moved to inbox")  # at the same time: it is not known which came last
    scene.removed(3, result="Error")
    scene.removed(3, result="")
    assert scene.witness(azure) == Witness(0, 0)
    scene.act(scene.removed(3), 2, "Redelivery", "Error", ActionType="Redelivery")
    row = scene.removed(5, done="Moved to quarantine")
    scene.act(row, 4, "Hard delete")
    assert scene.witness(azure) == Witness(2, 2)


def test_a_young_removal_is_not_compared(azure: Clients) -> None:
    """Within two hours EmailEvents may not show it yet."""
    scene = Witnessed()
    scene.removed(1.9 / 24, shown="Delivered")
    assert scene.witness(azure) == Witness(0, 0)
    scene.removed(2.1 / 24, shown="Delivered")
    assert scene.witness(azure) == Witness(1, 0)


def test_only_what_email_events_has_is_compared(azure: Clients) -> None:
    """A message that EmailEvents does not have, or has for another recipient, says nothing."""
    scene = Witnessed()
    scene.removed(3, RecipientEmailAddress="other@contoso.com")
    scene.removed(3, NetworkMessageId="elsewhere")
    scene.removed(3, RecipientEmailAddress="")
    assert scene.witness(azure) == Witness(0, 0)


def test_ids_and_recipients_are_compared_without_case(azure: Clients) -> None:
    """The two tables need not spell them alike; a removal that was streamed twice counts once."""
    scene = Witnessed()
    row = scene.removed(3, shown="Delivered", RecipientEmailAddress=" A@Contoso.COM ")
    scene.act(row | {"NetworkMessageId": row["NetworkMessageId"].upper()}, 3, SOFT)
    assert scene.witness(azure) == Witness(1, 0)
    later = scene.mail.add("A@contoso.com", "soft DELETE", START - timedelta(days=2))
    later["NetworkMessageId"] = row["NetworkMessageId"].upper()
    assert scene.witness(azure) == Witness(1, 1)


def test_a_fault_of_some_days_shows_in_the_last_week(azure: Clients) -> None:
    """Whichever shows the smaller share is taken: the window, or its last seven days once they have seen 20."""
    scene = Witnessed()
    for _ in range(60):
        scene.removed(10)
    for _ in range(19):
        scene.removed(2, shown="Delivered")
    assert scene.witness(azure) == Witness(79, 60)
    scene.removed(6.9, shown="Delivered")
    assert scene.witness(azure) == Witness(20, 0)


def test_a_fault_of_last_month_shows_in_the_window(azure: Clients) -> None:
    """When it is well again for a week, the window still holds what is missing."""
    scene = Witnessed()
    for _ in range(25):
        scene.removed(2)
        scene.removed(15, shown="Delivered")
        scene.removed(16, shown="Delivered")
    assert scene.witness(azure) == Witness(75, 25)


GOOD = (30, 20, 25, 15)


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ([], "Seen"),
        ([GOOD, GOOD], "Seen"),
        ([(None, 20, 25, 15)], "Seen"),
        ([(30, -1, 25, 15)], "Shown"),
        ([(30, 20, "25", 15)], "SeenInWeek"),
        ([(30, 31, 25, 15)], "Shown"),
        ([(30, 20, 25, 26)], "Shown"),
    ],
)
def test_a_malformed_witness_names_its_column(rows: list[Any], column: str) -> None:
    """What the query cannot return is refused."""
    with pytest.raises(PartialData, match=f"a column {column} "):
        read_witness(Answer(COLUMNS, ["long"] * 4, rows, Service.LOG_ANALYTICS))
