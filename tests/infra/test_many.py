"""Many workspaces: what entries add to the deployment, and that nothing of it is there without them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.bicep import INFRA, Resource, deployed, outputs
from tests.infra.bicep_functions import DeploymentRefused
from tests.infra.many import (
    CONTOSO,
    FABRIKAM,
    NORTHWIND,
    OWN,
    THREE,
    WITHOUT_OWN,
    deployed_with,
    main_with,
    outputs_with,
    workspace_line,
)
from tests.infra.test_bicep import GIVEN, PRIVATE
from tests.infra.test_security import PERMISSIONS, RESPONDER, texts

SHARED = "https://prod-2.westeurope.logic.azure.com/workflows/s?sig=Shared-Made-Up"
NORTH = "https://prod-3.westeurope.logic.azure.com/workflows/n?sig=North-Made-Up"
ROUND = "https://prod-4.westeurope.logic.azure.com/workflows/r?sig=Round-Made-Up"
WEBHOOKS = {"SHARED_WEBHOOK_URL": SHARED, "NORTHWIND_WEBHOOK_URL": NORTH}
QUEUE_ROLE = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
ROLES = "Microsoft.Authorization/roleAssignments"
SECRETS = "Microsoft.KeyVault/vaults/secrets"


def _kept(resources: Iterator[Resource]) -> list[tuple[str, str, Any]]:
    """Resources as they can be compared between copies of `infra/`."""
    return [(item.file.name, item.symbol, item.body) for item in resources]


def _settings(entries: object = THREE, **given: Any) -> dict[str, str]:
    """The app settings of a deployment with these entries."""
    (config,) = (item for item in deployed_with(entries, **given) if item.type == "Microsoft.Web/sites/config")
    found: dict[str, str] = config.body["properties"]
    return found


def _secrets(entries: object = THREE, **given: Any) -> dict[str, str]:
    """The secrets that it writes: name to value."""
    found = (item for item in deployed_with(entries, **given) if item.type == SECRETS)
    return {item.body["name"]: item.body["properties"]["value"] for item in found}


def _refusal(entries: object, **given: Any) -> str:
    """Why a deployment with these entries stops."""
    with pytest.raises(DeploymentRefused) as refused:
        list(deployed_with(entries, **given))
    return str(refused.value)


# ---- nothing without entries


def test_the_list_is_empty_as_it_comes() -> None:
    """The repository's own workspaces.json has no entries, so that a deployment is for one workspace."""
    shipped = json.loads((INFRA.parent / "workspaces.json").read_text(encoding="utf-8"))
    assert shipped["workspaces"] == []


@pytest.mark.parametrize("given", [{}, PRIVATE, {"sentinelAccess": "custom"}, {"raiseBy": "rule"}])
def test_nothing_of_it_without_entries(given: dict[str, Any]) -> None:
    """Without entries there is no queue, no role, secret, setting or endpoint for one, whatever else is given."""
    told = {
        "teamsWebhooks": WEBHOOKS,
        "roundWebhookUrl": ROUND,
        "roundWebhookInVault": True,
        "roundDeadlineMinutes": 60,
    }
    plain = list(deployed({**GIVEN, **given}))
    assert [item.body for item in deployed({**GIVEN, **given, **told})] == [item.body for item in plain]
    everything = " ".join(text for item in plain for text in texts(item.body))
    assert not re.search(r"queue(?!ry|ries)|sweep-work|ROUND_|workspace_name", everything, re.IGNORECASE)
    assert all("queue" not in item.type.lower() and "queue" not in item.file.name for item in plain)


def test_back_to_one_is_as_before() -> None:
    """A file whose list was emptied again deploys what a file without entries deploys."""
    assert _kept(deployed_with([])) == _kept(deployed(GIVEN))
    assert outputs_with([]) == outputs(GIVEN)


# ---- the queue


def test_the_queue_is_there_and_the_app_may_use_it() -> None:
    """With entries the account has the queue, the identity its role there, and the host the queue's address."""
    made = list(deployed_with())
    (queue,) = (item for item in made if item.type.endswith("/queueServices/queues"))
    assert queue.body["name"] == "sweep-work"
    roles = [item.body for item in made if item.type == ROLES and item.file.name == "queue.bicep"]
    assert [role["scope"] for role in roles] == ["<account>"]
    assert QUEUE_ROLE in roles[0]["properties"]["roleDefinitionId"]
    assert _settings()["AzureWebJobsStorage__queueServiceUri"] == "<queue.outputs.endpoint>"
    logged = [item for item in made if item.file.name == "queue.bicep" and "diagnostic" in item.type]
    assert {log["category"] for item in logged for log in item.body["properties"]["logs"]} == {
        "StorageWrite",
        "StorageDelete",
    }


