"""What is set for a round: taken from the app settings, checked as a sweep's settings are, no setting of a sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.settings import CLOUDS, NAMES, ROUND_NAMES, SettingsInvalid, from_values
from shared.settings.misspelt import misspelt, unknown_keys
from shared.workspaces.reading import read_workspaces
from shared.workspaces.round_settings import RoundSettings, round_settings
from tests.support.settings import REQUIRED
from tests.support.workspaces import APP, SIGNATURE, WEBHOOK, written_entry, written_file

QUEUE = {"AzureWebJobsStorage__accountName": "acct"}


def settings_of_round(folder: Path, **app: str) -> RoundSettings:
    """The round's settings with these app settings, in a folder without a file of local ones."""
    return round_settings({**QUEUE, **app}, folder)


def mistakes_of_round(folder: Path, **app: str) -> tuple[str, ...]:
    """What is said of them."""
    with pytest.raises(SettingsInvalid) as invalid:
        round_settings({**QUEUE, **app}, folder)
    return invalid.value.mistakes


def test_defaults(tmp_path: Path) -> None:
    """Nothing but a queue service is needed; no app-level workspace is."""
    found = settings_of_round(tmp_path)
    assert found.webhook_url.get_secret_value() == ""
    assert (found.deadline_minutes, found.heartbeat_days, found.schedule) == (120, 7, "0 0 6 * * *")
    assert (found.mentions, found.runbook_url, found.webhook_extra_hosts) == ((), "", ())
    assert (found.ledger_url, found.azure_client_id) == ("sqlite:///.sweep/ledger.db", "")
    assert (found.cloud, found.queue_url) == (CLOUDS["AzureCloud"], "https://acct.queue.core.windows.net")


def test_all_of_it_is_the_apps(tmp_path: Path) -> None:
    """The environment is over local.settings.json; the round's webhook is no sweep's, and its URL is in no repr."""
    local = {"Values": {"ROUND_WEBHOOK_URL": WEBHOOK, "HEARTBEAT_DAYS": 3, "TEAMS_WEBHOOK_URL": "http://x"}}
    (tmp_path / "local.settings.json").write_text(json.dumps(local))
    found = settings_of_round(
        tmp_path,
        ROUND_DEADLINE_MINUTES="45",
        HEARTBEAT_DAYS="5",
        SWEEP_SCHEDULE="0 0 * * * *",
        TEAMS_MENTIONS='["soc@provider.example"]',
        TEAMS_WEBHOOK_EXTRA_HOSTS='["Proxy.example:8443"]',
        RUNBOOK_URL="https://wiki.example/operate",
        LEDGER_URL="https://acct.table.core.windows.net",
        AZURE_CLIENT_ID="an-id",
    )
    assert found.webhook_url.get_secret_value() == WEBHOOK
    assert (found.deadline_minutes, found.heartbeat_days, found.schedule) == (45, 5, "0 0 * * * *")
    assert (found.mentions, found.webhook_extra_hosts) == (("soc@provider.example",), ("proxy.example:8443",))
    assert (found.runbook_url, found.azure_client_id) == ("https://wiki.example/operate", "an-id")
    assert SIGNATURE not in repr(found)


@pytest.mark.parametrize("given", ["29", "1201", "0", "-30", "30.5", "1e2", "\u0663\u0660", "x", "9" * 5000])
def test_a_deadline_out_of_bounds(tmp_path: Path, given: str) -> None:
    """From half an hour to twenty hours, as a whole number."""
    assert mistakes_of_round(tmp_path, ROUND_DEADLINE_MINUTES=given) == (
        "ROUND_DEADLINE_MINUTES: expected a whole number from 30 to 1200",
    )


@pytest.mark.parametrize(
    ("schedule", "minutes", "fits"),
    [
        ("0 0 6 * * *", "1200", True),
        ("0 0 6,18 * * *", "719", True),
        ("0 0 6,18 * * *", "720", False),
        ("0 0 8,9 * * MON", "59", True),
        ("0 0 8,9 * * MON", "60", False),
        ("0 0 * * * *", "", False),
        ("0 50 23 * * SUN,MON", "1200", True),
        ("0 0,59 0,23 * * *", "30", False),
    ],
)
def test_a_round_ends_before_the_next_begins(tmp_path: Path, schedule: str, minutes: str, fits: bool) -> None:
    """The deadline, the default too, is shorter than the shortest time between two rounds."""
    app = {"SWEEP_SCHEDULE": schedule, "ROUND_DEADLINE_MINUTES": minutes}
    if fits:
        assert settings_of_round(tmp_path, **app).deadline_minutes == int(minutes)
    else:
        (mistake,) = mistakes_of_round(tmp_path, **app)
        assert mistake.startswith("ROUND_DEADLINE_MINUTES: expected less than ")
        assert mistake.endswith(f"it is {minutes or 120}")


