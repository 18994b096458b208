"""`python -m shared workspaces --forget`: removes what the ledger holds of a workspace that is no longer swept."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from shared.cli.session import interruptible, say
from shared.cli.under_lease import READING, AnotherAtWork, Unable, agreed, printed_json, result_to
from shared.clock import Clock, SystemClock
from shared.http.credential import sign_in
from shared.ledger import Ledger, open_ledger
from shared.ledger.lease import claim
from shared.nearest import nearest
from shared.settings import checks
from shared.settings.loading import TRUE, app_values, normal_values
from shared.text import clean
from shared.workspaces.entries import Workspaces
from shared.workspaces.file import OWN, WORKSPACES_FILE
from shared.workspaces.reading import RESOURCE, read_workspaces
from shared.workspaces.round_settings import RoundSettings, round_settings

LEASE_SECONDS = 60.0
_RUN_AGAIN = "run it again: it completes what was begun"
_ELSEWHERE = (
    "It does not touch what is elsewhere: incidents and comments in Sentinel, cards in Teams, the rows of past rounds"
    " with its name, backups of the ledger."
)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the ledger holds of a workspace. `swept_as` is the entry that sweeps it still, "" when none does."""

    workspace: str
    recipients: int = 0
    owed: int = 0
    cards: int = 0
    damaged: int = 0
    receipts: int = 0
    last: str = ""
    swept_as: str = ""

    @property
    def rows(self) -> int:
        """How many rows that are, the workspace's state aside."""
        return self.recipients + self.cards + self.receipts + self.damaged


def forget_one(given: str, errors: Console, *, yes: bool, json_wanted: bool) -> int:
    """Say what there is, ask, and remove it; the exit code.

    Raises:
        SettingsInvalid: the file as a whole, or the settings of the ledger, cannot be used.
        Unable, LedgerError, LeaseLost, LeaseNotFree: it cannot be done, or not now.
    """
    settings, clock = round_settings(queue_needed=False), SystemClock()
    app = normal_values(app_values())
    dry = app.get("DRY_RUN", "").lower() in TRUE
    workspace, swept_as = _meant(given, read_workspaces(), app.get(RESOURCE, ""))
    out = result_to(errors, json_wanted=json_wanted)
    with _opened(settings, workspace, clock, read_only=True) as ledger:
        found = held_of(ledger, workspace, swept_as)
    say(out, _lines(found, settings.ledger_url, dry=dry))
    done = False
    if found.rows and not dry:
        done = agreed(errors, "Remove all of it?", yes=yes)
        if done:
            with interruptible(errors, _RUN_AGAIN), _opened(settings, workspace, clock, read_only=False) as ledger:
                remove_all(ledger, clock)
        say(out, ["Removed from the ledger." if done else "Nothing was written."])
    if json_wanted:
        counts = {"recipients": found.recipients, "owed": found.owed, "cards": found.cards, "receipts": found.receipts}
        printed_json({"written": done, "workspace": workspace, "swept_as": found.swept_as} | counts)
    return 0 if done or (dry and found.rows) else 1


@contextmanager
def _opened(settings: RoundSettings, workspace: str, clock: Clock, *, read_only: bool) -> Iterator[Ledger]:
    ends = clock.monotonic() + READING
    with closing(sign_in(settings.azure_client_id, clock, deadline=lambda: ends)) as credential:
        ledger = open_ledger(settings.ledger_url, workspace, credential, read_only, clock=clock, deadline=lambda: ends)
        with closing(ledger):
            yield ledger


def _meant(given: str, workspaces: Workspaces, of_the_app: str) -> tuple[str, str]:
    """The resource id of the workspace that was named, and the entry that sweeps it still, "" when none does.

    Raises:
        Unable: it is neither the name of an entry nor a workspace's resource id.
    """
    swept = {each.workspace: each.name for each in workspaces.entries if each.workspace}
    if not workspaces and of_the_app:
        swept[of_the_app.lower()] = OWN
    written = given.strip()
    if written.startswith("/"):
        workspace = written.rstrip("/").lower()
        if wrong := checks.workspace(workspace):
            raise Unable(f"--forget: {wrong}")
        return workspace, swept.get(workspace, "")
    for workspace, name in swept.items():
        if name == written:
            return workspace, name
    meant = nearest(written, swept.values())
    raise Unable(
        f"{WORKSPACES_FILE} has no entry {clean(written, 60)} with a workspace."
        + (f" Did you mean {meant}?" if meant else "")
        + " Where the entry is gone, name the workspace's resource id, /subscriptions/…/workspaces/<name>:"
        f" `git log -p {WORKSPACES_FILE}` shows it"
    )


def held_of(ledger: Ledger, workspace: str, swept_as: str = "") -> Holding:
    """What the ledger holds of its workspace."""
    loaded, receipts = ledger.load(), ledger.receipts(date.min)
    return Holding(
        workspace,
        len(loaded.records),
        sum(bool(each.owed or each.tell) for each in loaded.records.values()),
        len(loaded.cards),
        len(loaded.damaged),
        len(receipts),
        str(receipts[-1].get("started", ""))[:10] if receipts else "",
        swept_as,
    )


def remove_all(ledger: Ledger, clock: Clock) -> None:
    """Remove all rows, under the lease.

    Raises:
        AnotherAtWork, LeaseLost, LeaseNotFree: a sweep is at work.
        LedgerError: the ledger could not be read or written, or what was removed may still be in its file.
    """
    lease = claim(ledger, LEASE_SECONDS, clock, str(uuid.uuid4()))
    if lease is None:
        raise AnotherAtWork
    try:
        lease.prove()
        ledger.clear()
    finally:
        lease.release()


def _lines(found: Holding, url: str, *, dry: bool) -> Sequence[str]:
    """What a person has to know before agreeing."""
    if not found.rows:
        return [f"The ledger {url} holds nothing of {found.workspace}."]
    lines = [f"The ledger {url} holds of {found.workspace}:"]
    last = f", the last of {clean(found.last, 10)}" if found.last else ""
    counts = (
        (found.recipients, "recipients with what was reported of them"),
        (found.owed, "of these to whom something is still owed; it lapses"),
        (found.cards, "cards without an answer"),
        (found.receipts, f"receipts{last}"),
        (found.damaged, "rows that cannot be read"),
    )
    lines += [f"  {number:,} {what}" for number, what in counts if number]
    if found.swept_as:
        lines.append(
            f"It is still swept, as {found.swept_as}. The next sweep begins anew: it takes in its incidents again,"
            " repeats cards of open ones, and forgets what an operator took as reported."
        )
    lines.append(_ELSEWHERE)
    return [*lines, "DRY_RUN is true: nothing was written."] if dry else lines
