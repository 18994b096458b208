"""An entry's settings: what is its own, what comes from the app settings, what never does, and its mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import NAMES, Settings, SettingsInvalid
from shared.workspaces.entries import WorkspaceEntry
from shared.workspaces.reading import ENTRY_SETTINGS, NEVER_INHERITED, NOT_PER_ENTRY, read_workspaces
from tests.support.workspaces import APP, SIGNATURE, WEBHOOK, guid, resource, written_entry, written_file

RULE: dict[str, Any] = {
    "RAISE_BY": "rule",
    "FINDINGS_ENDPOINT": "https://dcr-x.westeurope-1.ingest.monitor.azure.com",
    "FINDINGS_RULE_ID": "dcr-" + "0" * 32,
    "FINDINGS_STREAM": "Custom-EmailRemediationFindings_CL",
}


def read_entry(folder: Path, written: dict[str, Any], **app: str) -> WorkspaceEntry:
    """The one entry of the file, with these app settings."""
    entry, *more = read_workspaces({**APP, **app}, written_file(folder, written)).entries
    assert not more
    return entry


def settings_of_entry(folder: Path, written: dict[str, Any], **app: str) -> Settings:
    """The settings of the one entry."""
    return read_entry(folder, written, **app).settings()


def mistakes_of_entry(folder: Path, written: dict[str, Any], **app: str) -> tuple[str, ...]:
    """What is said of the entry."""
    entry = read_entry(folder, written, **app)
    try:
        entry.settings()
    except SettingsInvalid as invalid:
        return invalid.mistakes
    return ()


def test_a_setting_is_the_entrys_or_the_apps(tmp_path: Path) -> None:
    """What the entry has is its own; what it leaves out is the app's; what neither has is the default."""
    settings = settings_of_entry(
        tmp_path, written_entry(SUM_CASE_THRESHOLD=20), SUM_CASE_THRESHOLD="7", LOOKBACK_DAYS="14", RUNBOOK_URL="  "
    )
    assert (settings.sum_case_threshold, settings.high_severity_threshold) == (20, 100)
    assert (settings.lookback_days, settings.max_new_incidents, settings.runbook_url) == (14, 100, "")
    assert str(settings.sentinel_workspace_id) == guid(1)
    assert settings.teams_webhook_url.get_secret_value() == WEBHOOK


