"""The deployed function: one timer, `sweep`. Everything else is imported when it fires, to keep the start quick.

An app whose packages do not fit its Python raises here and lists no function: `azd deploy` then reports it.
"""

import json
import logging
import os
from pathlib import Path

import azure.functions as func

from shared.deployed_packages import require
from shared.logs import quiet

quiet()
require(Path(__file__).with_name("requirements.txt"))
app = func.FunctionApp()


class SweepUnfinished(Exception):
    """The sweep failed or left effects due. Raised so that the host sees a failure and tries again."""


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", use_monitor=True, run_on_startup=False)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:10:00")
def sweep(timer: func.TimerRequest) -> None:
    """Run one sweep; its receipt is the log line that `shared.app.run` writes.

    Raises:
        SettingsInvalid: before any request, with every mistake.
        SweepUnfinished: the verdict is `failed`, or an effect is still due; the host's retry completes it.
    """
    from shared.settings import SettingsInvalid, load
    from shared.settings.misspelt import misspelt

    log = logging.getLogger("sweep")
    if timer.past_due:
        log.warning("past_due the timer fires later than scheduled; the sweep runs now")
    doubts = misspelt(os.environ)
    for doubt in doubts:
        log.warning("setting_misspelt %s", doubt)
    try:
        settings = load()
    except SettingsInvalid as invalid:
        log.error("settings_invalid %s", json.dumps({"mistakes": invalid.mistakes}))
        raise

    from shared.app import exit_code, run_sweep

    receipt = run_sweep(settings, notes=doubts).receipt
    if exit_code(receipt) == 1:
        why = "; ".join(receipt.reasons) or f"{receipt.due} effects are still due"
        raise SweepUnfinished(f"{receipt.event}: {why}")
