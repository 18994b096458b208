"""The deployment's documents name only what exists, and every alert, cause and card has its words."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import SweepError
from shared.schedule import LONGEST_WATCHED
from shared.settings import Settings
from shared.teams.alert import Notice
from shared.teams.notices import NOTICES
from tests.infra.bicep import INFRA, MAIN, parameters, parsed
from tests.infra.sweeps_logged import logged_before
from tests.infra.telemetry import ask, trace, workspace
from tests.infra.test_bicep import MADE
from tests.support.clock import START

ROOT = INFRA.parent
DEPLOY = (INFRA.parent / "docs/deploy.md").read_text(encoding="utf-8")
READ_BY_HOOKS = {"SWEEP_PROOF_SECONDS", "ALLOW_NO_ALARM", "NOT_WATCHED"}
AZD = {"AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID"}  # azd's own
DOCS = [ROOT / "docs" / name for name in ("deploy.md", "operate.md", "permissions.md", "portals.md", "many.md")]


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.stem)
def test_variables_that_are_read_exist(document: Path) -> None:
    """Each value that a command takes from azd is an output of the template or something the operator has set."""
    asked = set(re.findall(r"azd env get-value (\w+)", document.read_text(encoding="utf-8")))
    assert asked <= {*parsed(MAIN)["outputs"], "SENTINEL_WORKSPACE_RESOURCE_ID", "SWEEP_SCHEDULE"}


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.stem)
def test_variables_that_are_set_exist(document: Path) -> None:
    """Each value that a command hands to azd is one that the parameters file takes."""
    said = set(re.findall(r"azd env set (\w+)", document.read_text(encoding="utf-8")))
    taken = set(re.findall(r"\$\{(\w+)", (INFRA / "main.parameters.json").read_text(encoding="utf-8")))
    assert said <= taken | READ_BY_HOOKS | AZD
    assert "TEAMS_WEBHOOK_URL" not in said


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.stem)
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link is to a file that exists, and each fragment to a heading in it."""
    for target, fragment in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", document.read_text(encoding="utf-8")):
        file = document.parent / target if target else document
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if fragment else []
        assert not fragment or fragment in {re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in headings}


def test_settings_that_are_named_exist() -> None:
    """Whatever the documents call a setting is one, or is the deployment's own."""
    known = {field.upper() for field in Settings.model_fields}
    known |= set(re.findall(r"\$\{(\w+)", (INFRA / "main.parameters.json").read_text(encoding="utf-8")))
    known |= {*AZD, *READ_BY_HOOKS, *parsed(MAIN)["outputs"], *parsed(INFRA / "lighthouse/main.bicep")["outputs"]}
    for document in DOCS:
        assert set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)", document.read_text(encoding="utf-8"))) <= known, document.name


def test_every_setting_can_be_set_as_the_docs_say() -> None:
    """Each setting is a variable of its own name or a list in the parameters file, except what the deployment makes."""
    text = (INFRA / "main.parameters.json").read_text(encoding="utf-8")
    for field in Settings.model_fields:
        listed = (
            f'"{field.split("_")[0]}{"".join(word.capitalize() for word in field.split("_")[1:])}": {{ "value": [] }}'
        )
        assert f"${{{field.upper()}" in text or listed in text or field in MADE, field


def _kinds(kind: type[SweepError]) -> set[str]:
    return {kind.kind, *(name for below in kind.__subclasses__() for name in _kinds(below))}


def test_every_kind_of_cause_has_a_line() -> None:
    """The runbook says what to do about each kind of error, and each cause of its own, that receipts' reasons name."""
    text = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "shared").rglob("*.py"))
    own = set(re.findall(r'(?:Cause|Distrust)\(\s*"([a-z_]+)"', code))
    named = set(re.findall(r"`([a-z_*]+)`", text))
    families = tuple(name.removesuffix("*") for name in named if name.endswith("*"))
    missing = {
        name for name in (_kinds(SweepError) - {"failed"}) | own if name not in named and not name.startswith(families)
    }
    assert not missing
    assert len(own) > 3


def test_every_card_has_a_runbook() -> None:
    """Each notice that can come as a card is quoted in the runbook or is the heading of its section."""
    text = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (.+)$", text, re.MULTILINE))
    for kind in Notice:
        heading = NOTICES[kind][0]
        assert heading in headings or f"“{heading}" in text or f'"{heading}' in text, heading


