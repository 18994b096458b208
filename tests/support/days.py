"""Days in the life of a tenant: mail that is remediated, time that passes, sweeps, and what came of them."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.model import incident_id
from tests.cloud.faults import Fault
from tests.cloud.mail import SOFT, Mail
from tests.cloud.small_azure import WORKSPACE_RESOURCE_ID
from tests.support.tenant import Tenant, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.sweep.report import Report


def incident_name(recipient: str, episode: int = 0) -> str:
    """The derived id of an incident."""
    return incident_id(WORKSPACE_RESOURCE_ID, recipient, episode)


@dataclass
class Days:
    """A tenant without reminders or heartbeats, day after day."""

    tenant: Tenant
    last: Report | None = None
    _seeds: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    def __post_init__(self) -> None:
        """Only findings are told."""
        self.tenant.settings.update({"HEARTBEAT_DAYS": "0", "REMIND_AFTER_DAYS": "0"})

    def mail(
        self, recipient: str, many: int, *, days: float = 0.2, after: float = 0.05, subject: str | None = None
    ) -> None:
        """So many new messages, soft-deleted in the last `days`, but more than `after` days ago."""
        made = Mail(self.tenant.clock.now(), seed=next(self._seeds))
        for _ in range(many):
            made.add(recipient, SOFT, made.ago(made.chance.uniform(after, days)), subject=subject)
        self.tenant.cloud.append("EmailEvents", made.events)

    def pass_by(self, **amount: float) -> None:
        """A `timedelta(**amount)` passes, one day by default; one message arrives, so that the data is fresh."""
        self.tenant.clock.advance(**(amount or {"days": 1}))
        self.mail("quiet@contoso.com", 1, days=0.06)

    def sweep(self, **settings: str) -> dict[str, object]:
        """One sweep, and what its receipt counts; the whole report is `last`."""
        self.last = self.tenant.sweep(**settings)
        return facts(self.last)

    def break_writes(self, match: str = "", containing: str = "", status: int = 400, times: int | None = None) -> None:
        """Sentinel refuses these writes with this status, until the faults are cleared."""
        body = {"error": {"code": "BadRequest", "message": "Invalid property"}} if status == 400 else None
        fault = Fault(service="sentinel", method="PUT", match=match, containing=containing, status=status, body=body)
        fault.times = times
        self.tenant.cloud.faults.add(fault)

    def well(self) -> None:
        """Nothing is broken any more."""
        self.tenant.cloud.faults.clear()

    def lose_ledger(self, copy: bytes | None = None) -> None:
        """Delete the ledger, or put an older copy of it in its place."""
        for file in self.tenant.ledger.parent.glob(f"{self.tenant.ledger.name}*"):
            file.unlink()
        if copy is not None:
            self.tenant.ledger.write_bytes(copy)

    # --- what came of them

    @property
    def causes(self) -> str:
        """The reasons of the last sweep's receipt."""
        return "\n".join(self.last.receipt.reasons) if self.last else ""

    def incident(self, recipient: str, episode: int = 0) -> dict[str, Any] | None:
        """An incident's properties; None when it is not there."""
        found = self.tenant.cloud.incidents.get(incident_name(recipient, episode))
        return found["properties"] if found else None

    def comments(self, recipient: str, episode: int = 0) -> list[str]:
        """What comments on an incident say."""
        found = self.tenant.cloud.comments.get(incident_name(recipient, episode), [])
        return [each["properties"]["message"] for each in found]

    @property
    def cards(self) -> list[str]:
        """The cards that arrived, as text."""
        return [json.dumps(card, ensure_ascii=False) for card in self.tenant.cloud.cards]

    def told(self, recipient: str) -> int:
        """On how many cards a recipient is named."""
        return sum(recipient in card for card in self.cards)
