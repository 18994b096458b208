"""What a card needs to know of the sweep beside its entries, and the sweep's verdict. Pure but for the clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from shared.model import Action, Campaign, Reason, Verdict
from shared.sweep import portals
from shared.sweep.context import Context
from shared.sweep.deliver import Delivered
from shared.sweep.describe import Words
from shared.sweep.gather import Hunted
from shared.sweep.reconcile import Reconciled
from shared.teams import Situation, incidents_link, run_link, workbooks_link

GROWN = (Reason.GREW, Reason.COMMENTS_FULL)
STANDING = (Reason.STANDING, Reason.ESCALATED, *GROWN)
_NOT_COUNTED = frozenset({Reason.EXCLUDED, Reason.RESTING})
QUIET = frozenset({Reason.SETTLED, Reason.EXCLUDED, Reason.RESTING})


def verdict_of(hunted: Hunted, found: Reconciled, delivered: Delivered, *, due: int, done: int) -> Verdict:
    """`clean` only for trusted data in which nothing is left that is not settled or excluded, nor anything held, and
    when our incidents could be read.

    Nor while so many effects are `due`, nor in a sweep that has `done` anything about a finding, raised or told it.
    """
    if hunted.failed is not None:
        return Verdict.FAILED
    if hunted.doubts:
        return Verdict.UNTRUSTED
    left = any(action.reason not in QUIET for action in delivered.actions.values())
    unplanned = hunted.findings.keys() - delivered.actions.keys()
    busy = left or unplanned or found.unread or due or done or delivered.held_unremembered
    return Verdict.FLAGGED if busy else Verdict.CLEAN


def reasons_of(actions: dict[str, Action]) -> Counter[Reason]:
    """How many recipients were planned for each reason."""
    return Counter(action.reason for action in actions.values())


def situation_of(
    context: Context, hunted: Hunted, found: Reconciled, delivered: Delivered, described: Words
) -> Situation:
    """The sweep as its cards describe it."""
    settings, parts = context.settings, context.parts
    reasons = reasons_of(dict(delivered.actions))
    workspace = settings.sentinel_workspace_resource_id
    run_url, workbook_url = _links_of_the_deployment(context)
    causes = {cause.id: cause for cause in delivered.due.values()}
    why = [*((hunted.failed,) if hunted.failed else hunted.doubts), *((found.unread,) if found.unread else ())]
    return Situation(
        workspace=workspace.rsplit("/", 1)[-1],
        now=context.now(),
        verdict=verdict_of(hunted, found, delivered, due=delivered.due_effects, done=0),
        threshold=settings.sum_case_threshold,
        high=settings.high_severity_threshold,
        window=parts.window,
        coverage=hunted.coverage,
        reasons=tuple(cause.text for cause in why),
        causes=tuple(causes.values()),
        standing=reasons[Reason.STANDING],
        settled=reasons[Reason.SETTLED],
        held=reasons[Reason.HELD],
        held_unremembered=delivered.held_unremembered,
        excluded=reasons[Reason.EXCLUDED],
        due=delivered.due_effects,
        mentions=settings.teams_mentions,
        incidents_url=incidents_link(settings.cloud.portal, workspace),
        run_url=run_url,
        run_id=parts.run_id,
        remarks=(*portals.to_tell(context), *hunted.remarks),
        campaigns=tuple(_shown(each, settings.card_subjects) for each in described.campaigns),
        flagged=sum(number for reason, number in reasons.items() if reason not in _NOT_COUNTED),
        looked_up=sum(1 for origin in described.origins.values() if origin.domains or origin.groups),
        grown=sum(reasons[each] for each in GROWN),
        workbook_url=workbook_url,
        runbook_url=settings.runbook_url,
        name=parts.entry.name,
    )


def _links_of_the_deployment(context: Context) -> tuple[str, str]:
    """This run's log and the workbook; none of many workspaces, whose cards go to customers."""
    settings, parts = context.settings, context.parts
    if parts.entry.name:
        return "", ""
    portal = settings.cloud.portal
    return (
        run_link(portal, parts.app_resource_id, parts.run_id, parts.started),
        workbooks_link(portal, settings.sentinel_workspace_resource_id),
    )


def _shown(campaign: Campaign, subjects: bool) -> Campaign:
    """As cards may show it: with CARD_SUBJECTS, or its domain only."""
    return campaign if subjects else replace(campaign, sender="", subject="")
