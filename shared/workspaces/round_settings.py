"""What is set for a round over all workspaces, and not for a sweep of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from shared.settings import ROOT, Cloud

DEADLINE_MINUTES = 120


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """The settings of a round, all from the app settings. `webhook_url` is empty where no round's card is wanted."""

    webhook_url: SecretStr = field(repr=False)
    deadline_minutes: int
    heartbeat_days: int
    schedule: str
    ledger_url: str
    azure_client_id: str
    cloud: Cloud
    mentions: tuple[str, ...]
    runbook_url: str
    webhook_extra_hosts: tuple[str, ...]
    queue_url: str


def round_settings(environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> RoundSettings:
    """The settings of this process's rounds: the environment over `local.settings.json` in the folder.

    Raises:
        SettingsInvalid: with every mistake found.
    """
    raise NotImplementedError
