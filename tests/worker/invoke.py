"""Index the app and invoke `sweep` as the Functions host does, through the worker library that the host runs.

Run by Python 3.13 in the environment `make worker` sets up, in a process of its own (the library's
state is module-level): `python tests/worker/invoke.py APP_FOLDER [times] [--past-due]`. Prints one JSON object.

The host speaks to the library in protobuf messages. Their compiled classes import a top-level package that is also
called `shared`, so ones that only hold attributes stand in for them.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar


class HostMessage:
    """A message: attributes from keywords; one that was never set reads as None, but there is no `TypedData`."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name == "TypedData" or name.startswith("__"):
            raise AttributeError(name)
        return None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 (protobuf's name)
        """The kind of value that is set."""
        return next((kind for kind in ("data", "string", "json", "bytes") if kind in self.__dict__), None)


class BindingInfo(HostMessage):
    """A binding and its direction."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2


class StatusResult(HostMessage):
    """How a request ended."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1


class Protos(SimpleNamespace):
    """The namespace of the messages; those without behaviour are made as they are asked for."""

    def __getattr__(self, name: str) -> type[HostMessage]:
        return type(name, (HostMessage,), {})


PROTOS = Protos(BindingInfo=BindingInfo, StatusResult=StatusResult)


class HostLog(logging.Handler):
    """What the host would hear: a record's level, logger and message, nothing else of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append({"level": record.levelname, "logger": record.name, "message": record.getMessage()})


def request(name: str, **fields: Any) -> HostMessage:
    """A streaming message as the host wraps it."""
    return HostMessage(
        name=name,
        request=HostMessage(**{name: HostMessage(**fields)}),
        properties={"protos": PROTOS, "host": "127.0.0.1"},
    )


def timer(past_due: bool) -> str:
    """What the host's timer hands over."""
    status = {
        "Last": "2026-01-01T06:00:00+00:00",
        "LastUpdated": "2026-01-01T06:00:00+00:00",
        "Next": "2026-01-02T06:00:00+00:00",
    }
    return json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due})


def ended(answer: Any) -> dict[str, Any]:
    """An answer's status, and the exception's text when it is a failure."""
    failed = answer.result.exception
    return {
        "status": answer.result.status,
        "exception": failed.message if failed else None,
        "stack": failed.stack_trace if failed else None,
    }


def described(function: Any) -> dict[str, Any]:
    """A function as it was indexed."""
    retry = function.retry_options
    return {
        "name": function.name,
        "id": function.function_id,
        "bindings": [json.loads(raw) for raw in function.raw_bindings],
        "retry": retry
        and {
            "strategy": retry.retry_strategy,
            "count": retry.max_retry_count,
            "seconds": retry.delay_interval.total_seconds(),
        },
    }


async def host(folder: str, times: int, past_due: bool) -> dict[str, Any]:
    """The host's conversation with its worker, from its start to the last invocation."""
    import azure_functions_runtime as library

    found: dict[str, Any] = {"functions": [], "invocations": []}
    found["init"] = ended(
        await library.worker_init_request(
            request("worker_init_request", capabilities={}, function_app_directory=folder)
        )
    )
    metadata = await library.functions_metadata_request(request("functions_metadata_request"))
    functions = metadata.function_metadata_results or []
    found["functions"] = [described(function) for function in functions]
    found["imported"] = sorted(sys.modules)
    for function in functions:
        loaded = await library.function_load_request(
            request("function_load_request", function_id=function.function_id, metadata=function)
        )
        found["loaded"] = ended(loaded)
    for turn in range(times if functions else 0):
        answer = await library.invocation_request(
            request(
                "invocation_request",
                invocation_id=f"invocation-{turn}",
                function_id=functions[0].function_id,
                input_data=[HostMessage(name="timer", data=HostMessage(json=timer(past_due)))],
                trigger_metadata={},
                trace_context=HostMessage(trace_parent="", trace_state="", attributes={}),
                retry_context=HostMessage(retry_count=0, max_retry_count=0),
            )
        )
        found["invocations"].append(ended(answer))
    return found


def main(arguments: list[str]) -> None:
    """Hold the conversation and print what was found."""
    from azure_functions_runtime import start_threadpool_executor, stop_threadpool_executor

    past_due = "--past-due" in arguments
    folder, *times = [argument for argument in arguments if not argument.startswith("--")]
    os.chdir(folder)
    sys.path.insert(0, str(Path(folder)))
    heard = HostLog()
    logging.getLogger().addHandler(heard)
    logging.getLogger().setLevel(logging.DEBUG if "--debug" in arguments else logging.INFO)
    start_threadpool_executor()
    try:
        found = asyncio.run(host(folder, int(times[0]) if times else 1, past_due))
    finally:
        stop_threadpool_executor()
    print(json.dumps({**found, "logs": heard.lines}))


if __name__ == "__main__":
    main(sys.argv[1:])
