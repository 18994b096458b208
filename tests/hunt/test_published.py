"""The published query is the oracle for DEDUPLICATE=false, run on the same rows by the same engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.cloud.tenant import COUNTED, sample
from tests.hunting import NOW, WINDOW, Ground, hunting_ground
from tests.oracle import LONGEST_SUBJECT, moment
from tests.support.examples import examples_of
from tests.tenants import Row, several

DATA = Path(__file__).parent / "data"
PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "published_hunt.kql"


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One small Azure for the module; each test loads its own rows."""
    with hunting_ground() as made:
        yield made


def as_published(row: Row) -> Row | None:
    """A row as the published query has to see it to mean what the hunt means; None where it never sees it.

    These are the differences that the design names: addresses and actions without case, no row without a recipient,
    the window by TimeGenerated, subjects cut.
    """
    action = str(row["LatestDeliveryAction"]).lower()
    spelled = {counted.lower(): counted for counted in COUNTED}
    in_window = moment(WINDOW.start) <= moment(row["TimeGenerated"]) <= moment(WINDOW.end)
    if not row["RecipientEmailAddress"] or action not in spelled or not in_window:
        return None
    return {
        **row,
        "RecipientEmailAddress": row["RecipientEmailAddress"].lower(),
        "LatestDeliveryAction": spelled[action],
        "Subject": row["Subject"][:LONGEST_SUBJECT],
    }


def comparable(rows: list[Row]) -> list[Row]:
    """Rows whose two times are on the same side of the window's start: the published query filters by the other one."""
    start = moment(WINDOW.start)
    return [row for row in rows if (moment(row["TimeGenerated"]) > start) == (moment(row["Timestamp"]) > start)]


def lists(names: list[str], rows: list[list[Any]]) -> dict[str, list[Any]]:
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


def ours(ground: Ground, rows: list[Row]) -> dict[str, list[Any]]:
    """What the hunt says of these rows with DEDUPLICATE=false and a threshold of 0, as the table's cells."""
    ground.cloud.load("EmailEvents", rows)
    ground.hunt(deduplicate=False, sum_case_threshold=0).findings(WINDOW)
    return answer(ground, ground.cloud.log[-1].json["query"])


def answer(ground: Ground, kql: str) -> dict[str, list[Any]]:
    """The result of the hunt or of the published query, in the published columns."""
    names, found = ground.run(kql)
    published = [name for name in names if not name.endswith("_States")]
    return lists(published, [row[: len(published)] for row in found])


def published(ground: Ground, rows: list[Row]) -> dict[str, list[Any]]:
    """What the published query, run live, says of these rows."""
    if not PUBLISHED.is_file():
        pytest.skip(
            f"the published query is not at {PUBLISHED.parent.parent.name}/data: only its kept results are used"
        )
    ground.cloud.load("EmailEvents", [seen for row in rows if (seen := as_published(row))])
    return answer(ground, PUBLISHED.read_text("utf-8"))


def sample_rows() -> list[Row]:
    """The sample tenant, as of this module's clock, as far as the published query can be compared."""
    return comparable(sample(NOW).events)


def test_the_published_querys_kept_results(ground: Ground) -> None:
    """On the sample tenant the hunt gives the kept results of the published query: recipients, counts and lists."""
    kept = json.loads((DATA / "published_sample.json").read_text("utf-8"))
    found = ours(ground, sample_rows())
    assert found == kept
    assert len(found) >= 14


def test_the_kept_results_are_the_published_querys(ground: Ground) -> None:
    """The published query itself, run live, gives the kept results."""
    kept = json.loads((DATA / "published_sample.json").read_text("utf-8"))
    assert published(ground, sample_rows()) == kept


@pytest.mark.examples
@settings(max_examples=examples_of(10), deadline=None)
@given(rows=several())
def test_the_published_query_on_any_tenant(ground: Ground, rows: list[Row]) -> None:
    """On any tenant the hunt gives what the published query gives, run live on the same engine."""
    seen = [row for row in comparable(rows) if moment(row["TimeGenerated"]) > moment(WINDOW.start)]
    assert ours(ground, seen) == published(ground, seen)


def test_the_columns_are_the_published_ones_and_come_in_order(ground: Ground) -> None:
    """The ten columns of the published query come first, in its order; Sum_case falls, then recipients rise."""
    ground.cloud.load("EmailEvents", sample(NOW).events)
    found = ground.hunt().findings(WINDOW)
    assert [(one.total, one.recipient) for one in found] == sorted(
        ((one.total, one.recipient) for one in found), key=lambda one: (-one[0], one[1])
    )
    kql = ground.cloud.log[-1].json["query"]
    assert list(answer(ground, kql)) == [one.recipient for one in found]


if __name__ == "__main__":  # writes tests/data/published_sample.json anew
    with hunting_ground() as here:
        (DATA / "published_sample.json").write_text(
            json.dumps(published(here, sample_rows()), indent=0, sort_keys=True) + "\n", "utf-8"
        )
