"""Before a deployment: what the template cannot look at is looked at, and each mistake is a sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.hooks.parameters import misspelt, names, only_in_the_file, outputs, value
from infra.hooks.preprovision import SECRET, TAG, group_name
from shared.settings import Settings
from tests.infra.bicep import INFRA, deployed
from tests.infra.hooks.azd import SUBSCRIPTION, WEBHOOK, Azd, Turn
from tests.infra.test_bicep import GIVEN, MADE


@pytest.mark.parametrize("tags", ["null", '{"azd-env-name": "other"}', '{"owner": "me"}'])
def test_a_group_of_somebody_else_is_left_alone(azd: Azd, tags: str) -> None:
    """A resource group of the name that is not this environment's ends it with one sentence."""
    azd.answer(["group", "show", "rg-prod"], (0, f'{{"name": "rg-prod", "tags": {tags}}}', ""))
    ran = azd.hook("preprovision", WEBHOOK)
    assert (ran.code, ran.set()) == (1, {})
    assert "rg-prod exists already and is not this environment's" in ran.error
    assert len(ran.error.splitlines()) == 2


def test_the_group_is_the_one_that_the_template_makes() -> None:
    """The hook looks for the group's name as main.bicep has it, by the tag that it gives."""
    (group,) = (item for item in deployed(GIVEN) if item.type == "Microsoft.Resources/resourceGroups")
    name = str(group.body["tags"][TAG])
    assert group.body["name"] == group_name({"AZURE_ENV_NAME": name})


def own_group(azd: Azd, *secrets: str) -> None:
    """This environment's group is there, with a vault that has these secrets."""
    vault = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-prod/providers/Microsoft.KeyVault/vaults/kv-x"
    azd.answer(["group", "show"], (0, '{"tags": {"azd-env-name": "prod"}}', ""))
    vaults = f"{vault.rpartition('/')[0]}?api-version=2023-07-01"
    azd.answer(["rest", vaults], (0, json.dumps({"value": [{"id": vault.upper(), "name": "kv-x"}]}), ""))
    found = json.dumps({"value": [{"name": secret} for secret in secrets]})
    azd.answer(["rest", f"{vault}/secrets?api-version=2023-07-01"], (0, found, "WARNING: something is old"))


def test_a_first_deployment_needs_the_webhook(azd: Azd) -> None:
    """Without a webhook a deployment is refused while no vault has it, also where a first one broke off half-way."""
    ran = azd.hook("preprovision")
    assert (ran.code, ran.set()) == (1, {})
    assert "TEAMS_WEBHOOK_URL is not given, and the vault of this environment has none yet" in ran.error
    own_group(azd)
    ran = azd.hook("preprovision")
    assert (ran.code, ran.set()) == (1, {})
    assert "has none yet" in ran.error


def test_the_vault_keeps_the_webhook(azd: Azd) -> None:
    """Where the vault has the webhook a deployment needs none, and the template is told so: also from GitHub, where
    nothing is remembered between deployments."""
    own_group(azd, "other", "kv-x/teams-webhook-url")
    ran = azd.hook("preprovision")
    assert ran.code == 0, ran.error
    assert ran.set()["WEBHOOK_IN_VAULT"] == "true"


def test_a_vault_that_cannot_be_looked_into_is_said(azd: Azd) -> None:
    """Where the vault cannot be asked the template decides, and a line says what was not checked."""
    own_group(azd, "teams-webhook-url")
    azd.answer(["rest"], (1, "", "ERROR: Forbidden"))
    ran = azd.hook("preprovision")
    assert ran.code == 0, ran.error
    assert "Not checked, whether rg-prod is free and the webhook is given: az rest failed" in ran.output
    assert "WEBHOOK_IN_VAULT" not in ran.set()


def test_the_secret_is_the_one_that_the_template_makes() -> None:
    """The hook looks for the secret's name as vault.bicep has it."""
    assert f"'{SECRET}'" in (INFRA / "modules/vault.bicep").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("answer", "given", "why"),
    [
        ((1, "", "Please run 'az login' to setup account."), {}, "az is not signed in .*: az login"),
        ((0, "{}", ""), {"AZURE_SUBSCRIPTION_ID": ""}, "no subscription is chosen yet"),
    ],
)
def test_without_az_it_says_what_was_not_checked(azd: Azd, answer: Turn, given: Mapping[str, str], why: str) -> None:
    """Where az cannot be asked the deployment goes on, and one line says what was not checked and why."""
    azd.answer(["account", "show"], answer)
    ran = azd.hook("preprovision", given)
    assert ran.code == 0, ran.error
    assert re.search(rf"Not checked, whether rg-prod is free and the webhook is given: {why}", ran.output), ran.output
    assert ran.set()["ABSENCE_HOURS"] == "26"


def test_without_az_on_the_path(azd: Azd) -> None:
    """An az that is not there, or cannot be started, is no traceback."""
    (azd.home / "az").unlink()
    path = f"{azd.home}:{Path(sys.executable).parent}:/usr/bin:/bin"
    assert shutil.which("az", path=path) is None
    ran = azd.hook("preprovision", WEBHOOK, path)
    assert ran.code == 0, ran.error
    assert "az is not on the PATH" in ran.output
    azd.install("az", "not a program")
    assert "az account show --subscription … did not end well" in azd.hook("preprovision", WEBHOOK, path).output


