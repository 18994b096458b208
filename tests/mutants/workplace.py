"""The folder in which mutmut works: copies, so that no mutant ever stands in the project's own files."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.mutants.targets import Target

_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "local.settings.json", "shared")
# The project's own settings want a code on each "type: ignore"; what mutmut writes into a file has none.
_MYPY = """\
[mypy]
strict = True
explicit_package_bases = True
warn_unused_ignores = False
"""


def settings(target: Target, tests: list[str]) -> str:
    """mutmut's settings, as a section of `pyproject.toml`.

    A fork server, for the tests start threads, which a fork of a process that ran some would lack. Each mutant gets
    five times the time its tests take, and 25 seconds. Hypothesis tries the same examples against each.
    """
    values: dict[str, object] = {
        "source_paths": ["shared"],
        "only_mutate": [f"shared/{target.package}/*"],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": [
            "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0",
            *(f"--deselect={test}" for test in target.without),
        ],
        "process_isolation": "forkserver",
        "timeout_multiplier": 5.0,
        "timeout_constant": 5.0,
        "use_git_change_detection": False,
        "type_check_command": [
            sys.executable, "-m", "mypy", "--config-file=mypy.ini", "--output=json", f"shared/{target.package}",
        ],
    }  # fmt: skip
    # JSON's strings, numbers, lists and booleans are TOML's, too.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"


def prepare(root: Path, target: Target) -> Path:
    """Make the folder anew: the code beside `mutants/`, which holds all else; mutmut puts the mutants in there.

    Raises:
        Unusable: the target has no tests, or no code.
    """
    target.sources(root)
    section = settings(target, target.test_paths(root))
    place = root / ".mutants" / target.package
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(root, place / "mutants", ignore=_LEFT_OUT)
    shutil.copytree(root / "shared", place / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    (place / "pyproject.toml").write_text(project + section, encoding="utf-8")
    (place / "mutants/mypy.ini").write_text(_MYPY, encoding="utf-8")
    installed = root / "tests/npm/node_modules"  # Azurite: large, and read only
    if installed.is_dir():
        (place / "mutants/tests/npm/node_modules").symlink_to(installed)
    return place
