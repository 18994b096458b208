"""From `workspaces.json` and the app settings to the workspaces that are swept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.nearest import nearest
from shared.settings import NAMES, ROOT, SettingsInvalid
from shared.settings.checks import workspace as not_a_workspace
from shared.settings.loading import PLACE_NAMES, TRUE, app_values, normal_values
from shared.settings.placeholders import placeholders
from shared.workspaces.entries import WEBHOOK, WorkspaceEntry, Workspaces
from shared.workspaces.file import ACCESS, OWN, read_file, referred_setting, same_id, shown_key

ID, RESOURCE = "SENTINEL_WORKSPACE_ID", "SENTINEL_WORKSPACE_RESOURCE_ID"
NEVER_INHERITED = frozenset(
    {ID, RESOURCE, WEBHOOK, "TEAMS_MENTIONS", "EXCLUDED_RECIPIENTS"}
    | {"FINDINGS_ENDPOINT", "FINDINGS_RULE_ID", "FINDINGS_STREAM"}
)
"""What belongs to one tenant, so that an entry which leaves it out has none."""
NOT_PER_ENTRY = frozenset(
    {"SWEEP_SCHEDULE", "LEDGER_URL", "AZURE_CLOUD", "AZURE_CLIENT_ID"}
    | {"LOG_ANALYTICS_ENDPOINT", "ARM_ENDPOINT", "GRAPH_ENDPOINT", "ROUND_WEBHOOK_URL", "ROUND_DEADLINE_MINUTES"}
)
"""What belongs to the deployment as a whole."""
ENTRY_SETTINGS = NAMES - NOT_PER_ENTRY
"""The settings that an entry may have of its own."""
_KEYS = ("name", "SENTINEL_ACCESS")
_LIKE_A_REFERENCE = re.compile(r"%[^%\s]+%")
_SIGNED = re.compile(r"[?&](sig|code|key|token)=", re.IGNORECASE)
_EXPECTED_WEBHOOK = 'expected a reference to an app setting, such as "%CONTOSO_WEBHOOK_URL%"'
_FOR_DEFENDER = (
    "HUNT_SOURCE must be sentinel where workspaces.json has entries: advanced hunting responds with the mail of the"
    " app's own tenant, whichever workspace is swept"
)
_FOR_RULE = (
    "RAISE_BY must be api with SENTINEL_ACCESS none: uploads need a role with data actions, which another tenant cannot"
    ' delegate; write "RAISE_BY": "api"'
)


@dataclass(slots=True)
class _Own:
    """What an entry itself says: the text of its settings, and its mistakes."""

    values: dict[str, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    webhook_setting: str = ""
    unset: str = ""
    access: str = ""


def read_workspaces(environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> Workspaces:
    """The workspaces of this deployment: `workspaces.json` in the folder, with the app settings of this process (the
    environment over `local.settings.json`).

    Raises:
        SettingsInvalid: the file as a whole cannot be used. What is wrong with one entry is that entry's.
    """
    file = read_file(folder)
    if file.mistakes:
        raise SettingsInvalid(list(file.mistakes))
    if not file.entries:
        return Workspaces()
    app = normal_values(app_values(environment, folder))
    known = {name: value for name, value in app.items() if name in NAMES or name in PLACE_NAMES}
    entries = [_entry(each, app, known) for each in file.entries]
    return Workspaces((*entries, *_the_apps(known, entries)))


def _entry(written: Mapping[str, Any], app: Mapping[str, str], known: Mapping[str, str]) -> WorkspaceEntry:
    """The entry as it is written, with the app settings that it does not have itself."""
    own = _own(written, app)
    values = {name: value for name, value in known.items() if name not in NEVER_INHERITED} | own.values
    return WorkspaceEntry(
        name=written["name"],
        values=values,
        access=own.access,
        mistakes=tuple(own.mistakes + _together(values, own.access)),
        workspace=_workspace(values),
        webhook_setting=own.webhook_setting,
        unset=own.unset,
        given=frozenset(key for key in written if key in ENTRY_SETTINGS),
    )


def _own(written: Mapping[str, Any], app: Mapping[str, str]) -> _Own:
    """What the entry itself says. Nothing of a wrong value is repeated, or kept."""
    own = _Own()
    for key, value in written.items():
        if key == WEBHOOK:
            _take_webhook(own, value, app)
        elif key == "SENTINEL_ACCESS":
            if value in ACCESS:
                own.access = value
            else:
                *others, last = ACCESS
                own.mistakes.append(f"{key}: expected {', '.join(others)} or {last}")
        elif key in ENTRY_SETTINGS:
            text, wrong = _text(value)
            if wrong:
                own.mistakes.append(f"{key} {wrong}")
            else:
                own.values[key] = text
        elif key != "name":
            own.mistakes.append(_not_known(key))
    if WEBHOOK not in written and own.values.get("DRY_RUN", app.get("DRY_RUN", "")).lower() not in TRUE:
        own.mistakes.append(f"{WEBHOOK} is missing; {_EXPECTED_WEBHOOK} (a dry run needs none)")
    return own


def _take_webhook(own: _Own, value: object, app: Mapping[str, str]) -> None:
    """The webhook, which is a reference to an app setting, so that no secret is in the file."""
    own.webhook_setting = referred_setting(value)
    if not own.webhook_setting:
        wrong = "must not be in this file, it is a secret: " if _is_url(value) else "is no such reference: "
        own.mistakes.append(f"{WEBHOOK} {wrong}{_EXPECTED_WEBHOOK} of A-Z, 0-9 and _")
        return
    if url := app.get(own.webhook_setting):
        own.values[WEBHOOK] = url
    else:
        state = "is empty" if own.webhook_setting in app else "is not set"
        own.unset = f"{WEBHOOK} is %{own.webhook_setting}%, and the app setting {own.webhook_setting} {state}: set it"
        own.mistakes.append(own.unset)


def _text(value: object) -> tuple[str, str]:
    """A value as an app setting has it, and what is wrong with it ("" for nothing)."""
    text = value.strip() if isinstance(value, str) else "" if value is None else json.dumps(value)
    if not text:
        return "", "is empty; leave it out of the entry, or give it a value"
    if _LIKE_A_REFERENCE.fullmatch(text):
        return "", f"cannot be a reference: %NAME% is for {WEBHOOK} only"
    if _SIGNED.search(text):
        return "", "holds a URL with a signature or a key: no secret belongs in this file"
    return text, ""


def _is_url(value: object) -> bool:
    return isinstance(value, str) and "://" in value


def _not_known(key: str) -> str:
    """The mistake of a key that no entry has."""
    if key in NOT_PER_ENTRY:
        return f"{key} belongs to the whole deployment: set it in the app settings, not in an entry"
    known = [*ENTRY_SETTINGS, *_KEYS]
    upper = {each.upper(): each for each in known}
    right = upper.get(key.upper(), "") or nearest(key, known) or upper.get(nearest(key.upper(), upper), "")
    meant = f"did you mean {right}?" if right else "docs/workspaces.schema.json lists what an entry may have"
    return f"{shown_key(key)} is no setting of an entry: {meant}"


def _together(values: Mapping[str, str], access: str) -> list[str]:
    """What the settings of an entry, its own or not, cannot be where there are entries."""
    mistakes = []
    if values.get("HUNT_SOURCE") == "defender":
        mistakes.append(_FOR_DEFENDER)
    if values.get("RAISE_BY") == "rule" and access == "none":
        mistakes.append(_FOR_RULE)
    return mistakes


def _workspace(values: Mapping[str, str]) -> str:
    """The workspace's resource id in lower case; "" when it is none."""
    written = values.get(RESOURCE, "")
    wrong = not_a_workspace(written) or RESOURCE in placeholders(values)
    return "" if wrong else written.lower()


def _the_apps(known: Mapping[str, str], entries: Sequence[WorkspaceEntry]) -> Iterator[WorkspaceEntry]:
    """The workspace of the app settings as the entry `own`, unless there is none or an entry names it."""
    workspace = _workspace(known)
    if not (known.get(ID) or known.get(RESOURCE)) or (workspace and workspace in (each.workspace for each in entries)):
        return
    mistakes = _together(known, "")
    guid = same_id(known.get(ID, ""))
    same = [each.name for each in entries if guid and same_id(each.values.get(ID, "")) == guid]
    if same:
        mistakes.append(f"{ID} of the app settings is that of the entry {same[0]}, and {RESOURCE} is not: correct one")
    yield WorkspaceEntry(OWN, known, mistakes=tuple(mistakes), workspace=workspace, webhook_setting=WEBHOOK)
