"""docs/design.md says what the code does: its tables and its quotations are compared with the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.app import exit_code
from shared.http.retry import Limits
from shared.incidents.terms import Terms
from shared.incidents.text import incident_body, title
from shared.model import LABEL, Act, Action, Counts, Reason, Receipt, Severity, Verdict, Window
from shared.model import incidents as ours
from shared.plan.news import MOST_DOUBTFUL, REFUSED_AGAIN
from shared.plan.room import REMEMBERED
from shared.query.answer import COLUMNS
from shared.sweep import report, run
from shared.sweep.breaker import IN_A_ROW
from shared.sweep.digest import MOST_POSTS
from shared.sweep.receipt import as_json

ROOT = Path(__file__).resolve().parent.parent
DESIGN = (ROOT / "docs/design.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IN_WORDS = {3: "three", 7: "seven"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def section(text: str, heading: str) -> str:
    """What stands under this heading of the second level."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]


def table_cells(text: str) -> list[list[str]]:
    """The rows of the tables in this text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {place for place, line in enumerate(lines[1:]) if re.fullmatch(r"[|-]+", line)}
    rows = [line for place, line in enumerate(lines) if not {place, place - 1} & heads]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def code(cell: str) -> list[str]:
    """What is written as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def top_level() -> set[str]:
    """The packages and the single modules of the project, as a map names them."""
    folders = {f"shared/{path.parent.name}/" for path in (ROOT / "shared").glob("*/__init__.py")}
    modules = {f"shared/{path.name}" for path in (ROOT / "shared").glob("*.py") if not path.name.startswith("__")}
    return folders | modules


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """Each path of the repository that a page writes as code is there; `*` stands for any name."""
    paths = re.findall(r"`((?:shared|tests|infra|docs)/[\w./*-]*)`", page.read_text(encoding="utf-8"))
    assert not [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]


def test_the_map_is_the_tree() -> None:
    """The map of the packages has a line for each package and module of `shared`, and for nothing else."""
    listed = [name for row in table_cells(section(DESIGN, "The packages")) for name in code(row[0])]
    assert sorted(name for name in listed if name != "function_app.py") == sorted(top_level())


def test_the_readme_shows_all_of_the_tree() -> None:
    """README's "Where things are" names each package and module of `shared` once."""
    first = [row[0] for row in table_cells(section(README, "Where things are"))]
    listed = [name if "/" in name else f"shared/{name}" for cell in first for name in code(cell)]
    assert sorted(name for name in listed if name.startswith("shared/") and "function_app" not in name) == sorted(
        top_level()
    )


def test_the_promises_agree() -> None:
    """README and the design promise the same, in the same order."""
    promised, told = (
        re.findall(r"^\d\. \*\*(.+?)\.?\*\*", text, re.MULTILINE)
        for text in (section(DESIGN, "Promises"), section(README, "What it promises"))
    )
    assert promised == told
    assert len(promised) == 7


def names_in(path: Path) -> set[str]:
    """The functions, classes and constants that a module defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("row", table_cells(section(DESIGN, "Where to look")), ids=lambda row: row[0])
def test_where_to_look(row: list[str]) -> None:
    """Each question has one file, and what to begin at is defined in it."""
    _, where, begin = row
    (path,), (name,) = code(where), code(begin)
    assert name in names_in(ROOT / path)


def test_a_newcomer_s_questions_have_a_row() -> None:
    """What a newcomer asks first is in "Where to look"."""
    questions = section(DESIGN, "Where to look")
    asked = (
        *("reopened", "untrusted", "card go out", "incident say", "fuse", "two sweeps", "retried", "rate limit"),
        *("total timeout", "error does a status", "kept in memory", "Teams refuses"),
    )
    assert [words for words in asked if words not in questions] == []


def test_the_sweep_is_quoted() -> None:
    """The order of a sweep is quoted word for word, and each of its steps is explained in that order."""
    text = section(DESIGN, "One sweep")
    (quoted,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    assert inspect.getsource(run.steps).endswith(quoted)
    steps = [name for row in table_cells(text) for name in code(row[0])]
    tree = ast.parse(inspect.getsource(run.steps))
    called = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert sorted(called) == sorted(steps)
    assert steps == sorted(steps, key=lambda name: quoted.index(f"{name}("))


def test_the_decision_table_has_every_reason() -> None:
    """Each reason of the code has one place: a row of the decision table, or the words about those from elsewhere."""
    text = section(DESIGN, "The decision table")
    rows = [name for row in table_cells(text) for name in code(row[3])]
    elsewhere = code(text.split("Two reasons come from elsewhere.")[1].split("\n\n")[0])
    assert sorted(rows + elsewhere) == sorted(reason.value for reason in Reason)


def test_the_receipt_is_listed() -> None:
    """The receipt's fields are listed in the order in which they are written."""
    listed = [name for row in table_cells(section(DESIGN, "The receipt")) for name in code(row[0])]
    assert listed == list(as_json(Receipt("", "", "", "", NOON, 0, "sweep_completed", None)))


