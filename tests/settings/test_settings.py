"""The app settings: every mistake at once, in words an operator can act on, and never the secret."""

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.settings import CLOUDS, ROUND_NAMES, Exclusion, Settings, SettingsInvalid, from_values, load

ROOT = Path(__file__).resolve().parents[2]
GUID = "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d"
RESOURCE = f"/subscriptions/{GUID}/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"
SIGNATURE = "Sgn4tureThatIsSecret"
URL = f"https://prod-12.westeurope.logic.azure.com:443/workflows/abc/triggers/manual/paths/invoke?sig={SIGNATURE}"
GOOD = {
    "SENTINEL_WORKSPACE_ID": GUID,
    "SENTINEL_WORKSPACE_RESOURCE_ID": RESOURCE,
    "TEAMS_WEBHOOK_URL": URL,
}


def _mistakes(values: Mapping[str, str]) -> tuple[str, ...]:
    """What is said of the good settings with these over them; nothing when they are fine."""
    try:
        from_values({**GOOD, **values})
    except SettingsInvalid as invalid:
        return invalid.mistakes
    return ()


def test_three_settings_are_enough() -> None:
    """With the three required settings, all others have the defaults that the design names."""
    settings = from_values(GOOD)
    assert settings.model_dump(mode="json", exclude={name.lower() for name in GOOD}) == {
        "azure_cloud": "AzureCloud",
        "hunt_source": "sentinel",
        "sweep_schedule": "0 0 6 * * *",
        "teams_webhook_extra_hosts": [],
        "teams_mentions": [],
        "card_subjects": False,
        "runbook_url": "",
        "sum_case_threshold": 10,
        "high_severity_threshold": 50,
        "lookback_days": 30,
        "deduplicate": True,
        "max_data_age_hours": 24,
        "max_new_incidents": 100,
        "excluded_recipients": [],
        "benign_reopen_factor": 2,
        "remind_after_days": 3,
        "heartbeat_days": 7,
        "ledger_url": "sqlite:///.sweep/ledger.db",
        "lease_seconds": 60,
        "sweep_budget_seconds": 1500,
        "dry_run": False,
        "log_analytics_endpoint": "",
        "arm_endpoint": "",
        "graph_endpoint": "",
        "azure_client_id": "",
        "raise_by": "api",
        "findings_endpoint": "",
        "findings_rule_id": "",
        "findings_stream": "",
    }
    assert (settings.log_analytics, settings.arm, settings.graph) == (
        "https://api.loganalytics.io",
        "https://management.azure.com",
        "https://graph.microsoft.com",
    )


def test_every_mistake_is_said_at_once() -> None:
    """Whatever is wrong with several settings is said in one go, each by its name with what was expected."""
    wrong = {
        "SENTINEL_WORKSPACE_ID": "my-workspace",
        "SENTINEL_WORKSPACE_RESOURCE_ID": "law-soc",
        "TEAMS_WEBHOOK_URL": "not a url",
        "SWEEP_SCHEDULE": "0 6 * * *",
        "SUM_CASE_THRESHOLD": "ten",
        "HIGH_SEVERITY_THRESHOLD": "-1",
        "LOOKBACK_DAYS": "91",
        "DEDUPLICATE": "ja",
        "MAX_DATA_AGE_HOURS": "0",
        "MAX_NEW_INCIDENTS": "0",
        "EXCLUDED_RECIPIENTS": "[{",
        "BENIGN_REOPEN_FACTOR": "0",
        "REMIND_AFTER_DAYS": "-1",
        "HEARTBEAT_DAYS": "1.5",
        "CARD_SUBJECTS": "perhaps",
        "RUNBOOK_URL": "http://wiki.example.com/operate.md",
        "TEAMS_MENTIONS": '{"a": 1}',
        "TEAMS_WEBHOOK_EXTRA_HOSTS": '["https://proxy"]',
        "LEDGER_URL": "postgres://db",
        "LEASE_SECONDS": "4",
        "SWEEP_BUDGET_SECONDS": "29",
        "HUNT_SOURCE": "splunk",
        "DRY_RUN": "2",
        "AZURE_CLOUD": "AzureGermanCloud",
        "LOG_ANALYTICS_ENDPOINT": "api.loganalytics.io",
        "ARM_ENDPOINT": "http://management.azure.com",
        "GRAPH_ENDPOINT": "https://graph.microsoft.com/v1.0",
        "RAISE_BY": "both",
        "FINDINGS_ENDPOINT": "http://x.westeurope-1.ingest.monitor.azure.com",
        "FINDINGS_RULE_ID": "dcr-findings",
        "FINDINGS_STREAM": "EmailRemediationFindings_CL",
    }
    said = _mistakes(wrong)
    assert {text.split(" ")[0].split(":")[0].split("[")[0] for text in said} == set(wrong)
    assert len(said) == len(wrong)
    assert all("expected" in text for text in said)