def test_values_are_as_json_or_as_app_settings_have_them(tmp_path: Path) -> None:
    """Numbers, booleans and lists are JSON's own, or the text that an app setting would hold."""
    exclusions = [{"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "läb"}]
    as_json = {"SUM_CASE_THRESHOLD": 20, "DRY_RUN": True, "CARD_SUBJECTS": False, "EXCLUDED_RECIPIENTS": exclusions}
    as_text = {name: json.dumps(value) for name, value in as_json.items()}
    for values in (as_json, as_text):
        settings = settings_of_entry(
            tmp_path, written_entry(**values, TEAMS_MENTIONS=[]), TEAMS_MENTIONS='["a@b.example"]'
        )
        assert (settings.sum_case_threshold, settings.dry_run, settings.card_subjects) == (20, True, False)
        assert [each.reason for each in settings.excluded_recipients] == ["läb"]
        assert settings.teams_mentions == ()


def test_what_belongs_to_one_tenant_is_never_taken_over(tmp_path: Path) -> None:
    """Ids, webhook, mentions, exclusions and FINDINGS_* of the app settings reach no entry that leaves them out."""
    of_the_app = {
        "SENTINEL_WORKSPACE_ID": guid(9),
        "SENTINEL_WORKSPACE_RESOURCE_ID": resource(9),
        "TEAMS_WEBHOOK_URL": WEBHOOK,
        "TEAMS_MENTIONS": '["soc@provider.example"]',
        "EXCLUDED_RECIPIENTS": '[{"pattern": "*", "until": "2099-01-01", "reason": "all"}]',
        **RULE,
        "RAISE_BY": "api",
    }
    assert of_the_app.keys() - {"RAISE_BY"} == NEVER_INHERITED
    folder = written_file(tmp_path, written_entry(DRY_RUN=True, TEAMS_WEBHOOK_URL=None))
    entry = read_workspaces({**APP, **of_the_app}, folder).entries[0]
    settings = entry.settings()
    for name in NEVER_INHERITED - {"SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID"}:
        assert getattr(settings, name.lower()) == Settings.model_fields[name.lower()].default, name
    assert (str(settings.sentinel_workspace_id), entry.workspace) == (guid(1), resource(1).lower())
    bare = {"name": "contoso"}
    entry = read_workspaces({**APP, **of_the_app}, written_file(tmp_path, bare)).entries[0]
    with pytest.raises(SettingsInvalid) as invalid:
        entry.settings()
    assert [each.split()[0] for each in invalid.value.mistakes] == [
        "SENTINEL_WORKSPACE_ID",
        "SENTINEL_WORKSPACE_RESOURCE_ID",
        "TEAMS_WEBHOOK_URL",
    ]
    assert entry.workspace == ""


def test_an_entry_keeps_no_other_secret(tmp_path: Path) -> None:
    """Its values hold settings alone: no other entry's webhook, nothing else of the environment; nor does its repr."""
    found = read_workspaces(
        {**APP, "AZURE_CLIENT_SECRET": "S3cret", "TEAMS_WEBHOOK_URL": f"{WEBHOOK}9", "WEBSITE_SITE_NAME": "app"},
        written_file(tmp_path, written_entry(), written_entry("b", 2, TEAMS_WEBHOOK_URL="%FABRIKAM_WEBHOOK_URL%")),
    )
    first = found.entries[0]
    assert [value for value in first.values.values() if SIGNATURE in value] == [WEBHOOK]
    assert "S3cret" not in first.values.values()
    assert first.values["WEBSITE_SITE_NAME"] == "app"
    assert SIGNATURE not in repr(found)


@pytest.mark.parametrize("name", sorted(NOT_PER_ENTRY))
def test_what_belongs_to_the_deployment_is_no_setting_of_an_entry(tmp_path: Path, name: str) -> None:
    """The schedule, the ledger, the cloud, addresses, the identity and a round's own are the app settings' alone."""
    assert mistakes_of_entry(tmp_path, {**written_entry(), name: "x"}) == (
        f"{name} belongs to the whole deployment: set it in the app settings, not in an entry",
    )
    assert name not in ENTRY_SETTINGS
    assert NAMES - NOT_PER_ENTRY == ENTRY_SETTINGS


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("SUM_CASE_TRESHOLD", "SUM_CASE_TRESHOLD is no setting of an entry: did you mean SUM_CASE_THRESHOLD?"),
        ("sum_case_threshold", "sum_case_threshold is no setting of an entry: did you mean SUM_CASE_THRESHOLD?"),
        ("sum_case_treshold", "sum_case_treshold is no setting of an entry: did you mean SUM_CASE_THRESHOLD?"),
        ("SENTINEL_ACESS", "SENTINEL_ACESS is no setting of an entry: did you mean SENTINEL_ACCESS?"),
        ("Name", "Name is no setting of an entry: did you mean name?"),
        ("comment", "comment is no setting of an entry: docs/workspaces.schema.json lists what an entry may have"),
        ("Sgn4ture", "a key that is no name is no setting of an entry: docs/workspaces.schema.json lists"),
        ("DRY_RUN\u200b", "a key that is no name is no setting of an entry: did you mean DRY_RUN?"),
    ],
)
def test_unknown_keys_are_named(tmp_path: Path, key: str, said: str) -> None:
    """A key that is no setting is named, with the one that was meant; what may be a secret is not repeated."""
    (mistake,) = mistakes_of_entry(tmp_path, {**written_entry(), key: 1})
    assert mistake.startswith(said)


