"""The sample tenant."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

from tests.cloud.events import load_events
from tests.cloud.mail import HOSTILE_SUBJECTS, SAMPLE, SAMPLE_NOW, sample, write
from tests.cloud.schemas import EMAIL_EVENTS, EMAIL_POST_DELIVERY_EVENTS
from tests.hunt.oracle import hunt

WINDOW = (SAMPLE_NOW - timedelta(days=30), SAMPLE_NOW)
SAFE = re.compile(r"contoso\.com|example\.(com|net|org)", re.IGNORECASE)


def test_the_kept_file_is_what_the_generator_writes(tmp_path: Path) -> None:
    """tests/data/sample_tenant.ndjson is the seeded sample to the byte; `python -m tests.cloud.mail` writes it."""
    again = tmp_path / "again.ndjson"
    write(sample(SAMPLE_NOW).events, again)
    assert again.read_bytes() == SAMPLE.read_bytes()


def test_rows_have_the_real_layout() -> None:
    """Every column exists in the real table, and nothing is about anybody real."""
    tenant = sample(SAMPLE_NOW)
    assert all(row.keys() <= EMAIL_EVENTS.keys() for row in tenant.events)
    assert all(row.keys() <= EMAIL_POST_DELIVERY_EVENTS.keys() for row in tenant.post_delivery)
    addresses = {row[name] for row in tenant.events for name in ("RecipientEmailAddress", "SenderFromAddress")}
    assert all(SAFE.fullmatch(address.partition("@")[2]) for address in addresses if address)


def test_another_seed_is_another_tenant_with_the_same_oddities() -> None:
    """The seed decides the details; who is flagged does not depend on it."""
    one, other = sample(SAMPLE_NOW), sample(SAMPLE_NOW, seed=2)
    assert one.events != other.events
    flagged = [
        {found.recipient for found in hunt(tenant.events, *WINDOW, threshold=10, deduplicate=True)}
        for tenant in (one, other)
    ]
    assert flagged[0] == flagged[1]


def test_the_sample_has_every_oddity() -> None:
    """A recipient at the threshold and one above, and every kind of row that the hunt has to get right."""
    rows = sample(SAMPLE_NOW).events
    found = {
        deduplicate: {
            one.recipient: sum(one.counts) for one in hunt(rows, *WINDOW, threshold=9, deduplicate=deduplicate)
        }
        for deduplicate in (True, False)
    }
    assert found[True]["at.threshold@contoso.com"] == 10
    assert found[True]["just.above@contoso.com"] == 11
    assert found[True]["mixed.case@contoso.com"] == 14
    assert (found[True]["restreamed@contoso.com"], found[False]["restreamed@contoso.com"]) == (12, 24)
    assert "released@contoso.com" not in found[True]
    assert found[False]["released@contoso.com"] == 15
    assert found[True]["unfilled@contoso.com"] == 11
    assert (found[True]["latecomer@contoso.com"], found[False]["twice@contoso.com"]) == (13, 18)
    assert "yesteryear@contoso.com" not in found[False]
    assert all(any(row["Subject"] == subject for row in rows) for subject in HOSTILE_SUBJECTS)
    actions = {row["LatestDeliveryAction"] for row in rows}
    assert {"", "Delivered", "Zapped", "hard delete", "SOFT DELETE"} <= actions
    assert any(row["RecipientEmailAddress"] is None for row in rows)
    recipients = {row["RecipientEmailAddress"] for row in rows if row["Subject"].startswith("Team news")}
    assert len(recipients) == 5
    states = {
        (row["LastEventExecutionTime"] or "")
        and (row["LastEventExecutionTime"] > row["TimeGenerated"])
        - (row["LastEventExecutionTime"] < row["TimeGenerated"])
        for row in rows
    }
    assert states == {"", -1, 0, 1}


def test_the_kept_file_can_be_moved_to_now() -> None:
    """Loaded with a shift, the sample flags the same recipients at any other time."""
    now = SAMPLE_NOW + timedelta(days=400, seconds=1)
    kept = hunt(load_events([SAMPLE]).read(), *WINDOW, threshold=10, deduplicate=True)
    moved = hunt(load_events([SAMPLE], now).read(), now - timedelta(days=30), now, threshold=10, deduplicate=True)
    assert [one.recipient for one in moved] == [one.recipient for one in kept]
    assert len(kept) >= 10


def test_the_kept_file_is_small_ndjson() -> None:
    """A record a line, under a megabyte."""
    text = SAMPLE.read_text("utf-8")
    assert len(text) < 1_000_000
    assert all(json.loads(line) for line in text.rstrip("\n").split("\n"))