def test_missing_settings_are_named() -> None:
    """Each required setting that is missing, or left empty, is named."""
    for values in ({}, dict.fromkeys(GOOD, "  ")):
        with pytest.raises(SettingsInvalid) as raised:
            from_values(values)
        assert [text.split(" is missing")[0] for text in raised.value.mistakes] == sorted(GOOD)


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [
        ("SUM_CASE_THRESHOLD", ("0", "10", "1000000"), ("-1", "1.5", "x", "1e9", "1000000001")),
        ("HIGH_SEVERITY_THRESHOLD", ("10", "500"), ("9", "-1", "x")),
        ("LOOKBACK_DAYS", ("1", "90"), ("0", "91", "x")),
        ("MAX_DATA_AGE_HOURS", ("1", "100000"), ("0", "876001")),
        ("MAX_NEW_INCIDENTS", ("1", "1000000"), ("0", "-1")),
        ("BENIGN_REOPEN_FACTOR", ("1", "10"), ("0",)),
        ("REMIND_AFTER_DAYS", ("0", "365"), ("-1", "36501")),
        ("HEARTBEAT_DAYS", ("0", "365"), ("-1", "36501")),
        ("LEASE_SECONDS", ("5", "600"), ("4", "601")),
        ("SWEEP_BUDGET_SECONDS", ("30", "21600"), ("29", "21601")),
        ("DEDUPLICATE", ("true", "false", "True", "0"), ("ja", "2")),
        ("HUNT_SOURCE", ("sentinel", "defender"), ("Sentinel ", "splunk")[1:]),
        ("AZURE_CLOUD", ("AzureCloud",), ("azure", "AzureGermanCloud")),
        ("SWEEP_SCHEDULE", ("0 */5 * * * *", "0 0 6 1,15 JAN-MAR Mon-Fri", "0 30 9-17/2 * * 0"), ()),
        (
            "SWEEP_SCHEDULE",
            ("0 0 6 * January Sunday", " 0  0 6 * * * ", "0 0 */0 * * *"),
            ("0\t0 6 * * *", "٣ 0 6 * * *"),
        ),
        ("SWEEP_SCHEDULE", (), ("0 0 6 30 2 *", "0 0 6 * * FRI-MON", "0 0 6 * * *\n", "0 0 6 * * ſun", "0 0 6 ² * *")),
        ("SWEEP_SCHEDULE", (), ("0 6 * * *", "0 0 24 * * *", "0 60 6 * * *", "0 0 6 0 * *", "0 0 6 * * 7")),
        ("SWEEP_SCHEDULE", (), ("0 0 6 * * FUN", "0 0 6-3 * * *", "0 0 */ * * *", "0 0 1-2-3 * * *", "06:00:00")),
        ("SENTINEL_WORKSPACE_ID", (GUID.upper(),), ("law-soc", RESOURCE)),
        (
            "SENTINEL_WORKSPACE_RESOURCE_ID",
            (RESOURCE.lower(),),
            (GUID, RESOURCE + "/", RESOURCE + "?x", "/" + RESOURCE),
        ),
        ("LEDGER_URL", ("https://acct.table.core.windows.net", "https://acct.table.core.windows.net/"), ("x", "acct")),
        ("LEDGER_URL", ("sqlite:///ledger.db", "sqlite:////var/ledger.db"), ("sqlite://", "sqlite:///")),
        ("LEDGER_URL", ("http://127.0.0.1:10002/devstoreaccount1",), ("http://acct.table.core.windows.net",)),
        ("LEDGER_URL", (), ("https://a:b@acct.table.core.windows.net", "https://acct.table.core.windows.net?sas=1")),
        ("ARM_ENDPOINT", ("https://127.0.0.1:8443", "https://localhost/"), ("http://x", "https://x/y", "https://x:y")),
        ("TEAMS_MENTIONS", ("[]", '["on.call@contoso.com"]'), ('["oncall"]', "[1]", '"a@b.c"', "a@contoso.com")),
        (
            "TEAMS_WEBHOOK_EXTRA_HOSTS",
            ('["Proxy.contoso.com:8443", "127.0.0.1"]',),
            ('["https://x"]', '["x:0"]', '["*"]'),
        ),
    ],
)
def test_bounds(name: str, fine: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    """Each setting takes what lies within its bounds and refuses, by name, what does not."""
    for value in fine:
        assert not _mistakes({name: value}), value
    for value in wrong:
        said = _mistakes({name: value})
        assert len(said) == 1, value
        assert said[0].startswith(name), value
        assert "expected" in said[0], value


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://prod-12.westeurope.logic.azure.com:443/workflows/x?sig=S", None),
        ("https://default0.1.environment.api.powerplatform.com/powerautomate/x?sig=S", None),
        ("@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/s)", "unresolved Key Vault reference"),
        ("https://contoso.webhook.office.com/webhookb2/x", "Office 365 connector"),
        ("https://outlook.office.com/webhook/x", "Office 365 connector"),
        ("http://prod-12.westeurope.logic.azure.com/workflows/x", "must begin with https://"),
        ("https://prod-12.westeurope.logic.azure.com:8443/workflows/x", "expected a host of"),
        ("https://logic.azure.com.evil.example/workflows/x", "expected a host of"),
        ("https://evillogic.azure.com/x", "expected a host of"),
        ("https://user:word@prod-12.westeurope.logic.azure.com/x", "user name or password"),
        ("https://prod-12.westeurope.logic.azure.com/a b", "is not a URL"),
        ("https://[::1/x", "is not a URL"),
        ("prod-12.westeurope.logic.azure.com/workflows/x", "is not a URL"),
        ("https://prod-12.logic.azure.us/workflows/x", "expected a host of"),
    ],
)
def test_webhook(url: str, said: str | None) -> None:
    """Only the https URL of a Teams Workflows webhook is taken; what is pasted instead is called by its name."""
    found = _mistakes({"TEAMS_WEBHOOK_URL": url})
    assert (not found) if said is None else (len(found) == 1 and said in found[0])


