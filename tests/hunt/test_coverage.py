"""What the table held, and when silence over it is not to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.app import hunt_options
from shared.errors import PartialData, Service
from shared.hunt.coverage import COLUMNS, judge, read_coverage
from shared.model import Coverage
from shared.query.answer import Answer
from tests.cloud.mail import UNKNOWN, Mail, sample
from tests.support.clients import WINDOW, Clients
from tests.support.clock import START
from tests.support.settings import settings_for

DAY = timedelta(days=1)
KINDS = ["string", "string", *["long"] * 5, "datetime"]


# -- measured


@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_coverage_is_what_the_table_holds(azure: Clients, source: str) -> None:
    """Rows, the last day's, the newest, messages, the share filled, actions, unknown ones, rows without recipient."""
    tenant = Mail(START)
    tenant.add("a@contoso.com", "Delivered", START - timedelta(hours=2), message="m1")
    tenant.add("b@contoso.com", "HARD delete", START - timedelta(hours=23), message="m1")
    tenant.add("a@contoso.com", "Hard delete", START - timedelta(hours=25), message="m2")
    tenant.add("", "", START - timedelta(days=29), message="m3")
    tenant.add("a@contoso.com", UNKNOWN[0], START - timedelta(days=3), message="m4")
    tenant.add("a@contoso.com", "Hard delete", START - timedelta(days=31), message="m5")
    azure.cloud.load("EmailEvents", tenant.events)
    found = azure.hunt(hunt_source=source).coverage(WINDOW)
    newest = datetime.fromisoformat(tenant.events[0]["Timestamp"])
    assert found == Coverage(
        rows=5,
        last_day=2,
        newest=newest,
        filled=0.8,
        actions={"Hard delete": 2, "Delivered": 1},
        unknown_actions={UNKNOWN[0]: 1},
        messages=4,
        without_recipient=1,
    )


def test_re_streaming_shows(azure: Clients) -> None:
    """There are more rows than messages where rows were streamed again."""
    azure.cloud.load("EmailEvents", sample(START).events)
    found = azure.hunt().coverage(WINDOW)
    assert found.rows > found.messages > 200


def test_an_empty_window_says_when_there_was_something(azure: Clients) -> None:
    """When the window is empty, the last row is looked for up to 90 days back."""
    tenant = Mail(START)
    tenant.add("a@contoso.com", "Delivered", START - timedelta(days=60))
    azure.cloud.load("EmailEvents", tenant.events)
    found = azure.hunt().coverage(WINDOW)
    assert found.last_rows == datetime.fromisoformat(tenant.events[0]["TimeGenerated"])
    assert (found.rows, found.newest, found.filled) == (0, None, 0.0)
    tenant.events[0]["TimeGenerated"] = (START - timedelta(days=91)).isoformat()
    azure.cloud.load("EmailEvents", tenant.events)
    assert azure.hunt().coverage(WINDOW).last_rows is None


def test_at_most_twenty_unknown_actions_are_named(azure: Clients) -> None:
    """However many unknown actions there are, the twenty most frequent are named, each in 64 characters at most."""
    tenant = Mail(START)
    for place in range(30):
        for _ in range(place + 1):
            tenant.add("a@contoso.com", f"{place:02} {'x' * 100}", START - DAY)
    azure.cloud.load("EmailEvents", tenant.events)
    found = azure.hunt().coverage(WINDOW).unknown_actions
    assert list(found.values()) == list(range(30, 10, -1))
    assert {len(name) for name in found} == {64}


GOOD: dict[str, Any] = {
    "Scope": "all", "Action": "", "Rows": 4, "LastDay": 1, "Filled": 2, "WithoutRecipient": 0, "Messages": 3,
    "Newest": "2026-11-23T07:55:45Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"Scope": "some"}, "Scope"),
        ({"Action": None}, "Action"),
        ({"Rows": None}, "Rows"),
        ({"Filled": -1}, "Filled"),
        ({"LastDay": "1"}, "LastDay"),
        ({"Messages": True}, "Messages"),
        ({"Newest": "yesterday"}, "Newest"),
        ({"Newest": 5}, "Newest"),
    ],
)
def test_coverage_that_lies_names_its_column(change: Mapping[str, Any], column: str) -> None:
    """A count that is none, or a time that is none, is named."""
    answer = Answer(COLUMNS, KINDS, [[{**GOOD, **change}[name] for name in COLUMNS]], Service.LOG_ANALYTICS)
    with pytest.raises(PartialData, match=f"a column {column} "):
        read_coverage(answer)


# -- judged


def covered(**changes: Any) -> Coverage:
    """A good day's coverage, changed."""
    good: dict[str, Any] = {"rows": 30_000, "last_day": 1_000, "newest": START - timedelta(hours=1), "filled": 0.9}
    return Coverage(**{**good, **changes})


def receipts(days: range | list[int], **coverage: Any) -> list[dict[str, Any]]:
    """A receipt of each of so many days ago."""
    held = {"rows": 30_000, "last_day": 1_000, "newest": None, "filled": 0.9, "unknown_actions": {}, **coverage}
    return [{"started": (START - day * DAY).isoformat(), "verdict": "clean", "coverage": held} for day in days]


