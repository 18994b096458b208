"""What `tune` has to count, in plain Python and without the project's code: by recipient, and by whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.hunt.oracle import Flagged, hunt, seven_digits


def actor_of(action_type: str) -> str:
    """Who stands behind an ActionType."""
    for word, actor in (("zap", "zap"), ("manual", "admin"), ("automated", "automation")):
        if word in action_type.lower():
            return actor
    return "other"


def removers(rows: Iterable[Mapping[str, Any]], start: datetime, end: datetime) -> dict[tuple[str, str], str]:
    """By recipient and message, both in lower case, who last remediated it for certain."""
    last: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        time = seven_digits(row["TimeGenerated"])
        if not seven_digits(start) <= time <= seven_digits(end):
            continue
        if row["ActionResult"] == "Success" and row["ActionType"] != "Redelivery" and row["RecipientEmailAddress"]:
            key = (row["RecipientEmailAddress"].lower(), row["NetworkMessageId"].lower())
            last[key].append((time, actor_of(row["ActionType"])))
    newest = {key: max(time for time, _ in acts) for key, acts in last.items()}
    return {key: min(actor for time, actor in acts if time == newest[key]) for key, acts in last.items()}


def removals(
    events: Sequence[Mapping[str, Any]],
    acts: Iterable[Mapping[str, Any]],
    start: datetime,
    end: datetime,
    *,
    deduplicate: bool,
) -> dict[str, tuple[int, dict[str, int]]]:
    """Everybody with more than one removal: how many, and by whom those of which it is known."""
    who = removers(acts, start, end)
    return {
        one.recipient: (sum(one.counts), _by(one, who))
        for one in hunt(events, start, end, threshold=1, deduplicate=deduplicate)
    }


def _by(one: Flagged, who: Mapping[tuple[str, str], str]) -> dict[str, int]:
    known = [who.get((one.recipient, item.message.lower()), "") for items in one.lists for item in items]
    return dict(Counter(actor for actor in known if actor))
