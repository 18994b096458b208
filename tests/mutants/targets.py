"""Which tests run against which package, and how many mutants they must catch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class Unusable(Exception):
    """What was asked for cannot be run; says what was expected."""


@dataclass(frozen=True, slots=True)
class Target:
    """A package of `shared/`, with patterns of the tests that run against it.

    Patterns that match nothing are left out. Below `least` (a share of the mutants) the run fails. `without` are files
    and tests that are not run: what starts the code in a process elsewhere, where there are no mutants.
    """

    package: str
    tests: tuple[str, ...]
    least: float = 0.0
    without: tuple[str, ...] = ()

    def test_paths(self, root: Path) -> list[str]:
        """The tests that are there, relative to `root`.

        Raises:
            Unusable: there are none: every mutant would survive.
        """
        found = sorted({path.relative_to(root).as_posix() for each in self.tests for path in root.glob(each)})
        if not found:
            raise Unusable(f"no tests for {self.package}: none of {', '.join(self.tests)} is there")
        return found

    def sources(self, root: Path) -> list[Path]:
        """The package's modules, relative to `root`.

        Raises:
            Unusable: there are none.
        """
        found = sorted(path.relative_to(root) for path in (root / "shared" / self.package).rglob("*.py"))
        if not found:
            raise Unusable(f"shared/{self.package} holds no Python file")
        return found


TARGETS = (
    Target("plan", ("tests/plan",), least=0.97),
    # A mutant that nothing notices runs all of these, for minutes. Left out is what takes long for what else it shows:
    # the crash series and the doubled timers, which fork their sweeps, and what the receipt quotes.
    Target(
        "sweep",
        ("tests/sweep",),
        without=tuple(
            f"tests/sweep/test_{each}.py"
            for each in (
                *("crash", "crash_rule", "two_sweeps", "two_sweeps_rule", "rate_limit", "quiet", "quoted", "secrets"),
                *("histories_wire", "histories_rule_wire", "schema1"),
            )
        ),
    ),
    Target(
        "ledger", ("tests/ledger",), without=("tests/ledger/test_dry_run_files.py::test_the_shell_makes_no_file",)
    ),
)  # fmt: skip


def target(package: str) -> Target:
    """The target of that name.

    Raises:
        Unusable: there is none.
    """
    for each in TARGETS:
        if each.package == package:
            return each
    raise Unusable(f"OF: expected one of {', '.join(each.package for each in TARGETS)}, not {package!r}")


def sample_size(text: str) -> int | None:
    """How many mutants to try, None for all ("").

    Raises:
        Unusable: not a whole number above 0.
    """
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise Unusable(f"SAMPLE: expected a whole number above 0, such as 200, not {text!r}")
    return int(text)
