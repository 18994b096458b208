"""What is asked of mutmut: which mutants there are, to run them, how each ended, and what each changed.

mutmut reads its settings from the current folder, so all of these want it to be the one that `prepare` made.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.results import MutantOutcome, MutantResult

_SEED = 0
_RUN = "from mutmut.__main__ import cli; cli()"  # as a module it would be loaded twice
_SPINNER = re.compile("^[\u2800-\u28ff] ?")  # mutmut's: letters of Braille
_OUTCOMES = {
    "killed": MutantOutcome.KILLED,
    "caught by type check": MutantOutcome.TYPES,
    "timeout": MutantOutcome.TIMEOUT,
    "survived": MutantOutcome.SURVIVED,
    "no tests": MutantOutcome.UNTESTED,
}


class NotFinished(Exception):
    """mutmut ended before it was done; says how, with the last it wrote."""


def names(sources: Sequence[Path]) -> list[str]:
    """Every mutant that mutmut makes of these files."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    return sorted(
        str(get_mutant_name(source, name))
        for source in sources
        for name in mutate_file_contents(str(source), source.read_text(encoding="utf-8")).mutant_names
    )


def drawn_sample(every: Sequence[str], size: int | None) -> list[str]:
    """So many of them, the same each time; all when there are no more, or when `size` is None."""
    if size is None or size >= len(every):
        return list(every)
    return sorted(random.Random(_SEED).sample(list(every), size))


def last_lines(log: str) -> list[str]:
    """The last forty lines that say something; of a spinner that turned, one."""
    lines = [_SPINNER.sub("", line).rstrip() for line in log.replace("\r", "\n").splitlines()]
    told = [line for line, before in zip(lines, ["", *lines], strict=False) if line and line != before]
    return told[-40:]


def run(chosen: Sequence[str]) -> None:
    """Run the mutants; none named are all. Everything mutmut writes is kept in `mutmut.log`, and shown on a terminal.

    Raises:
        NotFinished: the tests fail on the unchanged code, for one.
    """
    log = Path("mutmut.log")
    shown = sys.stderr.isatty()
    with (
        log.open("wb") as kept,
        subprocess.Popen(
            [sys.executable, "-u", "-c", _RUN, "run", *chosen],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        ) as process,
    ):
        assert process.stdout is not None
        while piece := process.stdout.read(4096):
            kept.write(piece)
            if shown:
                sys.stderr.buffer.write(piece)
                sys.stderr.flush()
    if process.returncode:
        last = "\n".join(last_lines(log.read_text(encoding="utf-8", errors="replace")))
        raise NotFinished(
            f"{last}\nmutmut ended with exit code {process.returncode}; all it wrote is in {log.absolute()}"
        )


def results(sources: Sequence[Path], chosen: Sequence[str]) -> list[MutantResult]:
    """How each of the chosen mutants ended, with what those that survived had changed."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    wanted = set(chosen)
    found = []
    for source in sources:
        meta = Path("mutants", f"{source}.meta")
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.exists() else {}
        for name, code in codes.items():
            if name in wanted:
                outcome = _OUTCOMES.get(status_by_exit_code[code], MutantOutcome.NOT_RUN)
                diff = "" if outcome.caught else str(get_diff_for_mutant(name, path=source))
                found.append(MutantResult(source, name, outcome, diff))
    missing = wanted - {each.name for each in found}
    if missing:
        raise NotFinished(
            f"mutmut made no mutant {', '.join(sorted(missing)[:5])} (of {len(missing)}) that it had listed"
        )
    return found