@pytest.mark.parametrize("value", [WEBHOOK, f" {WEBHOOK}", f"{WEBHOOK}%A%", f"http://x/{SIGNATURE}"])
def test_a_webhook_in_clear_is_refused(tmp_path: Path, value: str) -> None:
    """The URL is a secret: it belongs into an app setting, and is not repeated."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL=value))
    assert mistake.startswith("TEAMS_WEBHOOK_URL must not be in this file, it is a secret: expected a reference")
    assert SIGNATURE not in mistake
    kept = read_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL=value)).values
    assert not [each for each in kept.values() if SIGNATURE in each]


@pytest.mark.parametrize(
    "value", ["", "%%", "%contoso%", "CONTOSO_WEBHOOK_URL", "%A% %B%", "%A-B%", "%1A%", 7, True, ["%A%"], {"a": "%A%"}]
)
def test_what_is_no_reference(tmp_path: Path, value: object) -> None:
    """Only a name of capital letters between percent signs refers to an app setting."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry() | {"TEAMS_WEBHOOK_URL": value})
    assert mistake.startswith("TEAMS_WEBHOOK_URL is no such reference: expected a reference to an app setting")


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ({}, "TEAMS_WEBHOOK_URL is %NORTHWIND%, and the app setting NORTHWIND is not set: set it"),
        ({"NORTHWIND": ""}, "TEAMS_WEBHOOK_URL is %NORTHWIND%, and the app setting NORTHWIND is empty: set it"),
        ({"NORTHWIND": " \n"}, "TEAMS_WEBHOOK_URL is %NORTHWIND%, and the app setting NORTHWIND is empty: set it"),
        (
            {"NORTHWIND": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/S3cret)"},
            "TEAMS_WEBHOOK_URL is an unresolved Key Vault reference: check that the secret exists",
        ),
        ({"NORTHWIND": "S3cret"}, "TEAMS_WEBHOOK_URL is not a URL with a plain host name"),
        ({"NORTHWIND": "https://evil.example/?sig=S3cret"}, "TEAMS_WEBHOOK_URL: expected a host of"),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_a_secret_that_is_not_there_is_a_mistake(tmp_path: Path, app: dict[str, str], said: str, dry: bool) -> None:
    """Missing, empty and unresolved is never "left out", in a dry run either; nothing of the secret is repeated."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL="%NORTHWIND%", DRY_RUN=dry), **app)
    assert mistake.startswith(said)
    assert "S3cret" not in mistake


def test_a_command_that_posts_nothing_needs_no_secret(tmp_path: Path) -> None:
    """Where no webhook is needed, one whose app setting is not there is no mistake; all others are."""
    entry = read_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL="%NORTHWIND%"))
    assert entry.settings(webhook_needed=False).teams_webhook_url.get_secret_value() == ""
    assert entry.unset == entry.mistakes[0]
    with pytest.raises(SettingsInvalid, match="LOOKBACK_DAYS"):
        read_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL="%N%", LOOKBACK_DAYS=0)).settings(webhook_needed=False)


def test_the_apps_channel_must_be_named(tmp_path: Path) -> None:
    """Without a webhook an entry is a mistake unless it is a dry run; "%TEAMS_WEBHOOK_URL%" is the app's channel."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL=None), TEAMS_WEBHOOK_URL=WEBHOOK)
    assert mistake.startswith("TEAMS_WEBHOOK_URL is missing; expected a reference to an app setting")
    assert not mistakes_of_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL=None), DRY_RUN="true")
    assert not mistakes_of_entry(tmp_path, written_entry(TEAMS_WEBHOOK_URL=None, DRY_RUN=True))
    named = settings_of_entry(
        tmp_path, written_entry(TEAMS_WEBHOOK_URL="%TEAMS_WEBHOOK_URL%"), TEAMS_WEBHOOK_URL=WEBHOOK
    )
    assert named.teams_webhook_url.get_secret_value() == WEBHOOK


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"RUNBOOK_URL": "%RUNBOOK%"}, "RUNBOOK_URL cannot be a reference: %NAME% is for TEAMS_WEBHOOK_URL only"),
        ({"SUM_CASE_THRESHOLD": " %T% "}, "SUM_CASE_THRESHOLD cannot be a reference"),
        ({"TEAMS_MENTIONS": ["%ONCALL%"]}, "TEAMS_MENTIONS[0]: expected a user principal name"),
        ({"RUNBOOK_URL": f"https://x.example/a?sig={SIGNATURE}"}, "RUNBOOK_URL holds a URL with a signature or a key"),
        ({"RUNBOOK_URL": f"https://x.example/?a=b&SIG={SIGNATURE}"}, "RUNBOOK_URL holds a URL with a signature"),
        (
            {"EXCLUDED_RECIPIENTS": [{"pattern": "a", "until": "2027-01-01", "reason": WEBHOOK}]},
            "EXCLUDED_RECIPIENTS holds a URL with a signature",
        ),
        ({"SUM_CASE_THRESHOLD": ""}, "SUM_CASE_THRESHOLD is empty; leave it out of the entry, or give it a value"),
        ({"SUM_CASE_THRESHOLD": "\t"}, "SUM_CASE_THRESHOLD is empty"),
        ({"SUM_CASE_THRESHOLD": 1.5}, "SUM_CASE_THRESHOLD: expected a whole number"),
        ({"SUM_CASE_THRESHOLD": True}, "SUM_CASE_THRESHOLD: expected a whole number"),
        ({"SUM_CASE_THRESHOLD": [10]}, "SUM_CASE_THRESHOLD: expected a whole number"),
        ({"DEDUPLICATE": 2}, "DEDUPLICATE: expected true or false"),
        ({"EXCLUDED_RECIPIENTS": {"pattern": "a"}}, "EXCLUDED_RECIPIENTS: expected a JSON list"),
        ({"EXCLUDED_RECIPIENTS": ["\ud800"]}, "EXCLUDED_RECIPIENTS[0]"),
        ({"RUNBOOK_URL": "https://x.example/\ud800"}, "RUNBOOK_URL: expected"),
        ({"SENTINEL_WORKSPACE_ID": "\u0660" * 8}, "SENTINEL_WORKSPACE_ID: expected"),
        ({"SENTINEL_WORKSPACE_ID": "00000000-0000-0000-0000-000000000000"}, "SENTINEL_WORKSPACE_ID still holds the"),
        ({"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1) + "/"}, "SENTINEL_WORKSPACE_RESOURCE_ID: expected"),
        ({"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).replace("law", "\u212aaw")}, "SENTINEL_WORKSPACE_RESOURCE_ID"),
        (
            {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).replace("spaces", "\u017fpaces")},
            "SENTINEL_WORKSPACE_RESOURCE",
        ),
        (
            {"SENTINEL_WORKSPACE_RESOURCE_ID": resource(1).replace(guid(1), "00000000-0000-0000-0000-000000000000")},
            "SENTINEL_WORKSPACE_RESOURCE_ID still holds the placeholder",
        ),
        ({"SENTINEL_ACCESS": "reader"}, "SENTINEL_ACCESS: expected responder, custom or none"),
        ({"SENTINEL_ACCESS": ""}, "SENTINEL_ACCESS: expected responder, custom or none"),
        ({"SENTINEL_ACCESS": ["none"]}, "SENTINEL_ACCESS: expected responder, custom or none"),
        ({"HUNT_SOURCE": "defender"}, "HUNT_SOURCE must be sentinel where workspaces.json has entries"),
        ({"HUNT_SOURCE": "splunk"}, "HUNT_SOURCE: expected sentinel or defender"),
        ({**RULE, "SENTINEL_ACCESS": "none"}, "RAISE_BY must be api with SENTINEL_ACCESS none"),
    ],
)
def test_mistakes_of_an_entry(tmp_path: Path, written: dict[str, Any], said: str) -> None:
    """Each is named by its setting, with what was expected; the value is not repeated."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(**written))
    assert mistake.startswith(said)
    assert SIGNATURE not in mistake


def test_a_workspace_is_its_resource_id_or_nothing(tmp_path: Path) -> None:
    """The id in lower case, without blanks around it; nothing when it is no workspace's, or the example's."""
    example = resource(1).replace(guid(1), "00000000-0000-0000-0000-000000000000")
    for written, workspace in ((f" {resource(1).upper()} ", resource(1).lower()), ("law", ""), (example, "")):
        entry = read_entry(tmp_path, written_entry(SENTINEL_WORKSPACE_RESOURCE_ID=written))
        assert entry.workspace == workspace


def test_null_is_no_value(tmp_path: Path) -> None:
    """A null is not "left out": nobody can tell which was meant."""
    assert mistakes_of_entry(tmp_path, {**written_entry(), "DRY_RUN": None}) == (
        "DRY_RUN is empty; leave it out of the entry, or give it a value",
    )


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ({"HUNT_SOURCE": "defender"}, "HUNT_SOURCE must be sentinel"),
        (
            {"LOOKBACK_DAYS": "91"},
            "LOOKBACK_DAYS: expected a whole number from 1 to 90 (the value is the app settings')",
        ),
        ({"AZURE_CLOUD": "Mars"}, "AZURE_CLOUD: expected AzureCloud"),
    ],
)
def test_mistakes_that_are_taken_over(tmp_path: Path, app: dict[str, str], said: str) -> None:
    """A mistake in what comes from the app settings is one of the entry, and is said to come from there."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(), **app)
    assert mistake.startswith(said)


def test_a_threshold_of_the_app_may_not_fit(tmp_path: Path) -> None:
    """An entry's threshold above the app's high one is a mistake that says where the other value is from."""
    (mistake,) = mistakes_of_entry(tmp_path, written_entry(SUM_CASE_THRESHOLD=100), HIGH_SEVERITY_THRESHOLD="50")
    assert mistake.endswith("at least SUM_CASE_THRESHOLD, which is 100 (the value is the app settings')")


def test_the_rule_raises_where_rights_can_be_granted(tmp_path: Path) -> None:
    """RAISE_BY=rule is possible for an entry that is not none; taken over by one that is, it is a mistake, too."""
    for access in ("responder", "custom", None):
        assert settings_of_entry(tmp_path, written_entry(**RULE, SENTINEL_ACCESS=access)).raise_by == "rule"
    found = mistakes_of_entry(tmp_path, written_entry(SENTINEL_ACCESS="none"), RAISE_BY="rule")
    assert any(each.startswith("RAISE_BY must be api") for each in found)
    assert not mistakes_of_entry(tmp_path, written_entry(SENTINEL_ACCESS="none", RAISE_BY="api"), RAISE_BY="rule")


def test_one_entrys_mistake_is_its_own(tmp_path: Path) -> None:
    """The others are swept; each says its own mistakes, all at once."""
    folder = written_file(
        tmp_path,
        written_entry("a", 1, LOOKBACK_DAYS=0, DRYRUN=1, TEAMS_WEBHOOK_URL=WEBHOOK),
        written_entry("b", 2),
    )
    first, second = read_workspaces(APP, folder).entries
    with pytest.raises(SettingsInvalid) as invalid:
        first.settings()
    assert [each.split()[0].rstrip(":") for each in invalid.value.mistakes] == [
        "DRYRUN",
        "LOOKBACK_DAYS",
        "TEAMS_WEBHOOK_URL",
    ]
    assert str(second.settings().sentinel_workspace_id) == guid(2)


# --- the workspace of the app settings

OWN_IDS = {
    "SENTINEL_WORKSPACE_ID": guid(9),
    "SENTINEL_WORKSPACE_RESOURCE_ID": resource(9),
    "TEAMS_WEBHOOK_URL": WEBHOOK,
}


def test_own_is_the_workspace_of_the_app_settings(tmp_path: Path) -> None:
    """It comes last, with all that the app settings say; without ids in them there is none."""
    folder = written_file(tmp_path, written_entry())
    mentions = {"TEAMS_MENTIONS": '["soc@provider.example"]'}
    found = read_workspaces({**APP, **OWN_IDS, **mentions}, folder)
    assert [each.name for each in found.entries] == ["contoso", "own"]
    own = found.get("own")
    assert own is not None
    assert (own.workspace, own.settings().teams_mentions) == (resource(9).lower(), ("soc@provider.example",))
    assert [each.name for each in read_workspaces({**APP, "SENTINEL_WORKSPACE_ID": " "}, folder).entries] == ["contoso"]
    assert found.get("none") is None


def test_an_entry_may_name_the_apps_workspace(tmp_path: Path) -> None:
    """Then it is swept as that entry alone, however the id is written."""
    folder = written_file(tmp_path, written_entry(number=9))
    ids = {**OWN_IDS, "SENTINEL_WORKSPACE_RESOURCE_ID": resource(9).upper()}
    assert [each.name for each in read_workspaces({**APP, **ids}, folder).entries] == ["contoso"]


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ({"SENTINEL_WORKSPACE_RESOURCE_ID": ""}, "SENTINEL_WORKSPACE_RESOURCE_ID is missing"),
        ({"SENTINEL_WORKSPACE_ID": ""}, "SENTINEL_WORKSPACE_ID is missing"),
        ({"SENTINEL_WORKSPACE_RESOURCE_ID": "law"}, "SENTINEL_WORKSPACE_RESOURCE_ID: expected"),
        ({"SENTINEL_WORKSPACE_ID": guid(1).upper()}, "SENTINEL_WORKSPACE_ID of the app settings is that of the entry"),
        ({"HUNT_SOURCE": "defender"}, "HUNT_SOURCE must be sentinel"),
        ({"TEAMS_WEBHOOK_URL": ""}, "TEAMS_WEBHOOK_URL is missing"),
    ],
)
def test_a_half_named_workspace_of_the_app_is_a_mistake(tmp_path: Path, ids: dict[str, str], said: str) -> None:
    """It is never left out silently: `own` is there, and says what is wrong."""
    contoso = written_entry(HUNT_SOURCE="sentinel")
    found = read_workspaces({**APP, **OWN_IDS, **ids}, written_file(tmp_path, contoso))
    own = found.get("own")
    assert own is not None
    with pytest.raises(SettingsInvalid) as invalid:
        own.settings()
    assert [each for each in invalid.value.mistakes if each.startswith(said)] == [*invalid.value.mistakes]
    assert str(found.entries[0].settings().sentinel_workspace_id) == guid(1)


