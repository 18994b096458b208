"""`python -m shared doctor`: checks all that a sweep needs. It reads only; nothing is written or posted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

from shared.app import hunt_options
from shared.clock import Clock
from shared.errors import Fault, Service, SweepError
from shared.http.client import Http
from shared.http.credential import sign_in
from shared.hunt import Hunt, open_hunt
from shared.incidents.arm import ArmIncidents
from shared.ledger import Ledger, LedgerError, open_ledger
from shared.model import Coverage, Slot, Window, WorkspaceState, in_last_day, in_window
from shared.plan.trust import judge
from shared.schedule import LONGEST_WATCHED, parse
from shared.settings import Settings
from shared.sweep.gather import REMEMBERED, trust_options
from shared.sweep.measure import earlier_measure

BUDGET = 120.0  # seconds for all checks together


class Found(StrEnum):
    """What a check found."""

    FINE = "ok"
    DOUBT = "doubt"  # a sweep works, but "nothing found" cannot be trusted
    WRONG = "wrong"  # a sweep would fail, or leave something due
    UNTRIED = "--"  # not tried: it needs what an earlier check found wrong


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its subject, its result, and a message with what to do."""

    about: str
    found: Found
    words: str


def examine(settings: Settings, clock: Clock, doubts: Sequence[str] = ()) -> Iterator[Check]:
    """The checks, each as soon as it is done; a failed check stops no later one.

    `doubts` are messages about the names of the settings.
    """
    ends = clock.monotonic() + BUDGET
    credential = sign_in(settings.azure_client_id, clock, deadline=lambda: ends)
    http = Http(credential, clock=clock, deadline=lambda: ends)
    hunt = open_hunt(hunt_options(settings), http, credential)
    ledger = open_ledger(settings.ledger_url, settings.sentinel_workspace_resource_id, credential, read_only=True)
    sentinel = ArmIncidents(http, settings.arm, settings.cloud.arm_audience, settings.sentinel_workspace_resource_id)
    checks = _Runner(settings)
    try:
        yield from (Check("settings", Found.DOUBT, doubt) for doubt in doubts)
        yield Check("settings", Found.FINE, f"in order (fingerprint {settings.fingerprint()})")
        yield schedule_check(settings.sweep_schedule, clock)
        yield from checks.one("sign-in", lambda: _signed_in(credential.token(settings.cloud.arm_audience)))
        yield from checks.one("workspace", lambda: _workspace(sentinel.workspace_guid(), settings))
        yield from checks.one("incidents", lambda: _incidents(sentinel))
        yield from checks.all("data", lambda: _data(hunt, ledger, settings, clock))
        yield from checks.one("ledger", lambda: _ledger(ledger, settings))
        yield _webhook(settings)
        yield Check(
            "portals",
            Found.FINE,
            "incidents made over the API are not synchronised to the Defender portal, and Sentinel leaves the Azure"
            " portal after 31 March 2027: make sure that on-call reads the Teams card",
        )
    finally:
        hunt.close()
        ledger.close()
        http.close()
        credential.close()


