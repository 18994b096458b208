"""Quiet days are cheap: nothing new among many flagged recipients costs no write and a handful of reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.sweep.run import Report
from tests.cloud.mail import crowd, stamp
from tests.support.tenant import Tenant, running_tenant

PAGE = 1_000  # incidents on a page of a list, at most
CHEAP = 4  # reads of Sentinel and Log Analytics together on a quiet day: coverage, witness, hunt, list
LIST_ALL = 4  # and beside the pages, on a day that has to list all incidents
MISSING = 2  # the findings table and SecurityAlert, where no rule makes incidents
HISTORY = 1  # the one query for what SecurityIncident remembers
SENDERS = 2  # on a day with something to tell: from whom the mail came, and how far it reached
READ_ANEW = 39  # of many incidents that a card reminds of, those that it names


@dataclass
class Quiet:
    """A tenant whose flagged recipients have all been raised and told."""

    tenant: Tenant
    many: int

    def mail(self) -> None:
        """A day's ordinary mail, without which the data would be stale."""
        now = self.tenant.clock.now()
        row = {
            "TimeGenerated": stamp(now - timedelta(hours=1)),
            "Timestamp": stamp(now - timedelta(hours=1)),
            "NetworkMessageId": f"ordinary-{now:%d%H%M%S}",
            "RecipientEmailAddress": "somebody@contoso.com",
            "Subject": "Lunch",
            "LatestDeliveryAction": "Delivered",
        }
        self.tenant.cloud.append("EmailEvents", [row] * 10)

    def sweep(self, **settings: str) -> tuple[Report, Counter[str]]:
        """One sweep, and what was asked: reads and writes of Sentinel, queries of Log Analytics, cards."""
        log = self.tenant.cloud.log
        log.clear()
        report = self.tenant.sweep(**settings)
        kinds = Counter(f"{each.service} {each.method}" for each in log if each.service != "identity")
        # A ledger that knows nothing asks for the tables of the other way to an incident, which are missing here.
        missing = [each for each in log if each.status == 400 and each.service == "log_analytics"]
        assert all(each.status in (200, 201, 202) for each in log if each not in missing)
        assert len(missing) <= MISSING
        return report, kinds


def _reads(kinds: Counter[str]) -> int:
    """How often Sentinel and Log Analytics were read."""
    return kinds["sentinel GET"] + kinds["log_analytics POST"]


@pytest.fixture(scope="module", params=[500, pytest.param(10_000, marks=pytest.mark.slow)])
def quiet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quiet]:
    """So many recipients, raised and told by a real first sweep."""
    many: int = request.param
    with pytest.MonkeyPatch.context() as patch, running_tenant(tmp_path_factory.mktemp("quiet"), patch) as made:
        made.settings |= {
            "SUM_CASE_THRESHOLD": "1",
            "MAX_NEW_INCIDENTS": str(many),
            "SWEEP_BUDGET_SECONDS": "21600",
            "REMIND_AFTER_DAYS": "0",
        }
        made.cloud.load("EmailEvents", crowd(made.clock.now(), recipients=many, messages=2))
        receipt = made.sweep().receipt
        assert (receipt.event, receipt.created, receipt.due) == ("sweep_completed", many, 0)
        yield Quiet(made, many)


def test_a_sweep_right_after_the_first_writes_nothing_and_reads_little(quiet: Quiet) -> None:
    """What we made since the last list says nothing about the rest, so the list is read whole once. From then on one
    page of incidents that an earlier list has shown is enough, though all are within the list's overlap."""
    report, kinds = quiet.sweep()
    assert (report.receipt.event, report.receipt.due) == ("sweep_completed", 0)
    assert kinds.keys() == {"sentinel GET", "log_analytics POST"}
    assert _reads(kinds) <= math.ceil(quiet.many / PAGE) + LIST_ALL
    report, kinds = quiet.sweep()
    assert (report.receipt.event, report.receipt.due) == ("sweep_completed", 0)
    assert kinds.keys() == {"sentinel GET", "log_analytics POST"}
    assert _reads(kinds) <= CHEAP


def test_a_quiet_day_writes_nothing_and_reads_little(quiet: Quiet) -> None:
    """A day later, with ordinary mail only and analysts at work on some incidents, it is no more."""
    analyst, ids = quiet.tenant.cloud.analyst, list(quiet.tenant.cloud.incidents)
    quiet.sweep()  # the list is read whole once, whichever test of these comes first in this process
    quiet.tenant.clock.advance(days=1)
    quiet.mail()
    analyst.close(ids[0], "TruePositive")
    analyst.assign(ids[len(ids) // 2], "analyst@contoso.com")
    report, kinds = quiet.sweep()
    assert (report.receipt.standing, report.receipt.settled) == (quiet.many - 1, 1)
    assert kinds.keys() == {"sentinel GET", "log_analytics POST"}
    assert _reads(kinds) <= CHEAP


def test_a_lost_ledger_costs_one_list_of_all_incidents(quiet: Quiet) -> None:
    """Every incident is adopted from the list, page by page: none is read alone, and Sentinel is not written to.

    When they were closed says one query for all. All are told again, so it is asked from whom their mail came.
    """
    for path in quiet.tenant.ledger.parent.glob(f"{quiet.tenant.ledger.name}*"):
        path.unlink()
    report, kinds = quiet.sweep()
    assert (report.receipt.event, report.receipt.due) == ("sweep_completed", 0)
    assert report.receipt.standing + report.receipt.settled == quiet.many
    assert kinds["sentinel PUT"] == 0
    assert _reads(kinds) <= math.ceil(quiet.many / PAGE) + LIST_ALL + HISTORY + SENDERS + 1 + MISSING
    _, kinds = quiet.sweep()
    assert kinds.keys() == {"sentinel GET", "log_analytics POST"}
    assert _reads(kinds) <= CHEAP


def test_a_day_of_reminders_is_cheap_too(quiet: Quiet) -> None:
    """However many incidents nobody has taken on, a day of reminders reads anew only those that the card names."""
    quiet.tenant.clock.advance(days=3)
    quiet.mail()
    report, kinds = quiet.sweep(REMIND_AFTER_DAYS="3")
    assert report.receipt.reminded >= quiet.many - 2
    assert kinds["teams POST"] == 1
    assert kinds["sentinel PUT"] == 0
    assert _reads(kinds) <= CHEAP + HISTORY + READ_ANEW