def test_an_empty_list_leaves_the_app_settings_alone(tmp_path: Path) -> None:
    """Without entries there is no `own` either, and local.settings.json is not even read."""
    (tmp_path / "local.settings.json").write_text("no JSON")
    assert read_workspaces({**APP, **OWN_IDS}, written_file(tmp_path)).entries == ()
    with pytest.raises(SettingsInvalid, match=r"local\.settings\.json is not JSON"):
        read_workspaces({}, written_file(tmp_path, written_entry()))


def test_the_environment_is_over_the_local_file(tmp_path: Path) -> None:
    """App settings are the environment's, else those of local.settings.json, as for a sweep of one workspace."""
    local = {"Values": {"CONTOSO_WEBHOOK_URL": WEBHOOK, "LOOKBACK_DAYS": "3", "MAX_NEW_INCIDENTS": 5}}
    (tmp_path / "local.settings.json").write_text(json.dumps(local))
    entry = read_workspaces({"lookback_days": "4"}, written_file(tmp_path, written_entry())).entries[0]
    assert (entry.settings().lookback_days, entry.settings().max_new_incidents) == (4, 5)


def test_who_shares_a_channel(tmp_path: Path) -> None:
    """Two entries share a channel when their webhooks are one address, however it is reached and written."""
    app = {
        **dict.fromkeys(("A", "B"), WEBHOOK),
        "C": WEBHOOK.replace(":443", "").replace("prod-12.west", "PROD-12.West"),
        "D": WEBHOOK.replace(SIGNATURE, SIGNATURE.lower()),
    }
    names = ["A", "A", "B", "C", "D", "E"]
    entries = [written_entry(f"e{n}", n, TEAMS_WEBHOOK_URL=f"%{name}%") for n, name in enumerate(names)]
    found = read_workspaces(app, written_file(tmp_path, *entries, written_entry("z", 99, TEAMS_WEBHOOK_URL="%E%")))
    shared = [each.name for each in found.entries if found.shares_channel(each)]
    assert shared == ["e0", "e1", "e2", "e3"]


