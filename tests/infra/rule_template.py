"""`make findings-rule`: writes infra/findings-rule.json, the two analytics rules as a template to import by hand.

They are the rules of infra/modules/findings.bicep, evaluated, in the form in which Microsoft Sentinel exports rules.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.bicep import INFRA, Resource, declarations, deployed

MODULE = INFRA / "modules/findings.bicep"
TEMPLATE = INFRA / "findings-rule.json"
RULE_TYPE = "Microsoft.SecurityInsights/alertRules"
ANYWHERE = {
    "workspaceName": "law-soc",
    "location": "westeurope",
    "tags": {"azd-env-name": "prod"},
    "collectionName": "dcr-sweep",
    "principalId": "<principal>",
}
"""Parameters of the module. What the rules are does not depend on them."""


def analytics_rules() -> list[Resource]:
    """The rules that the module makes."""
    return [item for item in deployed(ANYWHERE, MODULE) if item.type == RULE_TYPE]


RULE_NAMES: Mapping[str, str] = {rule.body["properties"]["severity"]: rule.body["name"] for rule in analytics_rules()}
"""The rules' names, GUIDs, by severity."""


def rule_template() -> str:
    """The text of the template."""
    content = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": {"type": "String"}},
        "resources": list(_resources()),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _resources() -> Iterator[dict[str, Any]]:
    version = declarations(MODULE, "resource")["rules"].detail.split("@")[1]
    provider = "resourceId('Microsoft.OperationalInsights/workspaces/providers', parameters('workspace'),"
    for rule in analytics_rules():
        name = rule.body["name"]
        yield {
            "id": f"[concat({provider} 'Microsoft.SecurityInsights'),'/alertRules/{name}')]",
            "name": f"[concat(parameters('workspace'),'/Microsoft.SecurityInsights/{name}')]",
            "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
            "kind": rule.body["kind"],
            "apiVersion": version,
            "properties": rule.body["properties"],
        }


def main(file: Path = TEMPLATE) -> int:
    """Write the template."""
    file.write_text(rule_template(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
