"""Microsoft's own KQL parser and binder, from npm, over the queries of a test."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_NPM = Path(__file__).parents[1] / "npm"


Tables = Mapping[str, Mapping[str, str]]
"""The columns, name to KQL type, of each table of a workspace."""


def parse(batches: Sequence[tuple[Tables, Sequence[str]]]) -> list[list[dict[str, Any]]]:
    """For each query its `diagnostics`, the `strings` it holds as data, and its result's `columns` (name to type).

    The parser takes seconds to start: ask for much at once.
    """
    if not (_NPM / "node_modules").is_dir():
        raise RuntimeError("tests/npm is not installed; run `make test`, or `npm ci` in tests/npm")
    done = subprocess.run(
        ["node", str(_NPM / "kql.js")],
        input=json.dumps(batches),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return answers