# --- any two mistakes

_SLIPS: dict[str, Any] = {
    "SENTINEL_WORKSPACE_ID": SIGNATURE,
    "SENTINEL_WORKSPACE_RESOURCE_ID": f"/subscriptions/{SIGNATURE}",
    "TEAMS_WEBHOOK_URL": WEBHOOK,
    "SENTINEL_ACCESS": SIGNATURE,
    "SUM_CASE_TRESHOLD": SIGNATURE,
    "LEDGER_URL": WEBHOOK,
    **{name: SIGNATURE for name in sorted(ENTRY_SETTINGS) if not name.startswith(("SENTINEL", "TEAMS_WEBHOOK_URL"))},
}


@given(st.lists(st.sampled_from(sorted(_SLIPS)), min_size=2, max_size=4, unique=True))
def test_any_mistakes_are_all_said_and_no_secret_is(tmp_path_factory: pytest.TempPathFactory, slips: list[str]) -> None:
    """Whatever is wrong together is said together, and what was typed is in no message."""
    folder = tmp_path_factory.getbasetemp()
    entry = read_entry(folder, {**written_entry(), **{name: _SLIPS[name] for name in slips}})
    with pytest.raises(SettingsInvalid) as invalid:
        entry.settings()
    said = invalid.value.mistakes
    assert {name for name in slips if any(each.startswith(name) for each in said)} == set(slips)
    assert SIGNATURE not in f"{said}{entry!r}{invalid.value!r}"