def test_an_az_that_fails_is_not_taken_for_an_answer(azd: Azd) -> None:
    """A refusal to show the group says neither that it is free nor that it is taken."""
    azd.answer(
        ["group", "show"], (1, "", "ERROR: (AuthorizationFailed) The client has no authorization\nTo update, run x")
    )
    ran = azd.hook("preprovision")
    assert ran.code == 0
    assert "Not checked, whether rg-prod is free" in ran.output
    assert "AuthorizationFailed" in ran.output


def test_an_azd_that_does_not_take_the_hours_ends_it(azd: Azd) -> None:
    """When azd cannot keep ABSENCE_HOURS, the deployment would have another alarm than was said: it ends."""
    azd.answer(["azd", "env", "set"], (1, "", "ERROR: environment 'prod' does not exist"))
    ran = azd.hook("preprovision", WEBHOOK)
    assert ran.code == 1
    assert (
        "azd env set ABSENCE_HOURS failed (ERROR: environment 'prod' does not exist): set it by hand to 26" in ran.error
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("SUM_CASE_TRESHOLD", "SUM_CASE_THRESHOLD"),
        ("ALERT_EMAIL", "ALERT_EMAILS"),
        ("ALERTEMAIL", "ALERT_EMAILS"),
        ("SWEEP_SCHEDUEL", "SWEEP_SCHEDULE"),
        ("SENTINEL_WORKSPACE_RESOURCEID", "SENTINEL_WORKSPACE_RESOURCE_ID"),
        ("Lookback_Days", "LOOKBACK_DAYS"),
        ("EXCLUDED_RECIPIENT", "EXCLUDED_RECIPIENTS"),
    ],
)
def test_a_misspelt_variable_is_named(azd: Azd, name: str, right: str) -> None:
    """A variable that nothing reads and that is one or two letters off is named with the right one: in azd's own
    environment it is a mistake, in the shell's it may be another program's and is noted."""
    said = f"{name} is set, and nothing reads it: did you mean {right}?"
    ran = azd.hook("preprovision", WEBHOOK, own={name: "1"})
    assert ran.code == 1
    assert f"  {said}" in ran.error.splitlines()
    ran = azd.hook("preprovision", {**WEBHOOK, name: "1"})
    assert ran.code == 0, ran.error
    assert said in ran.output.splitlines()


OTHERS = (
    "API_ENDPOINT APP_ENDPOINT AWS_ENDPOINT ACR_ENDPOINT ACS_ENDPOINT AKS_ENDPOINT AI_ENDPOINT"
    " GRAPHQL_ENDPOINT LOGGER_URL AZURE_KV_NAME AZURE_DNS_NAME PRIVATE_DIR RELEASE_SECONDS MSTEAMS_WEBHOOK_URL"
    " TEAM_FOUNDATION_URL AGENT_JOBNAME BUILD_REASON SYSTEM_TEAMPROJECT RUNNER_TEMP LOG_LEVEL DRY_RUNS_DONE"
)


def test_other_programs_names_are_not_misspelt() -> None:
    """What a developer's machine, GitHub and Azure DevOps have in their environments is not even noted."""
    assert misspelt(dict.fromkeys(OTHERS.split(), "1"), OTHERS.split()) == ([], [])


def test_what_is_not_misspelt_is_left_alone(azd: Azd) -> None:
    """The variables that are read, the deployment's outputs, azd's own and a shell's are no mistake."""
    shell = (
        "HOME SHELL LANG PATH PWD AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_RESOURCE_GROUP ARM_CLIENT_ID GITHUB_ACTIONS CI"
    )
    given = [*names(), *outputs(), *os.environ, *shell.split(), "ABSENCE_HOURS_FROM_SCHEDULE"]
    assert misspelt(dict.fromkeys(given, "1"), given) == ([], [])
    assert azd.hook("preprovision", {**WEBHOOK, "SUM_CASE_TRESHOLD": ""}).code == 0


def test_a_list_is_edited_in_the_file(azd: Azd) -> None:
    """A list given as a variable would be ignored: it is refused, saying where it is edited."""
    ran = azd.hook("preprovision", {**WEBHOOK, "EXCLUDED_RECIPIENTS": "[]"})
    assert ran.code == 1
    assert (
        "EXCLUDED_RECIPIENTS is set, but is not read from a variable: edit excludedRecipients in infra/main"
        in ran.error
    )


def test_every_setting_is_known_to_the_hook() -> None:
    """Each app setting is a variable that is read or a list of the file, except what the deployment makes."""
    known = names() | only_in_the_file().keys()
    assert {field.upper() for field in Settings.model_fields} - known == {name.upper() for name in MADE}
    assert value("sweepSchedule", {}) == Settings.model_fields["sweep_schedule"].default
    assert value("sweepSchedule", {"SWEEP_SCHEDULE": "x"}) == "x"


def test_all_mistakes_come_at_once(azd: Azd) -> None:
    """Every mistake is on a line of its own, and the webhook's URL is on none."""
    given = {"SWEEP_SCHEDULE": "0 0 6 * * MON", "SUM_CASE_TRESHOLD": "1"}
    ran = azd.hook("preprovision", own=given)
    assert len(ran.error.splitlines()) == 4
    assert "sig=" not in azd.hook("preprovision", WEBHOOK, own=given).error