def test_every_mistake_of_a_round_is_said_at_once(tmp_path: Path) -> None:
    """Each by its own name, none with the secret."""
    found = mistakes_of_round(
        tmp_path,
        ROUND_WEBHOOK_URL=f"http://x.logic.azure.com/?sig={SIGNATURE}",
        ROUND_DEADLINE_MINUTES="60",
        SWEEP_SCHEDULE="0 0 * * * *",
        HEARTBEAT_DAYS="-1",
        TEAMS_MENTIONS="[1]",
        RUNBOOK_URL="x",
        LEDGER_URL="x",
        AzureWebJobsStorage__queueServiceUri="http://acct.queue.core.windows.net",
    )
    assert sorted(found) == [*found]
    assert [each.split()[0].partition("[")[0].rstrip(":") for each in found] == [
        "AzureWebJobsStorage__queueServiceUri",
        "HEARTBEAT_DAYS",
        "LEDGER_URL",
        "ROUND_DEADLINE_MINUTES",
        "ROUND_WEBHOOK_URL",
        "RUNBOOK_URL",
        "TEAMS_MENTIONS",
    ]
    assert SIGNATURE not in "".join(found)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("@Microsoft.KeyVault(SecretUri=https://v)", "ROUND_WEBHOOK_URL is an unresolved Key Vault reference"),
        (
            "https://prod-00.westeurope.logic.azure.com/workflows/your-own",
            "ROUND_WEBHOOK_URL still holds the placeholder",
        ),
        ("https://evil.example/x", "ROUND_WEBHOOK_URL: expected a host of *.logic.azure.com"),
    ],
)
def test_the_rounds_webhook_is_checked_as_a_tenants(tmp_path: Path, url: str, said: str) -> None:
    """It is optional, and what is there must be a webhook."""
    (mistake,) = mistakes_of_round(tmp_path, ROUND_WEBHOOK_URL=url)
    assert mistake.startswith(said)
    assert "TEAMS_WEBHOOK_URL" not in mistake


@pytest.mark.parametrize(
    ("app", "url"),
    [
        ({"AzureWebJobsStorage__queueServiceUri": "https://q.example/"}, "https://q.example"),
        ({"AZUREWEBJOBSSTORAGE__QUEUESERVICEURI": "http://127.0.0.1:10001/dev"}, "http://127.0.0.1:10001/dev"),
        ({"AzureWebJobsStorage__queueServiceUri": "https://127.0.0.1:1/dev"}, "https://127.0.0.1:1/dev"),
        ({"AZURE_CLOUD": "AzureChinaCloud"}, "https://acct.queue.core.chinacloudapi.cn"),
        ({"AZURE_CLOUD": "AzureUSGovernment"}, "https://acct.queue.core.usgovcloudapi.net"),
    ],
)
def test_where_the_queue_is(tmp_path: Path, app: dict[str, str], url: str) -> None:
    """Where the host looks for it: the queue's own setting, else the account in the cloud."""
    assert settings_of_round(tmp_path, **app).queue_url == url


def test_without_a_queue_there_is_no_round(tmp_path: Path) -> None:
    """A process that works on a round needs one; a command that only reads does not."""
    with pytest.raises(SettingsInvalid, match="AzureWebJobsStorage__queueServiceUri is missing"):
        round_settings({}, tmp_path)
    assert round_settings({}, tmp_path, queue_needed=False).queue_url == ""


def test_they_are_no_settings_of_a_sweep(tmp_path: Path) -> None:
    """They change no sweep: its fingerprint is the same with them, and an entry may not have them."""
    with_them = from_values({**REQUIRED, "ROUND_WEBHOOK_URL": WEBHOOK, "ROUND_DEADLINE_MINUTES": "30"})
    assert with_them.fingerprint() == from_values(REQUIRED).fingerprint()
    assert not ROUND_NAMES & NAMES
    entry = read_workspaces({**APP, "ROUND_WEBHOOK_URL": WEBHOOK}, written_file(tmp_path, written_entry())).entries[0]
    assert not ROUND_NAMES & entry.values.keys()


def test_they_are_known_names() -> None:
    """They are not taken for misspelt settings, and a slip in them is named; so are the names that entries refer to."""
    assert misspelt([*ROUND_NAMES, "CONTOSO_WEBHOOK_URL"], ["CONTOSO_WEBHOOK_URL"]) == []
    assert unknown_keys([*ROUND_NAMES, "CONTOSO_WEBHOOK_URL"], ["CONTOSO_WEBHOOK_URL"]) == []
    found = misspelt(["ROUND_WEBHOOK_URI", "ROUND_DEADLINE_MINUTE", "CONTOS_WEBHOOK_URL"], ["CONTOSO_WEBHOOK_URL"])
    assert [each.split()[-1] for each in found] == [
        "CONTOSO_WEBHOOK_URL?",
        "ROUND_DEADLINE_MINUTES?",
        "ROUND_WEBHOOK_URL?",
    ]
    (said,) = unknown_keys(["CONTOSO_WEBHOOK_UR"], ["CONTOSO_WEBHOOK_URL"])
    assert said.endswith("did you mean CONTOSO_WEBHOOK_URL?")
