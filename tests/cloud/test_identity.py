"""Managed identity in the small Azure: who gets a token, and what it is good for."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from tests.cloud import CLIENT_ID, WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Cloud
from tests.support.caller import Caller
from tests.support.clients import sign_in_to


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud that this process's credentials go to; closed by the test."""
    cloud = Cloud()
    sign_in_to(cloud.environment, monkeypatch)
    return cloud


def test_the_real_credential_gets_a_token(signed_in: Cloud) -> None:
    """ManagedIdentityCredential is handed a token for the audience it asks for, with a lifetime of a day."""
    with signed_in, ManagedIdentityCredential(client_id=CLIENT_ID) as credential, Caller(signed_in) as caller:
        token = credential.get_token("https://management.azure.com/.default")
        url = f"{signed_in.address('sentinel')}{WORKSPACE_RESOURCE_ID}?api-version=2023-09-01"
        answer = caller.call("GET", url, headers={"Authorization": f"Bearer {token.token}"})
        assert answer.json()["properties"]["customerId"] == WORKSPACE_ID


@pytest.mark.parametrize(
    ("client", "scope"),
    [
        ("00000000-0000-0000-0000-000000000009", "https://management.azure.com/.default"),
        (CLIENT_ID, "https://example.com/.default"),
    ],
)
def test_who_or_what_is_not_known_gets_no_token(signed_in: Cloud, client: str, scope: str) -> None:
    """An identity that is not assigned, or a resource that the tenant does not know, is refused."""
    with (
        signed_in,
        ManagedIdentityCredential(client_id=client) as credential,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        credential.get_token(scope)


@pytest.mark.parametrize(
    ("headers", "change", "status"),
    [
        ({}, {}, 401),
        ({"X-IDENTITY-HEADER": "guess"}, {}, 401),
        (None, {"api-version": "2017-09-01"}, 400),
        (None, {"client_id": "someone"}, 400),
        (None, {}, 200),
    ],
)
def test_the_endpoint_checks_header_version_and_client(
    headers: dict[str, str] | None, change: dict[str, str], status: int
) -> None:
    """A token is handed out only for the secret header, the known api-version and the assigned identity."""
    with Cloud() as cloud, Caller(cloud) as caller:
        query = {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com", "client_id": CLIENT_ID}
        answer = caller.call(
            "GET",
            cloud.environment["IDENTITY_ENDPOINT"],
            params=query | change,
            headers={"X-IDENTITY-HEADER": cloud.identity.header} if headers is None else headers,
        )
        assert answer.status_code == status


AUDIENCES = {
    "AzureCloud": ("https://api.loganalytics.io", "https://management.azure.com", "https://graph.microsoft.com"),
    "AzureUSGovernment": (
        "https://api.loganalytics.us",
        "https://management.usgovcloudapi.net",
        "https://graph.microsoft.us",
    ),
    "AzureChinaCloud": (
        "https://api.loganalytics.azure.cn",
        "https://management.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
    ),
}


@pytest.mark.parametrize("name", AUDIENCES)
def test_each_service_takes_its_own_audience_only(name: str) -> None:
    """In each of the clouds a service takes tokens for its own audience, and none for another's or another cloud's."""
    services = ("log_analytics", "sentinel", "graph")
    every = {audience for audiences in AUDIENCES.values() for audience in audiences}
    with Cloud(cloud=name) as cloud, Caller(cloud) as caller:
        for service, own in zip(services, AUDIENCES[name], strict=True):
            for audience in every:
                token = cloud.identity.issue(audience)[0]
                answer = caller.call(
                    "GET", f"{cloud.address(service)}/nowhere", headers={"Authorization": f"Bearer {token}"}
                )
                assert (answer.status_code != 401) == (audience == own), (service, audience, answer.text)


@pytest.mark.parametrize("service", ["log_analytics", "sentinel", "graph"])
def test_no_token_a_made_up_one_and_an_old_one_are_refused(service: str) -> None:
    """Without a token, with one that nobody handed out, or with an expired one, the answer is 401."""
    with Cloud() as cloud, Caller(cloud) as caller:
        old = cloud.identity.issue(cloud.identity.audiences.of(service), lifetime=-1)[0]
        codes = []
        for header in ("", "Bearer made.up.token", f"Bearer {old}", "Basic abc"):
            headers = {"Authorization": header} if header else {}
            answer = caller.call("GET", f"{cloud.address(service)}/x", headers=headers)
            assert answer.status_code == 401
            codes.append(answer.json()["error"]["code"])
        assert all(codes)
