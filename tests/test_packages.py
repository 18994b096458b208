"""The packages: who may import whom, who touches the world, who reads the clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

COMMON = {"clock", "errors", "model", "redaction", "text", "web_address"}
"""What everything above the types may use."""
MAY_IMPORT = {
    "function_app": {"timer", "rounds", "workspaces", "logs", "deployed_packages"},
    "timer": {"app", "rounds", "workspaces", "settings"},
    "__main__": {"cli"},
    "cli": {
        "app",
        "rounds",
        "workspaces",
        "sweep",
        "plan",
        "hunt",
        "incidents",
        "teams",
        "ledger",
        "query",
        "http",
        "settings",
        "logs",
        "nearest",
        "schedule",
    }
    | COMMON,
    "rounds": {"app", "workspaces", "sweep", "teams", "ledger", "http", "settings"} | COMMON,
    "workspaces": {"settings", "nearest", "schedule"} | COMMON,
    "app": {"sweep", "hunt", "incidents", "teams", "ledger", "query", "http", "settings", "logs"} | COMMON,
    "sweep": {"plan", "hunt", "incidents", "teams", "ledger", "http", "settings"} | COMMON,
    # These four never import each other.
    "hunt": {"query", "http"} | COMMON,
    "incidents": {"http"} | COMMON,
    "teams": {"http"} | COMMON,
    "ledger": {"http"} | COMMON,
    "query": {"http"} | COMMON,
    "http": COMMON,
    # Pure: decisions and words know the types alone.
    "plan": {"model", "text"},
    "text": {"model"},
    "redaction": set(),
    "web_address": set(),
    "settings": {"nearest", "schedule", "errors", "model", "web_address"},
    "model": set(),
    "errors": {"model"},
    "clock": set(),
    "logs": set(),
    "nearest": set(),
    "schedule": set(),
    "deployed_packages": set(),
}
PURE = ("plan", "text", "redaction", "model", "nearest", "schedule")
"""Packages without I/O."""
PURE_MODULES = (
    *(f"shared.teams.{name}" for name in ("alert", "card", "elements", "frame", "links", "listing")),
    *(f"shared.teams.{name}" for name in ("campaigns", "notices", "places", "spoken", "trial", "wording")),
    *(f"shared.teams.{name}" for name in ("round_card", "round_words")),
    *(f"shared.incidents.{name}" for name in ("comment_text", "description", "facts", "fitting", "guidance")),
    *(f"shared.incidents.{name}" for name in ("message_lines", "origin_lines", "port", "portal_links", "road")),
    *(f"shared.incidents.{name}" for name in ("permissions", "terms", "text")),
    "shared.ledger.shorten",
    "shared.query.literals",
    "shared.sweep.receipt",
    "shared.sweep.report",
)
WORLD = {
    "azure", "http", "io", "logging", "msal", "os", "pathlib", "requests", "rich", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "tenacity", "threading", "time", "typer", "urllib3",
}  # fmt: skip


def _package(module: str) -> str:
    """The package (or the single module) right below `shared` that a module is in."""
    return module.removeprefix("shared.").partition(".")[0]


def _name_of(path: Path) -> str:
    """The module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, ast.Module]:
    """The project's own modules, parsed."""
    paths = [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")]
    return {_name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


MODULES = modules()


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in this one; of `from shared import x` the submodule `shared.x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inner)


def test_every_package_has_its_row() -> None:
    """Each package is in this file's table, and no row is left over."""
    assert {_package(module) for module in MODULES} - {"shared"} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_imports_go_one_way(name: str) -> None:
    """A package imports only the packages that its row names: never upward, never a sibling's."""
    for module, tree in MODULES.items():
        if _package(module) == name:
            others = {other for other in imported(tree) if other.startswith("shared.")}
            assert {_package(other) for other in others} - {name} <= MAY_IMPORT[name], module


@pytest.mark.parametrize("module", sorted(name for name in MODULES if _package(name) in PURE or name in PURE_MODULES))
def test_the_pure_touch_nothing(module: str) -> None:
    """The types, the decisions and the words import nothing that does I/O."""
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
    assert "shared.sweep.run" in seen


def test_the_function_app_is_short() -> None:
    """function_app.py has at most 60 lines: it wires, nothing else."""
    assert len((ROOT / "function_app.py").read_text(encoding="utf-8").splitlines()) <= 60


SMALL_AZURE = [path for path in sorted((ROOT / "tests/cloud").rglob("*.py")) if not path.name.startswith("test_")]


@pytest.mark.parametrize("path", SMALL_AZURE, ids=lambda path: str(path.name))
def test_the_small_azure_knows_nothing_of_the_project(path: Path) -> None:
    """The small Azure imports nothing of the project, as Azure does not."""
    names = set(imported(ast.parse(path.read_text(encoding="utf-8"))))
    assert not {name for name in names if name.split(".")[0] in ("shared", "function_app")}


def test_the_project_knows_nothing_of_its_tests() -> None:
    """No module of the project imports the tests."""
    assert not {name for tree in MODULES.values() for name in imported(tree) if name.split(".")[0] == "tests"}
