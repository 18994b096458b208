"""What the ARM road sends to make an incident or a comment: the bodies of its PUT requests."""

from __future__ import annotations

from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.incidents.text import comment_body, incident_body
from shared.model import Action


class ArmDrafts:
    """The port `Drafts` (shared/incidents/port.py) for incidents that are made over ARM."""

    def creation(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        attempt: int = 1,
        minimal: bool = False,
    ) -> str:
        """The body of the PUT that creates an incident; the same for each `attempt`."""
        return incident_body(action, terms, about, minimal=minimal)

    def comment(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        last: bool = False,
        minimal: bool = False,
    ) -> str:
        """The body of the PUT that adds a comment."""
        return comment_body(action, terms, about, last=last, minimal=minimal)
