"""The tenant of `make cloud`: the sample tenant, and four months of everyday mail, noise and campaigns around it."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.cloud.mail import HARD, JUNK, SOFT, Mail, sample

DAYS = 125
"""Enough for a look-back of 30 days on each of 90 past days."""
PEOPLE = 150
DOMAINS = ("contoso.com", "contoso.com", "contoso.com", "sales.contoso.com", "lab.contoso.com")


def town(now: datetime, seed: int = 7) -> Mail:
    """Mail of everyday: most people see a few removals by ZAP, some many, and a campaign comes every few days."""
    mail = sample(now)
    mail.chance.seed(seed)
    names = [f"user{place:03d}@{DOMAINS[place % len(DOMAINS)]}" for place in range(PEOPLE)]
    # Before the window of the sample tenant there is mail, too.
    for day in range(DAYS):
        for _ in range(18):
            mail.add(mail.chance.choice(names), "Delivered", mail.ago(day + mail.chance.random()))
    for name in names:
        for _ in range(round(mail.chance.lognormvariate(1.6, 0.8))):
            row = mail.add(name, JUNK, mail.ago(mail.chance.uniform(0.1, DAYS)), subject="Newsletter")
            mail.acted(row, "Phish ZAP")
    ago = 3.0
    while ago < DAYS:
        _campaign(mail, mail.chance.sample(names, mail.chance.randrange(1, 4)), ago)
        ago += mail.chance.uniform(4, 12)
    mail.events.sort(key=lambda row: (row["TimeGenerated"], row["ReportId"]))
    return mail


def _campaign(mail: Mail, targets: list[str], day: float) -> None:
    """One subject for several people over two days; an analyst or an investigation removes it some hours later."""
    number, kind = mail.chance.randrange(1_000), mail.chance.choice(("Manual remediation", "Automated Remediation"))
    for name in targets:
        for _ in range(mail.chance.randrange(6, 40)):
            first = mail.ago(day + mail.chance.uniform(0, 2))
            later = min(first + timedelta(hours=3), mail.now)
            row = mail.add(
                name, mail.chance.choice((HARD, SOFT)), later, delivered=first, state=later, subject=f"Invoice {number}"
            )
            mail.acted(row, kind)
