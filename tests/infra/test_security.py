"""What a security engineer would ask of the deployment: identities only, least privilege, the secret in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from tests.infra.bicep import INFRA, MAIN, Resource, Scope, deployed, every_file, module_file, outputs, parameters
from tests.infra.bicep import declarations as declared
from tests.infra.bicep_tree import Call, Declaration, Get, Loop, Name, nodes
from tests.infra.test_bicep import GIVEN, PRIVATE, WEBHOOK, WORKSPACE, app_settings

PERMISSIONS = (INFRA.parent / "docs/permissions.md").read_text(encoding="utf-8")
RESPONDER = "3e150937-b8fe-4cfb-8069-0eaf05ecd056"
HUNT = INFRA.parent / "shared/hunt"
REFUSED = {
    "ftpsstate",
    "use32bitworkerprocess",
    "netframeworkversion",
    "linuxfxversion",
    "windowsfxversion",
    "prewarmedinstancecount",
    "functionsruntimescalemonitoringenabled",
    "alwayson",
}
# What is read of incidents that analytics rules make.
BY_RULE = {"SecurityAlert", "EmailRemediationFindings_CL"}
QUERY_TABLES = "Microsoft.OperationalInsights/workspaces/query/*/read"


def of_type(kind: str, **given: Any) -> list[Resource]:
    """The deployed resources of a type."""
    return [item for item in deployed({**GIVEN, **given}) if item.type == kind]


def only_one_of(kind: str, **given: Any) -> Mapping[str, Any]:
    """The properties of the only resource of a type."""
    (item,) = of_type(kind, **given)
    properties: Mapping[str, Any] = item.body["properties"]
    return properties


def texts(value: Any) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


# ---- no key, no anonymous way in


def test_storage_takes_identities_only() -> None:
    """The storage account has no shared keys and no public blobs, and speaks TLS 1.2 or newer over https."""
    account = only_one_of("Microsoft.Storage/storageAccounts")
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["defaultToOAuthAuthentication"] is True
    assert account["allowCrossTenantReplication"] is False
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["supportsHttpsTrafficOnly"] is True
    for container in of_type("Microsoft.Storage/storageAccounts/blobServices/containers"):
        assert container.body["properties"]["publicAccess"] == "None"


def test_the_vault_takes_identities_only() -> None:
    """The vault decides by roles, and what is deleted in it cannot be purged at once."""
    vault = only_one_of("Microsoft.KeyVault/vaults")
    assert vault["enableRbacAuthorization"] is True
    assert vault["enablePurgeProtection"] is True
    assert "accessPolicies" not in vault


def test_telemetry_takes_identities_only() -> None:
    """Application Insights and its workspace accept no instrumentation key; the app authenticates as itself."""
    assert only_one_of("Microsoft.Insights/components")["DisableLocalAuth"] is True
    assert only_one_of("Microsoft.OperationalInsights/workspaces")["features"]["disableLocalAuth"] is True
    assert app_settings()["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == (
        "ClientId=<identity.outputs.clientId>;Authorization=AAD"
    )


def test_the_app_is_closed() -> None:
    """The app speaks https with TLS 1.2 only, and nobody publishes to it with a password."""
    site = only_one_of("Microsoft.Web/sites")
    assert site["httpsOnly"] is True
    assert site["siteConfig"]["minTlsVersion"] == site["siteConfig"]["scmMinTlsVersion"] == "1.2"
    policies = of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {item.body["name"]: item.body["properties"]["allow"] for item in policies} == {"ftp": False, "scm": False}


@pytest.mark.parametrize("given", [{}, PRIVATE], ids=["public", "private"])
def test_flex_consumption_takes_the_site(given: dict[str, Any]) -> None:
    """The site has no property for which Flex Consumption refuses a deployment (error 51021), in any case."""
    site = only_one_of("Microsoft.Web/sites", **given)
    assert {name.lower() for name in texts(site) if name.lower() in REFUSED} == set()
    # What Microsoft's own Flex samples and the Terraform provider send.
    assert site["siteConfig"].keys() <= {"minTlsVersion", "scmMinTlsVersion", "http20Enabled"}
    for config in of_type("Microsoft.Web/sites/config", **given):
        assert config.body["name"] == "appsettings"
    (plan,) = of_type("Microsoft.Web/serverfarms", **given)
    assert plan.body["sku"] == {"name": "FC1", "tier": "FlexConsumption"}


def test_no_key_is_ever_asked_for() -> None:
    """No file lists keys, makes a shared access signature or a connection string with one."""
    for file in every_file():
        found = re.findall(r"listKeys|listAccountSas|AccountKey|SharedAccessKey|InstrumentationKey", file.read_text())
        assert found == [], file.name


# ---- the secret


def test_the_webhook_is_in_the_vault_only() -> None:
    """The URL is the value of one vault secret, and of nothing else that is deployed."""
    holders = {item.type for item in deployed(GIVEN) if any(WEBHOOK in text for text in texts(item.body))}
    assert holders == {"Microsoft.KeyVault/vaults/secrets"}
    (config,) = of_type("Microsoft.Web/sites/config")
    reference = config.body["properties"]["TEAMS_WEBHOOK_URL"]
    assert reference == "@Microsoft.KeyVault(SecretUri=<vault.outputs.webhookSecretUri>)"
    assert only_one_of("Microsoft.Web/sites")["keyVaultReferenceIdentity"] == "<identity.outputs.id>"


def test_the_webhook_is_kept_when_it_is_not_given() -> None:
    """A deployment without the URL does not touch the secret that is there."""
    assert of_type("Microsoft.KeyVault/vaults/secrets", teamsWebhookUrl="", webhookInVault=True) == []


def test_the_secret_travels_in_secure_parameters_only() -> None:
    """Each parameter that carries the URL is secure, and no output of any file gives it out."""
    carriers = {
        (file, name) for file in every_file() for name in parameters(file) if re.search(r"webhook(url|s$)", name, re.I)
    }
    assert {(file.stem, name) for file, name in carriers} == {
        ("main", "teamsWebhookUrl"),
        ("main", "teamsWebhooks"),
        ("main", "roundWebhookUrl"),
        ("vault", "webhookUrl"),
        ("webhooks", "webhooks"),
        ("webhooks", "roundWebhookUrl"),
    }
    for file, name in carriers:
        assert parameters(file)[name].secure
        assert name not in repr(declared(file, "output"))
    assert not any(WEBHOOK in str(value) for value in outputs(GIVEN).values())


# ---- identity


def test_the_identity_is_wired_everywhere() -> None:
    """One user-assigned identity runs the app, reads its package, secret and storage, and signs the code in."""
    (app,) = of_type("Microsoft.Web/sites")
    identity, client = "<identity.outputs.id>", "<identity.outputs.clientId>"
    assert app.body["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    package = app.body["properties"]["functionAppConfig"]["deployment"]["storage"]
    assert package["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": identity,
    }
    (config,) = of_type("Microsoft.Web/sites/config")
    settings = config.body["properties"]
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    assert settings["AzureWebJobsStorage__clientId"] == settings["AZURE_CLIENT_ID"] == client
    assert settings["AzureWebJobsStorage__blobServiceUri"] == "<storage.outputs.blobEndpoint>"
    assert (
        settings["AzureWebJobsStorage__tableServiceUri"] == settings["LEDGER_URL"] == "<storage.outputs.tableEndpoint>"
    )
    unwanted = {
        "AzureWebJobsStorage",
        "FUNCTIONS_WORKER_RUNTIME",
        "WEBSITE_RUN_FROM_PACKAGE",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
    }
    assert not unwanted & settings.keys()


def test_roles_come_before_the_app() -> None:
    """Whatever gives the app a role is finished before the app is made: it depends on each of those modules."""
    modules = declared(MAIN, "module")
    roles = {name for name, item in modules.items() if "roleAssignments" in module_file(MAIN, item).read_text()}
    assert roles == {"monitoring", "storage", "vault", "queue", "sentinelRights", "entryRights", "findings"}
    waited = {node.text for node in _followed(modules["app"].value)}
    assert roles | {"privateNetwork"} <= waited


def _followed(expression: Any) -> Iterator[Name]:
    """The names that an expression and the variables in it use."""
    variables = declared(MAIN, "var")
    for node in nodes(expression):
        if isinstance(node, Name):
            yield node
            if node.text in variables:
                yield from _followed(variables[node.text].value)


# ---- least privilege: the roles are those of docs/permissions.md


def documented() -> dict[str, str]:
    """The roles of the first table of docs/permissions.md: id to what they are on."""
    return dict(re.findall(r"^\| [^|]+ \| `([0-9a-f-]{36})` \| ([^|]+) \|", PERMISSIONS, re.MULTILINE))


def assigned(**given: Any) -> dict[str, str]:
    """The roles that a deployment assigns: id to scope."""
    found = {}
    for item in of_type("Microsoft.Authorization/roleAssignments", **given):
        properties = item.body["properties"]
        assert properties["principalType"] == "ServicePrincipal"
        assert properties["principalId"] == "<identity.outputs.principalId>"
        found[properties["roleDefinitionId"].removesuffix(">").split("/")[-1]] = item.body["scope"]
    return found


def test_the_roles_are_the_documented_ones() -> None:
    """The app's identity gets exactly the roles of docs/permissions.md, each on one resource, none on a group."""
    assert assigned().keys() == documented().keys()
    assert assigned() == {
        RESPONDER: "<workspace>",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "<account>",
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "<account>",
        "4633458b-17de-408a-b874-0445c86b69e6": "<vault>",
        "3913510d-42f4-4e42-8a64-420c390055eb": "<component>",
    }