VERDICTS = table_cells(section(DESIGN, "Verdict and exit code"))


@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: row[0])
def test_exit_codes(row: list[str]) -> None:
    """Each way to end has the exit code of the table."""
    _, verdicts, event, expected = row
    (name,) = code(event)
    for verdict in code(verdicts) or [""]:
        receipt = Receipt("", "", "", "", NOON, 0, name, Verdict(verdict) if verdict else None)
        assert exit_code(receipt) == int(expected)


def test_every_event_and_verdict_is_in_the_table() -> None:
    """The table has every verdict, and every event with which a sweep ends."""
    events = {name for row in VERDICTS for name in code(row[2])}
    assert events == set(re.findall(r'"(sweep_[a-z]+)"', inspect.getsource(report)))
    assert {name for row in VERDICTS for name in code(row[1])} == {verdict.value for verdict in Verdict}


def test_the_columns_are_the_hunt_s() -> None:
    """The ten columns are those that a response must begin with, in their order."""
    assert tuple(code(section(DESIGN, "The hunt's columns"))[:10]) == COLUMNS[:10]


def test_an_incident_is_as_described() -> None:
    """The id's formula is the code's, and so are the title's words and the labels."""
    table = {row[0]: row[1].replace("\\|", "|") for row in table_cells(section(DESIGN, "Incidents"))}
    formula, _, rule = code(table["id"])
    assert formula in inspect.getsource(ours.incident_id)
    assert rule == str(ours.RULE_ID)
    assert title("a@contoso.com") == re.findall(r"`([^`]+)`", table["title"])[0] + "a@contoso.com"
    *labels, episode, raised = code(table["labels"])
    action = Action(Act.CREATE, Reason.FIRST, "a@contoso.com", 0, "", Severity.MEDIUM, Counts())
    window = Window(NOON, NOON)
    body = incident_body(
        action,
        Terms(
            threshold=10, high_threshold=50, benign_factor=2, deduplicate=True, hunt_source="sentinel", window=window
        ),
    )
    assert re.findall(r'"labelName": ?"([^"]+)"', body) == [*labels, f"{episode}0"]
    assert raised == f"{ours.ESCALATED_LABEL}{Severity.HIGH.value}"
    assert LABEL in labels


@pytest.mark.parametrize("row", table_cells(section(DESIGN, "Fixed numbers")), ids=lambda row: row[1])
def test_fixed_numbers(row: list[str]) -> None:
    """Each number is the one in the code."""
    (where,) = code(row[1])
    module, _, name = where.rpartition(".")
    assert getattr(importlib.import_module(module), name) == int(row[0].replace(",", ""))


@pytest.mark.parametrize(
    "words",
    [
        f"At most {MOST_POSTS} posts a sweep",
        f"at most {IN_WORDS[MOST_DOUBTFUL]} doubtful posts",
        f"then every {IN_WORDS[REFUSED_AGAIN.days]} days",
        f"of more than {REMEMBERED:,} waiting creations",
        f"up to {Limits().attempts} attempts in {Limits().seconds:.0f} seconds",
        f"and so do {IN_WORDS[IN_A_ROW]} failures in a row",
    ],
)
def test_the_numbers_of_delivery(words: str) -> None:
    """docs/delivery.md says the numbers of the code."""
    assert words in " ".join((ROOT / "docs/delivery.md").read_text(encoding="utf-8").split())
