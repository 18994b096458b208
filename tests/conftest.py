"""Fixtures that more than one test module needs; each is made where it belongs and only named here."""

from tests.support.azurite import azurite
from tests.support.ledgers import close, place, sqlite_place, table_place

__all__ = ["azurite", "close", "place", "sqlite_place", "table_place"]
