"""The private network: endpoints, DNS in three ways, public access off; and nothing of it unless it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra import test_docs as docs
from tests.infra.bicep import INFRA, deployed, outputs
from tests.infra.test_bicep import GIVEN, PRIVATE
from tests.infra.test_security import of_type, only_one_of

ZONES = ["/z/blob", "/z/table", "/z/vault"]
WAYS: dict[str, dict[str, Any]] = {
    "own": PRIVATE,
    "policy": {**PRIVATE, "privateDns": "policy", "virtualNetworkId": ""},
    "existing": {**PRIVATE, "privateDns": "existing", "virtualNetworkId": "", "dnsZoneIds": ZONES},
}
NETWORK = "Microsoft.Network/"


def network(given: Mapping[str, Any]) -> list[str]:
    """The kinds of network resources that are made, in order."""
    return sorted(item.type.removeprefix(NETWORK) for item in deployed({**GIVEN, **given}) if NETWORK in item.type)


def test_nothing_of_it_without_being_asked() -> None:
    """Without a subnet for endpoints there is no network resource, and storage, vault and app are as they were."""
    assert network({}) == []
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        assert only_one_of(kind)["publicNetworkAccess"] == "Enabled"
        assert only_one_of(kind)["networkAcls"]["defaultAction"] == "Allow"
    site = only_one_of("Microsoft.Web/sites")
    assert site["virtualNetworkSubnetId"] is None
    assert site["vnetRouteAllEnabled"] is None


@pytest.mark.parametrize("way", WAYS)
def test_the_public_way_is_closed(way: str) -> None:
    """Storage and vault answer over their endpoints only, and the app sends all its traffic through its subnet."""
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        assert only_one_of(kind, **WAYS[way])["publicNetworkAccess"] == "Disabled"
        assert only_one_of(kind, **WAYS[way])["networkAcls"] == {"bypass": "AzureServices", "defaultAction": "Deny"}
    site = only_one_of("Microsoft.Web/sites", **WAYS[way])
    assert site["virtualNetworkSubnetId"] == PRIVATE["appSubnetId"]
    assert site["vnetRouteAllEnabled"] is True


@pytest.mark.parametrize("way", WAYS)
def test_an_endpoint_each(way: str) -> None:
    """Blob, table and vault have one endpoint each, in the endpoints' subnet."""
    found = {}
    for item in of_type("Microsoft.Network/privateEndpoints", **WAYS[way]):
        assert item.body["properties"]["subnet"] == {"id": PRIVATE["endpointSubnetId"]}
        (connection,) = item.body["properties"]["privateLinkServiceConnections"]
        (part,) = connection["properties"]["groupIds"]
        found[part] = connection["properties"]["privateLinkServiceId"]
    storage, vault = "<storage.outputs.id>", "<vault.outputs.id>"
    assert found == {"blob": storage, "table": storage, "vault": vault}


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("own", 3 * ["privateDnsZones"] + 3 * ["privateDnsZones/virtualNetworkLinks"] + 3 * ["privateEndpoints"]),
        ("policy", 3 * ["privateEndpoints"]),
        ("existing", 3 * ["privateEndpoints"]),
    ],
)
def test_what_is_made_for_names(way: str, expected: list[str]) -> None:
    """Zones and links only when they are ours; records unless somebody else makes them."""
    groups = [] if way == "policy" else 3 * ["privateEndpoints/privateDnsZoneGroups"]
    assert network(WAYS[way]) == expected + groups


def test_own_zones_are_linked_and_used_in_order() -> None:
    """Each endpoint's records are in the zone of its own name, and each zone is linked to the network."""
    zones = [item.body["name"] for item in of_type("Microsoft.Network/privateDnsZones", **PRIVATE)]
    assert zones == [
        "privatelink.blob.core.windows.net",
        "privatelink.table.core.windows.net",
        "privatelink.vaultcore.azure.net",
    ]
    links = of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks", **PRIVATE)
    assert [item.body["parent"] for item in links] == ["<zones[0]>", "<zones[1]>", "<zones[2]>"]
    assert {item.body["properties"]["virtualNetwork"]["id"] for item in links} == {PRIVATE["virtualNetworkId"]}
    assert _records("own") == {
        "<endpoints[0]>": ("blob", "<zones[0].id>"),
        "<endpoints[1]>": ("table", "<zones[1].id>"),
        "<endpoints[2]>": ("vault", "<zones[2].id>"),
    }


def test_existing_zones_are_used_in_order() -> None:
    """The ids are those for blob, table and vault, in this order."""
    assert [zone for _, zone in _records("existing").values()] == ZONES
    assert [part for part, _ in _records("existing").values()] == ["blob", "table", "vault"]


def _records(way: str) -> dict[str, tuple[str, str]]:
    """For each endpoint, what it is for and the zone of its records."""
    found = {}
    for item in of_type("Microsoft.Network/privateEndpoints/privateDnsZoneGroups", **WAYS[way]):
        (config,) = item.body["properties"]["privateDnsZoneConfigs"]
        found[str(item.body["parent"])] = (config["name"], config["properties"]["privateDnsZoneId"])
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_rest_is_as_in_public(way: str) -> None:
    """A private network takes no role, alarm or output away."""
    open_kinds = [item.type for item in deployed(GIVEN)]
    private_kinds = [item.type for item in deployed({**GIVEN, **WAYS[way]}) if NETWORK not in item.type]
    assert private_kinds == open_kinds
    assert outputs({**GIVEN, **WAYS[way]}) == outputs(GIVEN)


def test_its_page_names_only_what_exists() -> None:
    """The links, variables and outputs that docs/private-network.md names are there, and so is each setting of it."""
    page = INFRA.parent / "docs/private-network.md"
    docs.test_links_lead_somewhere(page)
    docs.test_variables_that_are_set_exist(page)
    docs.test_variables_that_are_read_exist(page)
    for setting in ("APP_SUBNET_ID", "ENDPOINT_SUBNET_ID", "VIRTUAL_NETWORK_ID", "PRIVATE_DNS", "dnsZoneIds"):
        assert f"`{setting}`" in page.read_text(encoding="utf-8")
