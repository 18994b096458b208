"""After a deployment: what is left to do is printed, and that the code can sweep is proved or loudly not."""

from __future__ import annotations

import json
import re

import pytest

from tests.infra.hooks.azd import SUBSCRIPTION, Azd, Ran, Turn

SITE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-prod/providers/Microsoft.Web/sites/func-x"
STATUS = f"{SITE}/hostruntime/admin/host/status?api-version=2022-03-01"
FUNCTIONS = f"{SITE}/hostruntime/admin/functions?api-version=2022-03-01"


def test_what_is_left_to_do_is_printed(azd: Azd) -> None:
    """What the deployment could not grant, and what it does not watch, is printed; else nothing is."""
    assert azd.hook("postprovision") == Ran(0, "", "", [])
    assert azd.hook("postprovision", {"SENTINEL_ACCESS_COMMAND": " ", "NOT_WATCHED": ""}).output == ""
    ran = azd.hook("postprovision", {"SENTINEL_ACCESS_COMMAND": "az role x", "NOT_WATCHED": "the alarm a\nthe alarm b"})
    assert ran.output.splitlines() == [
        "Still to grant, by an administrator:",
        "  az role x",
        "Not watched by this deployment:",
        "  the alarm a",
        "  the alarm b",
    ]


DEPLOYED = {"AZURE_RESOURCE_GROUP": "rg-prod", "SWEEP_FUNCTION_APP_NAME": "func-x", "SWEEP_PROOF_SECONDS": "1"}
RUNNING: Turn = (0, '{"state": "Running", "version": "4.1"}', "")
LIVE: Turn = (0, '[{"name": "sweep"}]', "")
LISTED: Turn = (0, '[{"name": "func-x/sweep"}]', "")
NOTHING: Turn = (0, "[]", "")


def looks(azd: Azd, status: list[Turn], live: list[Turn], listed: list[Turn]) -> None:
    """What the three questions are answered, turn by turn."""
    azd.answer(["rest", STATUS], *status)
    azd.answer(["rest", FUNCTIONS], *live)
    azd.answer(["functionapp", "function", "list", "rg-prod", "func-x"], *listed)


@pytest.mark.parametrize(
    ("status", "live", "listed"),
    [
        ([RUNNING], [LIVE], [LISTED]),
        (
            [(0, '{"properties": {"state": "Running", "errors": null}}', "")],
            [(0, '{"value": [{"name": "sweep"}]}', "")],
            [LISTED],
        ),
        ([(1, "", "503"), RUNNING], [(1, "", "404"), NOTHING, LIVE], [NOTHING, LISTED]),
    ],
)
def test_a_good_deployment_is_proved(azd: Azd, status: list[Turn], live: list[Turn], listed: list[Turn]) -> None:
    """A host that runs, has the function and is listed with it, twice in a row, is the proof; it may take a while."""
    looks(azd, status, live, listed)
    ran = azd.hook("postdeploy", DEPLOYED)
    assert ran.code == 0, ran.error
    assert "Proved: func-x runs, has every package that a sweep needs, and its timer sweep is listed." in ran.output
    assert sum(STATUS in call for call in ran.asked) >= 2


UNFIT = "Exception: packages_unfit: no sweep can run with Python 3.13.2: pydantic-core is built for cp311-cp311-x"


