"""The deployed functions: the timer `sweep`, and, where `workspaces.json` lists workspaces, the queue's `work`.

Everything else is imported when they fire, to keep the start quick. An app whose packages do not fit its Python raises
here and lists no function: `azd deploy` then reports it.
"""

from pathlib import Path

import azure.functions as func

from shared.deployed_packages import require
from shared.logs import quiet
from shared.workspaces.file import has_entries

quiet()
require(Path(__file__).with_name("requirements.txt"))
app = func.FunctionApp()


@app.function_name("sweep")
@app.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%", use_monitor=True, run_on_startup=False)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:10:00")
def sweep(timer: func.TimerRequest) -> None:
    """Run one sweep, or begin a round over many workspaces; raises what `shared.timer.fire` raises."""
    from shared.timer import fire

    fire(timer.past_due, getattr(timer, "schedule_status", {}))  # the library's type leaves the status out


if has_entries():  # a deployment for one workspace has no queue, and a trigger without one would break the host

    @app.function_name("work")
    @app.queue_trigger(arg_name="message", queue_name="sweep-work", connection="AzureWebJobsStorage")
    def work(message: func.QueueMessage) -> None:
        """Do what a message of a round asks: sweep one workspace, or go on with the round.

        Raises:
            RoundUnfinished: the message comes back after ten minutes, as after any other exception.
        """
        from shared.rounds import work as do

        do(message.get_body())