def test_every_assignment_is_made_once() -> None:
    """An assignment's name is derived from who, what and where, so that deploying again makes no second one."""
    for access in ("responder", "custom"):
        names = [
            item.body["name"] for item in of_type("Microsoft.Authorization/roleAssignments", sentinelAccess=access)
        ]
        assert len(set(names)) == len(names) == 5
        assert all(re.fullmatch(r"<guid\([^,]+, <identity\.outputs\.principalId>, .+\)>", name) for name in names)


def test_sentinel_access_can_be_left_out() -> None:
    """With `none` nothing is made at the workspace, and the command for an administrator is what is printed."""
    assert RESPONDER not in assigned(sentinelAccess="none")
    assert of_type("Microsoft.Authorization/roleDefinitions", sentinelAccess="none") == []
    for access in ("responder", "custom"):
        assert outputs({**GIVEN, "sentinelAccess": access})["SENTINEL_ACCESS_COMMAND"] == ""
    said = outputs({**GIVEN, "sentinelAccess": "none"})["SENTINEL_ACCESS_COMMAND"]
    assert said.startswith("az role assignment create --name ")
    assert f"--role {RESPONDER} --scope {WORKSPACE}" in said
    assert "--assignee-object-id <identity.outputs.principalId> --assignee-principal-type ServicePrincipal" in said
    hooks = [INFRA.parent / "azure.yaml", *(INFRA / "hooks").glob("*.py")]
    assert "SENTINEL_ACCESS_COMMAND" in "".join(file.read_text(encoding="utf-8") for file in hooks)


