"""`make bicep`: an error or a warning fails it, and having no compiler is said. The compilers here are stand-ins."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, MAIN, declarations, every_file, module_file

ROOT = INFRA.parent
COMPILED = ("infra/main.bicep", "infra/lighthouse/main.bicep")
WARNING = "infra/main.bicep(3,7) : Warning no-unused-params: Parameter is declared but never used."
ERROR = "infra/main.bicep(231,13) : Error BCP036: The property expected a value of another type."


@dataclass(frozen=True, slots=True)
class MakeRun:
    """How `make bicep` ended, what it said, and how the compiler was called."""

    code: int
    said: str
    calls: list[str]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what the target needs, and no compiler."""
    folder = tmp_path / "bin with space"
    folder.mkdir()
    for tool in ("make", "sh", "grep", "cat"):
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def compiler(tools: Path, name: str, *, build: tuple[int, str] = (0, ""), lint: tuple[int, str] = (0, "")) -> None:
    """Put a compiler on the PATH whose steps end and say this; it writes down how it was called."""
    steps = "\n".join(
        f"*{step}*) echo '{said}' >&2; exit {code};;" for step, (code, said) in (("build", build), ("lint", lint))
    )
    script = tools / name
    script.write_text(
        f'#!/bin/sh\necho "{name} $*" >>"{tools}/calls"\necho \'{{"template": 1}}\'\ncase "$*" in\n{steps}\nesac\n',
        encoding="utf-8",
    )
    script.chmod(0o755)


def make(tools: Path, **environment: str) -> MakeRun:
    """Run the target with these tools."""
    done = subprocess.run(
        [tools / "make", "--no-print-directory", "-f", "infra/bicep.mk", "bicep"],
        cwd=ROOT,
        env={"PATH": str(tools), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = tools / "calls"
    return MakeRun(done.returncode, done.stdout + done.stderr, calls.read_text().splitlines() if calls.exists() else [])


def test_a_clean_file_passes(tools: Path) -> None:
    """The file is compiled and linted, and the template itself is not shown."""
    compiler(tools, "bicep")
    ran = make(tools, GITHUB_ACTIONS="true")
    assert ran.calls == [f"bicep {step} {file}" for file in COMPILED for step in ("build --stdout", "lint")]
    assert ran.code == 0
    assert ran.said.splitlines() == [f"{file} compiles and lints without a warning (bicep)." for file in COMPILED]


def test_the_azure_cli_will_do(tools: Path) -> None:
    """Without `bicep` that of the Azure CLI is used; its word about a newer release is no warning of ours."""
    compiler(tools, "az", build=(0, "WARNING: A new Bicep release is available: v9.9.9. Upgrade now."))
    ran = make(tools)
    calls = [f"az bicep {step} --file {file}" for file in COMPILED for step in ("build --stdout", "lint")]
    assert ran.calls == ["az bicep version", *calls]
    assert ran.code == 0
    assert "without a warning (az bicep)" in ran.said


@pytest.mark.parametrize("name", ["bicep", "az"])
@pytest.mark.parametrize(
    ("build", "lint", "said"),
    [
        ((1, ERROR), (0, ""), ERROR),
        ((0, WARNING), (0, ""), WARNING),
        ((0, f"WARNING: {WARNING}"), (0, ""), WARNING),
        ((0, ""), (0, WARNING), WARNING),
        ((0, ""), (1, ERROR), ERROR),
        ((139, ""), (0, ""), "none is allowed"),
    ],
)
def test_an_error_or_a_warning_fails(
    name: str, build: tuple[int, str], lint: tuple[int, str], said: str, tools: Path
) -> None:
    """Whatever the compiler or its linter reports is shown and fails the target, and so does one that breaks."""
    compiler(tools, name, build=build, lint=lint)
    ran = make(tools)
    assert ran.code != 0
    assert said in ran.said
    assert "without a warning" not in ran.said


@pytest.mark.parametrize(
    ("environment", "fails"),
    [({}, False), ({"CI": "true"}, False), ({"GITHUB_ACTIONS": "true"}, True), ({"BICEP_REQUIRED": "1"}, True)],
)
def test_no_compiler_is_said_loudly(environment: dict[str, str], fails: bool, tools: Path) -> None:
    """Without a compiler it says that nothing was compiled; where one must be, it fails."""
    ran = make(tools, **environment)
    assert "NO BICEP COMPILER ON THIS MACHINE: infra/main.bicep was NOT compiled" in ran.said
    assert (ran.code != 0) == fails


def test_an_azure_cli_without_bicep_is_none(tools: Path) -> None:
    """The Azure CLI alone cannot compile."""
    script = tools / "az"
    script.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    assert "NOT compiled" in make(tools).said


def test_two_files_reach_all() -> None:
    """Compiling those two compiles every file: each is a module of one of them, or of one of its modules."""
    assert ROOT / COMPILED[0] == MAIN
    reached, new = set(), {ROOT / file for file in COMPILED}
    while new:
        reached |= new
        new = {module_file(file, item) for file in new for item in declarations(file, "module").values()} - reached
    assert sorted(reached) == every_file()
