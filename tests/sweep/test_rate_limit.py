"""At ARM's rate limit: as many new incidents as a sweep may raise, on a small Azure that enforces the token buckets.

That it takes no longer than the bucket makes possible is measured by `python -m tests.bench limit`.
"""

from pathlib import Path

import pytest

from tests.bench._azure import apart
from tests.bench.limit import settings_of, timed_sweep
from tests.support.clients import sign_in_to


@pytest.mark.parametrize(
    ("incidents", "speed"),
    [(400, 4.0), pytest.param(2_000, 4.0, marks=pytest.mark.slow)],
)
def test_a_sweep_raises_all_that_is_new_within_the_rate_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, incidents: int, speed: float
) -> None:
    """With requests slowed down, every new incident is raised in one sweep, none is due, and 429 hardly occurs."""
    with apart(recipients=incidents, speed=speed) as cloud:
        sign_in_to(cloud.environment, monkeypatch)
        receipt = timed_sweep(settings_of(cloud, tmp_path, incidents), speed).report.receipt
        seen = cloud.seen()
    assert (receipt.event, receipt.created, receipt.due, receipt.held) == ("sweep_completed", incidents, 0, 0)
    assert seen.incidents == incidents
    assert seen.sentinel("PUT", 201) == incidents
    assert seen.sentinel(status=429) <= 5
    assert seen.cards == 1