@pytest.mark.parametrize(
    ("status", "live", "listed", "says"),
    [
        (
            [(0, json.dumps({"state": "Error", "errors": [UNFIT]}), "")],
            [NOTHING],
            [NOTHING],
            "pydantic-core is built for",
        ),
        ([(0, json.dumps({"state": "Running", "errors": [UNFIT]}), "")], [LIVE], [LISTED], "packages_unfit"),
        ([RUNNING], [NOTHING], [NOTHING], "the host has no function sweep; Azure lists no function sweep"),
        ([RUNNING], [NOTHING], [LISTED], "the host has no function sweep"),  # listed since the deployment before
        ([RUNNING], [LIVE], [NOTHING], "Azure lists no function sweep"),
        ([RUNNING], [(0, '[{"name": "sweeper"}]', "")], [LISTED], "the host has no function sweep"),
        ([(1, "", "ERROR: Forbidden")], [LIVE], [LISTED], r"the host does not answer \(ERROR: Forbidden\)"),
        ([(0, "<html>", "")], [LIVE], [LISTED], "the host does not answer"),
        ([RUNNING], [(1, "", "ERROR: no")], [LISTED], r"what the host has could not be looked up \(ERROR: no\)"),
        ([RUNNING], [LIVE], [(0, "no JSON", "")], "Azure lists no function sweep"),
        ([RUNNING, (0, '{"state": "Error"}', "")], [LIVE], [LISTED], "the host is in state Error"),
    ],
)
def test_what_is_not_proved_is_loud(
    azd: Azd, status: list[Turn], live: list[Turn], listed: list[Turn], says: str
) -> None:
    """Whatever is missing of the proof fails the deployment and is said, with where it is explained."""
    looks(azd, status, live, listed)
    ran = azd.hook("postdeploy", {**DEPLOYED, "GITHUB_ACTIONS": "true"})
    assert ran.code == 1
    assert ran.error.startswith("NOT PROVED: the code was deployed, but nothing shows that it can sweep.")
    assert re.search(says, ran.error), ran.error
    assert 'See docs/deploy.md, "When the proof fails".' in ran.error
    assert ran.output.splitlines()[-1].startswith("::error ")


@pytest.mark.parametrize(
    "refusal",
    ['WARNING: x\nERROR: Not Found({\n  "error": {}\n})', "ERROR: Method Not Allowed({})", "Not Implemented({})"],
)
@pytest.mark.parametrize("status", [True, False])
def test_a_platform_without_the_hosts_answers_is_no_failure(azd: Azd, refusal: str, status: bool) -> None:
    """Where the platform does not let the host be asked, what is listed passes, and is not called proved."""
    looks(azd, [(1, "", refusal)] if status else [RUNNING], [(1, "", refusal)], [LISTED])
    ran = azd.hook("postdeploy", DEPLOYED)
    assert ran.code == 0, ran.error
    assert "LISTED, NOT PROVED: func-x has its timer sweep" in ran.output
    assert ("the host's state" in ran.output) is status
    looks(azd, [(1, "", refusal)], [(1, "", refusal)], [NOTHING])
    ran = azd.hook("postdeploy", DEPLOYED)
    assert ran.code == 1
    assert "Azure lists no function sweep" in ran.error


@pytest.mark.parametrize(
    "complaint",
    [
        'ERROR: Bad Gateway({"Message":"Encountered an error (ServiceUnavailable): package blob not found."})',
        'ERROR: Bad Request({"Message":"Encountered an error (404) from host runtime."})',
        "ERROR: Service Unavailable(<html>\n<body>Not Found</body>\n</html>)",
    ],
)
def test_a_host_that_is_not_well_is_not_taken_for_one_that_cannot_be_asked(azd: Azd, complaint: str) -> None:
    """An answer about a fault is a doubt, whatever words are in it; the operator reads how it begins."""
    looks(azd, [(1, "", complaint)], [(1, "", complaint)], [LISTED])
    ran = azd.hook("postdeploy", DEPLOYED)
    assert ran.code == 1
    assert complaint.partition("(")[0] in ran.error


def test_without_az_nothing_is_proved(azd: Azd) -> None:
    """Where az is not signed in, or the app is not known, the deployment fails with what to do."""
    azd.answer(["account", "show"], (1, "", "run az login"))
    ran = azd.hook("postdeploy", DEPLOYED)
    assert ran.code == 1
    assert "az login; then: azd hooks run postdeploy" in ran.error
    assert "SWEEP_FUNCTION_APP_NAME is missing" in azd.hook("postdeploy", {"AZURE_RESOURCE_GROUP": "x"}).error
