"""What is looked at after a round: what tenants have, and whose marks are where they must not be."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.cloud.many_tenants import CloudTenant, ManyTenants
from tests.rounds_whole.scene import RoundScene, partition

_VOLATILE = re.compile(
    r"run [0-9a-f-]{8,36}|/q/[^)]+|\[open\]\([^)]*\)|\(id [0-9a-f-]+\)"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?|[0-9a-f]{8}-[0-9a-f-]{27}"
)
"""What differs between two sweeps of the same data: times, ids of runs, the link to a query with its
times; and whether the last message still had room for its link, beside texts of a few characters more or less."""


def incidents_of(tenant: CloudTenant) -> dict[str, dict[str, Any]]:
    """Each incident's title, severity, labels, description and number of comments, by id; without times and run ids."""
    found = {}
    for name, incident in tenant.incidents.items():
        what = incident["properties"]
        labels = sorted(label["labelName"] for label in what["labels"])
        text = _VOLATILE.sub("~", what["description"])
        comments = len(tenant.comments.get(name, ()))
        found[name] = {
            "title": what["title"],
            "severity": what["severity"],
            "labels": labels,
            "text": text,
            "comments": comments,
        }
    return found


def differences(found: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The lines in which a tenant's incidents are not what was wanted. None is what must be."""
    before, after = (json.dumps(each, indent=1, sort_keys=True).replace("\\n", "\n") for each in (wanted, found))
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), "wanted", "found", n=1, lineterm=""))


def told_on(cards: Iterable[Any], tenant: CloudTenant) -> Counter[str]:
    """On how many cards each recipient of the tenant stands."""
    counted: Counter[str] = Counter()
    for card in cards:
        counted.update(set(re.findall(rf"user\d+@{tenant.mark}\.example", _plain(card))))
    return counted


def _plain(card: Any) -> str:
    """A card's text, without what keeps an address from becoming a link."""
    return re.sub(r"[\u200b\u2060\\]", "", json.dumps(card, ensure_ascii=False).encode().decode("utf-8", "replace"))


def strangers(scene: RoundScene) -> list[str]:
    """Each place where a tenant's mark is in what is another's, or nobody's. None is what must be."""
    tenants = list(scene.many.tenants.values())
    found: list[str] = []
    for place, owners, text in _texts(scene):
        folded = text.lower()
        found += [
            f"{place}: a mark of {tenant.name}"
            for tenant in tenants
            if tenant.name not in owners and any(mark in folded for mark in tenant.marks)
        ]
    return found


def _texts(scene: RoundScene) -> Iterator[tuple[str, frozenset[str], str]]:
    """Everything that was made: what it is, whose marks may be in it, its text."""
    yield from _in_azure(scene.many)
    yield from _in_storage(scene)
    for worker in scene.workers:
        for line in worker.lines:
            event, _, rest = line.partition(" ")
            name = _receipt(rest).get("workspace_name", "")
            yield f"log line {event}", frozenset([name]), line
    for path in (*(scene.folder / "temporary").rglob("*"), *scene.app.glob("*")):
        if path.is_file() and path.name != "workspaces.json":
            yield f"file {path.name}", frozenset(), Path(path).read_text(encoding="utf-8", errors="replace")


def _in_azure(many: ManyTenants) -> Iterator[tuple[str, frozenset[str], str]]:
    for tenant in many.tenants.values():
        owner = frozenset([tenant.name])
        for incident in tenant.incidents.values():
            yield f"incident of {tenant.name}", owner, json.dumps(incident)
        for comments in tenant.comments.values():
            yield f"comment of {tenant.name}", owner, json.dumps(comments)
        for card in tenant.cards:
            # A channel that two share has cards of both, each of one alone: of the one that its first line names.
            sharing = [each.name for each in many.tenants.values() if each.webhook is tenant.webhook]
            text = json.dumps(card, ensure_ascii=False)
            yield f"card of {tenant.name}", frozenset(_named(text, sharing)), text
    for card in many.round_webhook.cards:
        yield "round's card", frozenset(), _without_links(card)


def _named(card: str, names: list[str]) -> list[str]:
    return names if len(names) == 1 else [name for name in names if f'"{name}' in card or f" {name}" in card][:1]


def _without_links(card: Any) -> str:
    """The text of the round's card. Its links may lead to the tenants' workspaces, for the provider."""
    return re.sub(r'"url": "[^"]*"', "", json.dumps(card))


def _in_storage(scene: RoundScene) -> Iterator[tuple[str, frozenset[str], str]]:
    owners = {partition(each.workspace.resource_id): each.name for each in scene.many.tenants.values()}
    for where, rows in scene.rows().items():
        for row in rows:
            yield f"ledger row of {owners.get(where, 'rounds')}", frozenset([owners.get(where, "")]), row


def _receipt(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