class _Runner:
    """Runs checks. When there is no sign-in, only the first check that needs it says why."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signed_out = False

    def one(self, about: str, look: Callable[[], tuple[Found, str]]) -> Iterator[Check]:
        """The check with the one result of `look`."""
        return self.all(about, lambda: [look()])

    def all(self, about: str, look: Callable[[], Sequence[tuple[Found, str]]]) -> Iterator[Check]:
        """A check for each result of `look`."""
        try:
            yield from [Check(about, *found) for found in look()]
        except (SweepError, LedgerError) as error:
            if error.cause != "identity_sign_in":
                yield Check(about, Found.WRONG, f"{error}{_whom(error, self._settings)}")
            elif self._signed_out:
                yield Check(about, Found.UNTRIED, "not tried: not signed in")
            else:
                self._signed_out = True
                yield Check(about, Found.WRONG, str(error))


def _whom(error: Exception, settings: Settings) -> str:
    """The host that did not respond, and the setting that names it; "" for a service that did respond."""
    if not isinstance(error, SweepError) or error.fault not in (Fault.UNREACHED, Fault.LOST):
        return ""
    match error.service:
        case Service.LOG_ANALYTICS:
            name, given, used = "LOG_ANALYTICS_ENDPOINT", settings.log_analytics_endpoint, settings.log_analytics
        case Service.SENTINEL:
            name, given, used = "ARM_ENDPOINT", settings.arm_endpoint, settings.arm
        case Service.GRAPH:
            name, given, used = "GRAPH_ENDPOINT", settings.graph_endpoint, settings.graph
        case _:
            return ""
    host = urlsplit(used).netloc
    return f" (the host of {name} is {host}: is it the right one?)" if given else f" (the host is {host})"


def schedule_check(expression: str, clock: Clock) -> Check:
    """When the next three sweeps are due, for a valid schedule; a doubt when they are too far apart."""
    schedule = parse(expression)
    due = ", ".join(f"{moment:%a %Y-%m-%d %H:%M:%S}" for moment in schedule.next_times(clock.now(), 3))
    words = f"the next sweeps are due at {due} UTC"
    gap, most = schedule.longest_gap(), LONGEST_WATCHED
    if gap is None or gap <= most:
        return Check("schedule", Found.FINE, words)
    return Check(
        "schedule",
        Found.DOUBT,
        f"{words}; up to {_hours(gap)} hours pass between two of them, and the alarm on missing sweeps"
        f" allows {_hours(most)} at most: sweep daily, a quiet day costs a few requests",
    )


def _hours(gap: timedelta) -> str:
    return f"{ceil(gap / timedelta(hours=1) * 10) / 10:,.1f}".removesuffix(".0")


def _signed_in(token: str) -> tuple[Found, str]:
    return (Found.FINE, "a token for Azure Resource Manager was issued") if token else (Found.WRONG, "an empty token")


def _workspace(guid: str, settings: Settings) -> tuple[Found, str]:
    if guid.lower() == str(settings.sentinel_workspace_id).lower():
        return Found.FINE, "the GUID and the resource id belong to one workspace"
    return Found.WRONG, (
        f"SENTINEL_WORKSPACE_ID is {settings.sentinel_workspace_id}, but the workspace of"
        f" SENTINEL_WORKSPACE_RESOURCE_ID has the id {guid}: set both to the same workspace"
    )


def _incidents(sentinel: ArmIncidents) -> tuple[Found, str]:
    found = next(iter(sentinel.changed(None)), None)
    seen = "at least one is there" if found else "none is there yet"
    return Found.FINE, f"ours can be listed, {seen}; writing needs Microsoft Sentinel Responder and was not tried"


def _data(hunt: Hunt, ledger: Ledger, settings: Settings, clock: Clock) -> list[tuple[Found, str]]:
    """What a receipt says of the data, and every reason of a sweep not to trust it."""
    now = clock.now()
    window = Window(now - timedelta(days=settings.lookback_days), now)
    coverage, unasked = hunt.with_witness(window, hunt.coverage(window))
    earlier, state = _earlier(ledger, settings, now)
    trust = judge(coverage, trust_options(hunt, state), now, earlier)
    notes = "".join(f"; {note}" for note in (*trust.notes, *((unasked,) if unasked else ())))
    figures = f"{_figures(coverage, settings)}, compared with {trust.history_days:,} earlier days{notes}"
    return [*((Found.DOUBT, str(reason)) for reason in trust.reasons), (Found.FINE, figures)]


def _earlier(ledger: Ledger, settings: Settings, now: datetime) -> tuple[tuple[Slot, ...], WorkspaceState]:
    """What earlier sweeps measured, and what an operator accepted; nothing when the ledger cannot be read: its own
    check says so.
    """
    try:
        receipts = ledger.receipts((now - REMEMBERED).date())
        return earlier_measure(receipts, settings.hunt_source), ledger.load().state
    except LedgerError:
        return (), WorkspaceState()


def _figures(coverage: Coverage, settings: Settings) -> str:
    window, last, witness = in_window(coverage), in_last_day(coverage), coverage.witness
    removals = f", {witness.shown:,} of {witness.seen:,} removals seen by EmailPostDeliveryEvents" if witness else ""
    return (
        f"{coverage.rows:,} rows in {settings.lookback_days} days, {last.messages:,} messages in the last day,"
        f" {window.filled:.0%} of all with a delivery action ({window.unknown:.0%} of these in unknown words),"
        f" {window.unattributable:.0%} without recipient or id{removals}"
    )


def _ledger(ledger: Ledger, settings: Settings) -> tuple[Found, str]:
    file = Path(settings.ledger_url.removeprefix("sqlite:///"))
    if settings.ledger_url.startswith("sqlite:///") and not os.path.exists(file):  # noqa: PTH110 (it never raises)
        return _ledger_to_be_made(file)
    loaded = ledger.load()
    where = settings.ledger_url if settings.ledger_url.startswith("sqlite") else urlsplit(settings.ledger_url).hostname
    owed = [each for record in loaded.records.values() for each in record.owed]
    due = sum(each.attempts.tried > 0 or each.attempts.cause is not None for each in owed)
    held = f"{len(loaded.records):,} recipients, {due:,} effects due"
    if loaded.damaged:
        return Found.WRONG, f"{where} holds {held}; rows that cannot be read: {', '.join(loaded.damaged)}"
    return Found.FINE, f"{where} holds {held}"


def _ledger_to_be_made(file: Path) -> tuple[Found, str]:
    """Whether a sweep could create the file, and the missing folders above it."""
    above = next(folder for folder in file.absolute().parents if os.path.lexists(folder))
    # A file system without any space, such as /proc, holds no file, whatever its permissions are.
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK) and shutil.disk_usage(above).total:
        return Found.FINE, f"{file} does not exist yet: the first sweep creates it"
    return Found.WRONG, (
        f"{file} does not exist yet, and cannot be created in {above}:"
        " set LEDGER_URL to a file in a folder that this user may write, on a local disk"
    )


def _webhook(settings: Settings) -> Check:
    url = settings.teams_webhook_url.get_secret_value()
    if url:
        return Check("webhook", Found.FINE, f"the URL has the host {urlsplit(url).hostname}; nothing was posted to it")
    if settings.dry_run:
        return Check("webhook", Found.FINE, "TEAMS_WEBHOOK_URL is not set; a dry run (DRY_RUN) needs none")
    return Check(
        "webhook",
        Found.WRONG,
        "TEAMS_WEBHOOK_URL is not set, and only a dry run needs none: set it to the URL of a Teams Workflows webhook",
    )
