"""What is asked of a sweep in a process of its own, and what came of it; both travel as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class When(StrEnum):
    """How far a verb has come."""

    BEFORE = "before"
    HALFWAY = "halfway"  # some of its rows are written: many rows do not fit one transaction
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Moment:
    """Of a sweep: at the `number`-th use (from 1) of this verb of its ledger."""

    verb: str
    number: int
    when: When


@dataclass(frozen=True, slots=True)
class Order:
    """One sweep: under this environment, on the shared clock in the file `clock` ("": the machine's own).

    With `tables` (the endpoint of an Azurite) the ledger is in its `table`, whatever LEDGER_URL says.
    At the `moment` it dies by SIGKILL; or, with `hold`, it makes the file of this name, and waits until it is gone.
    """

    environment: Mapping[str, str]
    clock: str = ""
    tables: str = ""
    table: str = ""
    moment: Moment | None = None
    hold: str = ""

    def to_json(self) -> str:
        """For the way there."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """What `to_json` wrote."""
        given = json.loads(text)
        moment = given.pop("moment")
        return cls(**given, moment=Moment(**moment) if moment else None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `killed`, or with a `receipt` (as JSON) and exit `code`, or by a `fault` of its own, a traceback.

    `verbs` are those of the ledger that were used, in order; unknown of one that was killed.
    """

    killed: bool
    receipt: Mapping[str, Any] = field(default_factory=dict)
    code: int = -1
    verbs: tuple[str, ...] = ()
    fault: str = ""

    @property
    def event(self) -> str:
        """The receipt's event, "" when there is none."""
        return str(self.receipt.get("event", ""))

    @property
    def green(self) -> bool:
        """Whether nothing was left to be done."""
        return self.event == "sweep_completed"