def test_webhook_of_ones_own() -> None:
    """A proxy's host is taken when it is named, on the port that was named with it."""
    extra = {"TEAMS_WEBHOOK_EXTRA_HOSTS": '["Proxy.contoso.com:8443", "relay.contoso.com"]'}
    for url, fine in {
        "https://proxy.contoso.com:8443/x": True,
        "https://PROXY.contoso.com:8443/x": True,
        "https://proxy.contoso.com/x": False,
        "https://relay.contoso.com/x": True,
        "https://relay.contoso.com:443/x": True,
        "https://relay.contoso.com:8443/x": False,
    }.items():
        assert (not _mistakes({**extra, "TEAMS_WEBHOOK_URL": url})) is fine, url


def test_the_webhook_is_checked_beside_other_mistakes() -> None:
    """A bad webhook URL is named although the hosts that are allowed cannot be told."""
    wrong = {"AZURE_CLOUD": "x", "TEAMS_WEBHOOK_EXTRA_HOSTS": "x", "TEAMS_WEBHOOK_URL": "http://x.logic.azure.com/"}
    assert [text.split(" ")[0].rstrip(":") for text in _mistakes(wrong)] == sorted(wrong)


@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
def test_other_clouds(cloud: str) -> None:
    """Another cloud brings its own addresses, webhook hosts and table suffix."""
    there = CLOUDS[cloud]
    webhook = {"AZURE_CLOUD": cloud, "TEAMS_WEBHOOK_URL": f"https://prod-1{there.teams_hosts[0]}/x?sig=s"}
    settings = from_values(
        {**GOOD, **webhook, "WEBSITE_SITE_NAME": "sweep", "AzureWebJobsStorage__accountName": "acct"}
    )
    assert settings.arm == there.arm
    assert settings.ledger_url == f"https://acct.{there.table_suffix}"
    assert len(_mistakes({"AZURE_CLOUD": cloud})) == 1


