"""The repository's own files: whoever clones it can edit, commit, report and release as they say."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[str]:
    """The files that the repository keeps and that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_every_file_is_as_editors_are_told() -> None:
    """UTF-8, line feeds, an end to the last line, no blanks at a line's end, and tabs in makefiles alone."""
    wrong = []
    for name in tracked():
        if name.startswith("tests/data/") or fnmatch(name, "*.png"):
            continue
        text = (ROOT / name).read_bytes().decode("utf-8")
        if text and ("\r" in text or not text.endswith("\n") or re.search(r"[ \t]$", text, re.MULTILINE)):
            wrong.append(name)
        if re.search(r"^\t", text, re.MULTILINE) and not fnmatch(name, "*Makefile") and not fnmatch(name, "*.mk"):
            wrong.append(f"{name} (tabs)")
    assert wrong == []


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of its own with this one's settings, and this one's environment beside it."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("pyproject.toml", ".pre-commit-config.yaml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".gitignore").write_text("/.venv\n", encoding="utf-8")
    (folder / "shared").mkdir()
    for name in ("function_app.py", "shared/__init__.py", "tests/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text('"""Nothing."""\n', encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    ("text", "hooks"),
    [
        ('"""Right."""\n\nNUMBER: int = 1\n', set()),
        ('"""Wrong format."""\n\nNUMBER: int=1\n', {"format"}),
        ('"""Wrong lint."""\n\nimport os\n', {"lint"}),
        ('"""Wrong type."""\n\nNUMBER: int = "1"\n', {"types"}),
    ],
)
def test_a_commit_is_checked(text: str, hooks: set[str], clone: Path) -> None:
    """Before a commit just the hook fails whose business the mistake is, with nothing fetched from anywhere."""
    (clone / "shared/some.py").write_text(text, encoding="utf-8")
    subprocess.run(["git", "add", "--all"], cwd=clone, check=True)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(clone.parent / "home"), "PRE_COMMIT_COLOR": "never"}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    ran = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    failed = set(re.findall(r"^(\w+)\.+Failed$", ran.stdout, re.MULTILINE))
    assert failed == hooks, ran.stdout + ran.stderr
    assert bool(ran.returncode) == bool(hooks)


def test_what_is_filed_has_a_form() -> None:
    """Each issue form names itself, asks at least one thing, and asks for no address or secret."""
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))
    assert len(forms) == 2
    for form in forms:
        said = yaml.safe_load(form.read_text(encoding="utf-8"))
        assert said.keys() == {"name", "description", "body"}
        ids = [part["id"] for part in said["body"] if part["type"] != "markdown"]
        assert ids
        assert len(ids) == len(set(ids))
        assert all(part["attributes"]["label"] for part in said["body"] if part["type"] != "markdown")


def test_what_the_pages_name_is_there() -> None:
    """Files, make targets and tests that the pages for contributors name exist."""
    makefiles = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "Makefile", *(ROOT / "infra").glob("*.mk"))
    )
    for page in ("CONTRIBUTING.md", "SECURITY.md", "README.md", ".github/PULL_REQUEST_TEMPLATE.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\bmake ([a-z][a-z-]+)(?=[`\s])", text):
            assert re.search(rf"^{target}:", makefiles, re.MULTILINE), f"{page}: make {target}"
        named = re.findall(r"(?:tests|docs|shared|infra)/[\w/.-]+\.(?:py|md|bicep)", text)
        named += re.findall(r"\]\(([\w./-]+)\)", text)
        for path in named:
            assert (ROOT / path).exists(), f"{page}: {path}"


def _public(tree: ast.Module) -> list[str]:
    """The public classes and functions of a module; not its tests, its fixtures and what its program is called."""
    defined = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    fixtures = [node.name for node in defined if any("fixture" in ast.unparse(each) for each in node.decorator_list)]
    names = [node.name for node in defined if not node.name.startswith(("_", "test_"))]
    return [name for name in names if name not in (*fixtures, "main")]


def test_a_name_in_the_tests_means_one_thing() -> None:
    """No two modules of the tests have a public class or function of the same name."""
    where = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for name in _public(ast.parse(path.read_text(encoding="utf-8"))):
            where[name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}
