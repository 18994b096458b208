"""The model of a round's length keeps the services' limits."""

from __future__ import annotations

import pytest

from tests.bench._round_model import RoundCase, RoundModel, SweepKind

QUIET, FLAGGED = SweepKind(4, 4.0), SweepKind(9, 10.0)


@pytest.mark.parametrize("instances", [1, 5, 40])
def test_no_round_is_shorter_than_its_bounds(instances: int) -> None:
    """Not shorter than five queries at once allow, nor than one instance's share of all sweeps; and not much longer."""
    case = RoundCase(100, instances, 3.0, QUIET, FLAGGED)
    found = RoundModel(case).run()
    share = (case.queries * 3.0 + 100 * 4.0) / instances
    assert max(case.bound, share) * 0.9 <= found.seconds <= (case.bound + share) * 1.5
    assert (found.failed, found.unfinished) == (0, 0)


def test_quick_queries_are_bound_by_their_number() -> None:
    """Queries that take no time go out at 200 in 30 seconds."""
    case = RoundCase(400, 40, 0.01, QUIET, QUIET)
    assert case.bound == pytest.approx((1600 - 200) / (200 / 30))
    assert RoundModel(case).run().seconds >= case.bound * 0.95


def test_too_many_instances_cost_more_than_they_bring() -> None:
    """With a thousand instances the queue of queries is full: they get 429s, and budgets end."""
    few, many = (RoundModel(RoundCase(500, each, 10.0, QUIET, FLAGGED)).run() for each in (40, 1_000))
    assert (few.failed, few.unfinished) == (0, 0)
    assert many.refused > few.refused
    assert many.unfinished > 0
