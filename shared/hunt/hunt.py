"""The hunt: which queries a sweep runs, where, and what it makes of the responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from shared.errors import PartialData, Service, SweepError
from shared.hunt.columns import OF_THE_WORKSPACE, column_types, read_providers
from shared.hunt.context import MOST_IDS, MOST_ROWS, MailContext, read_context, read_reach
from shared.hunt.coverage import LOOK_FURTHER, read_coverage, read_last_rows, slots_of
from shared.hunt.coverage_parts import Stretch, coverage_in_parts
from shared.hunt.followed import Followed, ask_followed
from shared.hunt.incidents import PastIncident, read_incidents
from shared.hunt.options import HuntOptions
from shared.hunt.remediators import Remediations, Remediators, read_remediations
from shared.hunt.removals import read_first_row, read_removals
from shared.hunt.split import in_parts
from shared.hunt.witness import SETTLED, TABLE, WEEK, not_asked, read_witness
from shared.model import LABEL, Coverage, Finding, Origin, Removals, Window, Witness
from shared.query import answer as answers
from shared.query.answer import Answer
from shared.query.literals import Value, query_text
from shared.query.refusal import TableMissing
from shared.query.two_ways import TwoWays

TITLE = "Unusual volume of remediated email"
RECIPIENTS_AT_ONCE = 500


class QueryService(Protocol):
    """Where a query runs. `tables` names the `.kql` files that say how the tables look there."""

    service: Service
    tables: str

    def ask(self, kql: str) -> Answer | None:
        """The resulting table; None when there is no data at all. Raises SweepError."""
        ...


class Hunt:
    """Queries `mail` about the mail, and the Sentinel workspace about its incidents.

    `notes` say what a receipt should mention about the last hunt. `ways`: where there are two to the workspace. Every
    method raises SweepError.
    """

    ways: TwoWays | None = None

    def __init__(
        self,
        options: HuntOptions,
        mail: QueryService,
        workspace: QueryService,
        close: Callable[[], None] = lambda: None,
        ways: TwoWays | None = None,
    ) -> None:
        self.options = options
        self._mail = mail
        self._workspace = workspace
        self._rows: int | None = None
        self.close = close
        if ways is not None:
            self.ways = ways
        self.notes: list[str] = []

    def coverage(self, window: Window) -> Coverage:
        """What the table holds in the window; when that is nothing, also when it last held a row."""
        if self.options.in_round:  # a query has less time then
            found = coverage_in_parts(self._coverage, window)
        else:
            found = self._coverage(Stretch(window, window))
        self._rows = found.rows
        if found.rows == 0 and self._mail.tables == "sentinel":
            found = replace(found, last_rows=self._last_rows(window.end))
        return found

    def _coverage(self, stretch: Stretch) -> Coverage:
        answer = self._mail.ask(self._query(stretch.asked, "events", "actions", "coverage"))
        empty = Coverage(0, None, slots_of(stretch.days, {}))
        return empty if answer is None else read_coverage(answer, stretch.days)

    def with_witness(self, window: Window, coverage: Coverage) -> tuple[Coverage, str]:
        """The coverage with what the second witness says, and a note when it could not be asked ("" when it could).

        It decides nothing alone, so no failure of it is raised. An empty table needs no witness.
        """
        if coverage.rows == 0:
            return coverage, ""
        try:
            return replace(coverage, witness=self._witness(window)), ""
        except TableMissing as error:
            if error.table == TABLE:
                return replace(coverage, witness_missing=True), ""
            return coverage, not_asked(error)
        except SweepError as error:
            return coverage, not_asked(error)

    def _witness(self, window: Window) -> Witness:
        times = {"Settled": window.end - SETTLED, "Week": max(window.start, window.end - WEEK)}
        kql = self._query(window, "events", "actions", f"witness_{self._mail.tables}", "witness", **times)
        answer = self._mail.ask(kql)
        return Witness(0, 0) if answer is None else read_witness(answer)

    def _last_rows(self, end: datetime) -> datetime | None:
        answer = self._mail.ask(self._query(Window(end - LOOK_FURTHER, end), "events", "actions", "last_rows"))
        return None if answer is None else read_last_rows(answer)

    def findings(self, window: Window) -> Sequence[Finding]:
        """Who is over the threshold, `Sum_case` descending, then by recipient. Evidence is checked when it is read.

        Raises:
            HuntTooLarge: even small parts of the hunt do not fit a response.
            PartialData: the response is partial or malformed, or is missing although the table has rows.
        """
        self.notes.clear()
        threshold = self.options.threshold

        def ask(parts: int, part: int) -> list[Finding]:
            kql = self._query(
                window,
                "events",
                "actions",
                "candidates",
                self._counted,
                "hunt",
                Threshold=threshold,
                Limit=answers.LIST_LIMIT,
                Parts=parts,
                Part=part,
            )
            answer = self._mail.ask(kql)
            if answer is None:
                return self._empty_response()
            return answers.findings(answer, threshold)

        parts = in_parts(ask)
        found = parts[0] if len(parts) == 1 else answers.joined(parts, self._mail.service)
        if len(parts) > 1:
            self.notes.append(f"the hunt was too large for one query and ran in {len(parts)} parts")
        if note := answers.cut_note(found):
            self.notes.append(note)
        return found

    def _empty_response(self) -> list[Finding]:
        if self._rows == 0:
            return []
        raise PartialData(
            f"{self._mail.service.words} sent an empty response to the hunt although the table has rows: the next"
            " sweep tries again; if it lasts, run the query in the portal",
            service=self._mail.service,
        )

    def remediators(self, window: Window, messages: Mapping[str, Sequence[str]]) -> Mapping[str, Remediations] | None:
        """Who remediated these messages, by recipient (lower-cased); None when the tenant has no such table."""
        recipients = sorted(messages)
        found: dict[str, Remediations] = {}
        for start in range(0, len(recipients), RECIPIENTS_AT_ONCE):
            some = recipients[start : start + RECIPIENTS_AT_ONCE]
            try:
                answer = self._mail.ask(self._query(window, "remediations", "actors", "remediators", Recipients=some))
            except TableMissing:
                return None
            known: Remediators = {} if answer is None else read_remediations(answer)
            found |= {recipient: Remediations.of(messages[recipient], known.get(recipient, {})) for recipient in some}
        return found

    def context(self, window: Window, recipients: Sequence[str]) -> MailContext:
        """From whom the counted mail of these recipients (lower-cased, MOST_RECIPIENTS at most) came."""
        names = ("actions", "mail", "mail_candidates", self._counted, "context")
        kql = self._query(window, "mail", *names, Recipients=list(recipients), Rows=MOST_ROWS, Listed=MOST_IDS)
        answer = self._mail.ask(kql)
        if answer is None:
            return MailContext({recipient: Origin() for recipient in recipients})
        return read_context(answer, recipients)

    def reach(self, window: Window, keys: Sequence[str]) -> Mapping[str, int]:
        """How many recipients of the tenant got the mail of each of these keys in the window."""
        answer = self._mail.ask(self._query(window, "mail", "actions", "mail", "reach", Keys=list(keys)))
        return {} if answer is None else read_reach(answer)

    def followed(self, workspace: str) -> Mapping[str, Followed]:
        """What became of the findings that were handed to the analytics rule, by id. `workspace` is its ARM id."""
        return ask_followed(self._workspace.ask, workspace)

    def removals(self, window: Window, over: int = 1) -> tuple[list[Removals], bool]:
        """Everybody for whom more than `over` was counted, as `findings` counts, `Sum_case` descending; and whether it
        could be asked who remediated it: not where the tenant has no table of that.
        """

        def ask(actors: Sequence[str], parts: int, part: int) -> list[Removals]:
            names = ("actions", "candidates", self._counted, *actors, "removals")
            answer = self._mail.ask(self._query(window, "events", *names, Threshold=over, Parts=parts, Part=part))
            if answer is None:
                self._empty_response()
                return []
            return read_removals(answer, over)

        try:
            parts, known = in_parts(partial(ask, (f"remediations_{self._mail.tables}", "actors"))), True
        except TableMissing as error:
            if error.table != TABLE:
                raise
            parts, known = in_parts(partial(ask, ("actors_unknown",))), False
        found = [each for part in parts for each in part]
        return sorted(found, key=lambda each: (-each.total, each.recipient)), known

    def first_row(self, window: Window) -> datetime | None:
        """The time of the oldest row in the window; None when there is none."""
        answer = self._mail.ask(self._query(window, "events", "actions", "first_row"))
        return None if answer is None else read_first_row(answer)

    def known_incidents(self) -> dict[str, PastIncident]:
        """All incidents this program ever raised in the workspace, by id, as SecurityIncident remembers them.

        Also those that were deleted since. Empty when the workspace has no such table.
        """
        try:
            answer = self._workspace.ask(query_text("known_incidents", Label=LABEL, TitleBegins=TITLE))
        except TableMissing:
            return {}
        return {} if answer is None else read_incidents(answer)

    def columns(self, table: str) -> Mapping[str, str] | None:
        """The names and types of a table's columns; None for an empty response. Raises TableMissing, too."""
        place = self._workspace if table in OF_THE_WORKSPACE else self._mail
        answer = place.ask(query_text(f"columns_{table}"))
        return None if answer is None else column_types(answer)

    def incident_providers(self, window: Window) -> tuple[int, int] | None:
        """How many of the workspace's incidents Defender has made, and how many others; None where none is known."""
        try:
            answer = self._workspace.ask(query_text("providers", Start=window.start, End=window.end))
        except TableMissing:
            return None
        return None if answer is None else read_providers(answer)

    @property
    def _counted(self) -> str:
        return "counted_newest" if self.options.deduplicate else "counted_every"

    def _query(self, window: Window, tables: str, *names: str, **parameters: Value) -> str:
        return query_text(f"{tables}_{self._mail.tables}", *names, Start=window.start, End=window.end, **parameters)
