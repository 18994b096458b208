"""What an independent reading of the contracts found wanting: each sentence of theirs that was not kept, kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ledger import SqliteLedger
from tests.cloud.faults import Fault
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.clock import START
from tests.support.tenant import Tenant, facts
from tests.sweep.test_run import WHO, fresh, mails

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tenant(tenant: Tenant) -> Tenant:
    """A tenant with one ordinary delivered message a day, so that its data is trusted."""
    fresh(tenant)
    return tenant


def _reported(tenant: Tenant, who: str) -> int:
    """How many message ids the ledger holds as reported for a recipient."""
    ledger = SqliteLedger(tenant.ledger, WORKSPACE_RESOURCE_ID, read_only=True)
    try:
        return len(ledger.load().records[who].reported)
    finally:
        ledger.close()


def days(tenant: Tenant, many: int, took: float) -> Iterator[int]:
    """So many days with a sweep at the same time of each; a card takes so many seconds to be accepted."""
    tenant.cloud.faults.add(
        Fault(service="teams", times=None, effect=True, then=lambda _: tenant.clock.advance(seconds=took))
    )
    for day in range(many):
        began = tenant.clock.now()
        yield day
        tenant.clock.advance(seconds=86_400 - (tenant.clock.now() - began).total_seconds())
        fresh(tenant)


def test_a_role_that_does_not_cover_the_workspace_itself_stops_nothing(tenant: Tenant) -> None:
    """That the workspace resource cannot be read is said in the receipt; incidents are raised all the same."""
    tenant.cloud.faults.add(
        Fault(service="sentinel", method="GET", match="api-version=2023-09-01", times=None, status=403)
    )
    fresh(tenant, mails(tenant, 11))
    report = tenant.sweep()
    assert facts(report) == {
        "event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1,
    }  # fmt: skip
    assert any("one workspace" in note for note in report.receipt.notes)


def test_daily_sweeps_remind_on_the_day_although_a_card_takes_its_time(tenant: Tenant) -> None:
    """Every 3 days is every third daily sweep, not every fourth because the last card took some seconds."""
    fresh(tenant, mails(tenant, 11))
    assert [day for day in days(tenant, 10, took=20) if tenant.sweep().receipt.reminded] == [3, 6, 9]


def test_daily_sweeps_send_the_heartbeat_on_the_day(tenant: Tenant) -> None:
    """Every 7 days is every seventh daily sweep, after the first."""
    assert [day for day in days(tenant, 16, took=20) if tenant.sweep().receipt.card_id] == [0, 7, 14]


def test_an_edited_label_costs_no_time(tenant: Tenant) -> None:
    """An absurd episode in a label of an incident, which anybody may edit, does not make the sweep look for so many."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    (incident,) = tenant.cloud.incidents.values()
    incident["properties"]["labels"].append({"labelName": "episode:999999999"})
    tenant.ledger.unlink()
    fresh(tenant, mails(tenant, 12, "erin@contoso.com"))
    assert tenant.sweep().receipt.created == 1


def test_what_is_held_is_raised_even_when_its_recipient_has_fallen_below_the_threshold(tenant: Tenant) -> None:
    """Held findings are due: their turn comes, highest first, also when their mail has left the window meanwhile."""
    tenant.settings |= {"MAX_NEW_INCIDENTS": "1", "REMIND_AFTER_DAYS": "0"}
    fresh(tenant, *(mails(tenant, 11 + n, f"r{n}@contoso.com") for n in range(4)))
    assert facts(tenant.sweep())["held"] == 3
    tenant.clock.advance(days=31)
    fresh(tenant, mails(tenant, 13, "s@contoso.com"))  # as many as r2's, who comes first by name
    ends = [facts(tenant.sweep()) for _ in range(5)]
    raised = [incident["properties"]["title"].split()[-1] for incident in tenant.cloud.incidents.values()]
    assert raised == ["r3@contoso.com", "r2@contoso.com", "s@contoso.com", "r1@contoso.com", "r0@contoso.com"]
    told = {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "created": 1, "told": 1}
    assert ends == [
        {**told, "held": 3},
        {**told, "held": 2},
        {**told, "standing": 1, "held": 1},
        {**told, "standing": 1},
        {"event": "sweep_completed", "verdict": "flagged", "flagged": 1, "standing": 1},
    ]


def test_a_sweep_that_holds_what_fell_below_the_threshold_is_not_clean(tenant: Tenant) -> None:
    """Nobody is flagged today, but something is still held, or is raised now: `flagged`; once all is raised `clean`."""
    tenant.settings |= {"MAX_NEW_INCIDENTS": "1", "REMIND_AFTER_DAYS": "0"}
    fresh(tenant, *(mails(tenant, 11, f"r{n}@contoso.com") for n in range(3)))
    tenant.sweep()
    tenant.clock.advance(days=31)
    fresh(tenant)
    assert facts(tenant.sweep(DRY_RUN="true"))["verdict"] == "flagged"
    assert [facts(tenant.sweep())["verdict"] for _ in range(3)] == ["flagged", "flagged", "clean"]
    assert len(tenant.cloud.incidents) == 3


