"""Real sweeps over random good and bad days: none ends clean on a day whose rows could not have shown a removal.

A failure prints the number of the history and its days: the same number gives the same history again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from shared.model import Verdict
from tests.cloud.mail import COUNTED, Mail, Row
from tests.support.tenant import Tenant, running_tenant

BEFORE, DAYS, PER_DAY, MAILBOXES = 28, 20, 200, 240
REMOVED = 36  # a day, each from another mailbox: nobody comes near the threshold


def every(**cells: str | None) -> Callable[[list[Row]], list[Row]]:
    """All rows of a day, with these cells."""
    return lambda rows: [row | cells for row in rows]


def delivered(rows: list[Row]) -> list[Row]:
    """Nothing that happened after the delivery arrives."""
    return [row | {"LatestDeliveryAction": "Delivered"} for row in rows]


def words_changed(rows: list[Row]) -> list[Row]:
    """Every action is called otherwise, and none of the new words looks like a removal."""
    words = {"Delivered": "Zugestellt"}
    return [row | {"LatestDeliveryAction": words.get(str(row["LatestDeliveryAction"]), "Zapped")} for row in rows]


BLIND: dict[str, Callable[[list[Row]], list[Row]]] = {
    "no rows": lambda _: [],
    "no actions": every(LatestDeliveryAction=None),
    "empty actions": every(LatestDeliveryAction="  "),
    "None": every(LatestDeliveryAction="none"),
    "Unknown": every(LatestDeliveryAction=" Unknown "),
    "no recipients": every(RecipientEmailAddress=None),
    "blank recipients": every(RecipientEmailAddress=" "),
    "no ids": every(NetworkMessageId=""),
    "renamed": words_changed,
    "delivered": delivered,
    "a twentieth, delivered": lambda rows: delivered(rows[::20]),
}
"""What becomes of a day's rows. None of them leaves a removal that a sweep could see."""


def rows_of_a_day(tenant: Tenant, number: int, *, ago: int = 0) -> list[Row]:
    """The mail of the 24 hours that ended so many days ago: one in six messages was removed later."""
    end = tenant.clock.now() - timedelta(days=ago)
    mail = Mail(end, seed=number)
    for place in range(PER_DAY):
        removed = place % 5 == 0 and place // 5 < REMOVED
        action = COUNTED[place // 5 % 4] if removed else "Delivered"
        mailbox = (number * REMOVED + place // 5) % MAILBOXES if removed else place
        mail.add(f"u{mailbox}@contoso.com", action, mail.ago(0.01 + 0.9 * place / PER_DAY))
    return mail.events


def live_days(tenant: Tenant, number: int, source: str) -> list[tuple[str, Verdict | None, tuple[str, ...]]]:
    """What each of these days was, and how its sweep ended."""
    chance = Random(number)
    for ago in range(BEFORE):
        tenant.cloud.append("EmailEvents", rows_of_a_day(tenant, 1_000 * number + ago, ago=ago))
    lived = []
    kind = "good"
    for day in range(DAYS):
        rows = rows_of_a_day(tenant, 1_000 * number + BEFORE + day) if day else []
        if day and chance.random() < 0.6:
            kind = chance.choice(["good", "good", *BLIND])
        tenant.cloud.append("EmailEvents", BLIND[kind](rows) if kind in BLIND else rows)
        receipt = tenant.sweep(HUNT_SOURCE=source, HEARTBEAT_DAYS="0").receipt
        lived.append((kind, receipt.verdict, receipt.reasons))
        tenant.clock.advance(days=1)
    return lived


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(3))
def test_a_blind_day_is_never_clean(number: int, tmp_path: Path) -> None:
    """Whatever days came before. A good month before them is clean, so nothing is untrusted for ever."""
    with pytest.MonkeyPatch.context() as patch, running_tenant(tmp_path, patch) as tenant:
        lived = live_days(tenant, number, ("sentinel", "defender")[number % 2])
    story = "\n".join(f"{number} {day:>2} {kind}: {verdict} {why}" for day, (kind, verdict, why) in enumerate(lived))
    assert lived[0][1] is Verdict.CLEAN, story
    assert [day for day, (kind, verdict, _) in enumerate(lived) if kind in BLIND and verdict is Verdict.CLEAN] == [], (
        story
    )
    assert any(kind in BLIND for kind, _, _ in lived), story
    assert {verdict for _, verdict, _ in lived} == {Verdict.CLEAN, Verdict.UNTRUSTED}, story
