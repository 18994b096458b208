"""What the timer does: it sweeps the one workspace of the app settings, or begins a round over many.

Everything that takes time to import is imported when it is needed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from shared.workspaces.file import read_file, referenced

_log = logging.getLogger("sweep")


class SweepUnfinished(Exception):
    """The sweep failed or left effects due. Raised so that the host sees a failure and tries again."""


def fire(past_due: bool, status: Mapping[str, Any]) -> None:
    """Do what the timer is there for. `status` is its `ScheduleStatus`; `past_due`: it fires later than scheduled.

    Raises:
        SettingsInvalid: before any request, with every mistake.
        SweepUnfinished: the verdict is `failed`, or an effect is still due; the host's retry completes it.
        LedgerError, QueueUnavailable: a round was begun half-way; the host's retry goes on with it.
    """
    from shared.settings import SettingsInvalid
    from shared.settings.misspelt import misspelt

    if past_due:
        _log.warning("past_due the timer fires later than scheduled; the sweep runs now")
    doubts = misspelt(os.environ, referenced())  # a webhook of an entry may have a name like a setting
    for doubt in doubts:
        _log.warning("setting_misspelt %s", doubt)
    file = read_file()
    if file.mistakes:  # no empty list: the workspace of the app settings may be one that is not to be swept
        _log.error("settings_invalid %s", json.dumps({"mistakes": list(file.mistakes)}))
        raise SettingsInvalid(list(file.mistakes))
    if file.entries:
        from shared.rounds import begin, slot_of

        begin(slot_of(status))
    else:
        _sweep_alone(doubts)


def _sweep_alone(doubts: Sequence[str]) -> None:
    """Sweep the one workspace of the app settings; its receipt is the log line that `run_sweep` writes."""
    from shared.app import exit_code, run_sweep
    from shared.settings import SettingsInvalid, load

    try:
        settings = load()
    except SettingsInvalid as invalid:
        _log.error("settings_invalid %s", json.dumps({"mistakes": invalid.mistakes}))
        raise
    receipt = run_sweep(settings, notes=doubts).receipt
    if exit_code(receipt) == 1:
        why = "; ".join(receipt.reasons) or f"{receipt.due} effects are still due"
        raise SweepUnfinished(f"{receipt.event}: {why}")