@pytest.mark.parametrize("typed", [WORKSPACE, WORKSPACE.upper(), f" {WORKSPACE}\n"])
def test_a_grant_by_hand_is_the_deployments_own(typed: str) -> None:
    """The printed command and a later `responder` deployment make one assignment, however the id was typed."""
    said = outputs({**GIVEN, "sentinelAccess": "none"})["SENTINEL_ACCESS_COMMAND"]
    (by_hand,) = re.findall(r"--name (<guid\(.+\)>) ", said)
    granted = of_type("Microsoft.Authorization/roleAssignments", sentinelWorkspaceResourceId=typed)
    assert by_hand in [item.body["name"] for item in granted]


def test_the_workspace_may_be_anywhere() -> None:
    """The workspace's role is deployed at the subscription and resource group of its ARM id."""
    scope = Scope(MAIN, GIVEN).value(declared(MAIN, "module")["sentinelRights"].body.get("scope"))
    assert scope == "<resourceGroup(5d1c2c0e-6d0e-4d39-9bb8-0d1f2f3a4b5c, rg-soc)>"
    (read,) = (item for item in declared_in("sentinel-workspace") if item.existing)
    where = {"subscriptionId": "s", "resourceGroupName": "g", "workspaceName": "w"}
    assert Scope(INFRA / "modules/sentinel-workspace.bicep", where).value(read.value) == {
        "name": "w",
        "scope": "<resourceGroup(s, g)>",
    }


def declared_in(module: str) -> Iterable[Declaration]:
    """The declarations of a module."""
    return declared(INFRA / f"modules/{module}.bicep", "resource").values()


def test_deployments_outside_the_apps_group_are_the_documented_ones() -> None:
    """Only the workspace's rights, its table and its rules are deployed into a group that is not the app's."""
    bodies = {
        name: item.body.body if isinstance(item.body, Loop) else item.body
        for name, item in declared(MAIN, "module").items()
    }
    elsewhere = {name for name, body in bodies.items() if getattr(body.get("scope"), "text", "") != "group"}
    assert elsewhere == {"sentinelRights", "entryRights", "findings"}
    assert "`Microsoft.Resources/deployments/*`" in PERMISSIONS


