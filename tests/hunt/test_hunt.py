"""The hunt against the oracles, on the embedded engine behind the small Azure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.incidents import guidance
from shared.incidents.terms import Terms
from shared.model import Remedy
from tests.cloud import Fault
from tests.cloud.mail import COUNTED, sample
from tests.hunt.colliding import Row, several
from tests.hunt.expected import comparable, expected
from tests.hunt.oracle import hunt
from tests.support.clients import WINDOW, Clients, connected
from tests.support.clock import START
from tests.support.examples import examples_of

TOO_LARGE = {
    "error": {
        "code": "BadArgumentError",
        "message": "The request had some invalid properties",
        "innererror": {
            "code": "E_QUERY_RESULT_SET_TOO_LARGE",
            "message": "The results of this query exceed the set limit of 500000 records",
        },
    }
}


def split(azure: Clients, parts: int) -> None:
    """From now on the service takes the hunt only in so many parts."""
    for fewer in range(1, parts):
        fault = Fault(
            service="log_analytics", containing=f"let Parts = long({fewer});", status=400, body=TOO_LARGE, times=None
        )
        azure.cloud.faults.add(fault)


def agrees(azure: Clients, rows: list[Row], threshold: int, deduplicate: bool) -> None:
    """Whole or in parts, the hunt finds what plain Python finds."""
    found = hunt(rows, WINDOW.start, WINDOW.end, threshold=threshold, deduplicate=deduplicate)
    azure.cloud.faults.clear()
    azure.cloud.load("EmailEvents", rows)
    hunter = azure.hunt(deduplicate=deduplicate, sum_case_threshold=threshold)
    assert comparable(hunter.findings(WINDOW)) == expected(found)
    split(azure, 2)
    assert comparable(hunter.findings(WINDOW)) == expected(found)
    assert hunter.notes == ["the hunt was too large for one query and ran in 2 parts"]


@pytest.mark.examples
@settings(max_examples=examples_of(8), deadline=None)
@given(rows=several(), threshold=st.integers(0, 3), deduplicate=st.booleans())
def test_the_oracle_on_any_tenant(azure: Clients, rows: list[Row], threshold: int, deduplicate: bool) -> None:
    """On any tenant the hunt, whole or in parts, finds what plain Python finds."""
    agrees(azure, rows, threshold, deduplicate)


@pytest.mark.slow
@pytest.mark.examples
@settings(max_examples=examples_of(200), deadline=None)
@given(rows=several(), threshold=st.integers(0, 3), deduplicate=st.booleans())
def test_the_oracle_on_many_tenants(azure: Clients, rows: list[Row], threshold: int, deduplicate: bool) -> None:
    """On eight hundred tenants the hunt, whole or in parts, finds what plain Python finds."""
    agrees(azure, rows, threshold, deduplicate)


@pytest.mark.examples
@settings(max_examples=examples_of(10), deadline=None)
@given(rows=several(), chance=st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(azure: Clients, rows: list[Row], chance: Any) -> None:
    """The same rows in any order, and byte-identical ones again, give the same findings."""
    hunter = azure.hunt(sum_case_threshold=0)
    azure.cloud.load("EmailEvents", rows)
    once = comparable(hunter.findings(WINDOW))
    again = [*rows, *(row for row in rows if chance.random() < 0.5)]
    chance.shuffle(again)
    azure.cloud.load("EmailEvents", again)
    assert comparable(hunter.findings(WINDOW)) == once


def test_ties_are_decided_by_the_rows_alone(azure: Clients) -> None:
    """Of rows of one message with one state time, the later made, then the harsher, then the later delivered counts."""
    later = START - timedelta(hours=1)
    made = _many(1)[0] | {
        "LastEventExecutionTime": START.isoformat(),
        "TimeGenerated": (START - timedelta(days=1)).isoformat(),
    }
    tied = [
        made | {"LatestDeliveryAction": "Delivered"},
        made | {"LatestDeliveryAction": COUNTED[2], "Subject": "z"},
        made | {"LatestDeliveryAction": COUNTED[1], "Subject": "a"},
        made | {"LatestDeliveryAction": COUNTED[1], "Subject": "b"},
        made | {"TimeGenerated": (START - timedelta(days=2)).isoformat(), "Subject": "earlier"},
    ]
    hunter = azure.hunt(sum_case_threshold=0)
    for rows in (tied, tied[::-1], tied[2:] + tied[:2], tied[3:] + tied[2::-1]):
        azure.cloud.load("EmailEvents", rows)
        (found,) = hunter.findings(WINDOW)
        assert [(item.subject, item.remedy) for item in found.evidence()] == [("b", Remedy.SOFT_DELETE)]
    azure.cloud.append("EmailEvents", [made | {"TimeGenerated": later.isoformat(), "Subject": "last"}])
    (found,) = hunter.findings(WINDOW)
    assert [item.subject for item in found.evidence()] == ["last"]


@pytest.mark.examples
@settings(max_examples=examples_of(10), deadline=None)
@given(rows=several(), threshold=st.integers(0, 2))
def test_advanced_hunting_finds_the_same(azure: Clients, rows: list[Row], threshold: int) -> None:
    """Where each message has one row with one time, HUNT_SOURCE=defender and sentinel find the same."""
    newest: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row["RecipientEmailAddress"]:
            key = (row["NetworkMessageId"], row["RecipientEmailAddress"].lower())
            newest[key] = {**row, "Timestamp": row["TimeGenerated"], "LastEventExecutionTime": None}
    azure.cloud.load("EmailEvents", list(newest.values()))
    found = [
        comparable(azure.hunt(hunt_source=source, sum_case_threshold=threshold).findings(WINDOW))
        for source in ("sentinel", "defender")
    ]
    assert found[0] == found[1]
    assert found[0] == expected(hunt(newest.values(), WINDOW.start, WINDOW.end, threshold=threshold, deduplicate=True))


@pytest.mark.parametrize("timestamp", [True, False], ids=["workspace", "reference"])
def test_the_sample_tenant(timestamp: bool) -> None:
    """On the sample tenant the hunt finds what plain Python finds, whether or not the table has a Timestamp."""
    with pytest.MonkeyPatch.context() as patch, connected(patch, timestamp=timestamp) as made:
        rows = sample(START).events
        if not timestamp:
            rows = [{name: value for name, value in row.items() if name != "Timestamp"} for row in rows]
        made.cloud.load("EmailEvents", rows)
        found = comparable(made.hunt().findings(WINDOW))
    assert found == expected(hunt(rows, WINDOW.start, WINDOW.end, threshold=10, deduplicate=True))
    assert {recipient for recipient, _, _ in found} >= {"just.above@contoso.com", "restreamed@contoso.com"}
    assert "at.threshold@contoso.com" not in {recipient for recipient, _, _ in found}


def test_the_hunt_doubles_its_parts_until_each_fits(azure: Clients) -> None:
    """A hunt too large in 1, 2 and 4 parts is asked in 8, and is the same as the whole."""
    azure.cloud.load("EmailEvents", sample(START).events)
    hunter = azure.hunt()
    whole = comparable(hunter.findings(WINDOW))
    split(azure, 8)
    assert comparable(hunter.findings(WINDOW)) == whole
    assert hunter.notes == ["the hunt was too large for one query and ran in 8 parts"]


@pytest.mark.parametrize("deduplicate", [True, False])
def test_the_kql_in_an_incident_shows_the_findings_messages(azure: Clients, deduplicate: bool) -> None:
    """What an incident gives the analyst to run lists as many messages as it counts."""
    azure.cloud.load("EmailEvents", sample(START).events)
    values: dict[str, Any] = {"sum_case_threshold": 10, "deduplicate": deduplicate}
    for found in azure.hunt(**values).findings(WINDOW):
        terms = Terms(10, 50, 2, deduplicate, "sentinel", WINDOW)
        shown = "\n".join(guidance.query(found.recipient, terms))
        kql = shown.partition("```kql\n")[2].partition("\n```")[0]
        assert len(azure.run(kql)[1]) == found.total, kql


# -- what lists hold


def _many(count: int) -> list[Row]:
    """So many messages to one recipient, purged one a second."""
    return [
        {
            "TimeGenerated": (START - timedelta(seconds=place)).isoformat(),
            "NetworkMessageId": f"m{place:05}",
            "RecipientEmailAddress": "flood@contoso.com",
            "Subject": "s",
            "LatestDeliveryAction": COUNTED[0],
        }
        for place in range(count)
    ]


@pytest.mark.parametrize("deduplicate", [True, False])
def test_lists_are_cut_and_counts_are_not(azure: Clients, deduplicate: bool) -> None:
    """A list holds the 5,000 items of the newest state time; the count is exact; that it was cut is said."""
    azure.cloud.load("EmailEvents", _many(5_003)[::-1])
    hunter = azure.hunt(deduplicate=deduplicate)
    (found,) = hunter.findings(WINDOW)
    assert (found.total, found.counts.hard_delete) == (5_003, 5_003)
    assert [item.message_id for item in found.evidence()] == [f"m{place:05}" for place in range(5_000)]
    assert hunter.notes == [
        "one recipient has more than 5,000 messages of one action: the newest 5,000 are listed, all are counted"
    ]


def test_evidence_has_all_its_times(azure: Clients) -> None:
    """Evidence tells when the mail was delivered, when its state changed and when its row was made."""
    times = {
        "Timestamp": START - timedelta(days=40, microseconds=1),
        "TimeGenerated": START - timedelta(days=2),
        "LastEventExecutionTime": START - timedelta(days=1),
    }
    row = {**_many(1)[0], **{name: time.isoformat() for name, time in times.items()}, "Subject": "a\\b\\c"}
    azure.cloud.load("EmailEvents", [row])
    (found,) = azure.hunt(sum_case_threshold=0).findings(WINDOW)
    (item,) = found.evidence()
    assert (item.time, item.generated, item.state_time) == tuple(times.values())
    assert (item.message_id, item.subject, item.remedy) == ("m00000", "a\\b\\c", Remedy.HARD_DELETE)


def test_the_window_is_the_callers(azure: Clients) -> None:
    """The window's ends are the caller's, both inclusive, whatever the service's clock says."""
    edges = [WINDOW.start, WINDOW.end, WINDOW.start - timedelta(microseconds=1), WINDOW.end + timedelta(microseconds=1)]
    rows = [{**row, "TimeGenerated": edge.isoformat()} for row, edge in zip(_many(4), edges, strict=True)]
    azure.cloud.load("EmailEvents", rows)
    (found,) = azure.hunt(sum_case_threshold=0).findings(WINDOW)
    assert {item.message_id for item in found.evidence()} == {"m00000", "m00001"}
