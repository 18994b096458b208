"""How a message asks to come back."""

from __future__ import annotations


class RoundUnfinished(Exception):
    """The message is still needed. Raised so that the host brings it back after ten minutes."""
