"""Before and after a deployment of many workspaces: the webhooks that the file names, and the second function."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.hooks.postdeploy import FUNCTION, QUEUE_FUNCTION, look
from infra.hooks.programs import Azure, Ended
from infra.hooks.webhooks import ROUND_SECRET, entries, needed
from tests.infra.bicep import INFRA
from tests.infra.hooks.azd import WEBHOOK, Azd
from tests.infra.hooks.test_postdeploy import DEPLOYED, RUNNING, STATUS
from tests.infra.hooks.test_preprovision import own_group
from tests.infra.many import CONTOSO, FABRIKAM, workspace_line

LINES = [
    workspace_line("contoso", CONTOSO, TEAMS_WEBHOOK_URL="%SHARED_WEBHOOK_URL%"),
    workspace_line("fabrikam", FABRIKAM, TEAMS_WEBHOOK_URL="%SHARED_WEBHOOK_URL%"),
]
URL = "https://prod-2.westeurope.logic.azure.com/workflows/s?sig=Shared-Made-Up"
NO_OWN = {"SENTINEL_WORKSPACE_RESOURCE_ID": ""}
MISSING = "SHARED_WEBHOOK_URL is not given, and the vault of this environment has none yet (contoso, fabrikam in"


@pytest.fixture(scope="module")
def many_checkout(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with two entries whose webhook has its line in the parameters file."""
    folder = tmp_path_factory.mktemp("many") / "checkout"
    shutil.copytree(checkout, folder)
    (folder / "workspaces.json").write_text(json.dumps({"workspaces": LINES}), encoding="utf-8")
    file = folder / "infra/main.parameters.json"
    text = file.read_text(encoding="utf-8")
    line = '"teamsWebhooks": { "value": {} }'
    assert line in text
    filled = '"teamsWebhooks": { "value": { "SHARED_WEBHOOK_URL": "${SHARED_WEBHOOK_URL}" } }'
    file.write_text(text.replace(line, filled), encoding="utf-8")
    return folder


@pytest.fixture
def many(many_checkout: Path, tmp_path: Path) -> Azd:
    """azd in that checkout."""
    return Azd(many_checkout, tmp_path)


def test_what_the_file_names_must_be_given_or_be_there(many: Azd) -> None:
    """A webhook that nobody hands over and the vault has not is a mistake that names who needs it; no own one is."""
    ran = many.hook("preprovision", NO_OWN)
    assert ran.code == 1
    assert MISSING in ran.error
    assert "into the shell" in ran.error
    assert "main.parameters.json" not in ran.error
    assert "TEAMS_WEBHOOK_URL is not given" not in ran.error
    own_group(many, "shared-webhook-url")
    ran = many.hook("preprovision", NO_OWN)
    assert ran.code == 0, ran.error
    assert "WEBHOOK_IN_VAULT" not in ran.set()


def test_what_is_given_is_not_looked_up(many: Azd) -> None:
    """A webhook in the shell needs no vault, is never printed, and the round's is told to the template."""
    given = {**NO_OWN, "SHARED_WEBHOOK_URL": URL, "ROUND_WEBHOOK_URL": URL}
    ran = many.hook("preprovision", given)
    assert ran.code == 0, ran.error
    assert ran.set()["ROUND_WEBHOOK_IN_VAULT"] == "true"
    assert "sig=" not in ran.output + ran.error
    assert "sig=" not in json.dumps(ran.asked)


@pytest.mark.parametrize(
    ("secrets", "before", "told"),
    [
        ((ROUND_SECRET,), "", "true"),
        ((), "true", "false"),
        ((), "", None),
    ],
)
def test_the_rounds_webhook_is_looked_up(many: Azd, secrets: tuple[str, ...], before: str, told: str | None) -> None:
    """The template is told whether the vault has the round's webhook, also where nothing is remembered."""
    own_group(many, "shared-webhook-url", *secrets)
    ran = many.hook("preprovision", {**NO_OWN, "ROUND_WEBHOOK_IN_VAULT": before})
    assert ran.code == 0, ran.error
    assert ran.set().get("ROUND_WEBHOOK_IN_VAULT") == told


def test_the_apps_own_workspace_still_needs_its_webhook(many: Azd) -> None:
    """Where the app settings name a workspace beside the entries, both webhooks are asked for."""
    ran = many.hook("preprovision")
    assert "TEAMS_WEBHOOK_URL is not given" in ran.error
    assert MISSING in ran.error


