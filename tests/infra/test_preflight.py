"""Wrong parameters stop the deployment before anything is made, in a sentence; what is meant is read as meant."""

from __future__ import annotations

from typing import Any

import pytest

from shared.settings import from_values
from tests.infra.bicep import MAIN, Scope, declarations, deployed, outputs
from tests.infra.bicep_functions import DeploymentRefused
from tests.infra.test_bicep import GIVEN, PRIVATE, WORKSPACE, app_settings

ZONES = ["/z/blob", "/z/table", "/z/vault"]
LAST = WORKSPACE.rsplit("/", 1)[0]


def _refusal(**given: Any) -> str:
    """The sentences with which a deployment with these parameters stops."""
    with pytest.raises(DeploymentRefused) as refused:
        list(deployed({**GIVEN, **given}))
    return str(refused.value)


def _mails(**given: Any) -> list[str]:
    """Who gets mail."""
    (group,) = (item for item in deployed({**GIVEN, **given}) if item.type == "Microsoft.Insights/actionGroups")
    return [receiver["emailAddress"] for receiver in group.body["properties"]["emailReceivers"]]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (WORKSPACE[1:], "has no leading slash"),
        ("", "has no leading slash"),
        ("law-soc", "has no leading slash"),
        (WORKSPACE.split("/", 3)[3], "has no leading slash"),
        (f"{WORKSPACE}/", "ends in a slash"),
        (f"{LAST}/", "ends in a slash"),
        ("/", "ends in a slash"),
        ("/subscriptions/5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c", "is not the id of a Log Analytics workspace"),
        (LAST.replace("workspaces", "clusters") + "/c", "is not the id of a Log Analytics workspace"),
        (LAST.replace("OperationalInsights", "Storage") + "/c", "is not the id of a Log Analytics workspace"),
        (f"/{WORKSPACE}", "is not the id of a Log Analytics workspace"),
        (LAST, "lacks the subscription's id or a name"),
        (WORKSPACE.replace("5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c", "prod"), "lacks the subscription's id or a name"),
        (WORKSPACE.replace("rg-soc", ""), "lacks the subscription's id or a name"),
        (f"{WORKSPACE}/savedSearches/x", "goes on after the workspace's name"),
    ],
)
def test_a_workspace_id_is_whole(typed: str, said: str) -> None:
    """Whatever is not a workspace's id is said so, in one sentence, with what was expected."""
    text = _refusal(sentinelWorkspaceResourceId=typed)
    assert text.startswith(f"sentinelWorkspaceResourceId {said}: expected /subscriptions/<id>/resourceGroups/<name>/")
    assert text.count("sentinelWorkspaceResourceId") == 1


@pytest.mark.parametrize("typed", [WORKSPACE, WORKSPACE.lower(), WORKSPACE.upper(), f" {WORKSPACE} \n"])
def test_a_workspace_id_is_read_as_meant(typed: str) -> None:
    """Case and blanks at the ends do not matter; the app gets the id without the blanks, and takes it."""
    settings = from_values(app_settings(sentinelWorkspaceResourceId=typed))
    assert settings.sentinel_workspace_resource_id == typed.strip()