def test_every_variable_is_explained() -> None:
    """Each variable that the parameters file or a hook reads is in a row of the deployment's table of variables."""
    taken = set(re.findall(r"\$\{(\w+)", (INFRA / "main.parameters.json").read_text(encoding="utf-8")))
    rows = re.findall(r"^\| (`[A-Z_, `]+) \|", DEPLOY, re.MULTILINE)
    assert taken | {"ALLOW_NO_ALARM"} <= set(re.findall(r"[A-Z_]{3,}", " ".join(rows)))


def test_what_the_hooks_read_is_in_their_code() -> None:
    """The variables that are known because a hook reads them are read by one."""
    code = "".join(file.read_text(encoding="utf-8") for file in (INFRA / "hooks").glob("*.py"))
    assert set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', code)) >= READ_BY_HOOKS


def test_the_schedule_and_its_alert_are_told_together() -> None:
    """Where the schedule is explained, so is the alert's window that follows it, with the numbers of the code."""
    text = " ".join(DEPLOY.split("## The schedule\n")[1].split("\n## ")[0].split())
    hours = LONGEST_WATCHED / timedelta(hours=1)
    assert f"**A deployment refuses a schedule with more than {hours:.0f} hours between two sweeps**" in text
    most = re.search(r"`ABSENCE_HOURS`, .* (\d+) at most\.", text)
    assert most
    assert int(most[1]) == parameters()["absenceHours"].maximum
    assert "azd env set ALLOW_NO_ALARM true" in text
    assert "absenceHours" in parameters()["sweepSchedule"].description


def test_what_the_hooks_point_to_is_there() -> None:
    """Each place in the documents that a hook or the app names exists."""
    files = [*(INFRA / "hooks").glob("*.py"), ROOT / "shared/deployed_packages.py"]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    assert '"When the proof fails"' in code
    for heading in re.findall(r'docs/deploy\.md, \\?"([^"\\]+)', code):
        assert f"\n## {heading}\n" in DEPLOY
    assert set(re.findall(r"docs/deploy\.md, step (\d+)", code)) == {"8"}
    assert "\n## 8. Hand over the webhook's URL\n" in DEPLOY


def test_every_reason_of_the_proof_is_explained() -> None:
    """Each thing that keeps a deployment from being proved has a row that says what to do."""
    rows = DEPLOY.split("## When the proof fails\n")[1].split("**Build the package here**")[0]
    code = (INFRA / "hooks/postdeploy.py").read_text(encoding="utf-8") + (
        ROOT / "shared/deployed_packages.py"
    ).read_text(encoding="utf-8")
    for words in ("packages_unfit", "is missing", "is built for", "the host is in state", "the host does not answer"):
        assert words in code, words
        assert words in rows, words
    for words in ("the host has no function sweep", "Azure lists no function sweep", "could not be looked up"):
        assert words in rows, words


def test_the_workflow_takes_what_the_docs_say() -> None:
    """Each variable that the workflow names is listed where GitHub is described, and so is each that is required."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    section = DEPLOY.split("## From GitHub\n")[1].split("\n## ")[0]
    listed = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section))
    assert set(re.findall(r"vars\.(\w+)", workflow)) <= listed
    required = {name for name, parameter in parameters().items() if parameter.required}
    text = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert {name for need in required for name in re.findall(r"\w+", text[need]["value"])} <= listed


def test_the_version_of_azd_is_the_one_that_is_asked_for() -> None:
    """The documents name the oldest azd that azure.yaml takes."""
    asked = re.search(r'requiredVersions:\n  azd: ">= ([\d.]+)"', (ROOT / "azure.yaml").read_text(encoding="utf-8"))
    assert asked
    assert f"(`azd`) {asked[1]} or newer" in DEPLOY


@pytest.mark.parametrize("name", ["deploy.md", "operate.md"])
def test_the_query_for_receipts_works(name: str) -> None:
    """The query that reads the last receipts gives them, the newest first, and nothing else."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    (kql,) = re.findall(r"```kusto\n(.+?)```|--analytics-query '([^']+)'", text, re.DOTALL)
    rows = [
        *logged_before("quiet", timedelta(days=1)),
        *logged_before("invalid", timedelta()),
        trace(START, "something else"),
    ]
    with workspace(rows) as tables:
        shown = ask(kql[0] or kql[1], tables, START)
    assert [row["Message"].split(" ")[0] for row in shown] == ["settings_invalid", "sweep_completed"]


def _flat(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())
