# ruff: noqa: T201 - it prints: it is a command
"""Change a package in many small ways, and see which changes no test notices: `python -m tests.mutants plan [SAMPLE]`.

Exit code 1 when too many survive, when something could not be run, and when the command is wrong.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.results import MutantOutcome, MutantResult, changed_line, not_mutated, score, score_table
from tests.mutants.targets import Target, Unusable, sample_size, target
from tests.mutants.tool import NotFinished, drawn_sample, names, results, run
from tests.mutants.workplace import prepare

_ROOT = Path(__file__).resolve().parent.parent.parent


def _shown(result: MutantResult) -> str:
    """A mutant that nothing caught: where it is, how it ended, what it changed."""
    function = result.name.rpartition(".")[2].partition("__mutmut_")[0].removeprefix("x_").rpartition("ǁ")[2]
    line = changed_line(result.diff, result.source.read_text(encoding="utf-8"), function)
    changed = [each for each in result.diff.splitlines() if not each.startswith(("---", "+++", "@@"))]
    return "\n".join([f"{result.source}:{line or '?'} in {function}: {result.outcome.value} ({result.name})", *changed])


def not_tried(sources: Sequence[Path], found: Sequence[MutantResult]) -> list[str]:
    """What no mutant stands for, a sentence each."""
    lines = ["Code outside functions (constants, tables, class bodies) is not mutated."]
    for source in sources:
        left = not_mutated(source.read_text(encoding="utf-8"))
        if left:
            lines.append(f"{source}: not mutated, for their decorators: {', '.join(left)}.")
    broken = [each.name for each in found if each.outcome is MutantOutcome.NOT_RUN]
    if broken:
        lines.append(f"{len(broken)} mutants did not run to an end; they count as survivors: {', '.join(broken)}.")
    return lines


def verdict(of: Target, found: Sequence[MutantResult]) -> tuple[str, int]:
    """The last line, and the exit code."""
    reached = score(each.outcome for each in found)
    said = f"shared/{of.package}: {reached:.1%} of the mutants that mypy accepts are caught"
    if not found:
        return f"shared/{of.package}: mutmut found nothing to change", 1
    if reached < of.least:
        return f"{said}; expected at least {of.least:.0%}: write tests that fail for the survivors above", 1
    if any(each.outcome is MutantOutcome.NOT_RUN for each in found):
        return f"{said}, but not all ran", 1
    return said, 0


def main(package: str, size: str = "") -> int:
    """Run, and print what came out. The exit code."""
    begun = time.monotonic()
    try:
        of, wanted = target(package), sample_size(size)
        place = prepare(_ROOT, of)
        with contextlib.chdir(place):
            sources = of.sources(place)
            every = names(sources)
            chosen = drawn_sample(every, wanted)
            tests = ", ".join(of.test_paths(place / "mutants"))
            print(f"{len(chosen)} of {len(every)} mutants of shared/{package}, against {tests}", flush=True)
            run(chosen if len(chosen) < len(every) else [])
            found = results(sources, chosen)
            for each in found:
                if not each.outcome.caught:
                    print(f"\n{_shown(each)}")
            print("\n*** NOT TRIED ***", *not_tried(sources, found), sep="\n")
    except (Unusable, NotFinished) as problem:
        print(problem, file=sys.stderr)
        return 1
    said, code = verdict(of, found)
    print(f"\n{score_table(found)}\n\n{said} ({time.monotonic() - begun:.0f} s)")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