def test_an_override_moves_the_address_only() -> None:
    """An overridden endpoint leaves the audience of its tokens the cloud's."""
    settings = from_values({**GOOD, "ARM_ENDPOINT": "https://127.0.0.1:8443/", "GRAPH_ENDPOINT": "https://localhost:1"})
    assert (settings.arm, settings.cloud.arm_audience) == ("https://127.0.0.1:8443", "https://management.azure.com")
    assert (settings.graph, settings.cloud.graph_audience) == ("https://localhost:1", "https://graph.microsoft.com")


def test_high_follows_the_threshold() -> None:
    """Without a high threshold of its own it is five times the threshold, and it is never below it."""
    assert from_values({**GOOD, "SUM_CASE_THRESHOLD": "100"}).high_severity_threshold == 500
    assert _mistakes({"SUM_CASE_THRESHOLD": "100", "HIGH_SEVERITY_THRESHOLD": "99"})
    assert not _mistakes({"SUM_CASE_THRESHOLD": "100", "HIGH_SEVERITY_THRESHOLD": "100"})


def test_defender_keeps_thirty_days() -> None:
    """With Graph as the source of the hunt the look-back is 30 days at most."""
    assert _mistakes({"HUNT_SOURCE": "defender", "LOOKBACK_DAYS": "31"})
    assert not _mistakes({"HUNT_SOURCE": "defender", "LOOKBACK_DAYS": "30"})