def test_a_raised_threshold_lets_go_of_what_was_held(tenant: Tenant) -> None:
    """After a flood the operator raises the threshold or excludes: what that leaves alone is not raised from memory."""
    tenant.settings |= {"MAX_NEW_INCIDENTS": "1", "REMIND_AFTER_DAYS": "0"}
    fresh(tenant, *(mails(tenant, 11 + n, f"r{n}@contoso.com") for n in range(3)))
    assert facts(tenant.sweep())["held"] == 2
    assert facts(tenant.sweep(SUM_CASE_THRESHOLD="20"))["verdict"] == "clean"
    assert "created" in facts(tenant.sweep())
    assert len(tenant.cloud.incidents) == 2


def test_a_held_finding_is_raised_once_when_its_first_try_fails(tenant: Tenant) -> None:
    """Once its turn has come, it is an effect like any other: due when Sentinel fails, completed by the next sweep."""
    tenant.settings |= {"MAX_NEW_INCIDENTS": "1", "REMIND_AFTER_DAYS": "0"}
    fresh(tenant, *(mails(tenant, 11, f"r{n}@contoso.com") for n in range(2)))
    tenant.sweep()
    tenant.clock.advance(days=31)
    fresh(tenant)
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", times=None, status=503))
    found = facts(tenant.sweep())
    assert (found["event"], found["due"], found["told"]) == ("sweep_incomplete", 1, 1)
    tenant.cloud.faults.clear()
    found = facts(tenant.sweep())
    assert (found["event"], found["created"], found["told"]) == ("sweep_completed", 1, 1)
    assert len(tenant.cloud.incidents) == 2


def test_a_raise_that_is_still_due_is_not_told_as_done(tenant: Tenant) -> None:
    """When Sentinel does not take the severity but takes the comment, the card says just that; later the raise."""
    tenant.settings["HIGH_SEVERITY_THRESHOLD"] = "20"
    fresh(tenant, mails(tenant, 12))
    tenant.sweep()
    tenant.clock.advance(days=1)
    fresh(tenant, mails(tenant, 12))
    (incident,) = tenant.cloud.incidents
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", match=f"{incident}?", times=None, status=409))
    assert tenant.sweep().receipt.due == 1
    said = tenant.cloud.cards[-1]["summary"]
    assert "Growing: 12 new messages" in said
    assert "NOT raised" in said
    assert "Escalated to" not in said
    tenant.cloud.faults.clear()
    assert tenant.sweep().receipt.escalated == 1
    assert "Escalated to High" in tenant.cloud.cards[-1]["summary"]


def test_messages_long_unseen_are_forgotten_though_their_incident_stays_open(tenant: Tenant) -> None:
    """A message id is remembered until unseen for the look-back plus 30 days (and the ten between two notes of it)."""
    fresh(tenant, mails(tenant, 11))
    tenant.sweep()
    for day, held in ((40, 23), (69, 23), (71, 12)):
        tenant.clock.advance(days=day - (tenant.clock.now() - START).days)
        fresh(tenant, mails(tenant, 12) if day == 40 else [])
        tenant.sweep()
        assert _reported(tenant, WHO) == held, day


def test_the_shell_says_settings_invalid_and_nothing_on_standard_output(tmp_path: Path) -> None:
    """Bad settings: a sentence and every mistake on standard error, no secret, exit code 2."""
    ran = subprocess.run(
        [sys.executable, "-m", "shared", "sweep", "--json"],
        cwd=ROOT,
        env={
            "TEAMS_WEBHOOK_URL": "https://example.com/x?sig=SECRET",
            "SUM_CASE_THRESHOLD": "ten",
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("These settings cannot be used:\n")
    for name in ("SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID", "TEAMS_WEBHOOK_URL", "SUM_CASE_THRESHOLD"):
        assert name in ran.stderr
    assert "SECRET" not in ran.stderr


def test_the_fuse_counts_what_an_earlier_sweep_left_to_be_raised(tenant: Tenant) -> None:
    """No sweep raises more than MAX_NEW_INCIDENTS, those included that an earlier one could not."""
    tenant.settings["MAX_NEW_INCIDENTS"] = "2"
    fresh(tenant, *(mails(tenant, 11 + n, f"r{n}@contoso.com") for n in range(5)))
    tenant.cloud.faults.add(Fault(service="sentinel", method="PUT", times=None, status=503))
    for _ in range(2):
        found = facts(tenant.sweep())
        assert (found["due"], found["held"]) == (2, 3)
    tenant.cloud.faults.clear()
    assert [facts(tenant.sweep()).get("created") for _ in range(4)] == [2, 2, 1, None]
