"""An action rendered into intents, which are written down before anything is sent: what, about what, word for word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.incidents.text import comment_body, comment_id, incident_body
from shared.model import Act, Action, Evidence, Finding, Intent, IntentKind, Record, Window, message_hash
from shared.plan.decide import COMMENTS_USABLE
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Rendering:
    """What every text of this sweep needs: the window, the settings, why its data is not trusted."""

    settings: Settings
    window: Window
    doubts: Sequence[str]
    remediators: Callable[[str], str]


def render(action: Action, finding: Finding, record: Record | None, how: Rendering, now: datetime) -> list[Intent]:
    """The intents of one action, in the order they are to be carried out; none where nothing is to be sent."""
    if action.act is Act.CREATE:
        body = incident_body(
            action, finding, how.window, how.settings, doubts=how.doubts, remediators=how.remediators(finding.recipient)
        )
        return [_intent(action.incident_id, IntentKind.CREATE, body, action, finding, now, finding.evidence, how)]
    intents = []
    if action.act is Act.ESCALATE:
        name = f"{action.incident_id}-{action.severity.value}"
        intents.append(_intent(name, IntentKind.ESCALATE, "", action, finding, now, (), how))
    if action.act in (Act.ESCALATE, Act.COMMENT):
        comments = record.incident.comments if record and record.incident else 0
        if comments <= COMMENTS_USABLE:
            body = comment_body(
                action,
                finding,
                how.window,
                how.settings,
                doubts=how.doubts,
                remediators=how.remediators(finding.recipient),
                last=comments == COMMENTS_USABLE,
            )
            name = comment_id(action.incident_id, (message_hash(item.message_id) for item in action.new))
            intents.append(_intent(name, IntentKind.COMMENT, body, action, finding, now, action.new, how))
    return intents


def counted(action: Action, finding: Finding, record: Record | None, how: Rendering, now: datetime) -> Intent | None:
    """The report of new messages that no comment carries any more: for the ledger and the card only."""
    full = record is not None and record.incident is not None and record.incident.comments > COMMENTS_USABLE
    if action.act is Act.COUNT or (action.act is Act.ESCALATE and full and action.new):
        return _intent("", IntentKind.COMMENT, "", action, finding, now, action.new, how)
    return None


def _intent(
    name: str,
    kind: IntentKind,
    body: str,
    action: Action,
    finding: Finding,
    now: datetime,
    messages: Sequence[Evidence],
    how: Rendering,
) -> Intent:
    return Intent(
        id=name,
        kind=kind,
        noted_at=now,
        body=body,
        recipient=finding.recipient,
        incident_id=action.incident_id,
        episode=action.episode,
        reason=action.reason,
        severity=action.severity,
        counts=finding.counts,
        messages=tuple(sorted({message_hash(item.message_id) for item in messages})),
        tell=action.tell,
        remediators=how.remediators(finding.recipient),
    )
