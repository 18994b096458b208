"""Fixtures of the small Azure's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud
from tests.support.caller import Caller


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    """A caller of the small Azure."""
    with Caller(cloud) as made:
        yield made
