"""`RAISE_BY=rule`, the deployment: the findings table, the way into it, and what changes for everything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.bicep import INFRA, MAIN, Scope, declarations, deployed, outputs
from tests.infra.bicep_functions import DeploymentRefused
from tests.infra.rule_template import ANYWHERE, MODULE, RULE_TYPE
from tests.infra.test_bicep import GIVEN, app_settings

TABLE = "EmailRemediationFindings_CL"
STREAM = f"Custom-{TABLE}"
PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
MADE = {item.type.rsplit("/", 1)[-1]: item.body for item in deployed(ANYWHERE, MODULE) if item.type != RULE_TYPE}
COLUMNS: Mapping[str, str] = {
    column["name"]: column["type"] for column in MADE["tables"]["properties"]["schema"]["columns"]
}


# ---- which of it is made, both ways


def made_of(given: Mapping[str, Any]) -> set[str]:
    """The types that a deployment with these parameters makes, beside those of every deployment."""
    return {item.type for item in deployed({**GIVEN, **given})} - {item.type for item in deployed(GIVEN)}


def test_nothing_of_it_is_made_without_being_asked() -> None:
    """With `api`, the default, there is no table, no rule and no way into it, and the app knows none."""
    assert made_of({"raiseBy": "api"}) == set()
    assert not [item for item in deployed(GIVEN) if item.file == MODULE]
    settings = app_settings()
    assert settings["RAISE_BY"] == "api"
    assert [settings[name] for name in ("FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM")] == [""] * 3


def test_all_of_it_is_made_when_asked() -> None:
    """With `rule` the table, the collection rule and both rules are made, and the app is told where to upload."""
    assert made_of({"raiseBy": "rule"}) == {
        "Microsoft.Insights/dataCollectionRules",
        "Microsoft.OperationalInsights/workspaces/tables",
        RULE_TYPE,
    }
    (config,) = (item for item in deployed({**GIVEN, "raiseBy": "rule"}) if item.type == "Microsoft.Web/sites/config")
    told = config.body["properties"]
    assert {name: told[name] for name in ("RAISE_BY", "FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM")} == {
        "RAISE_BY": "rule",
        "FINDINGS_ENDPOINT": "<findings.outputs.endpoint>",
        "FINDINGS_RULE_ID": "<findings.outputs.immutableId>",
        "FINDINGS_STREAM": "<findings.outputs.stream>",
    }
    assert outputs(ANYWHERE, MODULE) == {
        "endpoint": "<collection.properties.endpoints.logsIngestion>",
        "immutableId": "<collection.properties.immutableId>",
        "stream": STREAM,
    }


def test_the_rest_is_the_same_both_ways() -> None:
    """Nothing but the module of findings and those settings differs between the two."""

    def others(way: str) -> list[tuple[str, str]]:
        found = deployed({**GIVEN, "raiseBy": way})
        return [(item.symbol, str(item.body)) for item in found if item.file != MODULE and item.symbol != "appSettings"]

    assert others("rule") == others("api")


@pytest.mark.parametrize("wrong", ["", "API", "rules", "both"])
def test_another_word_is_refused(wrong: str) -> None:
    """A word that is neither stops the deployment."""
    with pytest.raises(DeploymentRefused, match="raiseBy"):
        list(deployed({**GIVEN, "raiseBy": wrong}))


def test_it_needs_rights_at_the_workspace() -> None:
    """With `sentinelAccess` none nothing may be made at the workspace: refused, with what is expected instead."""
    with pytest.raises(DeploymentRefused, match="expected sentinelAccess responder or custom"):
        list(deployed({**GIVEN, "raiseBy": "rule", "sentinelAccess": "none"}))
    for access in ("responder", "custom"):
        assert made_of({"raiseBy": "rule", "sentinelAccess": access})


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ({}, "<sentinelWorkspace.outputs.location>"),
        ({"sentinelLocation": "northeurope"}, "northeurope"),
        ({"sentinelLocation": "northeurope", "watchSentinel": False}, "northeurope"),
    ],
)
def test_it_stands_where_the_workspace_is(given: dict[str, Any], region: str) -> None:
    """It is deployed into the workspace's group; the collection rule is in the workspace's region, not in the app's."""
    (collection,) = (
        item for item in deployed({**GIVEN, "raiseBy": "rule", **given}) if item.type.endswith("/dataCollectionRules")
    )
    assert collection.body["location"] == region != GIVEN["location"]
    where = Scope(MAIN, GIVEN).value(declarations(MAIN, "module")["findings"].body.get("scope"))
    assert where == "<resourceGroup(5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c, rg-soc)>"
    rules = [item for item in deployed({**GIVEN, "raiseBy": "rule"}) if item.type == RULE_TYPE]
    assert [item.body["scope"] for item in rules] == ["<workspace>"] * 2


