"""Queries through the workspace's ARM path: the same answers as at the query API's own address, other rights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import WORKSPACE_ID, WORKSPACE_RESOURCE_ID, Fault
from tests.support.caller import Caller

PATH = f"{WORKSPACE_RESOURCE_ID}/query?api-version=2017-10-01"


def test_the_answer_is_that_of_the_own_address(caller: Caller) -> None:
    """The same body brings the same table."""
    body = {"query": "print a = 1, b = 'x'"}
    url = f"{caller.cloud.address('sentinel')}{PATH}"
    by_arm = caller.call("POST", url, "sentinel", json=body, headers={"Prefer": "wait=180"})
    assert by_arm.status_code == 200
    assert by_arm.json() == caller.query(body["query"]).json()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"path": PATH.replace("2017", "2018")}, 400, "InvalidApiVersionParameter"),
        ({"path": PATH.partition("?")[0]}, 400, "MissingApiVersionParameter"),
        ({"path": PATH.replace("soc-workspace", "another")}, 404, "ResourceNotFound"),
        ({"method": "GET"}, 405, "MethodNotAllowed"),
        ({"json": {"query": ""}}, 400, "BadArgumentError"),
        ({"headers": {"Prefer": "wait=601"}}, 400, "BadArgumentError"),
        ({"service": "log_analytics"}, 401, "InvalidAuthenticationTokenAudience"),
    ],
)
def test_requests_are_checked_as_by_arm(caller: Caller, change: dict[str, Any], status: int, code: str) -> None:
    """ARM checks the address, the version and that the token is its own; the query API checks the rest."""
    more = {"json": {"query": "print 1"}, **change}
    url = caller.cloud.address("sentinel") + more.pop("path", PATH)
    answer = caller.call(more.pop("method", "POST"), url, more.pop("service", "sentinel"), **more)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_each_way_has_its_own_faults(caller: Caller) -> None:
    """What a delegated identity may meet: one of the two ways is closed, the other is open."""
    by_arm = f"{caller.cloud.address('sentinel')}{PATH}"
    by_api = f"{caller.cloud.address('log_analytics')}/v1/workspaces/{WORKSPACE_ID}/query"
    body = {"query": "print 1"}
    caller.cloud.faults.add(Fault(service="log_analytics", status=403, times=None))
    assert caller.call("POST", by_api, "log_analytics", json=body).status_code == 403
    assert caller.call("POST", by_arm, "sentinel", json=body).status_code == 200
    caller.cloud.faults.clear()
    caller.cloud.faults.add(Fault(service="sentinel", method="POST", match="/query?", status=403, times=None))
    assert caller.call("POST", by_api, "log_analytics", json=body).status_code == 200
    assert caller.call("POST", by_arm, "sentinel", json=body).status_code == 403
    assert caller.call("GET", by_arm.replace("/query", "").replace("2017-10-01", "2023-09-01"), "sentinel").ok