@pytest.mark.parametrize(
    "typed",
    [
        "a@x.com,b@y.com",
        "a@x.com, b@y.com",
        " a@x.com ,b@y.com ,",
        "a@x.com;b@y.com",
        "a@x.com; b@y.com;",
        "a@x.com b@y.com",
        ",a@x.com,,b@y.com,a@x.com",
    ],
)
def test_addresses_are_read_as_meant(typed: str) -> None:
    """Commas, semicolons and blanks part addresses; none is empty, none gets two mails."""
    assert _mails(alertEmails=typed) == ["a@x.com", "b@y.com"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"alertEmails": ""}, "alertEmails names nobody"),
        ({"alertEmails": " ,; "}, "alertEmails names nobody"),
        ({"alertEmails": "a@x.com, soc"}, "alertEmails has what is no address (soc)"),
        ({"sentinelWorkspaceId": "law-soc"}, "sentinelWorkspaceId is not a GUID"),
        ({"watchSentinel": False}, "watchSentinel is false: sentinelLocation must say"),
        (
            {"watchSentinel": False, "sentinelLocation": "northeurope", "sentinelWorkspaceId": ""},
            "watchSentinel is false: sentinelWorkspaceId must be",
        ),
        ({"teamsWebhookUrl": ""}, "teamsWebhookUrl is missing"),
        ({"absenceHours": 0}, "absenceHours is 0, so nothing would tell"),
        ({"absenceHours": 1}, "absenceHours is 1"),
        ({"absenceHours": 1, "allowNoAlarm": True}, "absenceHours is 1"),
        ({"highSeverityThreshold": 9}, "highSeverityThreshold is below sumCaseThreshold: expected at least 10"),
        ({"huntSource": "defender", "lookbackDays": 31}, "lookbackDays is over 30"),
        ({**PRIVATE, "appSubnetId": ""}, "endpointSubnetId is given without appSubnetId"),
        ({"appSubnetId": PRIVATE["appSubnetId"]}, "appSubnetId is given without endpointSubnetId"),
        ({**PRIVATE, "appSubnetId": PRIVATE["endpointSubnetId"].upper()}, "are the same"),
        ({**PRIVATE, "appSubnetId": PRIVATE["virtualNetworkId"]}, "appSubnetId is not the id of a subnet"),
        ({**PRIVATE, "endpointSubnetId": "endpoints"}, "endpointSubnetId is not the id of a subnet"),
        ({**PRIVATE, "virtualNetworkId": ""}, "privateDns is own: virtualNetworkId must say"),
        ({**PRIVATE, "virtualNetworkId": PRIVATE["appSubnetId"]}, "virtualNetworkId is the id of a subnet"),
        ({**PRIVATE, "privateDns": "existing"}, "dnsZoneIds must name three zones"),
        ({**PRIVATE, "privateDns": "existing", "dnsZoneIds": ZONES[:2]}, "dnsZoneIds must name three zones"),
        ({**PRIVATE, "dnsZoneIds": ZONES}, "dnsZoneIds is given, but privateDns is own"),
        ({"virtualNetworkId": "/v"}, "given without endpointSubnetId"),
        ({"privateDns": "policy"}, "given without endpointSubnetId"),
    ],
)
def test_a_mistake_is_told_in_words(given: dict[str, Any], said: str) -> None:
    """Each mistake, and each set given in part, stops the deployment with one sentence that says what was expected."""
    text = _refusal(**given)
    assert said in text
    assert text.endswith(".")
    assert text.count(". ") == 0


def test_all_mistakes_are_told_at_once() -> None:
    """Who made two mistakes reads of both."""
    text = _refusal(alertEmails="", teamsWebhookUrl="", sentinelWorkspaceResourceId=f"{WORKSPACE}/")
    for name in ("alertEmails", "teamsWebhookUrl", "sentinelWorkspaceResourceId"):
        assert name in text


def test_the_first_thing_made_waits_for_the_check() -> None:
    """The group that all is in, and wherever the workspace is reached, take their values from behind the check."""
    scope = Scope(MAIN, {**GIVEN, "alertEmails": ""})
    reached = [
        declarations(MAIN, "resource")["group"].body.get("name"),
        declarations(MAIN, "module")["sentinelRights"].body.get("scope"),
    ]
    reached.append(declarations(MAIN, "module")["sentinelWorkspace"].body.get("params"))
    for expression in reached:
        with pytest.raises(DeploymentRefused, match="alertEmails"):
            scope.value(expression)


@pytest.mark.parametrize(
    "given",
    [
        {"excludedRecipients": [{"pattern": "*@lab.x.com", "untill": "2027-01-31", "reason": "lab"}]},
        {"excludedRecipients": [{"pattern": "*@lab.x.com", "until": "2027-01-31"}]},
        {"excludedRecipients": [{"pattern": "a", "until": "2027-01-31", "reason": "lab", "note": "x"}]},
        {"excludedRecipients": [{"pattern": "a", "until": "31.1.2027", "reason": "lab"}]},
        {"excludedRecipients": [{"pattern": "", "until": "2027-01-31", "reason": "lab"}]},
        {"excludedRecipients": ["*@lab.x.com"]},
        {"excludedRecipients": {"pattern": "a", "until": "2027-01-31", "reason": "lab"}},
        {"teamsMentions": [""]},
        {"teamsMentions": [{"upn": "a@x.com"}]},
        {"teamsMentions": "a@x.com"},
        {"teamsWebhookExtraHosts": [443]},
        {"dnsZoneIds": [1]},
        {"absenceHours": 48},
        {"privateDns": "mine"},
        {"sentinelAccess": "reader"},
        {"watchSentinel": "yes"},
    ],
)
def test_a_list_has_its_shape(given: dict[str, Any]) -> None:
    """A misspelt, missing or foreign key, an empty text, another type or choice: the deployment does not take it."""
    (name,) = given
    assert name in _refusal(**given)


def test_the_webhook_may_be_left_out_once_it_is_there() -> None:
    """The deployment that put it into the vault says so, and the next one needs it no more."""
    handed_back = outputs(GIVEN)["WEBHOOK_IN_VAULT"]
    again = {**GIVEN, "teamsWebhookUrl": "", "webhookInVault": handed_back}
    kinds = [item.type for item in deployed(again)]
    assert "Microsoft.KeyVault/vaults/secrets" not in kinds
    assert "Microsoft.KeyVault/vaults" in kinds
