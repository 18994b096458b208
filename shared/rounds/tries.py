"""An entry of a round: its tries, each counted before it begins, and its end."""

from __future__ import annotations

import logging
from dataclasses import replace

from shared.model import EntryEnd, EntryTold, Receipt, RoundEntry
from shared.rounds.decide import (
    MOST_TRIES,
    Next,
    after_try,
    begun_try,
    entry_ended,
    next_of_entry,
    uncounted,
    without_receipt,
)
from shared.rounds.parts import RoundParts, log_line
from shared.rounds.rows import EntryTries
from shared.rounds.tell import tell_if_over
from shared.rounds.unfinished import RoundUnfinished
from shared.settings import Settings, SettingsInvalid
from shared.teams import run_link
from shared.workspaces.entries import WorkspaceEntry, Workspaces

_SKIPPED = "sweep_skipped"


def try_entry(parts: RoundParts, round_id: str, name: str) -> None:
    """Sweep this entry of a round, unless it has ended or was tried too often. Raises RoundUnfinished."""
    store = parts.store
    state, progress, tries = store.state(), store.progress(round_id), store.tries(round_id, name)
    if next_of_entry(round_id, state, progress, tries, there=True) is Next.END or tries is None:
        return
    entries = parts.workspaces()
    entry = entries.get(name)
    step = next_of_entry(round_id, state, progress, tries, there=entry is not None)
    if step is Next.REMOVED or entry is None:
        ended: EntryTold | None = without_receipt(tries, EntryEnd.REMOVED)
    else:
        settings = _settings(entry, round_id)
        if isinstance(settings, SettingsInvalid):
            ended = without_receipt(tries, EntryEnd.FAILED, *settings.mistakes, event="settings_invalid")
        elif step is Next.ABANDON:
            ended = _abandoned(parts, round_id, settings, tries)
        else:
            shares = _on_the_rounds_card(parts, entries, entry)
            ended = _swept(parts, RoundEntry(name, round_id, shares_channel=shares), settings)
    if ended is not None:
        store.end(round_id, ended)
        tell_if_over(parts, round_id)


def sweep_by_hand(parts: RoundParts, name: str) -> None:
    """Sweep this workspace outside of a round. How it ended is in its receipt. Raises RoundUnfinished."""
    entries = parts.workspaces()
    entry = entries.get(name)
    if entry is None:
        log_line("workspace_unknown", {"workspace_name": name[:40]}, logging.ERROR)
        return
    settings = _settings(entry)
    if isinstance(settings, SettingsInvalid):
        return
    receipt = parts.sweep(settings, RoundEntry(name, shares_channel=_on_the_rounds_card(parts, entries, entry)))
    if receipt.event == _SKIPPED:
        raise RoundUnfinished(f"{name}: another sweep of this workspace is at work; this one comes back")


def _settings(entry: WorkspaceEntry, round_id: str = "") -> Settings | SettingsInvalid:
    """The entry's settings, or its mistakes, which are logged."""
    try:
        return entry.settings()
    except SettingsInvalid as invalid:
        fields = {"mistakes": invalid.mistakes, "round": round_id, "workspace_name": entry.name}
        log_line("settings_invalid", fields, logging.ERROR)
        return invalid


def _abandoned(parts: RoundParts, round_id: str, settings: Settings, tries: EntryTries) -> EntryTold:
    """How the entry ended: none of its tries will. Raises RoundUnfinished when one may."""
    alive = parts.at_work(settings)
    # Asking takes its time: what was counted may have been the try of a worker that found the lease held.
    since = parts.store.tries(round_id, tries.name)
    if alive or since is None or since.tries < MOST_TRIES:
        raise RoundUnfinished(f"{tries.name}: its last try is still at work; the message comes back")
    fields = {"round": round_id, "workspace_name": tries.name, "tries": tries.tries}
    log_line("sweep_abandoned", fields, logging.ERROR)
    return without_receipt(tries, EntryEnd.ABANDONED)


def _swept(parts: RoundParts, entry: RoundEntry, settings: Settings) -> EntryTold | None:
    """One try; how the entry ended with it, None when it had ended before the try began."""
    store, name, round_id = parts.store, entry.name, entry.round
    tries = store.change_tries(round_id, name, lambda each: begun_try(each, parts.clock.now()))
    if tries is None:
        return None
    receipt = parts.sweep(settings, replace(entry, since=tries.since))
    if receipt.event == _SKIPPED:
        store.change_tries(round_id, name, uncounted)
        raise RoundUnfinished(f"{name}: another sweep of this workspace is at work; the message comes back")
    ended = entry_ended(after_try(tries, receipt), receipt, _run_url(parts, receipt))
    if ended is None:
        store.change_tries(round_id, name, lambda each: after_try(each, receipt))
        why = "; ".join(receipt.reasons) or f"{receipt.due} effects are still due"
        raise RoundUnfinished(f"{name}: {receipt.event}, try {tries.tries}, tried again in ten minutes: {why}")
    return ended


def _run_url(parts: RoundParts, receipt: Receipt) -> str:
    return run_link(parts.settings.cloud.portal, parts.app_resource_id, receipt.run_id, receipt.started)


def _on_the_rounds_card(parts: RoundParts, entries: Workspaces, entry: WorkspaceEntry) -> bool:
    """Whether what an entry would tell of itself goes on the round's card: it shares its channel, and there is one."""
    return parts.webhook is not None and entries.shares_channel(entry)