@pytest.mark.parametrize("place", ["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID"])
def test_in_azure_the_ledger_is_a_table(place: str) -> None:
    """In Azure the ledger is the app's own storage account, or the sweep refuses: its disk would forget."""
    here = {**GOOD, place: "x"}
    assert (
        from_values({**here, "AzureWebJobsStorage__accountName": "acct"}).ledger_url
        == "https://acct.table.core.windows.net"
    )
    assert (
        from_values({**here, "AzureWebJobsStorage__tableServiceUri": "https://t.example/"}).ledger_url
        == "https://t.example"
    )
    assert from_values({**here, "LEDGER_URL": "sqlite:////mnt/l.db"}).ledger_url == "sqlite:////mnt/l.db"
    said = _mistakes({place: "x", "AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    assert len(said) == 1
    assert said[0].startswith("LEDGER_URL is missing")


def test_exclusions_need_pattern_date_and_reason() -> None:
    """An exclusion without a pattern, a date or a reason, or with anything else, is refused where it stands."""
    fine = {"pattern": "*@lab.contoso.com", "until": "2027-01-31", "reason": "test lab"}
    assert not _mistakes({"EXCLUDED_RECIPIENTS": json.dumps([fine])})
    for wrong in ({"until": "soon"}, {"pattern": ""}, {"reason": " "}, {"owner": "me"}):
        said = _mistakes({"EXCLUDED_RECIPIENTS": json.dumps([fine, {**fine, **wrong}])})
        assert [text.split(":")[0] for text in said] == [f"EXCLUDED_RECIPIENTS[1].{name}" for name in wrong]
    for name in fine:
        said = _mistakes({"EXCLUDED_RECIPIENTS": json.dumps([{**fine, name: None}])})
        assert len(said) == 1
    assert _mistakes({"EXCLUDED_RECIPIENTS": '["x@contoso.com"]'})


@pytest.mark.parametrize(
    ("pattern", "recipient", "fits"),
    [
        ("a@contoso.com", "a@contoso.com", True),
        ("A@Contoso.com", "a@contoso.com", True),
        ("a@contoso.com", "aa@contoso.com", False),
        ("*@lab.contoso.com", "x@lab.contoso.com", True),
        ("*@lab.contoso.com", "x@labxcontoso.com", False),
        ("*@lab.contoso.com", "@lab.contoso.com", True),
        ("svc-*@*.com", "svc-1@contoso.com", True),
        ("svc-*@*.com", "svc-1@contoso.net", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*", "anybody@contoso.com", True),
        ("a?[a-z]@contoso.com", "abc@contoso.com", False),
    ],
)
def test_the_star_is_the_only_wildcard(pattern: str, recipient: str, fits: bool) -> None:
    """In a pattern `*` stands for any text, letters match in either case, and all else stands for itself."""
    exclusion = Exclusion(pattern=pattern, until=date(2027, 1, 31), reason="test")
    assert exclusion.matches(recipient) is fits


def test_many_wildcards_cost_nothing() -> None:
    """A pattern of a hundred wildcards is matched at once, also against what nearly fits."""
    exclusion = Exclusion(pattern="*a" * 150 + "b", until=date(2027, 1, 31), reason="test")
    begun = time.monotonic()
    assert not exclusion.matches("a" * 320)
    assert time.monotonic() - begun < 0.5


def test_the_secret_is_never_shown() -> None:
    """The webhook's URL is in no message, representation or fingerprint of good settings."""
    settings = from_values(GOOD)
    other = from_values({**GOOD, "TEAMS_WEBHOOK_URL": URL + "2"})
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {settings.fingerprint()}"
    assert SIGNATURE not in shown
    assert settings.fingerprint() == other.fingerprint()
    assert settings.teams_webhook_url.get_secret_value() == URL


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_a_secret_in_the_wrong_place_is_not_repeated(name: str) -> None:
    """Pasted into any setting, alone or within JSON, the webhook's URL is not repeated by what is said of it."""
    for value in (
        URL.replace("https", "http"),
        json.dumps([URL]),
        json.dumps([{"pattern": URL, URL: URL}]),
        URL + " x",
    ):
        with pytest.raises(SettingsInvalid) as raised:
            from_values({**GOOD, "SUM_CASE_THRESHOLD": URL, name: value, "LOOKBACK_DAYS": URL})
        invalid = raised.value
        assert SIGNATURE not in f"{invalid} {invalid!r} {invalid.mistakes} {pickle.dumps(invalid.args)!r}"
        assert invalid.__context__ is None


def test_a_fingerprint_changes_with_a_setting() -> None:
    """The fingerprint is the same for the same settings and another when one changes."""
    first = from_values(GOOD).fingerprint()
    assert first == from_values({**GOOD, "SUM_CASE_THRESHOLD": "10"}).fingerprint()
    assert first != from_values({**GOOD, "SUM_CASE_THRESHOLD": "11"}).fingerprint()
    assert len(first) == 12


def test_local_settings_lie_under_the_environment(tmp_path: Path) -> None:
    """The file's values are used where the environment has none; names match in any case."""
    values = {
        **GOOD,
        "Sum_Case_Threshold": 7,
        "LOOKBACK_DAYS": "14",
        "TEAMS_MENTIONS": ["a@contoso.com"],
        "DRY_RUN": None,
    }
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}), encoding="utf-8-sig")
    settings = load({"lookback_days": "21"}, tmp_path)
    assert (settings.sum_case_threshold, settings.lookback_days) == (7, 21)
    assert settings.teams_mentions == ("a@contoso.com",)
    assert settings.dry_run is False


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"Values": {\n  "A": "b"\n  "C": "d"}}', "is not JSON (line 3, column 3)"),
        (b"", "is not JSON (line 1, column 1)"),
        (b'{"Values": {"A": "\xfc"}}', "is not UTF-8"),
        (b'{"SWEEP_SCHEDULE": "0 0 6 * * *"}', 'has no "Values"'),
        (b'{"Values": ["A"]}', 'has "Values" that are no JSON object'),
        (b"[1]", "holds no JSON object"),
        (b"[" * 100_000, "is nested too deeply"),
        (None, "is a folder"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(content: bytes | None, said: str, tmp_path: Path) -> None:
    """Where a slip in local.settings.json is, or what it is instead."""
    file = tmp_path / "local.settings.json"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SettingsInvalid) as raised:
        load(GOOD, tmp_path)
    (mistake,) = raised.value.mistakes
    assert mistake.startswith("local.settings.json ")
    assert said in mistake
    assert "; expected JSON such as" in mistake


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SUM_CASE_THRESHOLD": "99999999999"}, "expected a whole number from 0 to 1000000000"),
        ({"MAX_NEW_INCIDENTS": "99999999999"}, "expected a whole number from 1 to 1000000000"),
        ({"HEARTBEAT_DAYS": "99999"}, "expected a whole number from 0 to 36500"),
        ({"ARM_ENDPOINT": "http://x"}, "such as https://management.azure.com,"),
        ({"GRAPH_ENDPOINT": "http://x"}, "such as https://graph.microsoft.com,"),
        ({"LOG_ANALYTICS_ENDPOINT": "x"}, "such as https://api.loganalytics.io,"),
        ({"AZURE_CLOUD": "AzureChinaCloud", "ARM_ENDPOINT": "x"}, "such as https://management.chinacloudapi.cn,"),
        ({"AZURE_CLOUD": "nowhere", "ARM_ENDPOINT": "x"}, "such as https://management.azure.com,"),
    ],
)
def test_what_was_expected_is_exact(given: Mapping[str, str], said: str) -> None:
    """A number's both bounds are said, and an endpoint's example is that very service's in that cloud."""
    assert any(said in mistake for mistake in _mistakes(given)), _mistakes(given)


