"""The rooms of the design: who may import whom, who touches the world, who reads the clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Layer, and within layer 3 the room. A new module gets its row here, or the tests say so.
ROOMS = {
    "shared": (0, "nouns"),
    "shared.checks": (0, "nouns"),
    "shared.clouds": (0, "nouns"),
    "shared.model": (0, "nouns"),
    "shared.misspelt": (0, "nouns"),
    "shared.placeholders": (0, "nouns"),
    "shared.schedule": (0, "nouns"),
    "shared.settings": (0, "nouns"),
    "shared.guidance": (1, "pure"),
    "shared.plan": (1, "pure"),
    "shared.receipt": (1, "pure"),
    "shared.report": (1, "pure"),
    "shared.text": (1, "pure"),
    "shared.teams": (1, "pure"),
    "shared.teams.alert": (1, "pure"),
    "shared.teams.card": (1, "pure"),
    "shared.teams.elements": (1, "pure"),
    "shared.teams.links": (1, "pure"),
    "shared.teams.wording": (1, "pure"),
    "shared.answers": (2, "plumbing"),
    "shared.clock": (2, "plumbing"),
    "shared.credential": (2, "plumbing"),
    "shared.errors": (2, "plumbing"),
    "shared.http": (2, "plumbing"),
    "shared.mapping": (2, "plumbing"),
    "shared.pace": (2, "plumbing"),
    "shared.retries": (2, "plumbing"),
    "shared.session": (2, "plumbing"),
    "shared.sign_in": (2, "plumbing"),
    "shared.timely": (2, "plumbing"),
    "shared.hunt": (3, "hunt"),
    "shared.ledger": (3, "ledger"),
    "shared.incidents": (3, "sentinel"),
    "shared.lease": (3, "ledger"),
    "shared.sentinel": (3, "sentinel"),
    "shared.teams.webhook": (3, "teams"),
    "shared.asking": (4, "order"),
    "shared.book": (4, "order"),
    "shared.fuse": (4, "order"),
    "shared.intents": (4, "order"),
    "shared.outcome": (4, "order"),
    "shared.raising": (4, "order"),
    "shared.recall": (4, "order"),
    "shared.sweep": (4, "order"),
    "shared.telling": (4, "order"),
    "shared.__main__": (5, "edge"),
    "shared.cli": (5, "edge"),
    "shared.deployed_packages": (5, "edge"),
    "shared.doctor": (5, "edge"),
    "shared.logs": (5, "edge"),
    "shared.show": (5, "edge"),
    "shared.terminal": (5, "edge"),
    "shared.wiring": (5, "edge"),
    "function_app": (5, "edge"),
}
WORLD = {
    "azure", "http", "io", "logging", "msal", "os", "pathlib", "requests", "rich", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "tenacity", "threading", "time", "typer", "urllib3",
}  # fmt: skip


def room(module: str) -> tuple[int, str]:
    """The row of a module, or of the package that it is in."""
    name = module
    while name not in ROOMS and "." in name:
        name = name.rpartition(".")[0]
    return ROOMS[name]


def name_of(path: Path) -> str:
    """The module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, ast.Module]:
    """The project's own modules, parsed."""
    paths = [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")]
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in this one; of `from shared import x` the submodule `shared.x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inner)


def test_every_module_has_a_room() -> None:
    """Each module is in a room of the design, named in this file's table or by its package; no row is left over."""
    for module in MODULES:
        inside = module.startswith(("shared.hunt", "shared.ledger"))
        assert module in ROOMS or inside, f"{module} has no room"
    assert not set(ROOMS) - set(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module: str) -> None:
    """A module imports from its own room or from a lower layer, never upward, never across within layer 3."""
    layer, here = room(module)
    for other in imported(MODULES[module]):
        if other.split(".")[0] != "shared" or other == "shared":
            continue
        below, there = room(other)
        assert below < layer or there == here, f"{module} (layer {layer}) imports {other} (layer {below}, {there})"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room(name)[0] <= 1 and name != "shared.settings"))
def test_the_pure_touch_nothing(module: str) -> None:
    """The nouns and the pure layer import nothing that does I/O; only the settings read their file."""
    assert not {other.split(".")[0] for other in imported(MODULES[module])} & WORLD


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"shared.clock"}))
def test_clocks_are_passed_in(module: str) -> None:
    """Nobody reads the time or sleeps but the clock that the edge wires in."""
    calls = {
        ast.unparse(node.func)
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    asked = {"now", "utcnow", "today"}
    assert not {call for call in calls if call.split(".")[0] in ("datetime", "date") and call.split(".")[-1] in asked}
    assert not calls & {"time.time", "time.monotonic", "time.sleep"}


def test_the_function_needs_no_shell() -> None:
    """Nothing that the function imports, at start or when it fires, imports typer or rich."""
    seen: set[str] = set()
    ahead = ["function_app"]
    while ahead:
        module = ahead.pop()
        if module in seen:
            continue
        seen.add(module)
        names = set(imported(MODULES[module]))
        assert not {name.split(".")[0] for name in names} & {"typer", "rich"}, module
        ahead += [name for name in names if name in MODULES]
    assert "shared.sweep" in seen


def test_the_function_app_is_short() -> None:
    """function_app.py has at most 60 lines: it wires, nothing else."""
    assert len((ROOT / "function_app.py").read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("path", sorted((ROOT / "tests/cloud").rglob("*.py")), ids=lambda path: str(path.name))
def test_the_small_azure_knows_nothing_of_the_project(path: Path) -> None:
    """The small Azure imports nothing of the project, as Azure does not."""
    names = set(imported(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name for name in names if name.split(".")[0] in ("shared", "function_app")}


def test_the_project_knows_nothing_of_its_tests() -> None:
    """No module of the project imports the tests."""
    assert not {name for tree in MODULES.values() for name in imported(tree) if name.split(".")[0] == "tests"}
