"""Incidents of ours that the ledger does not know: whose they are, and the records that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.model import Cause, Finding, Incident, Record
from shared.plan.records import adopted
from shared.sweep.breaker import cause_of
from shared.sweep.context import Context
from shared.sweep.gather import Hunted

MOST_EPISODES = 500  # of one recipient that are looked for: labels can be edited by anybody


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """An incident of ours that the records do not know: whose, and which episode."""

    recipient: str
    episode: int
    incident: Incident


def unrecorded(context: Context, hunted: Hunted, listed: Mapping[str, Incident]) -> list[Unrecorded]:
    """The last incident about each recipient that was listed and is later than what the record knows.

    Whose it is says its title; believed only when recipient and episode give its very id. A recipient whose address
    does not stand in the title as it is, is found by today's finding.
    """
    records, policy = context.ledger.records, context.policy
    known = {record.incident.id for record in records.values() if record.incident}
    awaited = {
        record.creation.incident_id
        for record in records.values()
        if record.creation and record.creation.attempts.in_doubt
    }
    last: dict[str, Unrecorded] = {}
    unclaimed = {name: each for name, each in listed.items() if name not in known and name not in awaited}
    for name, incident in list(unclaimed.items()):
        about, episode = incident.about, incident.episode
        if about and episode is not None and policy.incident_id(about, episode) == name:
            _keep_last(last, Unrecorded(about, episode, incident))
            del unclaimed[name]
    episodes = min(max((each.episode or 0 for each in unclaimed.values()), default=-1) + 1, MOST_EPISODES)
    for recipient in hunted.findings if unclaimed else ():
        for episode in range(episodes):
            if other := unclaimed.get(policy.incident_id(recipient, episode)):
                _keep_last(last, Unrecorded(recipient, episode, other))
    context.ledger.recognise(last)
    return [place for place in last.values() if place.episode > _episode(records.get(place.recipient))]


def _keep_last(last: dict[str, Unrecorded], place: Unrecorded) -> None:
    there = last.get(place.recipient)
    if there is None or there.episode < place.episode:
        last[place.recipient] = place


def _episode(record: Record | None) -> int:
    return record.incident.episode if record and record.incident else -1


def adopt(context: Context, hunted: Hunted, places: list[Unrecorded]) -> dict[str, Cause]:
    """Take these incidents into the records; for whom that had to wait, and why."""
    blocked: dict[str, Cause] = {}
    changed = []
    for place in places:
        if (cause := undated(context, place.incident)) is not None:
            blocked[place.recipient] = cause
            continue
        changed.append(adopted_record(context, place.recipient, hunted.findings, place.incident, place.episode))
    context.ledger.save(changed)
    return blocked


def undated(context: Context, incident: Incident) -> Cause | None:
    """Why this incident cannot be adopted yet: it is closed, and the query that says since when has failed."""
    return None if incident.open or context.history.known() is not None else history_cause(context)


def adopted_record(
    context: Context,
    recipient: str,
    findings: Mapping[str, Finding],
    incident: Incident,
    episode: int,
    *,
    deleted: bool = False,
) -> Record:
    """The record of an incident that is there, or was deleted, with what SecurityIncident says about it, if it can."""
    past = (context.history.known() or {}).get(incident.id)
    if incident.name and (row := (context.history.followed() or {}).get(incident.id)) and row.uploaded:
        # The rule makes it later: it reports what there was when its row was uploaded.
        incident = replace(incident, created=min(row.uploaded, incident.created or row.uploaded))
    ended = past.modified if past and deleted else past.closed if past and not incident.open else None
    return adopted(
        recipient,
        findings.get(recipient),
        incident,
        episode,
        context.policy,
        context.now(),
        record=context.ledger.records.get(recipient),
        ended=ended,
        was_high=past is not None and past.high_at is not None,
        deleted=deleted,
    )


def history_cause(context: Context) -> Cause:
    """Why nothing is made while it is not known what there was before."""
    error = context.history.error
    return replace(
        cause_of(error) if error else Cause("incidents_unknown", ""),
        text="it is not known which incidents there were before (SecurityIncident could not be read), so none is made"
        " anew" + (f": {error}" if error else ""),
    )
