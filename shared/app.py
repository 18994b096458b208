"""From settings to a receipt: makes the clients, runs one sweep, logs its receipt as one line.

The deployed function and the shell both come through here; whatever happens, one line says how it ended.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared import __version__
from shared.clock import Clock, SystemClock
from shared.model import ALONE, Receipt, RoundEntry, Verdict
from shared.settings import Settings, app_resource_id
from shared.sweep.receipt import as_json, impersonal

if TYPE_CHECKING:
    from shared.http.client import Http
    from shared.http.credential import Credential
    from shared.hunt import HuntOptions
    from shared.incidents.port import Drafts, Incidents
    from shared.incidents.upload import FindingUploads
    from shared.ledger.port import Ledger
    from shared.sweep.context import Parts
    from shared.sweep.report import Report

log = logging.getLogger("sweep")

Telling = Callable[[str], None]
"""Is given what the sweep does now, in a few words."""

_LEVELS = {"sweep_failed": logging.ERROR, "sweep_incomplete": logging.ERROR}
_RED = frozenset(_LEVELS)


def run_sweep(
    settings: Settings,
    *,
    progress: Telling | None = None,
    clock: Clock | None = None,
    notes: Sequence[str] = (),
    run_id: str = "",
    entry: RoundEntry = ALONE,
) -> Report:
    """One sweep under these settings. Raises nothing: what goes wrong is in the receipt, and in the log.

    `notes` are what else the receipt is to say. `run_id` is a new one unless it is given. `entry`: as which of many
    workspaces it runs.
    """
    from shared.sweep.report import Report

    clock = clock or SystemClock()
    started, begun = clock.now(), clock.monotonic()
    run_id = run_id or str(uuid.uuid4())
    try:
        report = _sweep(settings, run_id, clock, progress, entry)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours must not look like silence
        report = Report(_broken(error, settings, run_id, started, clock.monotonic() - begun, entry))
    receipt = impersonal(replace(report.receipt, notes=(*notes, *report.receipt.notes)))
    line = json.dumps(as_json(receipt))
    log.log(_LEVELS.get(receipt.event, logging.INFO), "%s %s", receipt.event, line, extra={"receipt": True})
    return replace(report, receipt=receipt)


def _broken(
    error: Exception, settings: Settings, run_id: str, started: datetime, seconds: float, entry: RoundEntry
) -> Receipt:
    """The receipt of a sweep that ended by a fault of its own, which is logged."""
    # Neither the message nor the values of variables: one of them may hold a secret.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("internal_error %s", json.dumps({"type": type(error).__name__, "where": where}))
    return Receipt(
        run_id=run_id,
        version=__version__,
        settings=settings.fingerprint(),
        workspace=str(settings.sentinel_workspace_id),
        started=started,
        seconds=seconds,
        event="sweep_failed",
        verdict=Verdict.FAILED,
        reasons=(f"internal_error: {type(error).__name__}: a fault of the sweep's own; see internal_error above",),
        dry_run=settings.dry_run,
        round=entry.round,
        workspace_name=entry.name,
    )


def _sweep(settings: Settings, run_id: str, clock: Clock, progress: Telling | None, entry: RoundEntry) -> Report:
    from shared.sweep.run import run

    with opened_parts(settings, run_id, clock, progress, entry=entry) as parts:
        return run(parts)


@contextmanager
def opened_parts(
    settings: Settings,
    run_id: str,
    clock: Clock,
    progress: Telling | None = None,
    *,
    read_only: bool | None = None,
    entry: RoundEntry = ALONE,
) -> Iterator[Parts]:
    """The clients of a sweep, or of a command that does a part of one, until they are closed. They end with the sweep's
    budget, which begins now. `read_only`: the ledger writes nothing; None is as in this sweep.
    """
    from shared.hunt import open_hunt
    from shared.sweep.context import Parts
    from shared.teams.webhook import Webhook

    begun, started = clock.monotonic(), clock.now()
    ends = begun + settings.sweep_budget_seconds
    with ExitStack() as stack:
        credential, http = _signed_in(stack, settings, clock, ends)
        ledger = _ledger(stack, settings, credential, clock, ends, read_only=read_only)
        hunt = stack.enter_context(closing(open_hunt(hunt_options(settings, entry), http, credential)))
        incidents, drafts = _road(settings, http, run_id, started)
        yield Parts(
            settings=settings,
            clock=clock,
            ledger=ledger,
            http=http,
            hunt=hunt,
            incidents=incidents,
            webhook=Webhook(http, settings.teams_webhook_url),
            run_id=run_id,
            started=started,
            begun=begun,
            progress=progress or (lambda _: None),
            app_resource_id=app_resource_id(os.environ),
            drafts=drafts,
            entry=entry,
        )


def _signed_in(stack: ExitStack, settings: Settings, clock: Clock, ends: float) -> tuple[Credential, Http]:
    """Who the app is, and its way out; closed with the stack."""
    from shared.http.client import Http
    from shared.http.credential import sign_in

    credential = stack.enter_context(closing(sign_in(settings.azure_client_id, clock, deadline=lambda: ends)))
    return credential, stack.enter_context(closing(Http(credential, clock=clock, deadline=lambda: ends)))


def _ledger(
    stack: ExitStack, settings: Settings, credential: Credential, clock: Clock, ends: float, *, read_only: bool | None
) -> Ledger:
    from shared.ledger import open_ledger

    dry = settings.dry_run if read_only is None else read_only
    workspace = settings.sentinel_workspace_resource_id
    ledger = open_ledger(settings.ledger_url, workspace, credential, dry, clock=clock, deadline=lambda: ends)
    stack.callback(ledger.close)
    return ledger


def _road(settings: Settings, http: Http, run_id: str, started: datetime) -> tuple[Incidents, Drafts]:
    """How incidents are made with RAISE_BY, and what writes what is sent."""
    from shared.incidents.arm import ArmIncidents
    from shared.incidents.drafts import ArmDrafts
    from shared.incidents.finding_rows import RuleDrafts
    from shared.incidents.rule import RuleIncidents

    workspace = settings.sentinel_workspace_resource_id
    arm = ArmIncidents(http, settings.arm, settings.cloud.arm_audience, workspace)
    if settings.raise_by == "api":
        return arm, ArmDrafts()
    return RuleIncidents(arm, finding_uploads(settings, http)), RuleDrafts(run_id, __version__, started)


def finding_uploads(settings: Settings, http: Http) -> FindingUploads:
    """Where findings are uploaded with RAISE_BY=rule."""
    from shared.incidents.upload import FindingUploads

    audience = settings.cloud.ingestion_audience
    return FindingUploads(http, settings.findings, audience, settings.findings_rule_id, settings.findings_stream)


def hunt_options(settings: Settings, entry: RoundEntry = ALONE) -> HuntOptions:
    """The settings that the hunt needs. Of many workspaces each may also be asked by its ARM path."""
    from shared.hunt import HuntOptions
    from shared.query.endpoint import Endpoint

    return HuntOptions(
        source=settings.hunt_source,
        workspace_id=str(settings.sentinel_workspace_id),
        log_analytics=Endpoint(settings.log_analytics, settings.cloud.log_analytics_audience),
        graph=Endpoint(settings.graph, settings.cloud.graph_audience),
        threshold=settings.sum_case_threshold,
        deduplicate=settings.deduplicate,
        lookback_days=settings.lookback_days,
        max_data_age_hours=settings.max_data_age_hours,
        arm=Endpoint(settings.arm, settings.cloud.arm_audience) if entry.name else None,
        resource_id=settings.sentinel_workspace_resource_id,
        in_round=entry.in_round,
    )


def exit_code(receipt: Receipt) -> int:
    """What the shell's process ends with, and whether the function fails (at 1): the design's table."""
    if receipt.event in _RED:
        return 1
    return 3 if receipt.verdict is Verdict.UNTRUSTED else 0