def test_one_sweep_at_a_time() -> None:
    """The host takes one message at a time, and brings a failed one back after ten minutes."""
    host = json.loads((INFRA.parent / "host.json").read_text(encoding="utf-8"))
    queues = host["extensions"]["queues"]
    assert (queues["batchSize"], queues["newBatchThreshold"]) == (1, 0)
    assert queues["visibilityTimeout"] == "00:10:00"
    assert queues["messageEncoding"] == "base64"
    assert queues["maxDequeueCount"] == 100


@pytest.mark.parametrize("way", ["own", "policy", "existing"])
def test_the_queue_has_an_endpoint_where_the_others_have_one(way: str) -> None:
    """In a private network the queue is reached like blob and table; its zone is the last one."""
    zones = ["/z/blob", "/z/table", "/z/vault", "/z/queue"]
    ways: dict[str, dict[str, Any]] = {
        "own": PRIVATE,
        "policy": {**PRIVATE, "privateDns": "policy", "virtualNetworkId": ""},
        "existing": {**PRIVATE, "privateDns": "existing", "virtualNetworkId": "", "dnsZoneIds": zones},
    }
    made = list(deployed_with(**ways[way]))
    endpoints = [item.body["name"] for item in made if item.type == "Microsoft.Network/privateEndpoints"]
    assert endpoints == ["pe-sweep-blob", "pe-sweep-table", "pe-sweep-vault", "pe-sweep-queue"]
    named = [item.body["name"] for item in made if item.type == "Microsoft.Network/privateDnsZones"]
    assert named[3:] == (["privatelink.queue.core.windows.net"] if way == "own" else [])
    groups = [item.body for item in made if item.type.endswith("/privateDnsZoneGroups")]
    records = [
        (config["name"], config["properties"]["privateDnsZoneId"])
        for group in groups
        for config in group["properties"]["privateDnsZoneConfigs"]
    ]
    expected = {"own": ("queue", "<zones[3].id>"), "existing": ("queue", "/z/queue")}
    assert records[3:] == ([expected[way]] if way in expected else [])


def test_three_zones_are_too_few() -> None:
    """With entries the existing zones are four, and the sentence names them."""
    given = {**PRIVATE, "privateDns": "existing", "virtualNetworkId": "", "dnsZoneIds": ["/z/b", "/z/t", "/z/v"]}
    assert "dnsZoneIds must name four zones, for blob, table, vault and queue." in _refusal(THREE, **given)


# ---- rights


def _grants(entries: object = THREE, **given: Any) -> dict[str, list[str]]:
    """The roles on workspaces: for each assignment's name, the ids of the roles."""
    found: dict[str, list[str]] = {}
    for item in deployed_with(entries, **given):
        if item.type == ROLES and item.file.name == "sentinel-access.bicep":
            role = item.body["properties"]["roleDefinitionId"].removesuffix(">").split("/")[-1]
            found.setdefault(item.body["name"], []).append(role)
    return found


def test_every_entry_gets_its_rights() -> None:
    """Each entry that is not `none` gets its role, under a name that its id in lower case gives; `own` as ever."""
    who = "<identity.outputs.principalId>"
    assert _grants() == {
        f"<guid({OWN.lower()}, {who}, {RESPONDER})>": [RESPONDER],
        f"<guid({CONTOSO.lower()}, {who}, {RESPONDER})>": [RESPONDER],
        f"<guid({FABRIKAM.lower()}, {who}, email-remediation-sweep)>": ["<sweeper.id"],
    }
    assert _grants(sentinelAccess="none").keys() == {f"<guid({FABRIKAM.lower()}, {who}, email-remediation-sweep)>"}


def test_the_case_of_an_id_makes_no_second_assignment() -> None:
    """The same workspace typed otherwise in the file is the same assignment."""
    for access in ("responder", "custom"):
        lower, upper = (
            _grants([workspace_line("contoso", workspace, SENTINEL_ACCESS=access)], **WITHOUT_OWN)
            for workspace in (CONTOSO.lower(), f" {CONTOSO.upper()} ")
        )
        assert lower == upper
        assert len(lower) == 1


