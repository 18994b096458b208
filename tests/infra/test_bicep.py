"""The Bicep: sound, in step with the code's settings, names and layout."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic_core import PydanticUndefined

from infra.hooks.postdeploy import FUNCTION, QUEUE_FUNCTION
from shared.ledger.table import TableLedger
from shared.settings import Settings, from_values
from tests.infra.bicep import (
    INFRA,
    MAIN,
    Parameter,
    Scope,
    declarations,
    declared,
    deployed,
    every_file,
    outputs,
    parameters,
    parsed,
)

ROOT = INFRA.parent
MODULE = INFRA / "modules/sentinel-workspace.bicep"
BICEP_CHECK = ROOT.parent / "shared/tools/bicep_check/check.py"
WEBHOOK = "https://prod-1.westeurope.logic.azure.com/workflows/w/triggers/manual/paths/invoke?sig=Made-Up"
WORKSPACE = (
    "/subscriptions/5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c/resourceGroups/rg-soc"
    "/providers/Microsoft.OperationalInsights/workspaces/law-soc"
)
GIVEN: dict[str, Any] = {
    "environmentName": "prod",
    "location": "westeurope",
    "alertEmails": "soc@example.com, oncall@example.com",
    "sentinelWorkspaceId": "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d",
    "sentinelWorkspaceResourceId": WORKSPACE,
    "teamsWebhookUrl": WEBHOOK,
}
_NETWORK = (
    "/subscriptions/5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c/resourceGroups/rg-net"
    "/providers/Microsoft.Network/virtualNetworks/vnet"
)
PRIVATE: dict[str, Any] = {
    "appSubnetId": f"{_NETWORK}/subnets/app",
    "endpointSubnetId": f"{_NETWORK}/subnets/endpoints",
    "virtualNetworkId": _NETWORK,
}
# What is the deployment's own affair, not a setting of the code.
OWN = {
    "environmentName",
    "location",
    "alertEmails",
    "watchSentinel",
    "sentinelLocation",
    "sentinelAccess",
    "absenceHours",
    "allowNoAlarm",
    "webhookInVault",
    "teamsWebhooks",
    "roundWebhookUrl",
    "roundWebhookInVault",
    "roundDeadlineMinutes",
    "instanceMemoryMB",
    "appSubnetId",
    "endpointSubnetId",
    "privateDns",
    "virtualNetworkId",
    "dnsZoneIds",
}
# What the deployment makes and hands to the code: no parameter gives these.
MADE = {"azure_client_id", "findings_endpoint", "findings_rule_id", "findings_stream"}
# A value that is not the default, for each parameter that carries a setting.
OTHER: dict[str, Any] = {
    "sweepSchedule": "0 30 5 * * *",
    "sumCaseThreshold": 20,
    "highSeverityThreshold": 200,
    "lookbackDays": 14,
    "deduplicate": False,
    "maxDataAgeHours": 48,
    "maxNewIncidents": 7,
    "excludedRecipients": [{"pattern": "*@lab.example.com", "until": "2027-01-31", "reason": "test lab"}],
    "benignReopenFactor": 3,
    "remindAfterDays": 5,
    "heartbeatDays": 0,
    "cardSubjects": True,
    "runbookUrl": "https://wiki.example.com/email-remediation/operate.md",
    "teamsMentions": ["oncall@example.com"],
    "teamsWebhookExtraHosts": ["proxy.example.com:8443"],
    "ledgerUrl": "https://other.table.core.windows.net",
    "leaseSeconds": 90,
    "sweepBudgetSeconds": 600,
    "huntSource": "defender",
    "dryRun": True,
    "azureCloud": "AzureUSGovernment",
    "logAnalyticsEndpoint": "https://logs.example.com",
    "armEndpoint": "https://arm.example.com",
    "graphEndpoint": "https://graph.example.com",
    "raiseBy": "rule",
}


def parameter_of(field: str) -> str:
    """The parameter's name for a setting: sum_case_threshold becomes sumCaseThreshold."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


SETTINGS = {field: parameter_of(field) for field in Settings.model_fields if field not in MADE}


