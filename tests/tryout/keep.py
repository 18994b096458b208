"""What a run made, kept as files to look at: the folder that `make sweep` names at its end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cloud import Cloud
from tests.tryout.words import card_text, incident_markdown

_MADE_HERE = "README.txt"
_ABOUT = """What the last `make sweep` made, as the services were sent it. The next run replaces this folder.

receipt.json          how the sweep ended: the log line of a deployed sweep
incident-N.md         an incident as an analyst reads it, its comments below
incident-N.json       the same as Sentinel's API has it
incident-N-comment-M.md
                      a comment by itself
card-N.txt            a Teams card as text
card-N.json           the same as the webhook was sent it
"""


class NotOurs(Exception):
    """The folder is there and was not made by a run; nothing in it is touched."""


def keep(folder: Path, cloud: Cloud, receipt: Mapping[str, Any]) -> str:
    """Write the incidents, comments, cards and receipt of a run into a folder, in place of an earlier run's.

    Returns what lies there, in words.

    Raises:
        NotOurs: something else is there under this name.
        OSError: it cannot be written.
    """
    forget(folder)
    for path in (folder.parent, folder):  # they hold addresses and subjects: nobody else's to read
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _MADE_HERE).write_text(_ABOUT, encoding="utf-8")
    _json(folder / "receipt.json", receipt)
    remarks = 0
    for identity, incident in cloud.incidents.items():
        name = f"incident-{incident['properties']['incidentNumber']}"
        comments = cloud.comments.get(identity, [])
        (folder / f"{name}.md").write_text(incident_markdown(incident, comments), encoding="utf-8")
        _json(folder / f"{name}.json", {**incident, "comments": comments})
        for number, comment in enumerate(comments, 1):
            text = comment["properties"]["message"]
            (folder / f"{name}-comment-{number}.md").write_text(text + "\n", encoding="utf-8")
        remarks += len(comments)
    messages = [json.loads(body) if isinstance(body, str | bytes) else body for body in cloud.cards]
    for number, message in enumerate(messages, 1):
        (folder / f"card-{number}.txt").write_text(card_text(message) + "\n", encoding="utf-8")
        _json(folder / f"card-{number}.json", message)
    return ", ".join((many(len(cloud.incidents), "incident"), many(remarks, "comment"), many(len(messages), "card")))


def forget(folder: Path) -> None:
    """Remove an earlier run's files.

    Raises:
        NotOurs: something else is there under this name.
        OSError: they cannot be removed.
    """
    if folder.exists():
        if not (folder / _MADE_HERE).is_file():
            raise NotOurs(f"{folder} is there, and no run made it; move it away to have the run's files kept")
        shutil.rmtree(folder)


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def many(number: int, thing: str) -> str:
    """So many things: "1 card", "2 cards"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
