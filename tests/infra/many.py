"""The deployment of many workspaces: `infra/` evaluated beside a `workspaces.json` with entries."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from tests.infra.bicep import INFRA, Resource, deployed, outputs
from tests.infra.test_bicep import GIVEN, WORKSPACE

CONTOSO = (
    "/subscriptions/aaaaaaaa-1111-2222-3333-444444444444/resourceGroups/rg-SOC"
    "/providers/Microsoft.OperationalInsights/workspaces/law-A"
)
FABRIKAM = CONTOSO.replace("aaaaaaaa", "bbbbbbbb").replace("law-A", "law-B")
NORTHWIND = CONTOSO.replace("aaaaaaaa", "cccccccc").replace("law-A", "law-C")


def workspace_line(name: str, workspace: str, **more: Any) -> dict[str, Any]:
    """An entry of workspaces.json."""
    number = crc32(workspace.encode())
    ids = {
        "SENTINEL_WORKSPACE_ID": f"00000000-1111-2222-3333-{number:012d}",
        "SENTINEL_WORKSPACE_RESOURCE_ID": workspace,
    }
    return {"name": name, **ids, **more}


THREE = (
    workspace_line("contoso", CONTOSO, TEAMS_WEBHOOK_URL="%SHARED_WEBHOOK_URL%"),
    workspace_line("fabrikam", FABRIKAM, TEAMS_WEBHOOK_URL=" %SHARED_WEBHOOK_URL% ", SENTINEL_ACCESS="custom"),
    workspace_line("northwind", NORTHWIND, TEAMS_WEBHOOK_URL="%NORTHWIND_WEBHOOK_URL%", SENTINEL_ACCESS="none"),
)
"""Two of the provider's own tenant with one channel, and one of another tenant."""


@cache
def _beside(text: str) -> Path:
    """`main.bicep` of a copy of `infra/` that has this workspaces.json beside it."""
    folder = Path(tempfile.mkdtemp(prefix="many-workspaces-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(INFRA, folder / "infra", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    (folder / "workspaces.json").write_text(text, encoding="utf-8")
    return folder / "infra/main.bicep"


def main_with(entries: object = THREE) -> Path:
    """The deployment's file with these entries."""
    return _beside(json.dumps({"$schema": "./docs/workspaces.schema.json", "workspaces": entries}))


def deployed_with(entries: object = THREE, **given: Any) -> Iterator[Resource]:
    """Every resource of a deployment with these entries; the parameters are those of a common one and these."""
    return deployed({**GIVEN, **given}, main_with(entries))


def outputs_with(entries: object = THREE, **given: Any) -> Mapping[str, Any]:
    """What that deployment gives out."""
    return outputs({**GIVEN, **given}, main_with(entries))


WITHOUT_OWN: dict[str, Any] = {"sentinelWorkspaceResourceId": "", "sentinelWorkspaceId": "", "teamsWebhookUrl": ""}
"""Parameters of a deployment whose app settings name no workspace."""
OWN = WORKSPACE