def app_settings(**given: Any) -> dict[str, str]:
    """The app settings of a deployment with these parameters, what only Azure knows filled in as Azure would."""
    (config,) = (item for item in deployed({**GIVEN, **given}) if item.type == "Microsoft.Web/sites/config")
    known = {
        "<storage.outputs.tableEndpoint>": "https://stsweep.table.core.windows.net/",
        "<identity.outputs.clientId>": "2f6f3a63-6a6e-4b0e-9a38-7d3f0f4c2b1a",
        "@Microsoft.KeyVault(SecretUri=<vault.outputs.webhookSecretUri>)": WEBHOOK,
        "<findings.outputs.endpoint>": "https://dcr-sweep-0123456789abc-x1y2.westeurope-1.ingest.monitor.azure.com",
        "<findings.outputs.immutableId>": "dcr-00112233445566778899aabbccddeeff",
        "<findings.outputs.stream>": "Custom-EmailRemediationFindings_CL",
    }
    return {name: known.get(value, value) for name, value in config.body["properties"].items()}


def test_every_property_exists() -> None:
    """Each resource's type, version and properties are those of Azure's published types."""
    if not BICEP_CHECK.exists():
        pytest.skip(f"*** NOT CHECKED against Azure's types: {BICEP_CHECK.name} is not beside this repository ***")
    ran = subprocess.run([sys.executable, str(BICEP_CHECK), str(INFRA)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.strip().endswith(" 0 problems")


@pytest.mark.parametrize("file", every_file(), ids=lambda file: file.stem)
def test_every_file_is_read_without_doubt(file: Path) -> None:
    """pycep, which the checkers read with, sees the same declarations in it as the tests do."""
    sections = ("parameters", "variables", "resources", "modules", "outputs", "types")
    seen = sorted(name for section in sections for name in parsed(file).get(section, {}))
    assert seen == sorted(item.name for item in declared(file))


@pytest.mark.parametrize("file", every_file(), ids=lambda file: file.stem)
def test_every_parameter_is_explained(file: Path) -> None:
    """Each parameter of each file has a description, and an integer of main.bicep its range."""
    for name, parameter in parameters(file).items():
        assert len(parameter.description) > 3, name
        if file == MAIN and parameter.type == "int":
            assert parameter.allowed or None not in (parameter.minimum, parameter.maximum), name


def test_main_is_for_azd() -> None:
    """main.bicep deploys at the subscription; azure.yaml names the service that the app is tagged as."""
    assert parsed(MAIN)["globals"]["scope"]["value"] == "subscription"
    azure = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    assert re.search(
        r"^services:\n  sweep:\n    project: \.\n    language: python\n    host: function$", azure, re.MULTILINE
    )
    (app,) = (item for item in deployed(GIVEN) if item.type == "Microsoft.Web/sites")
    assert app.body["tags"] == {"azd-env-name": "prod", "azd-service-name": "sweep"}
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in declarations(MAIN, "output"))


def test_everything_is_tagged() -> None:
    """Whatever can carry tags carries the environment's, by which azd finds it again."""
    untaggable = {
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Insights/diagnosticSettings",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        "Microsoft.OperationalInsights/workspaces/tables",
        "Microsoft.SecurityInsights/alertRules",
        "Microsoft.Storage/storageAccounts/blobServices",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "Microsoft.Storage/storageAccounts/tableServices",
        "Microsoft.Storage/storageAccounts/tableServices/tables",
        "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
        "Microsoft.Web/sites/config",
    }
    for item in deployed({**GIVEN, **PRIVATE, "raiseBy": "rule"}):
        if item.type not in untaggable:
            assert item.body["tags"]["azd-env-name"] == "prod", item.symbol


# ---- settings, both ways


def test_no_setting_is_missing_in_either_place() -> None:
    """Each setting of the code is an app setting, and each parameter is a setting or the deployment's own affair."""
    given = app_settings()
    assert {field.upper() for field in Settings.model_fields} <= given.keys()
    platform = {name for name in given if name.startswith(("AzureWebJobsStorage__", "APPLICATIONINSIGHTS_"))}
    assert given.keys() - platform == {field.upper() for field in Settings.model_fields}
    assert parameters().keys() == set(SETTINGS.values()) | OWN


@pytest.mark.parametrize(("field", "name"), SETTINGS.items(), ids=SETTINGS)
def test_a_parameter_is_its_setting(field: str, name: str) -> None:
    """The parameter's type, default, range and choices are the code's; its description begins with the setting."""
    code, parameter = Settings.model_fields[field], parameters()[name]
    assert parameter.description.startswith(f"{field.upper()}: ")
    kinds: dict[Any, str] = {int: "int", bool: "bool"}
    listed = get_origin(code.annotation) is tuple
    assert parameter.type == ("array" if listed else kinds.get(code.annotation, "string"))
    bounds = {
        key: value for item in code.metadata for key in ("ge", "le") if (value := getattr(item, key, None)) is not None
    }
    assert (parameter.minimum, parameter.maximum) == (bounds.get("ge"), bounds.get("le"))
    choices = get_args(code.annotation) if get_origin(code.annotation) is Literal else ()
    assert parameter.allowed == choices
    # Where these come from when they are not given: the workspace, the vault, the entries of workspaces.json.
    left_out = field in ("teams_webhook_url", "sentinel_workspace_id", "sentinel_workspace_resource_id")
    assert default(parameter) == ([] if listed else "" if left_out else code.default)
    assert parameter.secure == (field == "teams_webhook_url")


def default(parameter: Parameter) -> Any:
    """The parameter's default, evaluated; PydanticUndefined where there is none."""
    return PydanticUndefined if parameter.required else Scope(MAIN, GIVEN).value(parameter.default)


def test_a_deployment_as_it_comes_has_the_codes_defaults() -> None:
    """With nothing but what is required, the app's settings are valid and all at the code's defaults."""
    settings = from_values(app_settings())
    for field, code in Settings.model_fields.items():
        if code.default is not PydanticUndefined and field not in (
            "ledger_url",
            "azure_client_id",
            "teams_webhook_url",
        ):
            assert getattr(settings, field) == code.default, field
    assert settings.ledger_url.startswith("https://stsweep.table.core.windows.net")
    assert settings.azure_client_id


@pytest.mark.parametrize(("name", "value"), OTHER.items(), ids=OTHER)
def test_a_parameter_reaches_its_setting(name: str, value: Any) -> None:
    """Changing one parameter changes that app setting, and the code takes the value."""
    assert set(OTHER) == set(SETTINGS.values()) - {
        "sentinelWorkspaceId",
        "sentinelWorkspaceResourceId",
        "teamsWebhookUrl",
    }
    assert set(OTHER) <= parameters().keys()
    changed = {key for key, text in app_settings(**{name: value}).items() if app_settings()[key] != text}
    field = {parameter: field for field, parameter in SETTINGS.items()}[name]
    follow = {
        "sumCaseThreshold": {"HIGH_SEVERITY_THRESHOLD"},
        "raiseBy": {"FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM"},
    }
    assert changed == {field.upper()} | follow.get(name, set())
    webhook = "https://h.logic.azure.us/workflows/w?sig=Made-Up" if name == "azureCloud" else WEBHOOK
    read = getattr(from_values({**app_settings(**{name: value}), "TEAMS_WEBHOOK_URL": webhook}), field)
    if name == "excludedRecipients":
        assert [json.loads(item.model_dump_json()) for item in read] == value
    else:
        assert (list(read) if isinstance(read, tuple) else read) == value


def test_high_follows_the_threshold() -> None:
    """HIGH_SEVERITY_THRESHOLD is five times the threshold unless it is given, as in the code."""
    assert app_settings(sumCaseThreshold=30)["HIGH_SEVERITY_THRESHOLD"] == "150"
    assert (
        from_values(
            {**app_settings(), "SUM_CASE_THRESHOLD": "30", "HIGH_SEVERITY_THRESHOLD": ""}
        ).high_severity_threshold
        == 150
    )


def test_the_parameters_file_gives_every_parameter() -> None:
    """Each parameter has a line there: a variable of azd by the setting's name, or a list that is edited in place."""
    given = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert given.keys() == parameters().keys()
    names = {
        "environmentName": "AZURE_ENV_NAME",
        "location": "AZURE_LOCATION",
        "instanceMemoryMB": "INSTANCE_MEMORY_MB",
    }
    for name, parameter in parameters().items():
        variable = names.get(name) or re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper()
        # azd leaves an empty number, truth or optional text to the default, but hands over an empty required choice.
        # What a hook decides for the operator has its default here, too: nobody sets these by hand.
        shown = name in ("watchSentinel", "absenceHours", "allowNoAlarm", "webhookInVault", "roundWebhookInVault")
        value = "" if parameter.default is None or not (shown or parameter.type == "string") else default(parameter)
        fallback = f"={json.dumps(value).strip(chr(34))}" if value != "" else ""
        edited: dict[str, Any] = {"array": [], "object": {}}
        assert given[name] == {"value": edited.get(parameter.type, f"${{{variable}{fallback}}}")}, name


def test_what_comes_out_does_not_go_in_again() -> None:
    """azd keeps a template's outputs as variables: one with the name of a parameter's becomes its value.

    That is wanted of one alone: once the vault has the webhook, the next deployment knows so.
    """
    assert outputs(GIVEN)["WEBHOOK_IN_VAULT"] is True
    text = (INFRA / "main.parameters.json").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) & declarations(MAIN, "output").keys() == {"WEBHOOK_IN_VAULT"}