CAUSES = [
    (
        covered(rows=0, last_day=0, newest=None, filled=0.0),
        [],
        {},
        ["coverage_empty"],
        "holds no row of the last 30 days",
    ),
    (
        covered(rows=0, last_day=0, newest=None, filled=0.0, last_rows=START - 41 * DAY),
        [],
        {},
        ["coverage_empty"],
        "its last row is of 2026-10-14 06:00 UTC, 41 days ago",
    ),
    (
        covered(newest=START - timedelta(hours=31, minutes=5)),
        [],
        {},
        ["coverage_stale"],
        "is of 2026-11-22 22:55 UTC, 31 hours ago (MAX_DATA_AGE_HOURS is 24)",
    ),
    (covered(newest=START - timedelta(hours=24)), [], {}, [], ""),
    (covered(newest=START - timedelta(hours=31)), [], {"max_data_age_hours": 48}, [], ""),
    (covered(filled=0.0), [], {}, ["coverage_unfilled"], "none of the 30,000 rows of EmailEvents"),
    (covered(filled=0.0), [], {"hunt_source": "defender"}, ["coverage_unfilled"], "LatestDeliveryAction"),
    (
        covered(last_day=333),
        receipts([7, 14, 21]),
        {},
        ["coverage_fallen"],
        "brought 333 rows of EmailEvents, under a third of the 1,000 that are usual on a Tuesday",
    ),
    (covered(last_day=334), receipts([7, 14, 21, 28]), {}, [], ""),
    (covered(last_day=333), receipts([7, 14]), {}, [], ""),
    (covered(last_day=333), receipts(range(1, 7)), {}, [], ""),
    (covered(last_day=333), receipts([7, 14, 35, 42]), {}, [], ""),
    (
        covered(filled=0.44),
        receipts(range(1, 8)),
        {},
        ["coverage_fill_fallen"],
        "44.0% of the rows of EmailEvents say what became of the mail (LatestDeliveryAction), under half of the",
    ),
    (covered(filled=0.45), receipts(range(1, 8)), {}, [], ""),
    (covered(filled=0.44), receipts(range(1, 7)), {}, [], ""),
    (covered(filled=0.44), receipts(range(1, 8), rows=0, filled=0.0), {}, [], ""),
    (covered(filled=0.44), receipts(range(29, 40)), {}, [], ""),
    (
        covered(newest=START - 3 * DAY, last_day=0, filled=0.0),
        receipts(range(1, 29)),
        {},
        ["coverage_stale", "coverage_unfilled"],
        "72 hours ago",
    ),
    (
        covered(last_day=10, filled=0.1),
        receipts(range(1, 29)),
        {},
        ["coverage_fallen", "coverage_fill_fallen"],
        "Tuesday",
    ),
    (covered(), receipts(range(1, 29)), {}, [], ""),
    (covered(), [], {}, [], ""),
]


@pytest.mark.parametrize(("coverage", "history", "settings", "causes", "words"), CAUSES)
def test_each_cause_of_distrust(
    coverage: Coverage, history: list[Any], settings: dict[str, Any], causes: list[str], words: str
) -> None:
    """Each cause is told with its own id, in words with the numbers, with what to check; at the edge it is none."""
    doubts = judge(coverage, history, hunt_options(settings_for(**settings)), START)
    assert [doubt.cause for doubt in doubts] == causes
    assert words in " ".join(doubt.words for doubt in doubts)
    assert all(doubt.check.startswith(("Check", "Compare")) for doubt in doubts)
    assert all(str(doubt) == f"{doubt.words}. {doubt.check}" for doubt in doubts)


def test_a_days_last_receipt_is_the_days() -> None:
    """Of several sweeps of one day the last one speaks; today's own are no history."""
    early = receipts([7, 14, 21], last_day=1)
    late = receipts([7, 14, 21])
    for one in early:
        one["started"] = (datetime.fromisoformat(one["started"]) - timedelta(hours=5)).isoformat()
    today = receipts([0], last_day=1_000_000)
    for history in ([*early, *late, *today], [*today, *late, *early]):
        assert [doubt.cause for doubt in judge(covered(last_day=2), history, hunt_options(settings_for()), START)] == [
            "coverage_fallen"
        ]
    assert judge(covered(last_day=2), early, hunt_options(settings_for()), START) == ()


def test_damaged_history_is_left_out() -> None:
    """Receipts without coverage, or with what nobody wrote, neither help nor harm."""
    damaged: list[Mapping[str, Any]] = [
        {},
        {"started": None, "coverage": {}},
        {"started": "yesterday", "coverage": {"rows": 1, "last_day": 1, "filled": 1}},
        {"started": (START - 7 * DAY).isoformat(), "coverage": None},
        {"started": (START - 14 * DAY).isoformat(), "coverage": {"rows": "1", "last_day": None, "filled": []}},
        {"started": (START - 21 * DAY).isoformat(), "coverage": []},
    ]
    assert judge(covered(last_day=1), damaged, hunt_options(settings_for()), START) == ()
    (doubt,) = judge(covered(last_day=1), [*damaged, *receipts([7, 14, 28])], hunt_options(settings_for()), START)
    assert doubt.cause == "coverage_fallen"