@pytest.mark.parametrize("access", ["responder", "custom"])
def test_the_apps_own_workspace_keeps_its_name(access: str) -> None:
    """A deployment that is there keeps its assignment when its workspace becomes an entry: none is made twice."""
    before = [item.body for item in deployed({**GIVEN, "sentinelAccess": access}) if item.type == ROLES]
    entries = [*THREE, workspace_line("home", OWN.upper())]
    after = [item.body for item in deployed_with(entries, sentinelAccess=access) if item.type == ROLES]
    assert all(body in after for body in before)
    assert len(after) == len(before) + 3  # the queue's, contoso's, fabrikam's
    names = [body["name"] for body in after]
    assert len(set(names)) == len(names)


def test_an_entry_decides_for_the_apps_own_workspace() -> None:
    """Where the entry of the app's own workspace says how it gets its rights, that counts."""
    entries = [workspace_line("home", OWN, SENTINEL_ACCESS="none")]
    assert _grants(entries) == {}
    assert "--scope" in outputs_with(entries)["SENTINEL_ACCESS_COMMAND"]
    entries = [workspace_line("home", OWN, SENTINEL_ACCESS="custom")]
    assert list(_grants(entries).values()) == [["<sweeper.id"]]


def test_nothing_is_touched_of_another_tenants_workspace() -> None:
    """An entry with `none` is in no resource, scope or query of the deployment; the workbook lets a reader pick it."""
    made = [item for item in deployed_with() if item.type != "Microsoft.Insights/workbooks"]
    assert NORTHWIND.lower() not in json.dumps([item.body for item in made]).lower()
    assert FABRIKAM.lower() in json.dumps([item.body for item in made]).lower()


def test_the_page_names_the_queues_role() -> None:
    """docs/permissions.md explains the role that only many workspaces need."""
    assert f"Storage Queue Data Contributor (`{QUEUE_ROLE}`)" in PERMISSIONS


# ---- secrets and settings


def test_every_reference_is_a_setting() -> None:
    """Each %NAME% of the file is an app setting that reads the vault's secret of that name; two may share one."""
    found = _settings()
    base = "@Microsoft.KeyVault(SecretUri=https://kv-sweep-0123456789abc.vault.azure.net/secrets/"
    assert found["SHARED_WEBHOOK_URL"] == f"{base}shared-webhook-url)"
    assert found["NORTHWIND_WEBHOOK_URL"] == f"{base}northwind-webhook-url)"
    plain = _settings([])
    assert found.keys() - plain.keys() == {
        *WEBHOOKS,
        "ROUND_WEBHOOK_URL",
        "ROUND_DEADLINE_MINUTES",
        "AzureWebJobsStorage__queueServiceUri",
    }
    assert {name: found[name] for name in plain} == plain


def test_what_is_given_goes_into_the_vault() -> None:
    """A webhook that is given is written; one that is left out or empty stays as it is, and so does an unknown one."""
    own = {"teams-webhook-url": GIVEN["teamsWebhookUrl"]}
    assert _secrets() == own
    assert _secrets(teamsWebhooks={"SHARED_WEBHOOK_URL": SHARED, "NORTHWIND_WEBHOOK_URL": ""}) == {
        **own,
        "shared-webhook-url": SHARED,
    }
    assert _secrets(teamsWebhooks={**WEBHOOKS, "OLD_WEBHOOK_URL": "https://x"}) == {
        **own,
        "shared-webhook-url": SHARED,
        "northwind-webhook-url": NORTH,
    }


def test_the_apps_own_channel_may_be_an_entrys() -> None:
    """An entry that wants the app's channel refers to the app's own setting: no second secret is made for it."""
    entries = [workspace_line("contoso", CONTOSO, TEAMS_WEBHOOK_URL="%TEAMS_WEBHOOK_URL%")]
    found = _settings(entries)
    assert found["TEAMS_WEBHOOK_URL"] == "@Microsoft.KeyVault(SecretUri=<vault.outputs.webhookSecretUri>)"
    assert list(_secrets(entries)) == ["teams-webhook-url"]
    assert "teamsWebhookUrl is missing" in _refusal(entries, **WITHOUT_OWN)


