"""What the doctor asks about the data: figures, doubts, the second witness, the columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.cli.checks import CheckResult, Found
from shared.errors import SweepError
from shared.hunt import Hunt
from shared.hunt.columns import needed_columns
from shared.hunt.witness import TABLE as WITNESS
from shared.ledger import Ledger, LedgerError
from shared.model import Coverage, Slot, Window, WorkspaceState, in_last_day, in_window
from shared.plan.trust import judge
from shared.query.refusal import TableMissing
from shared.settings import Settings
from shared.sweep.gather import REMEMBERED, trust_options
from shared.sweep.measure import earlier_measure

BAD_REQUEST = 400
"""How a service refuses a query that reads a column it does not have."""
CONNECT = {
    "sentinel": "To have it: Sentinel, Data connectors, Microsoft Defender XDR, tick EmailPostDeliveryEvents",
    "defender": "It comes with Defender for Office 365 Plan 2",
}


class DataChecks:
    """The data, its second witness and its columns, each asked for once."""

    def __init__(self, hunt: Hunt, ledger: Ledger, settings: Settings, now: datetime) -> None:
        self._hunt = hunt
        self._ledger = ledger
        self._settings = settings
        self._now = now
        self._coverage: Coverage | None = None
        self._unasked = ""

    def data(self) -> list[CheckResult]:
        """What a receipt says of the data, and every reason of a sweep not to trust it."""
        settings, now = self._settings, self._now
        window = Window(now - timedelta(days=settings.lookback_days), now)
        try:
            coverage = self._hunt.coverage(window)
        except SweepError as error:
            if error.status != BAD_REQUEST or all(found is Found.FINE for found, _ in self.columns()):
                raise
            return [(Found.UNTRIED, "cannot tell: the check of columns says why")]
        coverage, self._unasked = self._hunt.with_witness(window, coverage)
        self._coverage = coverage
        earlier, state = _earlier(self._ledger, settings, now)
        trust = judge(coverage, trust_options(self._hunt, state), now, earlier)
        notes = "".join(f"; {note}" for note in trust.notes if not note.startswith("no second witness"))
        accepted = state.accepted_coverage_since
        since = f" (accepted as normal since {accepted})" if accepted else ""
        figures = f"{_figures(coverage, settings)}, compared with {trust.history_days:,} earlier days{since}{notes}"
        return [*((Found.DOUBT, str(reason)) for reason in trust.reasons), (Found.FINE, figures)]

    def witness(self) -> CheckResult:
        """Whether removals are seen by a second table; what it says of the data is said with the data."""
        coverage = self._coverage
        if coverage is None:
            return Found.UNTRIED, "cannot tell: the data could not be read"
        if coverage.witness_missing:
            return Found.DOUBT, (
                "there is no table EmailPostDeliveryEvents: removals that EmailEvents does not show go unnoticed, and"
                f" incidents do not say who remediated. {CONNECT[self._settings.hunt_source]}"
            )
        if self._unasked:
            why = "the check of columns says why" if self._wrong(WITNESS) else self._unasked
            return Found.UNTRIED, f"cannot tell: {why}"
        if coverage.witness is None:
            return Found.UNTRIED, "cannot tell: there is no mail that it could be asked about"
        return Found.FINE, f"EmailPostDeliveryEvents is there and has seen {coverage.witness.seen:,} removals"

    def _wrong(self, table: str) -> bool:
        return self._table(table, needed_columns(self._settings.hunt_source)[table])[0] is Found.WRONG

    def columns(self) -> list[CheckResult]:
        """Whether the tables have the columns that the queries read, of the types that they read them as."""
        found = [self._table(table, needed) for table, needed in needed_columns(self._settings.hunt_source).items()]
        wrong = [result for result in found if result[0] is not Found.FINE]
        return wrong or [(Found.FINE, "as the queries read them: " + ", ".join(words for _, words in found))]

    def _table(self, table: str, needed: Mapping[str, str]) -> CheckResult:
        try:
            there = self._hunt.columns(table)
        except TableMissing:
            # The data and the witness say so of their tables; the third comes with the first incident.
            return Found.FINE, f"{table} (not there yet)"
        if there is None:
            return Found.UNTRIED, f"cannot tell: {table} sent an empty response"
        missing = [f"{name} ({kind})" for name, kind in needed.items() if name not in there]
        other = [
            f"{name} is {there[name]}, not {kind}"
            for name, kind in needed.items()
            if name in there and there[name] != kind
        ]
        if not missing and not other:
            return Found.FINE, table
        lacks = [f"{table} lacks {', '.join(missing)}"] if missing else []
        return Found.WRONG, "; ".join(lacks + [f"in {table} {words}" for words in other]) + (
            ": compare the table with the Microsoft reference; if a column was renamed, update to a newer version of"
            " this app, or report it"
        )


def _earlier(ledger: Ledger, settings: Settings, now: datetime) -> tuple[tuple[Slot, ...], WorkspaceState]:
    """What earlier sweeps measured, and what an operator accepted; nothing when the ledger cannot be read: its own
    check says so.
    """
    try:
        receipts = ledger.receipts((now - REMEMBERED).date())
        return earlier_measure(receipts, settings.hunt_source), ledger.load().state
    except LedgerError:
        return (), WorkspaceState()


def _figures(coverage: Coverage, settings: Settings) -> str:
    window, last, witness = in_window(coverage), in_last_day(coverage), coverage.witness
    removals = (
        f", {witness.shown:,} of the {witness.seen:,} removals that EmailPostDeliveryEvents has seen are shown"
        if witness
        else ""
    )
    return (
        f"{coverage.rows:,} rows in {settings.lookback_days} days, {last.messages:,} messages in the last day,"
        f" {window.filled:.0%} of all with a delivery action ({window.unknown:.0%} of these in unknown words),"
        f" {window.unattributable:.0%} without recipient or id{removals}"
    )
