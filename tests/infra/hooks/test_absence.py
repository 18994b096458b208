"""Before a deployment: the alarm on missing sweeps fits the schedule, or nothing is deployed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.infra.hooks.azd import WEBHOOK, Azd


@pytest.mark.parametrize(
    ("given", "hours"),
    [
        ({}, "26"),
        ({"SWEEP_SCHEDULE": ""}, "26"),
        ({"SWEEP_SCHEDULE": "0 0 */6 * * *"}, "8"),
        ({"SWEEP_SCHEDULE": "0 0 6,18 * * MON-SAT"}, "38"),
        ({"SWEEP_SCHEDULE": "0 0 0,21 * * *"}, "23"),
        ({"SWEEP_SCHEDULE": "0 0 9 * * MON-SAT", "ALLOW_NO_ALARM": "true"}, "0"),
        ({"SWEEP_SCHEDULE": "0 30 3,5 1-31 * *"}, "24"),
        ({"SWEEP_SCHEDULE": "0 0 6 * * *", "ALLOW_NO_ALARM": "True"}, "0"),
        ({"ABSENCE_HOURS": "8", "ABSENCE_HOURS_FROM_SCHEDULE": "8"}, "26"),
        ({"ABSENCE_HOURS": "0", "ABSENCE_HOURS_FROM_SCHEDULE": "0", "ALLOW_NO_ALARM": "false"}, "26"),
    ],
)
def test_the_alarm_follows_the_schedule(azd: Azd, given: Mapping[str, str], hours: str) -> None:
    """ABSENCE_HOURS is the longest gap, rounded up, plus two; 0 without the alarm; anew when the schedule changes."""
    ran = azd.hook("preprovision", {**WEBHOOK, **given})
    assert ran.code == 0, ran.error
    assert ran.set() == {"ABSENCE_HOURS": hours, "ABSENCE_HOURS_FROM_SCHEDULE": hours}
    assert all(call[-2:] == ["--environment", "prod"] for call in ran.asked if call[0] == "azd")
    assert ("no e-mail comes when sweeps stop" in ran.output) == (hours == "0")


def test_nothing_is_set_again(azd: Azd) -> None:
    """A second deployment with the same schedule writes nothing."""
    given = {"ABSENCE_HOURS": "26", "ABSENCE_HOURS_FROM_SCHEDULE": "26"}
    ran = azd.hook("preprovision", {**WEBHOOK, **given})
    assert (ran.code, ran.set()) == (0, {})


@pytest.mark.parametrize("hours", ["25", "47", " 30 "])
def test_the_operators_own_hours_stand(azd: Azd, hours: str) -> None:
    """Hours that the operator gave and that fit the schedule are left as they are."""
    ran = azd.hook("preprovision", {**WEBHOOK, "ABSENCE_HOURS": hours})
    assert (ran.code, ran.set()) == (0, {}), ran.error
    assert f"after {int(hours)} hours without one an e-mail comes" in ran.output


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"SWEEP_SCHEDULE": "0 0 6 * * MON-FRI"},
            "up to 72 hours .* allows 45 at most: sweep daily, a quiet day costs",
        ),
        ({"SWEEP_SCHEDULE": "0 0 6 */2 * *"}, "up to 48 hours"),
        ({"SWEEP_SCHEDULE": "0 0 6,7 * * SUN,TUE,THU"}, "up to 71 hours"),
        ({"SWEEP_SCHEDULE": "0 0 6 29 2 *"}, "up to 70,104 hours"),
        ({"SWEEP_SCHEDULE": "0 0 6 30 2 *"}, "SWEEP_SCHEDULE cannot be used: none of its months has such a day"),
        ({"SWEEP_SCHEDULE": "0 0 6 30 2 *", "ALLOW_NO_ALARM": "true"}, "SWEEP_SCHEDULE cannot be used"),
        ({"SWEEP_SCHEDULE": "0\t0 6 * * *"}, "SWEEP_SCHEDULE cannot be used: it holds a tab, a line break"),
        ({"SWEEP_SCHEDULE": "0 0 6 * * FRI-MON"}, "the host reads it as Monday to Friday"),
        ({"SWEEP_SCHEDULE": "0 6 * * *"}, "five fields"),
        ({"SWEEP_SCHEDULE": "daily"}, "it has 1 fields, not six"),
        ({"ALLOW_NO_ALARM": "ja"}, "ALLOW_NO_ALARM: expected true or false"),
        ({"ABSENCE_HOURS": "24"}, "ABSENCE_HOURS is 24, but .* up to 24 hours .* set it to 26"),
        ({"ABSENCE_HOURS": "26", "SWEEP_SCHEDULE": "0 0 6,18 * * MON-SAT"}, "up to 36 hours .* set it to 38"),
        ({"ABSENCE_HOURS": "0"}, "ABSENCE_HOURS: expected .* 2 to 47.*azd env set ALLOW_NO_ALARM true"),
        ({"ABSENCE_HOURS": "1", "SWEEP_SCHEDULE": "0 */5 * * * *"}, "ABSENCE_HOURS: expected"),
        ({"ABSENCE_HOURS": "48"}, "ABSENCE_HOURS: expected"),
        ({"ABSENCE_HOURS": "26h"}, "ABSENCE_HOURS: expected"),
        ({"ABSENCE_HOURS": "٢٦"}, "ABSENCE_HOURS: expected"),
        ({"ABSENCE_HOURS": "9" * 5000}, "ABSENCE_HOURS: expected"),
    ],
)
def test_what_the_alarm_cannot_watch_is_refused(azd: Azd, given: Mapping[str, str], says: str) -> None:
    """A schedule or hours that cannot work are refused before anything is deployed or set, with what to do."""
    ran = azd.hook("preprovision", {**WEBHOOK, **given})
    assert (ran.code, ran.set(), ran.output) == (1, {}, "")
    assert re.search(says, ran.error), ran.error
