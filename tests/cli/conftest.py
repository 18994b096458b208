"""Fixtures of the shell's tests."""

from __future__ import annotations

import pytest

from tests.support.days import Days
from tests.support.ledgers import LedgerPlace, SqlitePlace
from tests.support.operators_shell import Operator
from tests.support.shell_of_many import azure_values, shell
from tests.support.tenant import Tenant

__all__ = ["azure_values", "shell"]


@pytest.fixture
def operator(tenant: Tenant, place: LedgerPlace) -> Operator:
    """Somebody who looks after the ledger, which is in a file and then in a table service."""
    return Operator(Days(tenant), place)


@pytest.fixture
def of_file(tenant: Tenant, sqlite_place: SqlitePlace) -> Operator:
    """The same with a file alone, where the adapter makes no difference."""
    return Operator(Days(tenant), sqlite_place)
