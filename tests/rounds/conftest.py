"""Fixtures of the tests of rounds."""

from tests.support.rounds import deployment

__all__ = ["deployment"]