def test_no_workspace_at_all(azd: Azd) -> None:
    """Without entries the workspace has to be named."""
    ran = azd.hook("preprovision", {**WEBHOOK, **NO_OWN})
    assert ran.code == 1
    assert "SENTINEL_WORKSPACE_RESOURCE_ID is not given, and workspaces.json has no entries" in ran.error


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"workspaces": {}}', '{"workspaces": [1]}', '{"workspaces": null}', "\udcff"]
)
def test_a_broken_file_is_a_sentence(text: str | None, tmp_path: Path) -> None:
    """A file that is missing, is no JSON or lists no objects is a mistake, never an empty list."""
    file = tmp_path / "workspaces.json"
    if text is not None:
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
    found = entries(file)
    assert len(found.mistakes) == 1
    assert "workspaces.json cannot be read" in found.mistakes[0]


def test_a_secret_in_clear_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """A URL, a half reference or a name in small letters is no reference."""
    file = tmp_path / "workspaces.json"
    for wrong in (URL, "%SHARED_WEBHOOK_URL", "SHARED_WEBHOOK_URL%", "%shared%", "%A B%", "%%", "%A%%B%"):
        file.write_text(json.dumps({"workspaces": [workspace_line("contoso", CONTOSO, TEAMS_WEBHOOK_URL=wrong)]}))
        (mistake,) = entries(file).mistakes
        assert "workspaces.json, contoso: TEAMS_WEBHOOK_URL is no reference" in mistake
        assert "sig=" not in mistake


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Contoso"], "entry 1: its name is not"),
        (["contoso", "con toso"], "entry 2: its name is not"),
        (["n" * 41], "entry 1: its name is not"),
        ([""], "entry 1: its name is not"),
        (["contoso", "contoso"], "two entries with one name"),
    ],
)
def test_a_name_is_part_of_a_deployments_name(names: list[str], said: str, tmp_path: Path) -> None:
    """A name that Azure would refuse, or that two entries have, is told before anything is made."""
    file = tmp_path / "workspaces.json"
    listed = [{"name": name} for name in names]
    file.write_text(json.dumps({"workspaces": listed}), encoding="utf-8")
    (mistake,) = entries(file).mistakes
    assert said in mistake


def test_a_missing_line_is_given(tmp_path: Path) -> None:
    """Where the parameters file has no line for a webhook, the sentence has it."""
    file = tmp_path / "workspaces.json"
    file.write_text(json.dumps({"workspaces": LINES}), encoding="utf-8-sig")
    listed = entries(file)
    assert listed.count == 2
    (sentence,) = needed(NO_OWN, listed).values()
    assert 'add "SHARED_WEBHOOK_URL": "${SHARED_WEBHOOK_URL}" to teamsWebhooks' in sentence


def test_the_names_of_secrets_are_the_templates() -> None:
    """The hook looks for the names that the template gives."""
    text = (INFRA / "modules/webhooks.bicep").read_text(encoding="utf-8")
    assert f"name: '{ROUND_SECRET}'" in text
    assert "name: toLower(replace(setting, '_', '-'))" in text
    file = (INFRA / "main.bicep").read_text(encoding="utf-8")
    assert "/secrets/'\nvar webhookReferences" in file
    assert f"${{secretsUri}}{ROUND_SECRET})" in file


def test_the_proof_names_both_functions(many: Azd) -> None:
    """What is printed at the end of a deployment of many workspaces names the timer and the queue's function."""
    both = json.dumps([{"name": "func-x/sweep"}, {"name": "func-x/work"}])
    many.answer(["rest"], (0, both, ""))
    many.answer(["rest", STATUS], RUNNING)
    many.answer(["functionapp", "function", "list", "rg-prod", "func-x"], (0, both, ""))
    ran = many.hook("postdeploy", {**DEPLOYED, "SWEEP_PROOF_SECONDS": "20"})
    assert ran.code == 0, ran.error
    assert "and its timer sweep and its queue function work are listed." in ran.output


class _Answering(Azure):
    """An Azure whose host and list have these functions."""

    def __init__(self, *functions: str) -> None:
        self.functions = json.dumps([{"name": f"func/{name}"} for name in functions])

    def ask(self, *arguments: str) -> Ended:
        assert arguments[0] == "functionapp"
        return Ended(0, self.functions, "")

    def get(self, address: str) -> Ended:
        assert "hostruntime" in address
        return Ended(0, '{"state": "Running"}' if "status" in address else self.functions, "")


@pytest.mark.parametrize(
    ("count", "functions", "doubts"),
    [
        (0, [FUNCTION], 0),
        (2, [FUNCTION, QUEUE_FUNCTION], 0),
        (2, [FUNCTION], 2),
        (2, [QUEUE_FUNCTION], 2),
        (0, [], 2),
    ],
)
def test_the_proof_wants_both_functions(count: int, functions: list[str], doubts: int, tmp_path: Path) -> None:
    """With entries a deployment is proved only when the host has, and Azure lists, the queue's function as well."""
    file = tmp_path / "workspaces.json"
    file.write_text(json.dumps({"workspaces": LINES[:count]}), encoding="utf-8")
    found = look(_Answering(*functions), "rg-prod", "func", many=bool(entries(file).count))
    assert len(found.doubts) == doubts
