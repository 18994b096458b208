"""Property tests try few examples in the fast suite, and all of them in `make test-slow`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.examples import examples_of

TESTS = Path(__file__).resolve().parent
CALL = "max_examples=examples_of("


@pytest.mark.parametrize(
    ("environment", "tried"),
    [({}, [5, 5, 10]), ({"EXAMPLES": ""}, [5, 5, 10]), ({"EXAMPLES": "all"}, [8, 40, 80])],
)
def test_few_or_all(environment: dict[str, str], tried: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """An eighth, five at least; all with EXAMPLES=all."""
    monkeypatch.delenv("EXAMPLES", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert [examples_of(full) for full in (8, 40, 80)] == tried


def test_whoever_tries_few_is_run_at_full_length() -> None:
    """Each test that tries few has the mark by which `make test-slow` finds it."""
    asking = [path for path in TESTS.rglob("test_*.py") if CALL in path.read_text("utf-8") and path != Path(__file__)]
    assert len(asking) >= 6
    for path in asking:
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(rf"@pytest\.mark\.examples\n@\w+\({re.escape(CALL)}", text)) == text.count(CALL), (
            path.name
        )
    makefile = (TESTS.parent / "Makefile").read_text(encoding="utf-8")
    assert 'EXAMPLES=all $(PYTEST) $(PARALLEL) loadfile -m "examples' in makefile
