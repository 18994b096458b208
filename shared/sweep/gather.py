"""What a sweep gathers before it plans: who it is, what the table holds, who is over the threshold, and whether to
trust it. A hunt that was not answered in full is a value, not an exception; its rows are discarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.errors import PartialData, SweepError, Throttled, Unavailable
from shared.hunt import Hunt
from shared.model import Cause, Coverage, Finding, Slot, WorkspaceState
from shared.plan.trust import TrustOptions, judge
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.measure import earlier_measure
from shared.sweep.words import new_words

REMEMBERED = timedelta(days=35)
"""Earlier receipts of so many days say when sweeps ran, and which words have been in the table before."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """What the hunt found. `failed` says why it could not be answered in full; then there are no findings.

    `doubts` say why the data cannot be trusted, `remarks` what receipt and cards should mention of it. `history_days`:
    so many earlier days are a measure, None when it was not judged; `measure`: they, for later sweeps. `words`: those
    that look like a removal, are not counted, and were in no earlier day's sweep. `sweeps`: when the earlier ones of
    the last weeks started, ISO 8601.
    """

    findings: Mapping[str, Finding] = field(default_factory=dict)
    coverage: Coverage | None = None
    doubts: tuple[Cause, ...] = ()
    failed: Cause | None = None
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    history_days: int | None = None
    measure: tuple[Slot, ...] = ()
    words: tuple[str, ...] = ()
    sweeps: tuple[str, ...] = ()


def check_access(context: Context) -> tuple[Cause | None, tuple[str, ...]]:
    """Why nothing can be asked or written, None when all is well; and notes for the receipt.

    Without a token nothing can be done: one request shows that, and it is reported once. The GUID that is queried and
    the resource that is written to must be one workspace; checked once for each GUID. The ledger is the resource's own:
    a sweep with another resource id has another ledger, and checks there. Of many workspaces none is written to that
    could not be checked: its two ids may be of two customers.
    """
    settings, parts = context.settings, context.parts
    parts.progress("signing in")
    try:
        parts.http.sign_in(settings.cloud.arm_audience)
    except SweepError as error:
        return _trip(context, cause_of(error)), ()
    wanted = str(settings.sentinel_workspace_id).lower()
    if context.ledger.state.checked_guid == wanted:
        return None, ()
    try:
        guid = parts.incidents.workspace_guid()
    except SweepError as error:
        if parts.entry.name:
            return _trip(context, _unconfirmed(error)), ()
        # A role may cover the incidents and not the workspace itself: that says nothing about them.
        return None, (f"could not check that the workspace settings are of one workspace: {error}",)
    if guid.lower() != wanted:
        text = (
            f"SENTINEL_WORKSPACE_ID is {wanted}, but the workspace of SENTINEL_WORKSPACE_RESOURCE_ID has the id {guid}:"
            " set both to the same workspace"
        )
        return _trip(context, Cause("workspace_mismatch", text)), ()
    context.ledger.save_state(checked_guid=wanted)
    return None, ()


def _unconfirmed(error: SweepError) -> Cause:
    """Why nothing is written; what may be well in some minutes keeps its own cause, for it is tried again."""
    if isinstance(error, Throttled | Unavailable | PartialData):
        return cause_of(error)
    text = (
        "it could not be checked that the two workspace ids are of one workspace, so nothing was asked or written."
        " The app's identity needs to read the workspace itself (Microsoft.OperationalInsights/workspaces/read, which"
        f" Microsoft Sentinel Responder grants on it; in another tenant the delegation does): {error}"
    )
    return replace(cause_of(error), id="workspace_unconfirmed", text=text)


def _trip(context: Context, cause: Cause) -> Cause:
    context.breaker.trip(cause)
    return cause


def trust_options(hunt: Hunt, state: WorkspaceState) -> TrustOptions:
    """What the judgement needs of the hunt's options, and of what an operator has accepted."""
    options = hunt.options
    return TrustOptions(
        options.source, options.lookback_days, options.max_data_age_hours, state.accepted_coverage_since
    )


def gather(context: Context, failed: Cause | None) -> Hunted:
    """Coverage, findings, the second witness, and whether to trust them; nothing is asked when it has `failed` already.

    The witness comes last: it can be missing, and the findings should not wait for it.
    """
    parts = context.parts
    history = parts.ledger.receipts((parts.started - REMEMBERED).date())
    sweeps = tuple(str(receipt.get("started", "")) for receipt in history)
    if failed is not None:
        return Hunted(failed=failed, sweeps=sweeps)
    hunt, window = parts.hunt, parts.window
    coverage: Coverage | None = None
    try:
        parts.progress("measuring coverage")
        coverage = hunt.coverage(window)
        if hunt.ways is not None and hunt.ways.by != context.ledger.state.query_by:
            context.ledger.save_state(query_by=hunt.ways.by)  # asked first by the next sweep
        parts.progress("hunting")
        findings = {finding.recipient: finding for finding in hunt.findings(window)}
        for finding in findings.values():
            finding.evidence()  # a malformed list is found out before anything is planned on it
    except SweepError as error:
        return Hunted(coverage=coverage, failed=cause_of(error), sweeps=sweeps)
    parts.progress("asking the second witness")
    coverage, unasked = hunt.with_witness(window, coverage)
    earlier = earlier_measure(history, hunt.options.source)
    trust = judge(coverage, trust_options(hunt, context.ledger.state), parts.started, earlier)
    return Hunted(
        findings,
        coverage,
        tuple(Cause(doubt.cause, str(doubt)) for doubt in trust.reasons),
        notes=(*hunt.notes, *((unasked,) if unasked else ())),
        remarks=trust.notes,
        measure=trust.measure,
        history_days=trust.history_days,
        words=new_words(coverage.suspicious, history, parts.started.date()),
        sweeps=sweeps,
    )
