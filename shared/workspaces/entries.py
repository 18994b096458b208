"""An entry of `workspaces.json`: one workspace with its settings; and all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.settings import Settings, SettingsInvalid, from_values
from shared.web_address import after_host, web_address

WEBHOOK = "TEAMS_WEBHOOK_URL"
_SUBJECT = re.compile(r"[A-Z_]+")


@dataclass(frozen=True, slots=True)
class WorkspaceEntry:
    """One workspace: an entry of the file, or `own`, the workspace of the app settings.

    `values` are the settings as text: what comes from the app settings, and its own. `given` names its own. `access` is
    `responder`, `custom` or `none`, "" for the deployment's. `mistakes` are those that the entry itself shows, a
    sentence each; `settings` finds those in the values as well. `workspace` is its resource id in lower case, "" when
    that is a mistake. `webhook_setting` is the app setting that holds its webhook, "" for none; `unset` is the one
    mistake that goes away where no webhook is needed: that setting is not there.
    """

    name: str
    values: Mapping[str, str] = field(repr=False)  # a secret is among them
    access: str = ""
    mistakes: tuple[str, ...] = ()
    workspace: str = ""
    webhook_setting: str = ""
    unset: str = ""
    given: frozenset[str] = frozenset()

    def settings(self, *, dry_run: bool = False, webhook_needed: bool | None = None) -> Settings:
        """Its settings for one sweep. The arguments are as in `shared.settings.from_values`.

        Raises:
            SettingsInvalid: with all mistakes of this entry.
        """
        mistakes = [each for each in self.mistakes if each != self.unset or webhook_needed is not False]
        found = None
        try:
            found = from_values(self.values, dry_run=dry_run, webhook_needed=webhook_needed)
        except SettingsInvalid as invalid:
            named = {_subject(each) for each in mistakes}
            mistakes += [self._with_origin(each) for each in invalid.mistakes if _subject(each) not in named]
        if mistakes or found is None:
            raise SettingsInvalid(sorted(mistakes))
        return found

    def _with_origin(self, mistake: str) -> str:
        """The mistake, with where its value comes from when that is not the entry."""
        subject = _subject(mistake)
        inherited = self.given and subject in self.values and subject not in self.given
        return f"{mistake} (the value is the app settings')" if inherited else mistake


@dataclass(frozen=True, slots=True)
class Workspaces:
    """All entries, `own` last. Without any, the one workspace of the app settings is swept as if there were no file."""

    entries: tuple[WorkspaceEntry, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are entries."""
        return bool(self.entries)

    def get(self, name: str) -> WorkspaceEntry | None:
        """The entry of this name."""
        return next((each for each in self.entries if each.name == name), None)

    def shares_channel(self, entry: WorkspaceEntry) -> bool:
        """Whether another entry posts to the same webhook."""
        url = _webhook(entry)
        return bool(url) and any(_webhook(each) == url for each in self.entries if each.name != entry.name)


def _subject(mistake: str) -> str:
    """The setting that a mistake begins with."""
    found = _SUBJECT.match(mistake)
    return found.group() if found else ""


def _webhook(entry: WorkspaceEntry) -> tuple[str, int, str] | str:
    """Where its cards go, the same however the URL is written; "" without a webhook."""
    url = entry.values.get(WEBHOOK, "").strip()
    address = web_address(url) if url else None
    return (address.host, address.port, after_host(url)) if address else url
