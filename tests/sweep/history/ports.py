"""The ports of a sweep in memory: incidents, rows of a ledger, mail and webhook, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from shared.app import hunt_options
from shared.errors import Call, Service
from shared.http.client import Http
from shared.http.statuses import from_status
from shared.hunt import Hunt, MailContext
from shared.hunt.followed import Followed
from shared.hunt.incidents import PastIncident
from shared.hunt.remediators import Remediations
from shared.incidents.port import Attempt, Ended
from shared.incidents.resource import comment_made, incident_of, with_severity
from shared.incidents.road import is_refused
from shared.ledger.changes import Change, Put, Row
from shared.ledger.port import LedgerConflict, LedgerUnavailable
from shared.model import LABEL, Coverage, Evidence, Finding, Incident, Remedy, Severity, Window
from shared.settings import Settings
from shared.teams.webhook import Webhook
from tests.cloud import WORKSPACE_ID
from tests.cloud.incidents import Incidents as Store
from tests.support.coverage import ordinary
from tests.sweep.history.fate import Fate
from tests.sweep.history.world import World


class MemoryIncidents:
    """The port `Incidents` over what Sentinel holds."""

    def __init__(self, store: Store, fate: Fate) -> None:
        self._store = store
        self._fate = fate
        self._closed: set[str] = set()  # when last read
        self._names: dict[str, str] = {}

    def workspace_guid(self) -> str:
        """See the port."""
        with self._fate.call():
            self._fate.read()
            return WORKSPACE_ID

    def changed(
        self, since: datetime | None, shown_before: Callable[[Incident], bool | None] = lambda _: False
    ) -> Iterator[Incident]:
        """See the port. All in one page."""
        with self._fate.call():
            self._fate.read("the list fails")
        found = [self._ours(each) for each in self._store.stored.values() if _labelled(each)]
        dated = [(each.modified, each.id, each) for each in found if each.modified is not None]
        yield from (each for when, _, each in sorted(dated, reverse=True) if since is None or when >= since)

    def read(self, incident_id: str) -> Incident | None:
        """See the port."""
        with self._fate.call():
            self._fate.read("reads fail")
            return self._look(incident_id)

    def follow(self, names: Mapping[str, str]) -> None:
        """See the port."""
        self._names |= names

    def create(self, incident_id: str, body: str) -> Attempt:
        """See the port."""

        def put() -> Attempt:
            there = self._stored(incident_id)
            return Attempt(Ended.FOUND, self._ours(there)) if there else self._put(incident_id, body)

        return self._write("create", incident_id, body, put)

    def comment(self, incident_id: str, comment_id: str, body: str) -> Attempt:
        """See the port."""
        assert incident_id not in self._closed, "a comment on an incident that was closed when it was last read"

        def put() -> Attempt:
            if self._stored(incident_id) is None:
                return Attempt(Ended.GONE)
            known = self._comment(incident_id, comment_id)
            if known is not None:
                return Attempt(Ended.FOUND, made=comment_made(known))
            name = self._name(incident_id)
            _, text = self._store.put_comment(name, comment_id, json.loads(_in_properties(body)))
            return Attempt(Ended.DONE, made=comment_made(json.loads(text)))

        return self._write("comment", incident_id, body, put)

    def find_comment(self, incident_id: str, comment_id: str) -> datetime | None:
        """See the port."""
        with self._fate.call():
            self._fate.read("reads fail")
            known = self._comment(incident_id, comment_id)
            return comment_made(known) if known else None

    def escalate(self, incident_id: str, expected: Severity, to: Severity) -> Attempt:
        """See the port."""

        def put() -> Attempt:
            there = self._stored(incident_id)
            if there is None:
                return Attempt(Ended.GONE)
            incident = self._ours(there)
            if incident.escalated_to is not None and incident.escalated_to.rank >= to.rank:
                return Attempt(Ended.FOUND, incident)
            if not incident.open or incident.severity is not expected:
                return Attempt(Ended.CHANGED, incident)
            return self._put(incident_id, with_severity(there, to))

        return self._write("escalate", incident_id, "", put)

    def time(self) -> datetime | None:
        """See the port."""
        return self._store.clock()

    def skew(self) -> float | None:
        """See the port."""
        return None

    def _write(self, kind: str, name: str, body: str, effect: Callable[[], Attempt]) -> Attempt:
        with self._fate.call():
            self._fate.meanwhile(self._name(name))
            error = self._fate.write(kind, name, minimal="not listed here" in body)
            if error is not None:
                return Attempt(Ended.REFUSED if is_refused(error) else Ended.DUE, error=error)
            if not self._fate.loses(kind):
                return effect()
            if self._fate.step.done:
                effect()
            return Attempt(Ended.DUE, error=self._fate.lost(Service.SENTINEL, Call.WRITE))

    def _look(self, name: str) -> Incident | None:
        there = self._stored(name)
        incident = self._ours(there) if there else None
        if incident is not None and not incident.open:
            self._closed.add(name)
        else:
            self._closed.discard(name)
        return incident

    def _put(self, name: str, body: str) -> Attempt:
        _, text = self._store.put(self._name(name), json.loads(_in_properties(body)))
        return Attempt(Ended.DONE, self._ours(json.loads(text)))

    def _comment(self, name: str, comment: str) -> dict[str, Any] | None:
        there = self._store.comments.get(self._name(name), ())
        return next((each for each in there if each["name"] == comment), None)

    def _name(self, incident_id: str) -> str:
        return self._names.get(incident_id, incident_id)

    def _stored(self, incident_id: str) -> dict[str, Any] | None:
        return self._store.stored.get(self._name(incident_id))

    def _ours(self, resource: Mapping[str, Any]) -> Incident:
        incident = incident_of(resource)
        ours = next((ours for ours, name in self._names.items() if name == incident.id), None)
        return incident if ours is None else replace(incident, id=ours, name=incident.id)


def _in_properties(body: str) -> str:
    return body if '"properties"' in body else f'{{"properties": {body}}}'


def _labelled(resource: Mapping[str, Any]) -> bool:
    return any(label["labelName"] == LABEL for label in resource["properties"]["labels"])


class MemoryRows:
    """The rows of a ledger that stays when its sweep has ended. `stored`: data and version by key."""

    requests = 0
    retries = 0

    def __init__(self, stored: dict[str, tuple[bytes, str]], versions: Iterator[int], fate: Fate) -> None:
        self._stored = stored
        self._versions = versions
        self._fate = fate
        self._left = 4 if fate.broken("the ledger fails") else -1

    def scan(self, start: str, end: str) -> list[Row]:
        """See the port."""
        with self._fate.call():
            return [Row(key, *self._stored[key]) for key in sorted(self._stored) if start <= key < end]

    def get(self, key: str) -> Row | None:
        """See the port."""
        with self._fate.call():
            return Row(key, *self._stored[key]) if key in self._stored else None

    def batches(self, changes: Sequence[Change]) -> Sequence[Sequence[Change]]:
        """See the port."""
        return [changes]

    def apply(self, changes: Sequence[Change]) -> dict[str, str]:
        """See the port."""
        with self._fate.call():
            self._left -= 1
            if self._left == 0:
                self._left = 1
                raise LedgerUnavailable("the ledger does not answer: try again")
            for change in changes:
                _, there = self._stored.get(change.key, (b"", None))
                if there != change.version:
                    raise LedgerConflict(f"{change.key} was written by somebody else")
            written = {change.key: str(next(self._versions)) for change in changes}
            for change in changes:
                if isinstance(change, Put):
                    self._stored[change.key] = (change.data, written[change.key])
                else:
                    del self._stored[change.key]
            return {change.key: written[change.key] for change in changes if isinstance(change, Put)}

    def scrub(self) -> None:
        """See the port."""

    def close(self) -> None:
        """See the port."""


class MemoryHunt(Hunt):
    """What the world's mail comes to."""

    def __init__(self, world: World, fate: Fate, settings: Settings) -> None:
        self.options = hunt_options(settings)
        self.notes = []
        self._world = world
        self._fate = fate

    def coverage(self, window: Window) -> Coverage:
        """See Hunt. The same every day."""
        with self._fate.call():
            if self._fate.broken("the hunt fails"):
                raise from_status(Service.LOG_ANALYTICS, Call.QUERY, 500)
            return ordinary(window.end, days=window.days)

    def with_witness(self, window: Window, coverage: Coverage) -> tuple[Coverage, str]:
        """See Hunt. There is no such table."""
        return replace(coverage, witness_missing=True), ""

    def findings(self, window: Window) -> Sequence[Finding]:
        """See Hunt."""
        with self._fate.call():
            threshold = int(self._world.settings["SUM_CASE_THRESHOLD"])
            found = []
            for who, messages in self._world.messages.items():
                rows = {name: message.counted(window.start, window.end) for name, message in messages.items()}
                evidence = sorted(
                    (_evidence(name, *row) for name, row in rows.items() if row), key=lambda each: each.state_time
                )
                if len(evidence) > threshold:
                    found.append(Finding.of(who, tuple(reversed(evidence))))
            return found

    def remediators(self, window: Window, messages: Mapping[str, Sequence[str]]) -> Mapping[str, Remediations] | None:
        """See Hunt. There is no such table."""
        return None

    def context(self, window: Window, recipients: Sequence[str]) -> MailContext:
        """See Hunt. Nobody knows from whom the mail came."""
        return MailContext()

    def incident_providers(self, window: Window) -> tuple[int, int] | None:
        """See Hunt. The workspace is not onboarded, or nobody knows."""
        return None

    def followed(self, workspace: str) -> Mapping[str, Followed]:
        """See Hunt. Nothing was ever handed to the analytics rule."""
        with self._fate.call():
            if self._fate.broken("history fails"):
                raise from_status(Service.LOG_ANALYTICS, Call.QUERY, 500)
        return {}

    def known_incidents(self) -> dict[str, PastIncident]:
        """See Hunt."""
        with self._fate.call():
            if self._fate.broken("history fails"):
                raise from_status(Service.LOG_ANALYTICS, Call.QUERY, 500)
            return past_incidents(self._world.store)