def test_the_workspace_tells_its_id() -> None:
    """The customer id is read off the workspace itself; one that is typed is taken instead."""
    assert app_settings(sentinelWorkspaceId="")["SENTINEL_WORKSPACE_ID"] == "<sentinelWorkspace.outputs.customerId>"
    assert app_settings()["SENTINEL_WORKSPACE_ID"] == GIVEN["sentinelWorkspaceId"]
    told = outputs({"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"}, MODULE)
    assert told == {"location": "<workspace.location>", "customerId": "<workspace.properties.customerId>"}


# ---- names that the code and the deployment share


def test_names_are_the_codes() -> None:
    """The ledger's table is the one the code opens, and the app runs the Python that is tested."""
    (table,) = (item for item in deployed(GIVEN) if item.type.endswith("/tableServices/tables"))
    code = TableLedger.__init__.__defaults__
    assert code is not None
    assert table.body["name"] == code[0] == "sweepledger"
    (app,) = (item for item in deployed(GIVEN) if item.type == "Microsoft.Web/sites")
    runtime = app.body["properties"]["functionAppConfig"]["runtime"]
    assert runtime == {"name": "python", "version": "3.13"}
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert needs == ">=3.11"


def test_the_function_is_named_as_the_docs_say() -> None:
    """The address by which docs/operate.md runs a sweep at once ends in the function's name."""
    said = set(re.findall(r"/admin/functions/([\w-]+)", (ROOT / "docs/operate.md").read_text(encoding="utf-8")))
    named = re.findall(r'@app\.function_name\("([^"]+)"\)', (ROOT / "function_app.py").read_text(encoding="utf-8"))
    assert said == {FUNCTION}
    assert {FUNCTION} <= set(named) <= {FUNCTION, QUEUE_FUNCTION}


def test_the_host_lets_a_sweep_end() -> None:
    """The host's time limit is above the longest budget that the parameter allows."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    longest = parameters()["sweepBudgetSeconds"].maximum
    assert longest is not None
    assert hours * 3600 + minutes * 60 + seconds > longest


def test_the_host_keeps_receipts() -> None:
    """No log line is sampled away or too low to be kept: the alerts read receipts."""
    logging = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]
    assert logging["applicationInsights"]["samplingSettings"]["isEnabled"] is False
    assert logging["logLevel"]["default"] == logging["logLevel"]["Host.Results"] == "Information"
    assert logging["logLevel"].get("Function", "Information") == "Information"
