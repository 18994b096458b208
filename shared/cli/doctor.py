"""`python -m shared doctor`: checks all that a sweep needs. It reads only; a card is posted when it is asked for.

The checks are in the modules `check_*` beside this one, by what they ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from shared.app import finding_uploads, hunt_options
from shared.cli.check_card import send_card
from shared.cli.check_data import DataChecks
from shared.cli.check_ledger import look_at_ledger
from shared.cli.check_rule import look_at_followed, look_at_table, look_at_uploads
from shared.cli.check_settings import schedule_check, webhook_check
from shared.cli.check_workspace import (
    look_at_clock,
    look_at_incidents,
    look_at_portals,
    look_at_rights,
    look_at_sign_in,
    look_at_workspace,
)
from shared.cli.checks import Check, CheckRunner, Found
from shared.clock import Clock
from shared.errors import SweepError
from shared.http.client import Http
from shared.http.credential import sign_in
from shared.hunt import Hunt, open_hunt
from shared.incidents.arm import ArmIncidents
from shared.ledger import open_ledger
from shared.model import ALONE, RoundEntry
from shared.settings import Settings
from shared.teams.webhook import Webhook

BUDGET = 120.0  # seconds for all checks together


def examine(
    settings: Settings,
    clock: Clock,
    doubts: Sequence[str] = (),
    *,
    send_test_card: bool = False,
    entry: RoundEntry = ALONE,
) -> Iterator[Check]:
    """The checks, each as soon as it is done; a failed check stops no later one.

    `doubts` are messages about the names of the settings. `entry`: as which of many workspaces.
    """
    ends = clock.monotonic() + BUDGET
    with ExitStack() as stack:
        credential = stack.enter_context(closing(sign_in(settings.azure_client_id, clock, deadline=lambda: ends)))
        http = stack.enter_context(closing(Http(credential, clock=clock, deadline=lambda: ends)))
        resource = settings.sentinel_workspace_resource_id
        ledger = stack.enter_context(closing(open_ledger(settings.ledger_url, resource, credential, read_only=True)))
        hunt = stack.enter_context(closing(open_hunt(hunt_options(settings, entry), http, credential)))
        sentinel = ArmIncidents(http, settings.arm, settings.cloud.arm_audience, resource)
        checks, asked = CheckRunner(settings), DataChecks(hunt, ledger, settings, clock.now())
        # Signed in before anything else is asked, so that its own check says what is wrong with it.
        signed_in = list(checks.one("sign-in", lambda: look_at_sign_in(credential.token(settings.cloud.arm_audience))))
        portals = _portals(hunt, clock, settings)
        # Incidents that nobody sees are more than any other doubt.
        yield from (check for check in portals if check.found is Found.DOUBT)
        yield from _of_the_settings(settings, doubts, clock)
        yield from signed_in
        yield from _of_sentinel(checks, sentinel, settings)
        yield from checks.all("data", asked.data)
        yield from checks.one("witness", asked.witness)
        yield from checks.all("columns", asked.columns)
        yield from checks.one("ledger", lambda: look_at_ledger(ledger, settings))
        yield webhook_check(settings)
        yield from _of_the_rule(checks, hunt, http, settings)
        later = portals or checks.one("portals", lambda: look_at_portals(hunt, clock, settings.raise_by))
        yield from (check for check in later if not portals or check.found is not Found.DOUBT)
        if send_test_card:
            yield from _test_card(checks, http, settings, clock, entry.name)


def _of_the_settings(settings: Settings, doubts: Sequence[str], clock: Clock) -> Iterator[Check]:
    """What can be said without asking anybody."""
    yield from (Check("settings", Found.DOUBT, doubt) for doubt in doubts)
    yield Check("settings", Found.FINE, f"in order (fingerprint {settings.fingerprint()})")
    yield schedule_check(settings.sweep_schedule, clock)


def _of_the_data(checks: CheckRunner, asked: DataChecks) -> Iterator[Check]:
    """The checks of the tables of mail."""
    yield from checks.all("data", asked.data)
    yield from checks.one("witness", asked.witness)
    yield from checks.all("columns", asked.columns)


def _test_card(checks: CheckRunner, http: Http, settings: Settings, clock: Clock, name: str) -> Iterator[Check]:
    webhook = Webhook(http, settings.teams_webhook_url)
    yield from checks.one("test card", lambda: send_card(webhook, settings, clock.now(), name))


def _portals(hunt: Hunt, clock: Clock, settings: Settings) -> list[Check]:
    """The check of the portals; none when it cannot be made now, which its own turn says."""
    try:
        return [Check("portals", *look_at_portals(hunt, clock, settings.raise_by))]
    except SweepError:
        return []


def _of_sentinel(checks: CheckRunner, sentinel: ArmIncidents, settings: Settings) -> Iterator[Check]:
    """The checks of the workspace's Sentinel: is it the right one, and may we."""
    yield from checks.one("workspace", lambda: look_at_workspace(sentinel.workspace_guid(), settings))
    yield from checks.one("incidents", lambda: look_at_incidents(sentinel))
    yield from checks.one("rights", lambda: look_at_rights(sentinel, settings.raise_by))
    yield from checks.one("clock", lambda: look_at_clock(sentinel))


def _of_the_rule(checks: CheckRunner, hunt: Hunt, http: Http, settings: Settings) -> Iterator[Check]:
    """The checks of what only RAISE_BY=rule needs."""
    if settings.raise_by == "api":
        return
    uploads, workspace = finding_uploads(settings, http), settings.sentinel_workspace_resource_id
    yield from checks.one("findings", lambda: look_at_table(hunt))
    yield from checks.one("uploads", lambda: look_at_uploads(uploads))
    yield from checks.one("following", lambda: look_at_followed(hunt, workspace))