def test_a_dry_run_takes_the_webhook_s_placeholder_for_none() -> None:
    """When only the webhook's placeholder is left, a dry run goes without it; other mistakes are said without it."""
    left = {**GOOD, "TEAMS_WEBHOOK_URL": "https://prod-00.westeurope.logic.azure.com/workflows/your-own"}
    for dry in ({"DRY_RUN": "true"}, {"DRY_RUN": "1", "SUM_CASE_THRESHOLD": "7"}):
        assert not from_values({**left, **dry}).teams_webhook_url.get_secret_value()
    assert from_values(left, dry_run=True).dry_run
    for real in ({}, {"DRY_RUN": "false"}):
        (said,) = _mistakes({**left, **real})
        assert said.startswith("TEAMS_WEBHOOK_URL still holds the placeholder")
    (said,) = _mistakes({**left, "DRY_RUN": "true", "LOOKBACK_DAYS": "0"})
    assert said.startswith("LOOKBACK_DAYS")


@pytest.mark.parametrize("content", ["{", "[]", '{"Values": []}', "{}", '{"IsEncrypted": true, "Values": {}}'])
def test_an_unreadable_file_is_named(content: str, tmp_path: Path) -> None:
    """A local.settings.json that is none, or is encrypted, is named with what was expected."""
    (tmp_path / "local.settings.json").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=r"local\.settings\.json .*expected"):
        load(GOOD, tmp_path)


def test_the_example_is_complete(tmp_path: Path) -> None:
    """local.settings.example.json works once its placeholders are filled in, and plans only."""
    (tmp_path / "local.settings.json").write_bytes((ROOT / "local.settings.example.json").read_bytes())
    assert load(GOOD, tmp_path).dry_run is True


@pytest.mark.parametrize("filled", [(), *((name,) for name in GOOD), ("SENTINEL_WORKSPACE_ID", "TEAMS_WEBHOOK_URL")])
@pytest.mark.parametrize("more", [{}, {"AZURE_CLOUD": "AzureChinaCloud"}, {"DRY_RUN": "false"}])
def test_the_example_s_placeholders_are_named(filled: tuple[str, ...], more: Mapping[str, str], tmp_path: Path) -> None:
    """A copied example that is not filled in is called that, in one sentence that names what is still as it was."""
    (tmp_path / "local.settings.json").write_bytes((ROOT / "local.settings.example.json").read_bytes())
    with pytest.raises(SettingsInvalid) as raised:
        load({**{name: GOOD[name] for name in filled if not more}, **more}, tmp_path)
    (said,) = raised.value.mistakes
    named, _, hint = said.partition(" of local.settings.example.json: expected your own")
    left = [name for name in GOOD if name not in filled or more]
    assert named == f"{', '.join(left)} still {'hold the placeholders' if len(left) > 1 else 'holds the placeholder'}"
    assert bool(hint) == ("TEAMS_WEBHOOK_URL" in left)