def test_the_rounds_webhook() -> None:
    """Its setting reads the vault once the vault has it, and is empty before; the deadline is a setting, too."""
    assert (_settings()["ROUND_WEBHOOK_URL"], _settings()["ROUND_DEADLINE_MINUTES"]) == ("", "120")
    assert _secrets(roundWebhookUrl=ROUND)["round-webhook-url"] == ROUND
    for given in ({"roundWebhookUrl": ROUND}, {"roundWebhookInVault": True}):
        assert _settings(**given)["ROUND_WEBHOOK_URL"].endswith("/secrets/round-webhook-url)")
    assert "round-webhook-url" not in _secrets(roundWebhookInVault=True)
    assert _settings(roundDeadlineMinutes=240)["ROUND_DEADLINE_MINUTES"] == "240"


def test_no_secret_is_elsewhere() -> None:
    """A webhook's URL is the value of its secret, and of nothing else that is deployed or given out."""
    given = {"teamsWebhooks": WEBHOOKS, "roundWebhookUrl": ROUND}
    for secret in (SHARED, NORTH, ROUND):
        holders = {item.type for item in deployed_with(**given) if any(secret in text for text in texts(item.body))}
        assert holders == {SECRETS}
        assert secret not in str(outputs_with(**given))


# ---- no workspace of the app's own


def test_the_app_needs_no_workspace_of_its_own() -> None:
    """With entries the app-level ids may be empty: nothing is made for them, and the rest is there."""
    found = _settings(**WITHOUT_OWN)
    assert (found["SENTINEL_WORKSPACE_ID"], found["SENTINEL_WORKSPACE_RESOURCE_ID"]) == ("", "")
    assert found["TEAMS_WEBHOOK_URL"] == ""
    assert len(_grants(**WITHOUT_OWN)) == 2
    said = outputs_with(**WITHOUT_OWN)
    assert (said["SENTINEL_ACCESS_COMMAND"], said["WEBHOOK_IN_VAULT"]) == ("", False)
    (workbook,) = (item for item in deployed_with(**WITHOUT_OWN) if item.type == "Microsoft.Insights/workbooks")
    assert workbook.body["properties"]["sourceId"] == "<monitoring.outputs.workspaceId>"


def test_without_entries_it_does() -> None:
    """With an empty list a missing id is refused as ever."""
    assert "sentinelWorkspaceResourceId has no leading slash" in _refusal([], **WITHOUT_OWN)


@pytest.mark.parametrize(
    ("entries", "given", "said"),
    [
        (THREE, {"huntSource": "defender"}, "huntSource is defender and workspaces.json has entries"),
        (THREE, {**WITHOUT_OWN, "raiseBy": "rule"}, "raiseBy is rule without sentinelWorkspaceResourceId"),
        (THREE, {**WITHOUT_OWN, "sentinelWorkspaceId": GIVEN["sentinelWorkspaceId"]}, "sentinelWorkspaceId is given"),
        ([{"name": "contoso"}], {}, "SENTINEL_WORKSPACE_RESOURCE_ID of contoso is not the id"),
        ([workspace_line("contoso", "")], {}, "SENTINEL_WORKSPACE_RESOURCE_ID of contoso is not the id"),
        ([workspace_line("contoso", CONTOSO + "/")], {}, "SENTINEL_WORKSPACE_RESOURCE_ID of contoso is not the id"),
        ([workspace_line("contoso", CONTOSO.replace("/law-A", "/"))], {}, "of contoso is not the id"),
        ([workspace_line("contoso", CONTOSO.replace("OperationalInsights", "Storage"))], {}, "of contoso is not"),
        ([workspace_line(f"w{n}", f"{CONTOSO}{n}") for n in range(751)], {}, "more than 750 entries"),
        (THREE, {"roundDeadlineMinutes": 29}, "roundDeadlineMinutes"),
        (THREE, {"roundDeadlineMinutes": 1201}, "roundDeadlineMinutes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_told_before_anything_is_made(entries: object, given: dict[str, Any], said: str) -> None:
    """What cannot be deployed stops it with a sentence."""
    assert said in _refusal(entries, **given)


def test_hundreds_of_entries_are_deployed() -> None:
    """As many as the sentence allows are granted their rights, each once."""
    entries = [workspace_line(f"w{n}", f"{CONTOSO}{n}") for n in range(400)]
    assert len(_grants(entries, **WITHOUT_OWN)) == 400


def test_a_module_has_a_name_that_azure_takes() -> None:
    """The longest name of an entry still gives a deployment's name of at most 64 characters."""
    longest = f"sweep-{'x' * 13}-{'n' * 40}"
    assert len(longest) <= 64
    assert "name: 'sweep-${token}-${entry.name}'" in main_with().read_text(encoding="utf-8")
