"""Fixtures of the hunt's tests: one small Azure for each module, because each test loads its own rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients import Clients, connected


@pytest.fixture(scope="module")
def azure() -> Iterator[Clients]:
    """One small Azure for the module, and its clients."""
    with pytest.MonkeyPatch.context() as patch, connected(patch) as made:
        yield made


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test's faults end with it."""
    azure: Clients | None = request.getfixturevalue("azure") if "azure" in request.fixturenames else None
    yield
    if azure:
        azure.cloud.faults.clear()
