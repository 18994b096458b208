"""The Bicep reader: Bicep's own order of operators, and no guess at what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import Scope
from tests.infra.bicep_functions import DeploymentRefused, Known
from tests.infra.bicep_syntax import BicepReader, BicepSyntaxError

GIVEN: dict[str, Any] = {"on": True, "off": False, "n": 3, "word": "own", "list": ["a", "", "c"]}
PARAMS = "param on bool\nparam off bool\nparam n int\nparam word string\nparam list array\n"


def value(expression: str, tmp_path: Path) -> Any:
    """What Bicep makes of an expression, with GIVEN."""
    file = tmp_path / "x.bicep"
    file.write_text(f"{PARAMS}var x = {expression}\n", encoding="utf-8")
    scope = Scope(file, GIVEN)
    (found,) = (
        item.value for item in BicepReader(file.read_text(encoding="utf-8")).declarations() if item.what == "var"
    )
    return scope.value(found)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("off && on || on", True),
        ("on || on && off", True),
        ("!off && on", True),
        ("!(off || on)", False),
        ("off == off && on", True),
        ("on && word == 'own' && n > 2 ? 'yes' : 'no'", "yes"),
        ("off && word == 'own' ? 'yes' : 'no'", "no"),
        ("off ? 1 : word == 'policy' ? 2 : 3", 3),
        ("word == 'own' ? (on ? list : []) : []", ["a", "", "c"]),
        ("2 * n == 6", True),
        ("filter(list, each => !empty(each))", ["a", "c"]),
        ("[for (each, place) in list: '${place}${each}']", ["0a", "1", "2c"]),
        ("'it\\'s ${n} of ${word} \\${n}'", "it's 3 of own ${n}"),
        ("split('a/b', '/')[1]", "b"),
        ("{\n  a: {\n    b: n // said\n  }\n}.a.b", 3),
        ("length([\n  1\n  2\n])", 2),
        ("union(list, ['a', 'd'])", ["a", "", "c", "d"]),
        ("trim(' x ')", "x"),
    ],
)
def test_an_expression_means_what_bicep_says(expression: str, expected: Any, tmp_path: Path) -> None:
    """Operators bind as in Bicep: ! before comparison, before &&, before ||, before the conditional."""
    assert value(expression, tmp_path) == expected


def test_what_is_not_needed_is_not_evaluated(tmp_path: Path) -> None:
    """The branch not taken may fail(), and so may the right of && and ||."""
    for fine in ("on ? 1 : fail('no')", "off && fail('no')", "on || fail('no')"):
        value(fine, tmp_path)
    with pytest.raises(DeploymentRefused, match="because"):
        value("off ? 1 : fail('because')", tmp_path)


@pytest.mark.parametrize(
    "text", ["var x", "var x = 'open", "var x = [1", "func f() string => 'x'", "import 'x'", "var = 1", "var x = #"]
)
def test_what_is_not_read_is_refused(text: str) -> None:
    """A text that is no Bicep, or a part of the language that is not read, raises with its line."""
    with pytest.raises(BicepSyntaxError, match="line 2"):
        BicepReader(f"// first\n{text}").declarations()


def test_what_only_azure_knows_is_a_path() -> None:
    """A path grows by what is asked of it."""
    assert Known("<storage>").then(".outputs").then("[0]") == "<storage.outputs[0]>"
