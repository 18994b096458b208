"""The code stays readable: short functions, short files, and one meaning for each public name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_FILE = 250
REASON = "Longer than 250 lines because"
"""A line of a longer file's docstring begins with these words, and gives the reason."""


def sources() -> dict[str, str]:
    """The text of each module under `shared`, by its path."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "shared").rglob("*.py"))
    }


def long_functions(modules: Mapping[str, str]) -> set[str]:
    """The functions that are too long, decorators, signature and docstring included."""
    return {
        f"{path}: {node.name}"
        for path, text in modules.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - first_line(node) + 1 > MOST_LINES_OF_A_FUNCTION
    }


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The line of a function's first decorator, or of its `def`."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def long_files(modules: Mapping[str, str]) -> set[str]:
    """The files that are too long and give no reason for it."""
    return {
        path
        for path, text in modules.items()
        if len(text.splitlines()) > MOST_LINES_OF_A_FILE
        if not any(line.startswith(REASON) for line in (ast.get_docstring(ast.parse(text)) or "").splitlines())
    }


def public_names(text: str) -> Iterator[str]:
    """The public functions and classes that a module defines at its top level, and its aliases of types."""
    for node in ast.parse(text).body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            # Types begin with a capital letter; constants, and type variables such as T, have no other letters.
            names = [name for name in names if name[:1].isupper() and not name.isupper()]
        yield from (name for name in names if not name.startswith("_"))


def repeated_names(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """The public names that more than one module defines, and these modules."""
    places: dict[str, set[str]] = defaultdict(set)
    for path, text in modules.items():
        for name in public_names(text):
            places[name].add(path)
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def test_functions_are_short() -> None:
    """A function has at most 40 lines, its signature and docstring included."""
    assert long_functions(sources()) == set()


def test_files_are_short() -> None:
    """A file has at most 250 lines, or its docstring says why it is longer."""
    assert long_files(sources()) == set()


def test_a_public_name_means_one_thing() -> None:
    """No two modules define a public function, class or type of the same name."""
    assert repeated_names(sources()) == {}


def test_what_breaks_a_rule_is_found() -> None:
    """A function of 41 lines, a file of 251 and a repeated name are found; 40, 250 and a stated reason are not."""
    body = "    pass\n" * 39
    assert long_functions({"a.py": f"def f():\n{body}"}) == set()
    assert long_functions({"a.py": f"@d\ndef f():\n{body}"}) == {"a.py: f"}
    assert long_functions({"a.py": f"class A:\n  def f():\n{body}    pass\n"}) == {"a.py: f"}
    lines = "#\n" * 249
    assert long_files({"a.py": f'"""A."""\n{lines}'}) == set()
    assert long_files({"a.py": f'"""A."""\n{lines}#\n'}) == {"a.py"}
    assert long_files({"a.py": f'"""A.\n\n{REASON} it is a table.\n"""\n{lines}'}) == set()
    modules = {
        "a.py": "def f(): ...\nclass Row: ...\nT = log = 1\n_g = 1\n",
        "b.py": "class f: ...\nT = log = 1\n_g = 1\n",
        "c.py": "Row = int\n",
    }
    assert repeated_names(modules) == {"f": {"a.py", "b.py"}, "Row": {"a.py", "c.py"}}
