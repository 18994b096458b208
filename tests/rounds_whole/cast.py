"""The tenants of a large round: what mail they have, and what is wrong with each of them, the same in every run."""

from __future__ import annotations

from datetime import datetime

from tests.cloud.many_tenants import CloudTenant, ManyTenants
from tests.cloud.marked_mail import marked_mail
from tests.cloud.wire import Request

SLOW, REFUSING, BAD_ENTRY, UNTRUSTED, NO_WEBHOOK = "slow", "refusing", "bad-entry", "untrusted", "no-webhook"
SHARING = ("shares-one", "shares-two")
FUSED = "fused"
"""It makes one incident a round, and its worker dies when the first is made."""
DOOMED = "doomed"
"""Its workers die three times."""
UNANSWERED = "unanswered"
"""Its worker dies when its channel has taken the card."""
SPECIAL = (SLOW, REFUSING, BAD_ENTRY, UNTRUSTED, NO_WEBHOOK, *SHARING, FUSED, DOOMED, UNANSWERED)
NEVER_SWEPT = (BAD_ENTRY, NO_WEBHOOK)


def cast_names(many: int) -> list[str]:
    """So many tenants: the special ones, and plain ones."""
    return [*SPECIAL, *(f"plain-{place:02d}" for place in range(many - len(SPECIAL)))]


def give_mail(many: ManyTenants, now: datetime) -> None:
    """Give each tenant its mail, its entry's settings and its lasting fault."""
    for place, tenant in enumerate(many.tenants.values()):
        flagged = 0 if tenant.name == UNTRUSTED else 3 if tenant.name == FUSED else 1 + place % 2
        if tenant.name.startswith("plain") and place % 3 == 0:
            flagged = 0
        if tenant.name != UNTRUSTED:
            rows = marked_mail(now, tenant.mark, flagged, seed=place)
            tenant.workspace.tables.append("EmailEvents", rows)
        _flaw(many, tenant)


def _flaw(many: ManyTenants, tenant: CloudTenant) -> None:
    if tenant.name == SLOW:
        tenant.takes = _twenty_seconds
    if tenant.name == REFUSING:
        many.faults.add(tenant.fault("sentinel", method="PUT", status=403, times=None))
    if tenant.name == BAD_ENTRY:
        tenant.settings["SUM_CASE_THRESHOLD"] = "many"
    if tenant.name == NO_WEBHOOK:
        tenant.settings["TEAMS_WEBHOOK_URL"] = None
    if tenant.name == SHARING[1]:
        tenant.webhook = many.tenants[SHARING[0]].webhook
        tenant.settings["TEAMS_WEBHOOK_URL"] = f"%{many.tenants[SHARING[0]].webhook_setting}%"
    if tenant.name == FUSED:
        tenant.settings["MAX_NEW_INCIDENTS"] = 1


def _twenty_seconds(_: Request) -> float:
    return 20.0
