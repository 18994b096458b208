"""Random histories in which an analytics rule makes the incidents; see test_histories.py.

Beside all that befalls a sweep, the rule is switched off for days, runs late, twice or not at all, rows take hours to
arrive, incidents are merged, and the sweeps change from one way to the other and back.
"""

from __future__ import annotations

import pytest

from tests.sweep.history.driver import live_all
from tests.sweep.history.rule import RuleWorld
from tests.sweep.history.steps import STEPS

CALLS = 80


def test_histories_by_the_rule() -> None:
    """Whatever happens for some days, the promises hold."""
    live_all(RuleWorld, range(10_000, 10_020), STEPS, CALLS, rule=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("hundred", range(2))
def test_many_histories_by_the_rule(hundred: int) -> None:
    """The same in a thousand histories."""
    live_all(RuleWorld, range(hundred * 500, (hundred + 1) * 500), STEPS, CALLS, rule=True)