# ---- the table and the way into it


def test_the_table_is_one_that_rules_read() -> None:
    """The table is on the Analytics plan, and nothing is kept longer than 90 days."""
    table = MADE["tables"]
    assert table["name"] == table["properties"]["schema"]["name"] == TABLE
    assert table["properties"]["plan"] == "Analytics"
    assert table["properties"]["retentionInDays"] == table["properties"]["totalRetentionInDays"] == 90


def test_the_columns_have_names_and_types_that_are_taken() -> None:
    """No column has a reserved name, one that is too long or a type that only one of table and stream knows."""
    reserved = {"_ResourceId", "id", "_SubscriptionId", "TenantId", "Type", "UniqueId", "Title"}
    columns = MADE["tables"]["properties"]["schema"]["columns"]
    assert len({column["name"].lower() for column in columns}) == len(columns)
    assert not {name.lower() for name in COLUMNS} & {name.lower() for name in reserved}
    for name, kind in COLUMNS.items():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", name), name
        assert kind in {"string", "int", "long", "real", "boolean", "datetime", "dynamic"}, name
    assert COLUMNS["TimeGenerated"] == "datetime"
    assert len(TABLE) <= 45


def test_the_stream_is_the_table() -> None:
    """What is uploaded has the table's columns and goes into the table, unchanged, in this workspace only."""
    way = MADE["dataCollectionRules"]
    assert way["kind"] == "Direct"
    assert way["properties"]["streamDeclarations"] == {
        STREAM: {"columns": MADE["tables"]["properties"]["schema"]["columns"]}
    }
    (workspace,) = way["properties"]["destinations"]["logAnalytics"]
    assert workspace["workspaceResourceId"] == "<workspace.id>"
    assert way["properties"]["dataFlows"] == [
        {
            "streams": [STREAM],
            "destinations": [workspace["name"]],
            "transformKql": "source",
            "outputStream": STREAM,
        }
    ]


def test_two_apps_have_a_way_each() -> None:
    """The collection rule's name tells environments apart, for workspaces may share a group; Azure takes 30 letters."""
    given = declarations(MAIN, "module")["findings"].body.get("params")
    name = Scope(MAIN, GIVEN).value(given)["collectionName"]
    assert name == "dcr-sweep-0123456789abc"
    assert len(name) <= 30


def test_the_app_may_upload_and_no_more() -> None:
    """The one role that comes with it is Monitoring Metrics Publisher, for the app, on that collection rule only."""
    assert MADE["roleAssignments"]["scope"] == "<collection>"
    assert MADE["roleAssignments"]["name"] == f"<guid(<collection.id>, <principal>, {PUBLISHER})>"
    granted = MADE["roleAssignments"]["properties"]
    assert granted == {
        "principalId": "<principal>",
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"<Microsoft.Authorization/roleDefinitions/{PUBLISHER}>",
    }
    assert not [item for item in declarations(MODULE, "resource").values() if "roleDefinitions" in item.detail]
    permissions = (INFRA.parent / "docs/permissions.md").read_text(encoding="utf-8")
    assert re.search(
        rf"^\| Monitoring Metrics Publisher \| `{PUBLISHER}` \| the data collection rule", permissions, re.M
    )


def test_the_custom_role_is_the_same_both_ways() -> None:
    """After a switch back to `api` the rules' incidents are still followed, so no right to read is withdrawn."""

    def actions(way: str) -> Any:
        given = {**GIVEN, "sentinelAccess": "custom", "raiseBy": way}
        (role,) = (item for item in deployed(given) if item.type == "Microsoft.Authorization/roleDefinitions")
        return role.body["properties"]["permissions"]

    assert actions("rule") == actions("api")
