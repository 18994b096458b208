"""What a customer's administrator deploys: one built-in role on one resource group, for one identity."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.bicep import INFRA, Scope, declarations, deployed, outputs, parameters
from tests.infra.bicep_functions import DeploymentRefused
from tests.infra.test_security import RESPONDER

LIGHTHOUSE = INFRA / "lighthouse/main.bicep"
GIVEN: dict[str, Any] = {
    "providerTenantId": "11111111-2222-3333-4444-555555555555",
    "principalId": "66666666-7777-8888-9999-000000000000",
    "workspaceGroup": "rg-soc",
}


def test_one_role_for_one_identity() -> None:
    """The provider's identity gets Microsoft Sentinel Responder, and nothing that Lighthouse refuses."""
    offer, delegation = deployed(GIVEN, LIGHTHOUSE)
    properties = offer.body["properties"]
    assert properties["managedByTenantId"] == GIVEN["providerTenantId"]
    (authorization,) = properties["authorizations"]
    assert authorization["principalId"] == GIVEN["principalId"]
    assert authorization["roleDefinitionId"] == RESPONDER
    assert delegation.type == "Microsoft.ManagedServices/registrationAssignments"
    assert delegation.body["properties"]["registrationDefinitionId"] == "<offer.id>"
    assert outputs(GIVEN, LIGHTHOUSE)["ASSIGNMENT_ID"] == "<delegation.outputs.assignmentId>"


def test_only_the_workspaces_group_is_handed_over() -> None:
    """The delegation is made at the resource group that is named, not at the subscription."""
    module = declarations(LIGHTHOUSE, "module")["delegation"]
    assert Scope(LIGHTHOUSE, GIVEN).value(module.body.get("scope")) == "<resourceGroup(rg-soc)>"


def test_two_apps_of_one_provider_are_two_offers() -> None:
    """A second app, or a second provider, does not replace what the first was given."""
    (offer, _), (other, _), (again, _) = (
        deployed({**GIVEN, **changed}, LIGHTHOUSE)
        for changed in ({}, {"principalId": "a" * 36}, {"workspaceGroup": "rg-other"})
    )
    assert offer.body["name"] != other.body["name"]
    assert offer.body["name"] == again.body["name"]


@pytest.mark.parametrize("name", ["providerTenantId", "principalId", "workspaceGroup"])
def test_what_is_left_out_is_refused(name: str) -> None:
    """Each of the three must be given, and may not be empty."""
    assert parameters(LIGHTHOUSE)[name].required
    with pytest.raises(DeploymentRefused, match=name):
        list(deployed({**GIVEN, name: ""}, LIGHTHOUSE))


def test_it_is_no_part_of_the_providers_deployment() -> None:
    """No module of the provider's deployment is one of these files."""
    for file in (INFRA / "main.bicep", *(INFRA / "modules").glob("*.bicep")):
        assert all("lighthouse" not in item.detail for item in declarations(file, "module").values())
