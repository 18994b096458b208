"""The hunt: what a sweep asks, of whom, and what comes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from shared.errors import PartialData, Service
from shared.http.client import Http
from shared.hunt.coverage import LOOK_FURTHER, read_coverage, read_last_rows
from shared.hunt.incidents import read_incidents
from shared.hunt.remediators import Remediations, Remediators, read_remediations
from shared.hunt.split import in_parts
from shared.model import LABEL, Coverage, Finding, Window
from shared.query import answer as answers
from shared.query.answer import Answer
from shared.query.literals import Value, query
from shared.query.refusal import TableMissing
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

TITLE = "Unusual volume of remediated email"
RECIPIENTS_AT_ONCE = 500


class Place(Protocol):
    """Where a query is asked. `ground` names the `.kql` files that say how the tables look there."""

    service: Service
    ground: str

    def ask(self, kql: str) -> Answer | None:
        """The table that answers; None when there is no data at all. Raises SweepError."""
        ...


class Hunt:
    """Asks `place` about the mail, and the Sentinel workspace about its incidents.

    `notes` are the things about the last hunt that a receipt should say. Every method raises SweepError.
    """

    def __init__(
        self, settings: Settings, place: Place, workspace: Place, close: Callable[[], None] = lambda: None
    ) -> None:
        self._settings = settings
        self._place = place
        self._workspace = workspace
        self._rows: int | None = None
        self.close = close
        self.notes: list[str] = []

    def coverage(self, window: Window) -> Coverage:
        """What the table holds in the window; when that is nothing, also when it last held a row."""
        kql = self._about(window, "events", "coverage", Day=max(window.start, window.end - timedelta(days=1)))
        answer = self._place.ask(kql)
        found = Coverage(0, 0, None, 0.0) if answer is None else read_coverage(answer)
        self._rows = found.rows
        if found.rows == 0 and self._place.ground == "sentinel":
            found = replace(found, last_rows=self._last_rows(window.end))
        return found

    def _last_rows(self, end: datetime) -> datetime | None:
        answer = self._place.ask(self._about(Window(end - LOOK_FURTHER, end), "events", "last_rows"))
        return None if answer is None else read_last_rows(answer)

    def findings(self, window: Window) -> Sequence[Finding]:
        """Who is over the threshold, `Sum_case` descending, then by recipient. Evidence is checked when it is read.

        Raises:
            HuntTooLarge: not even small parts of the hunt fit an answer.
            PartialData: the answer is partial or lies, or is missing although the table has rows.
        """
        self.notes.clear()
        threshold = self._settings.sum_case_threshold
        counted = "counted_newest" if self._settings.deduplicate else "counted_every"

        def ask(parts: int, part: int) -> list[Finding]:
            kql = self._about(
                window,
                "events",
                "candidates",
                counted,
                "hunt",
                Threshold=threshold,
                Limit=answers.LIST_LIMIT,
                Parts=parts,
                Part=part,
            )
            answer = self._place.ask(kql)
            if answer is None:
                return self._no_answer()
            return answers.findings(answer, threshold)

        parts = in_parts(ask)
        found = parts[0] if len(parts) == 1 else answers.joined(parts, self._place.service)
        if len(parts) > 1:
            self.notes.append(f"the hunt was too large for one query and was asked in {len(parts)} parts")
        if note := answers.cut(found):
            self.notes.append(note)
        return found

    def _no_answer(self) -> list[Finding]:
        if self._rows == 0:
            return []
        raise PartialData(
            f"{self._place.service.words} answered the hunt with nothing at all although the table has rows: the next"
            " sweep asks again; if it lasts, run the query in the portal",
            service=self._place.service,
        )

    def remediators(self, window: Window, messages: Mapping[str, Sequence[str]]) -> Mapping[str, Remediations] | None:
        """Who remediated these messages, by recipient (lower-cased); None when the tenant's table is not there."""
        recipients = sorted(messages)
        found: dict[str, Remediations] = {}
        for place in range(0, len(recipients), RECIPIENTS_AT_ONCE):
            some = recipients[place : place + RECIPIENTS_AT_ONCE]
            try:
                answer = self._place.ask(self._about(window, "remediations", "remediators", Recipients=some))
            except TableMissing:
                return None
            known: Remediators = {} if answer is None else read_remediations(answer)
            found |= {recipient: Remediations.of(messages[recipient], known.get(recipient, {})) for recipient in some}
        return found

    def known_incidents(self) -> dict[str, datetime]:
        """The ids of all incidents this program ever raised in the workspace, with their last modification.

        Also of those that were deleted since. Empty when the workspace has no SecurityIncident table.
        """
        try:
            answer = self._workspace.ask(query("known_incidents", Label=LABEL, TitleBegins=TITLE))
        except TableMissing:
            return {}
        return {} if answer is None else read_incidents(answer)

    def _about(self, window: Window, ground: str, *names: str, **parameters: Value) -> str:
        return query(f"{ground}_{self._place.ground}", *names, Start=window.start, End=window.end, **parameters)


def open_hunt(settings: Settings, http: Http, credential: TokenCredential) -> Hunt:
    """The hunt of these settings' HUNT_SOURCE. To be closed."""
    from shared.query.advanced_hunting import AdvancedHunting
    from shared.query.log_analytics import Workspace, connect  # the SDK is slow to import

    client = connect(settings, credential)
    workspace = Workspace(client, str(settings.sentinel_workspace_id), http)
    place = workspace if settings.hunt_source == "sentinel" else AdvancedHunting(settings, http)
    return Hunt(settings, place, workspace, client.close)
