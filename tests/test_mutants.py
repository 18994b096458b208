"""Mutation testing: it finds the tests, says what it did not try, and fails when too much goes unnoticed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutants.results import MutantOutcome, MutantResult, changed_line, not_mutated, score, score_table
from tests.mutants.targets import TARGETS, Target, Unusable, sample_size, target
from tests.mutants.tool import drawn_sample, last_lines
from tests.mutants.workplace import prepare

ROOT = Path(__file__).resolve().parent.parent
PLAN = Target("plan", ("tests/plan", "tests/test_plan*.py"), least=0.97)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one package, in a folder with blanks and umlauts."""
    root = tmp_path / "ein Ordner für äöü"
    for name in ("shared/plan/decide.py", "tests/plan/test_decide.py", ".env", "tests/npm/node_modules/large.js"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("", encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\ntimeout = 120\n", encoding="utf-8")
    return root


@pytest.mark.parametrize("each", TARGETS, ids=lambda each: each.package)
def test_every_target_has_code_and_tests(each: Target) -> None:
    """Each package that can be named is there, and so are tests for it."""
    assert each.sources(ROOT)
    assert each.test_paths(ROOT)


def test_the_tests_are_those_that_are_there(project: Path) -> None:
    """A folder, a file or both: what is not there is left out, and without any nothing runs."""
    assert PLAN.test_paths(project) == ["tests/plan"]
    (project / "tests/test_plan_words.py").touch()
    assert PLAN.test_paths(project) == ["tests/plan", "tests/test_plan_words.py"]
    shutil.rmtree(project / "tests")
    with pytest.raises(Unusable, match="no tests for plan: none of tests/plan, tests/test_plan"):
        prepare(project, PLAN)


def test_a_package_without_code_is_refused(project: Path) -> None:
    """Nothing to change is a mistake, no success."""
    (project / "shared/plan/decide.py").unlink()
    with pytest.raises(Unusable, match="shared/plan holds no Python file"):
        prepare(project, PLAN)


@pytest.mark.parametrize("name", ["", "plans", "shared/plan", "../plan"])
def test_an_unknown_package_is_named(name: str) -> None:
    """OF= takes the packages that have a target, and the message lists them."""
    with pytest.raises(Unusable, match=re.escape(f"OF: expected one of plan, sweep, ledger, not {name!r}")):
        target(name)


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "ten", "²", " "])
def test_a_sample_is_a_whole_number(text: str) -> None:
    """SAMPLE= takes whole numbers above 0 alone."""
    with pytest.raises(Unusable, match="SAMPLE: expected a whole number above 0"):
        sample_size(text)


def test_a_sample_is_the_same_each_time() -> None:
    """A drawn_sample is random but repeats; one that asks for more than there are is all of them."""
    every = [f"m{number}" for number in range(1000)]
    taken = drawn_sample(every, sample_size("50"))
    assert taken == drawn_sample(every, 50)
    assert len(set(taken)) == 50
    assert taken != every[:50]
    assert drawn_sample(every, 5000) == drawn_sample(every, sample_size("")) == every


def test_mutants_stand_in_copies(project: Path) -> None:
    """mutmut gets copies and settings of its own, without hidden files; what is installed is linked."""
    stale = project / ".mutants/plan/mutants/shared/plan/decide.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    place = prepare(project, PLAN)
    assert (place / "shared/plan/decide.py").is_file()
    assert not (place / "mutants/shared").exists()
    assert not (place / "mutants/.env").exists()
    assert (place / "mutants/tests/npm/node_modules").is_symlink()
    written = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert written["pytest"]["ini_options"]["timeout"] == 120
    assert written["mutmut"]["only_mutate"] == ["shared/plan/*"]
    assert written["mutmut"]["process_isolation"] == "forkserver"
    assert written["mutmut"]["pytest_add_cli_args_test_selection"] == ["tests/plan"]
    assert "mypy" in written["mutmut"]["type_check_command"]


def test_the_score_is_the_tests_own() -> None:
    """What mypy refuses does not count; what no test reaches, and what did not run to an end, counts as a survivor."""
    outcomes = [MutantOutcome.KILLED] * 6 + [
        MutantOutcome.TIMEOUT,
        MutantOutcome.SURVIVED,
        MutantOutcome.UNTESTED,
        MutantOutcome.NOT_RUN,
    ]
    assert score(outcomes) == score(outcomes + [MutantOutcome.TYPES] * 90) == 0.7
    assert [each for each in MutantOutcome if not each.caught] == [
        MutantOutcome.SURVIVED,
        MutantOutcome.UNTESTED,
        MutantOutcome.NOT_RUN,
    ]


