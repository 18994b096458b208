"""The deployed functions: the timer `sweep`, and, where `workspaces.json` lists workspaces, the queue's `work`.

Everything else is imported when they fire, to keep the start quick.

An app whose packages do not fit its Python raises here and lists no function: `azd deploy` then reports it.
"""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import azure.functions as func

from shared.deployed_packages import require
from shared.logs import quiet
from shared.workspaces.file import has_entries, read_file

quiet()
require(Path(__file__).with_name("requirements.txt"))
app = func.FunctionApp()


class SweepUnfinished(Exception):
    """The sweep failed or left effects due. Raised so that the host sees a failure and tries again."""


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", use_monitor=True, run_on_startup=False)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:10:00")
def sweep(timer: func.TimerRequest) -> None:
    """Run one sweep, whose receipt is a log line; where there are many workspaces, begin the round that sweeps them.

    Raises:
        SettingsInvalid: before any request, with every mistake.
        SweepUnfinished: the verdict is `failed`, or an effect is still due; the host's retry completes it.
        LedgerError, QueueUnavailable: the round was begun half-way; the host's retry goes on with it.
    """
    from shared.settings import SettingsInvalid
    from shared.settings.misspelt import misspelt

    log = logging.getLogger("sweep")
    if timer.past_due:
        log.warning("past_due the timer fires later than scheduled; the sweep runs now")
    doubts = misspelt(os.environ)
    for doubt in doubts:
        log.warning("setting_misspelt %s", doubt)
    file = read_file()
    if file.mistakes:  # never taken for an empty list: the workspace of the settings may be one that is not to be swept
        log.error("settings_invalid %s", json.dumps({"mistakes": list(file.mistakes)}))
        raise SettingsInvalid(list(file.mistakes))
    if not file.entries:
        sweep_alone(doubts)
        return

    from shared.rounds import begin, slot_of

    begin(slot_of(getattr(timer, "schedule_status", {})))  # azure-functions' type leaves it out


def sweep_alone(doubts: Sequence[str]) -> None:
    """Sweep the one workspace of the app settings; raises as `sweep` does."""
    from shared.app import exit_code, run_sweep
    from shared.settings import SettingsInvalid, load

    try:
        settings = load()
    except SettingsInvalid as invalid:
        logging.getLogger("sweep").error("settings_invalid %s", json.dumps({"mistakes": invalid.mistakes}))
        raise

    receipt = run_sweep(settings, notes=doubts).receipt
    if exit_code(receipt) == 1:
        why = "; ".join(receipt.reasons) or f"{receipt.due} effects are still due"
        raise SweepUnfinished(f"{receipt.event}: {why}")


if has_entries():  # a deployment for one workspace has no queue, and a trigger without one would break the host

    @app.function_name("work")
    @app.queue_trigger(arg_name="message", queue_name="sweep-work", connection="AzureWebJobsStorage")
    def work(message: func.QueueMessage) -> None:
        """Do what a message of the round asks: sweep one workspace, or go on with the round.

        Raises:
            RoundUnfinished: the message comes back after ten minutes, as after any other exception.
        """
        from shared.rounds import work as do

        do(message.get_body())
