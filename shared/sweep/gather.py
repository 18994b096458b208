"""What a sweep asks before it plans: which workspace it is, what the table holds, who is over the threshold, and who
remediated. The answers go into its outcome; a hunt that is not answered in full stops the sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from shared.errors import SweepError
from shared.http.client import Http
from shared.hunt import Hunt, judge
from shared.incidents.arm import Sentinel
from shared.ledger.cache import Book
from shared.ledger.port import Ledger
from shared.model import Act, Action, Cause
from shared.sweep.outcome import Outcome

HISTORY = timedelta(days=35)  # four weeks of the same weekday, and some


class Stopped(Exception):
    """The sweep cannot go on; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        super().__init__(cause.text)


class Asking:
    """The questions of one sweep."""

    def __init__(
        self, hunt: Hunt, sentinel: Sentinel, ledger: Ledger, outcome: Outcome, progress: Callable[[str], None]
    ) -> None:
        self._query = hunt
        self._sentinel = sentinel
        self._ledger = ledger
        self._outcome = outcome
        self._progress = progress
        self.sweeps: tuple[str, ...] = ()  # when the earlier ones of the last weeks started, ISO 8601

    def sign_in(self, http: Http) -> None:
        """Without a token nothing can be asked or raised: that is found out, and said, once."""
        self._progress("signing in")
        try:
            http.sign_in(self._outcome.settings.cloud.arm_audience)
        except SweepError as error:
            raise Stopped(Cause(error.cause, str(error))) from error

    def check_workspace(self, book: Book) -> None:
        """The GUID that is queried and the resource that is written to are one workspace; once for each GUID.

        The ledger is the resource's own: a sweep with another resource id has another ledger, and checks there.
        A role may cover the incidents and not the workspace itself: that it cannot be read says nothing about them.
        """
        wanted = str(self._outcome.settings.sentinel_workspace_id).lower()
        if book.standing.checked_guid == wanted:
            return
        try:
            guid = self._sentinel.workspace_guid()
        except SweepError as error:
            self._outcome.notes.append(f"could not check that the workspace settings are of one workspace: {error}")
            return
        if guid.lower() != wanted:
            raise Stopped(
                Cause(
                    "workspace_mismatch",
                    f"SENTINEL_WORKSPACE_ID is {wanted}, but the workspace of"
                    f" SENTINEL_WORKSPACE_RESOURCE_ID has the id {guid}: set both to the same workspace",
                )
            )
        book.stand(checked_guid=wanted)

    def hunt(self) -> None:
        """Coverage, findings, and whether to trust them. A hunt that was not answered in full stops the sweep."""
        try:
            self._progress("measuring coverage")
            self._outcome.coverage = coverage = self._query.coverage(self._outcome.window)
            self._progress("hunting")
            findings = self._query.findings(self._outcome.window)
            for finding in findings:
                _ = finding.evidence  # a list that lies is found out before anything is planned on it
        except SweepError as error:
            raise Stopped(Cause(error.cause, str(error))) from error
        self._outcome.findings = {finding.recipient: finding for finding in findings}
        self._outcome.notes += self._query.notes
        history = self._ledger.receipts((self._outcome.started - HISTORY).date())
        self.sweeps = tuple(str(receipt.get("started", "")) for receipt in history)
        self._outcome.distrust(tuple(judge(coverage, history, self._query.options, self._outcome.started)))

    @cached_property
    def known(self) -> Mapping[str, datetime]:
        """Ids of incidents of ours that the workspace remembers, asked once, when something new is to be raised."""
        try:
            return self._query.known_incidents()
        except SweepError as error:
            self._outcome.notes.append(
                f"the workspace's memory of incidents (SecurityIncident) could not be read: {error}"
            )
            return {}

    def remediators(self, actions: Sequence[Action]) -> Callable[[str], str]:
        """Who remediated what is new, in a line for each recipient; asked only when something is new."""
        new = {
            action.recipient: [item.message_id for item in action.new]
            for action in actions
            if action.new and action.act is not Act.NOTHING
        }
        if not new:
            return lambda _: ""
        self._progress("asking who remediated")
        try:
            remediations = self._query.remediators(self._outcome.window, new)
        except SweepError as error:
            self._outcome.notes.append(f"who remediated could not be asked: {error}")
            return lambda _: ""
        if remediations is None:
            self._outcome.notes.append("who remediated is not known: the table EmailPostDeliveryEvents is not there")
            return lambda _: ""
        words = {recipient: found.words for recipient, found in remediations.items()}
        return lambda recipient: words.get(recipient, "")
