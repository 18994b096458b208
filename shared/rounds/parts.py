"""What a round works with: its settings, its rows, its queue, its webhook, and the sweep of one workspace."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from shared.clock import Clock, SystemClock
from shared.model import Receipt, RoundEntry, RoundTold
from shared.rounds.messages import WorkMessage
from shared.rounds.store import RoundStore
from shared.settings import Settings, app_resource_id
from shared.workspaces.entries import Workspaces
from shared.workspaces.round_settings import RoundSettings

if TYPE_CHECKING:
    from shared.teams.webhook import Webhook

_log = logging.getLogger("sweep")


class Sender(Protocol):
    """Sends messages; `shared.rounds.queue.WorkQueue` is the real one."""

    def send(self, message: WorkMessage, hidden: timedelta = timedelta(0)) -> None:
        """Send this message; nobody receives it before `hidden` has passed."""


@dataclass(frozen=True, slots=True)
class RoundParts:
    """Everything that a start or a message works with.

    `webhook` is None without ROUND_WEBHOOK_URL. `workspaces` reads the entries anew at each call. `sweep` is one sweep,
    `at_work` says whether a sweep with these settings is at work in another process, `card` is the body of a round's
    card.
    """

    settings: RoundSettings
    clock: Clock
    store: RoundStore
    queue: Sender
    webhook: Webhook | None
    workspaces: Callable[[], Workspaces]
    sweep: Callable[[Settings, RoundEntry], Receipt]
    at_work: Callable[[Settings], bool]
    card: Callable[[RoundTold], str]
    app_resource_id: str = ""

    @property
    def deadline(self) -> timedelta:
        """After it the entries of a round that have not ended are missing."""
        return timedelta(minutes=self.settings.deadline_minutes)


@contextmanager
def opened_round(clock: Clock | None = None) -> Iterator[RoundParts]:
    """The parts of this deployment, until they are closed. Raises SettingsInvalid."""
    from shared.app import run_sweep
    from shared.http.client import Http
    from shared.http.credential import sign_in
    from shared.ledger import open_rows, round_keys
    from shared.rounds.at_work import is_at_work
    from shared.rounds.queue import WorkQueue
    from shared.teams.round_card import round_card
    from shared.teams.webhook import Webhook
    from shared.workspaces.reading import read_workspaces
    from shared.workspaces.round_settings import round_settings

    settings, clock = round_settings(), clock or SystemClock()
    with ExitStack() as stack:
        credential = stack.enter_context(closing(sign_in(settings.azure_client_id, clock)))
        store = RoundStore(open_rows(settings.ledger_url, round_keys.PARTITION, credential, clock=clock))
        stack.callback(store.close)
        queue = stack.enter_context(closing(WorkQueue(settings.queue_url, credential, clock)))
        http = stack.enter_context(closing(Http(credential, clock=clock)))
        yield RoundParts(
            settings=settings,
            clock=clock,
            store=store,
            queue=queue,
            webhook=Webhook(http, settings.webhook_url) if settings.webhook_url.get_secret_value() else None,
            workspaces=read_workspaces,
            sweep=lambda each, entry: run_sweep(each, clock=clock, entry=entry).receipt,
            at_work=lambda each: is_at_work(each, credential, clock),
            card=lambda told: round_card(told).body,
            app_resource_id=app_resource_id(os.environ),
        )


def log_line(event: str, fields: dict[str, Any], level: int = logging.INFO) -> None:
    """One line of the log: the event, then its fields as JSON."""
    _log.log(level, "%s %s", event, json.dumps(fields))