def _evidence(name: str, when: datetime, action: str) -> Evidence:
    return Evidence(name, when, "a subject", Remedy(action), when, when)


def past_incidents(store: Store) -> dict[str, PastIncident]:
    """What SecurityIncident remembers: each incident as after its last change."""
    past: dict[str, PastIncident] = {}
    for change in store.history:
        incident = incident_of(change.incident)
        assert incident.modified is not None
        assert incident.created is not None
        high = incident.modified if incident.severity is Severity.HIGH else None
        before = past.get(incident.id)
        past[incident.id] = PastIncident(
            incident.id,
            incident.modified,
            incident.created,
            change.closed,
            high or (before.high_at if before else None),
            incident.status,
            incident.severity,
            incident.owned,
            incident.classification,
            incident.number,
            incident.url,
            incident.title,
            incident.episode,
            merged=incident.merged,
            escalated_to=incident.escalated_to,
        )
    return past


class MemoryWebhook(Webhook):
    """Teams, with a memory of what was posted."""

    def __init__(self, http: Http, fate: Fate, posted: Callable[[str, bool, bool], None]) -> None:
        super().__init__(http, SecretStr("https://teams.example/"))
        self._fate = fate
        self._posted = posted

    def post(self, body: str) -> None:
        """See Webhook. `posted` gets to know the summary, whether it was taken, and whether that was answered."""
        with self._fate.call():
            if self._fate.broken("teams down"):
                raise from_status(Service.TEAMS, Call.TELL, 503)
            if self._fate.broken("teams refuses"):
                raise from_status(Service.TEAMS, Call.TELL, 404)
            summary = json.loads(body)["summary"]
            if self._fate.broken("teams refuses cards") and "r0@" in summary:
                raise from_status(Service.TEAMS, Call.TELL, 400)
            if self._fate.broken("teams does not answer") or self._fate.loses("card"):
                self._posted(summary, self._fate.step.done, False)
                raise self._fate.lost(Service.TEAMS, Call.TELL)
            self._posted(summary, True, True)


class _NoTokens:
    retries = 0

    def token(self, audience: str) -> str:
        return audience

    def generation(self) -> int:
        return 0

    def renew(self, generation: int) -> None:
        """Nothing to renew."""


class QuietHttp(Http):
    """Sends nothing; everybody is signed in."""

    def __init__(self) -> None:
        super().__init__(_NoTokens(), rate_limits={})
