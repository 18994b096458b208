"""The alarms of many workspaces over what real rounds log: real starts, messages, tries and sweeps, on one clock."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.app import run_sweep
from shared.model import Receipt, RoundEntry
from shared.settings import Settings
from tests.cloud.faults import Fault
from tests.cloud.mail import sample
from tests.infra.many_rules import DRY_RUNS, GOOD_END, TROUBLE, misses_a_round, told_by_name
from tests.infra.telemetry import Row, trace
from tests.support.clock import FakeClock
from tests.support.rounds import Deployment, RoundKilled, deployed_on
from tests.support.tenant import Tenant, running_tenant

pytestmark = pytest.mark.slow
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class _Log(logging.Handler):
    """What the app logged, as rows of AppTraces at the times of its clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(logging.INFO)
        self.clock = clock
        self.rows: list[Row] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.rows.append(trace(self.clock.now(), record.getMessage(), record.levelname))


class _Scene:
    """A deployment with one entry, contoso, whose sweeps are real; what it logs, and who is told of it."""

    def __init__(self, place: Tenant, rounds: Deployment, log: _Log) -> None:
        self.place, self.rounds, self.log = place, rounds, log
        self.deaths = 0
        rounds.names = ["contoso"]
        rounds.overrides["contoso"] = {**place.cloud.environment, "LEDGER_URL": f"sqlite:///{place.ledger}"}
        rounds.real = self._sweep
        place.cloud.load("EmailEvents", sample(place.clock.now()).events)

    def _sweep(self, settings: Settings, entry: RoundEntry) -> Receipt:
        if self.deaths:
            self.deaths -= 1
            raise RoundKilled
        return run_sweep(settings, clock=self.place.clock, entry=entry).receipt

    def play(self, minutes: int = 45) -> datetime:
        """A round from its scheduled start on, for so long; when it began."""
        began = self.place.clock.now()
        self.rounds.begin(began)
        self.rounds.work_off(minutes=minutes)
        return began

    def mails(self, since: datetime, hours: int = 5) -> dict[str, set[str]]:
        """Whom each rule tells about, evaluated every hour for so long."""
        found: dict[str, set[str]] = {}
        for hour in range(hours):
            moment = since + hour * 60 * MINUTE + 17 * MINUTE
            rows = [row for row in self.log.rows if row["TimeGenerated"] <= moment]
            for rule in (GOOD_END, TROUBLE, DRY_RUNS):
                found.setdefault(rule, set()).update(told_by_name(rule, moment, rows))
        return {rule: names for rule, names in found.items() if names}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Scene]:
    """That deployment, on a small Azure."""
    with (
        running_tenant(tmp_path, monkeypatch) as place,
        deployed_on(f"sqlite:///{place.ledger}", place.clock) as rounds,
    ):
        log, logger = _Log(place.clock), logging.getLogger("sweep")
        logger.addHandler(log)
        try:
            yield _Scene(place, rounds, log)
        finally:
            logger.removeHandler(log)


def test_a_healthy_round_tells_nobody(scene: _Scene) -> None:
    """Flagged and told is well; without another round the rule about rounds fires a day and two hours later."""
    began = scene.play()
    assert scene.mails(began) == {}
    assert not misses_a_round(began + DAY, scene.log.rows)
    assert misses_a_round(began + DAY + 130 * MINUTE, scene.log.rows)


def test_a_second_try_that_heals_tells_nobody(scene: _Scene) -> None:
    """Sentinel is down for the first try; ten minutes later all is done."""
    scene.place.cloud.faults.add(Fault(service="sentinel", times=None, status=503))
    began = scene.place.clock.now()
    scene.rounds.begin(began)
    scene.rounds.work_off(minutes=5)
    scene.place.cloud.faults.clear()
    scene.rounds.work_off(minutes=40)
    assert any(row["Message"].startswith("sweep_failed {") for row in scene.log.rows)
    assert scene.mails(began) == {}


def test_a_missing_role_is_told_by_name(scene: _Scene) -> None:
    """A sweep that fails is told as trouble, and that there was no good end."""
    scene.place.cloud.faults.add(Fault(service="log_analytics", times=None, status=403))
    scene.place.cloud.faults.add(Fault(service="sentinel", times=None, status=403))
    began = scene.play()
    assert scene.mails(began) == {GOOD_END: {"contoso"}, TROUBLE: {"contoso: it failed"}}


def test_bad_settings_are_told_by_name(scene: _Scene) -> None:
    """An entry whose settings are invalid is told as such."""
    scene.rounds.overrides["contoso"]["LOOKBACK_DAYS"] = "900"
    assert scene.mails(scene.play()) == {GOOD_END: {"contoso"}, TROUBLE: {"contoso: its settings are invalid"}}


def test_a_dry_run_is_told_by_name(scene: _Scene) -> None:
    """A workspace that ran dry only is told as that."""
    scene.rounds.overrides["contoso"]["DRY_RUN"] = "true"
    assert scene.mails(scene.play()) == {GOOD_END: {"contoso"}, DRY_RUNS: {"contoso"}}


def test_a_sweep_that_dies_three_times_is_told_by_name(scene: _Scene) -> None:
    """Three tries without an end are given up, and told."""
    scene.deaths = 3
    began = scene.play(60)
    assert scene.mails(began) == {GOOD_END: {"contoso"}, TROUBLE: {"contoso: it was abandoned"}}


def test_an_emptied_queue_is_told_by_name(scene: _Scene) -> None:
    """Nothing was heard of a workspace because its message is gone: there was no good end."""
    began = scene.place.clock.now()
    scene.rounds.begin(began)
    scene.rounds.queue.messages.clear()
    assert scene.mails(began) == {GOOD_END: {"contoso"}}