def test_a_workspace_may_be_named_as_the_example_s() -> None:
    """The names in the example's resource id may well be somebody's own: only its subscription tells."""
    own = f"/subscriptions/{GUID}/resourceGroups/rg-sentinel/providers/Microsoft.OperationalInsights/workspaces"
    assert not _mistakes({"SENTINEL_WORKSPACE_RESOURCE_ID": f"{own}/law-sentinel"})
    assert not _mistakes({"TEAMS_WEBHOOK_URL": "https://prod-00.westeurope.logic.azure.com/workflows/yours?sig=1"})


@pytest.mark.parametrize(
    ("dry", "given", "needed"),
    [
        ("", {}, True),
        ("false", {}, True),
        ("0", {}, True),
        ("nonsense", {}, True),
        ("true", {}, False),
        ("True", {}, False),
        ("1", {}, False),
        ("yes", {}, False),
        ("false", {"dry_run": True}, False),
        ("nonsense", {"dry_run": True}, False),
        ("false", {"webhook_needed": False}, False),
        ("true", {"webhook_needed": True}, True),
    ],
)
def test_a_dry_run_needs_no_webhook(dry: str, given: Any, needed: bool) -> None:
    """TEAMS_WEBHOOK_URL may be missing where nothing is posted; one that is given is checked all the same."""
    without = {**GOOD, "TEAMS_WEBHOOK_URL": " ", "DRY_RUN": dry}
    said: tuple[str, ...] = ()
    try:
        settings = from_values(without, **given)
        assert not settings.teams_webhook_url.get_secret_value()
        assert settings.dry_run is (dry in ("true", "True", "1", "yes") or given.get("dry_run", False))
    except SettingsInvalid as invalid:
        said = invalid.mistakes
    assert [text for text in said if text.startswith("TEAMS_WEBHOOK_URL is missing")] == list(said)[-1:] * needed
    with pytest.raises(SettingsInvalid, match="TEAMS_WEBHOOK_URL must begin with https"):
        from_values({**without, "TEAMS_WEBHOOK_URL": "http://x.logic.azure.com"}, **given)