def test_the_table_has_a_line_per_module() -> None:
    """Each module's mutants are counted by how they ended, and all of them below."""
    found = [
        MutantResult(Path("shared/a.py"), "a", MutantOutcome.KILLED),
        MutantResult(Path("shared/b.py"), "b", MutantOutcome.SURVIVED),
    ]
    rows = [re.split(r"  +", line) for line in score_table(found).splitlines()]
    assert rows == [
        ["module", "mutants", "killed", "timeout", "survived", "no test", "not run", "types", "caught"],
        ["shared/a.py", "1", "1", "0", "0", "0", "0", "0", "100.0%"],
        ["shared/b.py", "1", "0", "0", "1", "0", "0", "0", "0.0%"],
        ["all", "2", "1", "0", "1", "0", "0", "0", "50.0%"],
    ]


SOURCE = """\
def other(a):
    if a:
        return 1
    return a


class Thing:
    @property
    def shown(self):
        return 1

    @staticmethod
    def made(a):
        if a:
            return 1
        return a
"""


@pytest.mark.parametrize(
    ("function", "diff", "line"),
    [
        ("other", "--- x\n+++ x\n@@ -1,4 +1,4 @@\n def other(a):\n     if a:\n-        return 1\n+        return 2", 3),
        ("made", "--- x\n+++ x\n@@ -2,3 +2,3 @@\n     if a:\n-        return 1\n+        return 2\n     return a", 15),
        ("made", "--- x\n+++ x\n@@ -1,2 +1,3 @@\n def made(a):\n+    a = 0\n     if a:", 14),
        ("made", "--- x\n+++ x\n@@ -1,1 +1,1 @@\n-        something else\n+        a", 0),
    ],
)
def test_a_survivor_has_its_line(function: str, diff: str, line: int) -> None:
    """The line is that of the file, in the right one of two alike functions; 0 where the diff fits nowhere."""
    assert changed_line(diff, SOURCE, function) == line


def test_what_is_left_alone_is_listed() -> None:
    """Functions with a decorator that mutmut does not copy are named."""
    assert not_mutated(SOURCE) == ["shown (line 9)"]


@pytest.mark.parametrize(("arguments", "said"), [(("plan", "x"), "SAMPLE: expected"), (("plans",), "OF: expected")])
def test_a_wrong_command_is_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    """A mistake in OF or SAMPLE ends with one sentence and exit code 1."""
    ran = subprocess.run([sys.executable, "-m", "tests.mutants", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.startswith(said)
    assert ran.stderr.count("\n") == 1


def test_a_log_is_shown_without_its_spinner() -> None:
    """Of a spinner's turns one line is shown, and no more than forty lines in all."""
    turns = "".join(f"{turn} Running stats\r" for turn in "⠋⠙⠹⠸")
    assert last_lines(f"{turns}\n    done\n{turns}\nE   assert 1 == 2\n") == [
        "Running stats",
        "    done",
        "Running stats",
        "E   assert 1 == 2",
    ]
    assert last_lines("\n".join(map(str, range(99)))) == [str(number) for number in range(59, 99)]


CODE = '''\
"""Decides."""


def grew(count: int, threshold: int) -> bool:
    """Whether it is over the threshold."""
    return count > threshold
'''
TESTS = '''\
"""Tests."""

from shared.plan.decide import grew


def test_grew() -> None:
    """Over is over."""
    assert grew(12, 10)
    assert not grew(9, 10)
'''


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_weak_test_is_found(project: Path) -> None:
    """`make mutants` in a fresh folder: a survivor is shown and fails the run; with the missing test it passes; a test
    that fails by itself is no success."""
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt", "requirements-tryout.txt"):
        shutil.copy(ROOT / name, project)
    for name in ("tests/mutants", "tests/support"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("shared", "shared/plan", "tests"):
        (project / package / "__init__.py").write_text('"""Nothing."""\n', encoding="utf-8")
    tests = project / "tests/plan/test_decide.py"
    (project / "shared/plan/decide.py").write_text(CODE, encoding="utf-8")

    def made(text: str) -> subprocess.CompletedProcess[str]:
        tests.write_text(text, encoding="utf-8")
        return subprocess.run(["make", "mutants"], cwd=project, capture_output=True, text=True)

    weak = made(TESTS)
    assert weak.returncode, weak.stdout + weak.stderr
    assert "shared/plan/decide.py:6 in grew: survived" in weak.stdout
    assert "\n-    return count > threshold\n+    return count >= threshold\n" in weak.stdout
    assert "expected at least 97%" in weak.stdout
    good = made(TESTS + "    assert not grew(10, 10)\n")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "shared/plan: 100.0% of the mutants that mypy accepts are caught" in good.stdout
    broken = made(TESTS + "    assert grew(10, 10)\n")
    assert broken.returncode
    assert "mutmut ended with exit code 1" in broken.stderr