def test_a_custom_role_is_named_apart() -> None:
    """Two workspaces of one name in a tenant get two roles: a role's name is unique there."""
    (role,) = of_type("Microsoft.Authorization/roleDefinitions", sentinelAccess="custom")
    assert role.body["properties"]["roleName"] == "Email Remediation Sweep (law-soc, 0123456789abc)"
    ((_, hashed),) = [
        (node.name, node.arguments)
        for item in declared_in("sentinel-access")
        for node in nodes(item.value)
        if isinstance(node, Call) and node.name == "uniqueString"
    ]
    assert [node.text for node in hashed] == ["seed"]
    (seed,) = (
        item for item in declared(INFRA / "modules/sentinel-access.bicep", "var").values() if item.name == "seed"
    )
    read = {f"{node.base.text}.{node.name}" for node in nodes(seed.value) if isinstance(node, Get)}
    assert read == {"workspace.id"}
    assert {node.text for node in nodes(seed.value) if isinstance(node, Name)} == {"workspace", "nameSeed"}


def custom_actions() -> list[str]:
    """The actions of the custom role."""
    (role,) = of_type("Microsoft.Authorization/roleDefinitions", sentinelAccess="custom")
    (permission,) = role.body["properties"]["permissions"]
    assert permission["notActions"] == permission["dataActions"] == permission["notDataActions"] == []
    actions: list[str] = permission["actions"]
    return actions


def test_the_custom_role_is_the_documented_one() -> None:
    """The custom role has exactly the actions that docs/permissions.md explains, and one wildcard: tables."""
    actions = custom_actions()
    explained = re.findall(r"^\| `(Microsoft\.[\w./*]+)` \|", PERMISSIONS, re.MULTILINE)
    assert sorted(actions) == sorted(explained)
    assert [action for action in actions if "*" in action] == [QUERY_TABLES]


def test_the_tables_that_the_code_asks_for_are_named() -> None:
    """Whoever narrows the custom role finds in docs/permissions.md each table that a shipped query names, no other."""
    # no_<table>.kql stands for a table that is missing.
    files = [file for file in HUNT.glob("*.kql") if "defender" not in file.stem and not file.stem.startswith("no_")]
    shipped = [file.read_text(encoding="utf-8") for file in files]
    sources = {name for text in shipped for name in re.findall(r"^(?:let \w+ = )?([A-Z]\w+)$", text, re.MULTILINE)}
    tables = sources - {name for text in shipped for name in re.findall(r"^let (\w+) =", text, re.MULTILINE)}
    (line,) = (line for line in PERMISSIONS.splitlines() if line.startswith(f"| `{QUERY_TABLES}`"))
    assert set(re.findall(r"`(\w+)`", line)) == tables
    assert tables == {"EmailEvents", "EmailPostDeliveryEvents", "SecurityIncident", *BY_RULE}


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`(shared/[\w/.]+)`", PERMISSIONS))))
def test_who_needs_a_permission_exists(module: str) -> None:
    """Each file that docs/permissions.md names as needing a permission is there."""
    assert (INFRA.parent / module).exists()


# ---- watched


def test_who_touches_what_is_logged() -> None:
    """The vault, the ledger's tables, the package's container and the app send their logs to the workspace."""
    found = {}
    for item in of_type("Microsoft.Insights/diagnosticSettings"):
        properties = item.body["properties"]
        assert properties["workspaceId"] in ("<workspace.id>", "<monitoring.outputs.workspaceId>")
        found[item.body["scope"]] = {log["category"] for log in properties["logs"] if log["enabled"]}
    assert found == {
        "<vault>": {"AuditEvent"},
        "<tables>": {"StorageRead", "StorageWrite", "StorageDelete"},
        "<blobs>": {"StorageWrite", "StorageDelete"},
        "<app>": {"FunctionAppLogs"},
    }


def test_azd_down_is_stopped() -> None:
    """`azd down`, which can delete the Sentinel workspace's resource group, is refused, and the docs say what to do."""
    azure = (INFRA.parent / "azure.yaml").read_text(encoding="utf-8")
    predown = azure.split("predown:")[1]
    assert predown.count("exit 1") == 2
    assert predown.count("docs/deploy.md, Remove everything") == 2
    deploy = (INFRA.parent / "docs/deploy.md").read_text(encoding="utf-8")
    assert "\n## Remove everything\n" in deploy
    assert not re.search(r"^azd down", deploy, re.MULTILINE)
