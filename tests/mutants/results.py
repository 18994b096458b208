"""How mutants ended: the share that was caught, the table, and each survivor with its file and line."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class MutantOutcome(Enum):
    """How a mutant ended; the values are the table's columns."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    UNTESTED = "no test"
    NOT_RUN = "not run"
    TYPES = "types"

    @property
    def caught(self) -> bool:
        """Whether anything noticed it."""
        return self in (MutantOutcome.KILLED, MutantOutcome.TIMEOUT, MutantOutcome.TYPES)


@dataclass(frozen=True, slots=True)
class MutantResult:
    """One mutant: in which file, how it ended and, when nothing caught it, its diff (lines count from its function)."""

    source: Path
    name: str
    outcome: MutantOutcome
    diff: str = ""


def score(outcomes: Iterable[MutantOutcome]) -> float:
    """The share that the tests caught, of those that mypy accepts. 1 when there are none.

    What mypy refuses is no change that anyone could make, and says nothing about the tests.
    """
    counted = Counter(outcomes)
    tried = counted.total() - counted[MutantOutcome.TYPES]
    return (counted[MutantOutcome.KILLED] + counted[MutantOutcome.TIMEOUT]) / tried if tried else 1.0


def score_table(results: Sequence[MutantResult]) -> str:
    """A line per module and one for all."""
    sources = sorted({each.source for each in results})
    width = max((len(str(source)) for source in sources), default=0)
    heads = ["mutants", *(each.value for each in MutantOutcome), "caught"]
    lines = [f"{'module':{width}}  " + "  ".join(f"{head:>8}" for head in heads)]
    for label, chosen in (
        *((str(source), [each.outcome for each in results if each.source == source]) for source in sources),
        ("all", [each.outcome for each in results]),
    ):
        counted = Counter(chosen)
        numbers = [len(chosen), *(counted[each] for each in MutantOutcome)]
        cells = [f"{number:>8}" for number in numbers] + [f"{score(chosen):>8.1%}"]
        lines.append(f"{label:{width}}  " + "  ".join(cells))
    return "\n".join(lines)


def changed_line(diff: str, source: str, function: str) -> int:
    """The number of the first line that a diff changes in `source`; the diff counts from where `function` begins.

    0 when the diff does not fit the source.
    """
    old: list[str] = []
    first = 0
    for line in diff.splitlines():
        if line.startswith("@@") and old:
            break
        if line.startswith(("---", "+++", "@@")):
            continue
        if line.startswith(("-", "+")) and not first:
            first = len(old) + 1
        if not line.startswith("+"):
            old.append(line[1:].strip())
    lines = [line.strip() for line in source.splitlines()]
    begins = [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    ]
    for begin in sorted(begins):
        for at in range(begin - 1, len(lines) - len(old) + 1):
            if lines[at : at + len(old)] == old:
                return at + first
    return 0


def not_mutated(source: str) -> list[str]:
    """The functions that mutmut leaves as they are: those with a decorator that it cannot copy."""
    return [
        f"{node.name} (line {node.lineno})"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.decorator_list
        and [ast.unparse(each) for each in node.decorator_list] not in (["staticmethod"], ["classmethod"])
    ]