def test_the_readme_names_every_setting() -> None:
    """README's table has a row for each setting, and none for another."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1] for line in lines if line.startswith("| `") and line.split("`")[1].isupper()]
    named = {name.strip(" `") for row in rows for name in row.split(",")}
    assert named == {name.upper() for name in Settings.model_fields} | ROUND_NAMES


def test_the_shell_lists_mistakes_and_leaves_with_2() -> None:
    """`python -m shared sweep` lists bad settings on standard error, no traceback, no secret, and leaves with 2."""
    environment = {"PATH": os.environ["PATH"], "TEAMS_WEBHOOK_URL": URL.replace("https", "http"), "LOOKBACK_DAYS": "0"}
    ran = subprocess.run(
        [sys.executable, "-m", "shared", "sweep", "--json"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert not ran.stdout
    for name in (*GOOD, "LOOKBACK_DAYS"):
        assert name in ran.stderr
    assert "Traceback" not in ran.stderr
    assert SIGNATURE not in ran.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://wiki.example.com/operate.md",
        "wiki.example.com/operate.md",
        "https://wiki.example.com/operate.md#sweep-failed",
        "https://me:secret@wiki.example.com/operate.md",
        "https://wiki.example.com\\evil.example.net/operate.md",
        "https://wiki.example.com/a page",
        "https://wiki.example.com/" + "x" * 300,
        "javascript:alert(1)",
    ],
)
def test_a_runbook_is_a_page_that_a_card_can_lead_to(url: str) -> None:
    """An https page, to which a card adds the section; what is said does not repeat it."""
    (said,) = _mistakes({"RUNBOOK_URL": url})
    assert said.startswith("RUNBOOK_URL: expected the https address of your copy of docs/operate.md, without #")
    assert url not in said
    assert from_values({**GOOD, "RUNBOOK_URL": "https://wiki.example.com/x?page=4"}).runbook_url.endswith("page=4")


RULE = {
    "RAISE_BY": "rule",
    "FINDINGS_ENDPOINT": "https://dcr-x-ab12.westeurope-1.logs.z1.ingest.monitor.azure.com/",
    "FINDINGS_RULE_ID": "dcr-" + "0af9" * 8,
    "FINDINGS_STREAM": "Custom-EmailRemediationFindings_CL",
}


def test_the_rule_needs_all_three_of_its_settings() -> None:
    """With RAISE_BY=rule each of the three that is missing or empty is named; with `api` they may be set or not."""
    settings = from_values({**GOOD, **RULE})
    assert (settings.raise_by, settings.findings) == ("rule", RULE["FINDINGS_ENDPOINT"].rstrip("/"))
    assert _mistakes({**RULE, "RAISE_BY": "api"}) == ()
    names = [name for name in RULE if name != "RAISE_BY"]
    for name in names:
        (said,) = _mistakes({**RULE, name: " "})
        assert said.startswith(f"{name} is missing; expected ")
        assert said.endswith("(RAISE_BY=rule uploads findings there)")
    assert [text.split(" ")[0] for text in _mistakes({"RAISE_BY": "rule"})] == sorted(names)


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [
        ("RAISE_BY", ("api", "rule"), ("Rule", "table", "api,rule")),
        (
            "FINDINGS_ENDPOINT",
            ("https://a.b.ingest.monitor.azure.com", "https://127.0.0.1:8443", "https://localhost:1/"),
            (
                "http://a.b.ingest.monitor.azure.com",
                "https://ingest.monitor.azure.com",
                "https://a.b.ingest.monitor.azure.us",
                "https://a.ingest.monitor.azure.com.evil.example",
                "https://a.ingest.monitor.azure.com@evil.example",
                "https://a.ingest.monitor.azure.com/dataCollectionRules",
                "https://not127.0.0.1",
                "http://127.0.0.1:1",
                "dcr-x.westeurope-1.ingest.monitor.azure.com",
            ),
        ),
        (
            "FINDINGS_RULE_ID",
            ("dcr-00000000000000000000000000000000",),
            ("dcr-0", "00000000000000000000000000000000", "dcr-" + "g" * 32, "/subscriptions/x", "dcr-" + "0" * 33),
        ),
        (
            "FINDINGS_STREAM",
            ("Custom-EmailRemediationFindings_CL",),
            ("Custom-Other_CL", "EmailRemediationFindings_CL"),
        ),
    ],
)
def test_where_findings_go_is_checked(name: str, fine: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    """Only a collection rule's own address gets our token, its id is the immutable one, its stream the one we write."""
    for value in fine:
        assert _mistakes({**RULE, name: value}) == ()
    for value in wrong:
        (said,) = _mistakes({**RULE, name: value})
        assert said.startswith(f"{name}: expected ")
        assert value not in said.replace(name, "") or value in ("EmailRemediationFindings_CL",)


@pytest.mark.parametrize(("cloud", "end"), [("AzureUSGovernment", "us"), ("AzureChinaCloud", "cn")])
def test_findings_go_to_the_cloud_s_own_hosts(cloud: str, end: str) -> None:
    """Each cloud has its own hosts and its own audience for uploads."""
    own = {**RULE, "AZURE_CLOUD": cloud, "TEAMS_WEBHOOK_URL": "", "DRY_RUN": "true"}
    address = f"https://a.usgovvirginia.ingest.monitor.azure.{end}"
    settings = from_values({**GOOD, **own, "FINDINGS_ENDPOINT": address})
    assert settings.cloud.ingestion_audience == f"https://monitor.azure.{end}"
    (said,) = _mistakes(own)
    assert f".ingest.monitor.azure.{end}" in said
