"""What a sweep needs of the workspace's incidents, and how an attempt at an effect can end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.errors import SweepError
from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.model import Action, Incident, Severity


class Ended(StrEnum):
    """How an attempt at an effect ended."""

    DONE = "done"  # by this call, perhaps by an attempt of it whose answer was lost
    UPLOADED = "uploaded"  # handed to the analytics rule, which makes the incident later
    FOUND = "found"  # it was there before this call
    GONE = "gone"  # the incident was deleted: its own GET says 404, twice
    CHANGED = "changed"  # closed, or with a severity that is not the expected one
    REFUSED = "refused"  # Sentinel refuses what the effect holds: another form of it may be taken
    DUE = "due"  # not done, or not known to be: see the error


@dataclass(frozen=True, slots=True)
class Attempt:
    """How it ended.

    `incident` is the incident as last read, where one was. `error` says why it is refused or due. `made` is when a
    comment was created, by Sentinel's clock.
    """

    ended: Ended
    incident: Incident | None = None
    error: SweepError | None = None
    made: datetime | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been done although no certain answer came."""
        return self.error is not None and self.error.maybe_done


class Drafts(Protocol):
    """What is sent to make an incident or a comment: each road has its own form, which only that road reads."""

    def creation(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        attempt: int = 1,
        minimal: bool = False,
    ) -> str:
        """The body for `Incidents.create`. `minimal`: without anything of the mail but the recipient."""
        ...

    def comment(
        self,
        action: Action,
        terms: Terms,
        about: Background = NO_BACKGROUND,
        *,
        last: bool = False,
        minimal: bool = False,
    ) -> str:
        """The body for `Incidents.comment`. `last`: it is the last one that the incident takes."""
        ...


class Incidents(Protocol):
    """The incidents of one workspace. Safe for many threads; each incident has one writer at a time.

    The effects (`create`, `comment`, `escalate`) raise nothing: what goes wrong is in the attempt.
    """

    def workspace_guid(self) -> str:
        """The workspace's GUID (`customerId`). Raises SweepError when it cannot be read."""
        ...

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = ...
    ) -> Iterator[Incident]:
        """Our incidents that were modified at or after `since` (None: all), the newest modification first.

        `shown_before` says of an incident whether an earlier list, read to its end, has shown it as it is now; None
        when it is newer than that list. A page in that order ends the list when all of its incidents that are not
        newer were shown before, and one is there: what follows is older still. A page of incidents that we made
        since says nothing about the next. An incident that is missing here is not deleted: lists lag behind.

        Raises SweepError when a page cannot be read or makes no sense, or the list does not end.
        """
        ...

    def read(self, incident_id: str) -> Incident | None:
        """The incident as it is now; None when it was deleted, which only its own GET's 404 can say, twice.

        Raises SweepError when it cannot be read.
        """
        ...

    def follow(self, names: Mapping[str, str]) -> None:
        """These incidents (by our id) have another name in Sentinel: from now on they are addressed by it.

        What is read of them has our id all the same.
        """
        ...

    def create(self, incident_id: str, body: str) -> Attempt:
        """Make the incident of this body, unless it is there: DONE, UPLOADED, FOUND, REFUSED or DUE."""
        ...

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """Add the comment of this body, unless it is there: DONE, FOUND, GONE, REFUSED or DUE.

        `made` is set when it is DONE or FOUND and Sentinel's answer holds the time.
        """
        ...

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        """When the comment was created, by Sentinel's clock; None when it is not there.

        The earliest time there is (`datetime.min`, UTC) when it is there without a time that can be read. Raises
        SweepError when it cannot be looked up.
        """
        ...

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """Raise the severity from `expected`, add the label that says so, and leave all else as it is.

        FOUND when the label was there before, whatever the severity is now: an analyst may have lowered it. CHANGED
        when the incident is closed or its severity is not `expected`. Else DONE, GONE, REFUSED or DUE; DUE also
        after three conflicts.
        """
        ...

    def time(self) -> datetime | None:
        """Sentinel's clock, now; None before its first good answer with a time."""
        ...

    def skew(self) -> float | None:
        """How many seconds our clock is ahead of Sentinel's; None while that is not known."""
        ...
