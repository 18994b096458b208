"""A worker that stays: indexes the app through the worker library, then calls its functions as it is told.

Run by Python 3.13 as `invoke.py` is: `python tests/worker/serve.py APP_FOLDER`. It reads a JSON object a line, says
`{"line": …}` for each line that the app logs, and at the end of each call `{"status": …, "exception": …}`. A call is
`{"function": name, "body": text, "metadata": {…}}` for a queue's message, or `{"function": name, "timer": {…}}` with a
ScheduleStatus.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.worker import invoke
else:
    import invoke  # from the script's own folder: the project's other files are not to be found


def say(what: dict[str, Any]) -> None:
    """Say it to the host."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Told(logging.Handler):
    """Says each line as it comes; a line that comes from another thread stays whole."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say the line."""
        say({"line": record.getMessage()})


def trigger(call: dict[str, Any]) -> tuple[invoke.HostMessage, dict[str, Any]]:
    """The function's input, and what the host knows of the message beside it."""
    if "timer" in call:
        told = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": call["timer"], "IsPastDue": False})
        return invoke.HostMessage(name="timer", data=invoke.HostMessage(json=told)), {}
    metadata = {name: invoke.HostMessage(string=str(value)) for name, value in call["metadata"].items()}
    return invoke.HostMessage(name=call["argument"], data=invoke.HostMessage(string=call["body"])), metadata


async def serve(folder: str) -> None:
    """Index the app, then call its functions until standard input ends."""
    import azure_functions_runtime as library

    await library.worker_init_request(
        invoke.request("worker_init_request", capabilities={}, function_app_directory=folder)
    )
    metadata = await library.functions_metadata_request(invoke.request("functions_metadata_request"))
    functions = {each.name: each for each in metadata.function_metadata_results or []}
    for each in functions.values():
        await library.function_load_request(
            invoke.request("function_load_request", function_id=each.function_id, metadata=each)
        )
    say({"functions": sorted(functions)})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        call = json.loads(line)
        function = functions[call["function"]]
        bindings = [json.loads(raw) for raw in function.raw_bindings]
        call["argument"] = next(each["name"] for each in bindings if each["type"].endswith("Trigger"))
        data, beside = trigger(call)
        answer = await library.invocation_request(
            invoke.request(
                "invocation_request",
                invocation_id=os.urandom(8).hex(),
                function_id=function.function_id,
                input_data=[data],
                trigger_metadata=beside,
                trace_context=invoke.HostMessage(trace_parent="", trace_state="", attributes={}),
                retry_context=invoke.HostMessage(retry_count=0, max_retry_count=0),
            )
        )
        say(invoke.ended(answer))


def main(folder: str) -> None:
    """Serve the app in the folder."""
    from azure_functions_runtime import start_threadpool_executor, stop_threadpool_executor

    os.chdir(folder)
    sys.path.insert(0, str(Path(folder)))
    logging.getLogger().addHandler(Told())
    logging.getLogger().setLevel(logging.INFO)
    start_threadpool_executor()
    try:
        asyncio.run(serve(folder))
    finally:
        stop_threadpool_executor()


if __name__ == "__main__":
    main(sys.argv[1])
