"""The published query is the oracle for DEDUPLICATE=false, run on the same rows by the same engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.cloud.mail import COUNTED, sample
from tests.hunt.colliding import Row, several
from tests.hunt.oracle import LONGEST_SUBJECT, seven_digits
from tests.support.clients import WINDOW, Clients, connected
from tests.support.clock import START
from tests.support.examples import examples_of

DATA = Path(__file__).parents[1] / "data"
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "published_hunt.kql"


def as_published(row: Row) -> Row | None:
    """A row as the published query has to see it to mean what the hunt means; None where it never sees it.

    These are the differences that the design names: addresses and actions without case, no row without a recipient,
    the window by TimeGenerated, subjects cut.
    """
    action = str(row["LatestDeliveryAction"]).lower()
    spelled = {counted.lower(): counted for counted in COUNTED}
    in_window = seven_digits(WINDOW.start) <= seven_digits(row["TimeGenerated"]) <= seven_digits(WINDOW.end)
    if not row["RecipientEmailAddress"] or action not in spelled or not in_window:
        return None
    return {
        **row,
        "RecipientEmailAddress": row["RecipientEmailAddress"].lower(),
        "LatestDeliveryAction": spelled[action],
        "Subject": row["Subject"][:LONGEST_SUBJECT],
    }


def _comparable(rows: list[Row]) -> list[Row]:
    """Rows whose two times are on the same side of the window's start: the published query filters by the other one."""
    start = seven_digits(WINDOW.start)
    return [
        row for row in rows if (seven_digits(row["TimeGenerated"]) > start) == (seven_digits(row["Timestamp"]) > start)
    ]


def _lists(names: list[str], rows: list[list[Any]]) -> dict[str, list[Any]]:
    """A result in the published columns as recipient → four counts and four sorted lists."""
    found = {}
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        counts = [cells[f"{name}_case"] for name in ("HardDelete", "SoftDelete", "MoveToJunk", "MoveToDelete")]
        items = [cells[f"{name}_NetworkID"] for name in ("HardDelete", "SoftDelete", "MoveToJunk", "MoveToDelete")]
        read = [json.loads(each) if isinstance(each, str) else each for each in items]
        assert cells["Sum_case"] == sum(counts)
        found[cells["RecipientEmailAddress"]] = [counts, [sorted(each) for each in read]]
    return found


def _ours(azure: Clients, rows: list[Row]) -> dict[str, list[Any]]:
    """What the hunt says of these rows with DEDUPLICATE=false and a threshold of 0, as the table's cells."""
    azure.cloud.load("EmailEvents", rows)
    azure.hunt(deduplicate=False, sum_case_threshold=0).findings(WINDOW)
    return _answer(azure, azure.cloud.log[-1].json["query"])


def _answer(azure: Clients, kql: str) -> dict[str, list[Any]]:
    """The result of the hunt or of the published query, in the published columns."""
    names, found = azure.run(kql)
    published = [name for name in names if not name.endswith("_States")]
    return _lists(published, [row[: len(published)] for row in found])


def published(azure: Clients, rows: list[Row]) -> dict[str, list[Any]]:
    """What the published query, run live, says of these rows."""
    if not PUBLISHED.is_file():
        pytest.skip(
            f"the published query is not at {PUBLISHED.parent.parent.name}/data: only its kept results are used"
        )
    azure.cloud.load("EmailEvents", [seen for row in rows if (seen := as_published(row))])
    return _answer(azure, PUBLISHED.read_text("utf-8"))


def sample_rows() -> list[Row]:
    """The sample tenant, as of this module's clock, as far as the published query can be compared."""
    return _comparable(sample(START).events)


def test_the_published_querys_kept_results(azure: Clients) -> None:
    """On the sample tenant the hunt gives the kept results of the published query: recipients, counts and lists."""
    kept = json.loads((DATA / "published_sample.json").read_text("utf-8"))
    found = _ours(azure, sample_rows())
    assert found == kept
    assert len(found) >= 14


def test_the_kept_results_are_the_published_querys(azure: Clients) -> None:
    """The published query itself, run live, gives the kept results."""
    kept = json.loads((DATA / "published_sample.json").read_text("utf-8"))
    assert published(azure, sample_rows()) == kept


@pytest.mark.examples
@settings(max_examples=examples_of(10), deadline=None)
@given(rows=several())
def test_the_published_query_on_any_tenant(azure: Clients, rows: list[Row]) -> None:
    """On any tenant the hunt gives what the published query gives, run live on the same engine."""
    seen = [row for row in _comparable(rows) if seven_digits(row["TimeGenerated"]) > seven_digits(WINDOW.start)]
    assert _ours(azure, seen) == published(azure, seen)


def test_the_columns_are_the_published_ones_and_come_in_order(azure: Clients) -> None:
    """The ten columns of the published query come first, in its order; Sum_case falls, then recipients rise."""
    azure.cloud.load("EmailEvents", sample(START).events)
    found = azure.hunt().findings(WINDOW)
    assert [(one.total, one.recipient) for one in found] == sorted(
        ((one.total, one.recipient) for one in found), key=lambda one: (-one[0], one[1])
    )
    kql = azure.cloud.log[-1].json["query"]
    assert list(_answer(azure, kql)) == [one.recipient for one in found]


if __name__ == "__main__":  # writes tests/data/published_sample.json anew
    with pytest.MonkeyPatch.context() as patch, connected(patch) as here:
        (DATA / "published_sample.json").write_text(
            json.dumps(published(here, sample_rows()), indent=0, sort_keys=True) + "\n", "utf-8"
        )
