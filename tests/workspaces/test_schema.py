"""docs/workspaces.schema.json is what the code takes: the same keys, bounds and choices, and it says what it can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from jsonschema import Draft7Validator

from shared.settings import Settings, SettingsInvalid
from shared.settings.checks import STREAM
from shared.workspaces.file import ACCESS
from shared.workspaces.reading import ENTRY_SETTINGS, read_workspaces
from tests.support.workspaces import APP, guid, resource, written_entry, written_file
from tests.workspaces.test_reading import RULE

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/workspaces.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)
ENTRY = SCHEMA["definitions"]["entry"]
EXCLUSION = {"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "lab"}


def schema_takes(*entries: Any) -> bool:
    """Whether an editor would find nothing in a file with these entries."""
    return bool(VALIDATOR.is_valid({"$schema": "./docs/workspaces.schema.json", "workspaces": list(entries)}))


def code_takes(folder: Path, *entries: Any) -> bool:
    """Whether the code finds nothing."""
    try:
        for each in read_workspaces(APP, written_file(folder, *entries)).entries:
            each.settings()
    except SettingsInvalid:
        return False
    return True


def test_it_is_a_schema_of_the_settings() -> None:
    """It has exactly the settings that an entry may have, each with a description, and requires name and ids."""
    Draft7Validator.check_schema(SCHEMA)
    assert set(ENTRY["properties"]) == ENTRY_SETTINGS | {"name", "SENTINEL_ACCESS"}
    assert all(each["description"].endswith(".") for each in ENTRY["properties"].values())
    assert ENTRY["required"] == ["name", "SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID"]
    assert ENTRY["properties"]["SENTINEL_ACCESS"]["enum"] == [*ACCESS]
    assert ENTRY["properties"]["FINDINGS_STREAM"]["const"] == STREAM


@pytest.mark.parametrize("name", sorted(ENTRY_SETTINGS))
def test_bounds_and_choices_are_the_codes(name: str) -> None:
    """Whole numbers have the bounds of the settings, choices their values, switches true and false."""
    field, said = Settings.model_fields[name.lower()], ENTRY["properties"][name]
    if field.annotation is int:
        number, text = said["anyOf"]
        low, high = (next(each for each in field.metadata if hasattr(each, end)) for end in ("ge", "le"))
        assert number == {"type": "integer", "minimum": low.ge, "maximum": high.le}
        assert text["type"] == "string"
    elif field.annotation is bool:
        assert said["enum"] == [True, False, "true", "false"]
    elif get_origin(field.annotation) is Literal and name != "HUNT_SOURCE":
        assert said["enum"] == [*get_args(field.annotation)]
    elif get_origin(field.annotation) is tuple:
        assert [each["type"] for each in said["anyOf"]] == ["array", "string"]
    else:
        assert said.get("type") == "string" or "const" in said


GOOD: list[dict[str, Any]] = [
    {},
    {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).lower(), "SENTINEL_WORKSPACE_ID": guid(1).upper()},
    {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).upper()},
    {"DRY_RUN": True, "TEAMS_WEBHOOK_URL": None},
    {"DRY_RUN": "false", "SUM_CASE_THRESHOLD": "20", "LOOKBACK_DAYS": 90, "CARD_SUBJECTS": True, "DEDUPLICATE": False},
    {
        "EXCLUDED_RECIPIENTS": [EXCLUSION],
        "TEAMS_MENTIONS": ["soc@contoso.com"],
        "TEAMS_WEBHOOK_EXTRA_HOSTS": ["p:8443"],
    },
    {"EXCLUDED_RECIPIENTS": json.dumps([EXCLUSION]), "TEAMS_MENTIONS": "[]"},
    {"SENTINEL_ACCESS": "none", "RAISE_BY": "api", "HUNT_SOURCE": "sentinel", "RUNBOOK_URL": "https://wiki.example/a"},
    {**RULE, "SENTINEL_ACCESS": "custom"},
    {"MAX_NEW_INCIDENTS": 1, "SWEEP_BUDGET_SECONDS": 21600, "LEASE_SECONDS": 5, "REMIND_AFTER_DAYS": 0},
]


@pytest.mark.parametrize("settings", GOOD)
def test_good_entries_are_good_to_both(tmp_path: Path, settings: dict[str, Any]) -> None:
    """What the code takes, the schema takes."""
    assert code_takes(tmp_path, written_entry(**settings))
    assert [each.message for each in VALIDATOR.iter_errors({"workspaces": [written_entry(**settings)]})] == []


BAD: list[dict[str, Any]] = [
    *({"name": name} for name in (None, "", "own", "Contoso", "a b", "x" * 41, 7)),
    *({"SENTINEL_WORKSPACE_ID": value} for value in (None, "law", "00000000-0000-0000-0000-000000000000", 5)),
    *({"SENTINEL_WORKSPACE_RESOURCE_ID": value} for value in (None, "law", resource(1) + "/", resource(1)[1:])),
    {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).replace("OperationalInsights", "SecurityInsights")},
    {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).replace(guid(1), "00000000-0000-0000-0000-000000000000")},
    *({"TEAMS_WEBHOOK_URL": value} for value in ("https://x.logic.azure.com/?sig=s", "%a%", "%%", "A", ["%A%"], 1)),
    *({"SENTINEL_ACCESS": value} for value in ("reader", "", True)),
    *({"SUM_CASE_THRESHOLD": value} for value in (-1, 1.5, True, [1], "ten", "", 10**9 + 1)),
    *({"LOOKBACK_DAYS": value} for value in (0, 91)),
    *({"SWEEP_BUDGET_SECONDS": value} for value in (29, 21601)),
    *({"DRY_RUN": value} for value in ("ja", 2, "", [True])),
    *({"HUNT_SOURCE": value} for value in ("defender", "splunk")),
    *({"RAISE_BY": value} for value in ("both", "rule")),
    {**RULE, "SENTINEL_ACCESS": "none"},
    *({"FINDINGS_RULE_ID": value} for value in ("dcr-1", "x")),
    {"FINDINGS_STREAM": "EmailRemediationFindings_CL"},
    *({"FINDINGS_ENDPOINT": value} for value in ("http://x.ingest.monitor.azure.com", "x")),
    *({"RUNBOOK_URL": value} for value in ("http://wiki.example", "%R%", "https://wiki.example/#a", "")),
    *({"TEAMS_MENTIONS": value} for value in (["oncall"], "a@b.example", {"a": 1}, [1])),
    {"TEAMS_WEBHOOK_EXTRA_HOSTS": ["https://proxy"]},
    *({"EXCLUDED_RECIPIENTS": [EXCLUSION | change]} for change in ({"until": "soon"}, {"reason": ""}, {"by": "me"})),
    {"EXCLUDED_RECIPIENTS": [{"pattern": "a", "until": "2027-01-31"}]},
    *({name: "x"} for name in ("SWEEP_SCHEDULE", "LEDGER_URL", "AZURE_CLOUD", "ARM_ENDPOINT", "AZURE_CLIENT_ID")),
    *({name: 1} for name in ("ROUND_DEADLINE_MINUTES", "dry_run", "SUM_CASE_TRESHOLD", "comment")),
]


@pytest.mark.parametrize("settings", BAD, ids=lambda settings: ",".join(map(str, settings)))
def test_what_the_schema_can_say_it_says(tmp_path: Path, settings: dict[str, Any]) -> None:
    """A mistake that the code finds in one entry is underlined in the editor, too."""
    assert not code_takes(tmp_path, written_entry(**settings))
    assert not schema_takes(written_entry(**settings))


@pytest.mark.parametrize(
    "content", [[], {}, {"workspaces": None}, {"workspaces": [1]}, {"workspaces": [], "workspace": []}]
)
def test_the_file_as_a_whole(tmp_path: Path, content: Any) -> None:
    """The same holds for the file around the entries."""
    assert not VALIDATOR.is_valid(content)
    (tmp_path / "workspaces.json").write_text(json.dumps(content))
    with pytest.raises(SettingsInvalid):
        read_workspaces(APP, tmp_path)
