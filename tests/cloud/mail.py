"""A sample tenant: seeded `EmailEvents` and `EmailPostDeliveryEvents` in the real column layout.

Nobody in it exists: all addresses are of contoso.com and of the example domains. Times are given back from `now`, so
that the same seed gives the same tenant on any day.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, Any]

HARD, SOFT, JUNK, DELETED = "Hard delete", "Soft delete", "Moved to junk folder", "Moved to deleted items"
COUNTED = (HARD, SOFT, JUNK, DELETED)
SAMPLE = Path(__file__).parent.parent / "data" / "sample_tenant.ndjson"
SAMPLE_NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
"""The moment that the kept file is about; loaded with a shift it is about any other."""
UNKNOWN = ("Moved to another dimension", "Zapped")

HOSTILE_SUBJECTS = (
    "Invoice \\ receipt \\ 2026",
    'He said "open me" and it\'s urgent',
    "**bold** [click](https://example.com/phish) `code` # heading",
    "<script>alert(1)</script> &amp; <at>everyone</at>",
    "\u202egnp.exe\u202c reversed \u200b\u200d zero width",
    "\u05d7\u05e9\u05d1\u05d5\u05e0\u05d9\u05ea \u0641\u0627\u062a\u0648\u0631\u0629",
    "\U0001f3e6\U0001f4b8 Bank \U0001f468\u200d\U0001f469\u200d\U0001f467 family",
    "\U0002070e\U00020731 four bytes each",
    "{{DATE()}} {{TIME(2026-01-01T00:00:00Z)}} ${title}",
    "tab\there and \u2028 line separator",
    "'; EmailEvents | take 1 // let x = \"",
    "",
)


def stamp(time: datetime, ticks: int = 0) -> str:
    """ISO 8601 in UTC with seven fractional digits, as the services write it; `ticks` is the last digit."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond:06d}{ticks}Z"


@dataclass(slots=True)
class Mail:
    """What has happened in the mail of a tenant until `now`; each method adds rows to `events`."""

    now: datetime
    seed: int = 1
    events: list[Row] = field(default_factory=list)
    post_delivery: list[Row] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the chance."""
        self.chance = random.Random(self.seed)

    def message_id(self) -> str:
        """A new NetworkMessageId."""
        return str(UUID(int=self.chance.getrandbits(128)))

    def ago(self, days: float) -> datetime:
        """So many days before now, and up to an hour earlier."""
        return self.now - timedelta(days=days, microseconds=self.chance.randrange(3_600_000_000))

    def add(
        self,
        recipient: str | None,
        action: str | None,
        generated: datetime,
        *,
        message: str = "",
        subject: str | None = None,
        delivered: datetime | None = None,
        state: datetime | None = None,
        version: int = 1,
    ) -> Row:
        """One row: how a message to a recipient stood. `delivered` is its Timestamp, `state` LastEventExecutionTime."""
        message = message or self.message_id()
        cluster = self.chance.getrandbits(32)
        bad = action is not None and action != "Delivered"
        ticks = self.chance.randrange(10)
        sender = (
            f"sender{self.chance.randrange(40)}@{self.chance.choice(('example.com', 'example.net', 'example.org'))}"
        )
        domain = sender.partition("@")[2]
        row: Row = {
            "TenantId": "00000000-0000-0000-0000-000000000001",
            "TimeGenerated": stamp(generated, ticks),
            "Timestamp": stamp(delivered or generated, ticks),
            "LastEventExecutionTime": None if state is None else stamp(state, ticks),
            "NetworkMessageId": message,
            "InternetMessageId": f"<{message[:8]}@mail.{domain}>",
            "SenderMailFromAddress": sender,
            "SenderFromAddress": sender,
            "SenderDisplayName": "Accounts",
            "SenderMailFromDomain": domain,
            "SenderFromDomain": domain,
            "SenderIPv4": f"192.0.2.{self.chance.randrange(256)}",
            "RecipientEmailAddress": recipient,
            "RecipientDomain": (recipient or "").partition("@")[2].lower(),
            "Subject": f"Statement {self.chance.randrange(10_000)}" if subject is None else subject,
            "EmailClusterId": cluster,
            "EmailDirection": "Inbound",
            "DeliveryAction": "Delivered",
            "DeliveryLocation": "Inbox/folder",
            "LatestDeliveryAction": action,
            "LatestDeliveryLocation": "Quarantine" if bad else "Inbox/folder",
            "ThreatTypes": "Phish" if bad else "",
            "DetectionMethods": '{"Phish":["URL detonation"]}' if bad else "",
            "ConfidenceLevel": '{"Phish":"High"}' if bad else "",
            "AuthenticationDetails": '{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}',
            "AttachmentCount": self.chance.randrange(3),
            "UrlCount": self.chance.randrange(8),
            "EmailLanguage": "en",
            "EmailSize": self.chance.randrange(2_000, 400_000),
            "IsFirstContact": self.chance.random() < 0.2,
            "To": [recipient] if recipient else [],
            "Cc": [],
            "ReportId": f"{message}-{cluster}-{version}",
            "SourceSystem": "RestAPI",
            "Type": "EmailEvents",
        }
        self.events.append(row)
        return row

    def remediated(self, recipient: str, many: int, days: float = 25, actions: tuple[str, ...] = COUNTED) -> list[Row]:
        """So many messages, remediated over the last `days`, one row each."""
        return [
            self.add(recipient, actions[place % len(actions)], self.ago(self.chance.uniform(0.1, days)))
            for place in range(many)
        ]

    def acted(self, row: Mapping[str, Any], kind: str, result: str = "Success") -> None:
        """The EmailPostDeliveryEvents row of a remediation. `kind` is its ActionType."""
        self.post_delivery.append(
            {
                "TenantId": row["TenantId"],
                "TimeGenerated": row["LastEventExecutionTime"] or row["TimeGenerated"],
                "NetworkMessageId": row["NetworkMessageId"],
                "InternetMessageId": row["InternetMessageId"],
                "Action": row["LatestDeliveryAction"],
                "ActionType": kind,
                "ActionTrigger": "AdminAction" if kind == "Manual remediation" else "SpecialAction",
                "ActionResult": result,
                "RecipientEmailAddress": row["RecipientEmailAddress"],
                "DeliveryLocation": "Quarantine",
                "ReportId": row["ReportId"],
                "SenderFromAddress": row["SenderFromAddress"],
                "SourceSystem": "RestAPI",
                "Type": "EmailPostDeliveryEvents",
            }
        )


def sample(now: datetime, seed: int = 1) -> Mail:
    """The sample tenant: about 500 rows with every oddity the hunt has to get right, at a threshold of 10."""
    tenant = Mail(now, seed)
    _ordinary(tenant)
    _flagged(tenant)
    _hostile(tenant)
    _restreamed(tenant)
    _left_out(tenant)
    tenant.events.sort(key=lambda row: (row["TimeGenerated"], row["ReportId"]))
    return tenant


def _ordinary(tenant: Mail) -> None:
    for day in range(30):
        for place in range(4):
            person = f"person{(day * 4 + place) % 23:02d}@contoso.com"
            tenant.add(person, "Delivered", tenant.ago(day + place / 5 + 0.05))
    tenant.remediated("quiet@contoso.com", 4)
    for action in UNKNOWN:
        tenant.add("person01@contoso.com", action, tenant.ago(3))
    tenant.add("person02@contoso.com", "Moved to quarantine", tenant.ago(2))


def _flagged(tenant: Mail) -> None:
    tenant.remediated("at.threshold@contoso.com", 10)
    for row in tenant.remediated("just.above@contoso.com", 11):
        tenant.acted(row, "Manual remediation")
    rows = tenant.remediated("finance@contoso.com", 57)
    for place, row in enumerate(rows):
        kind = "Phish ZAP" if place % 3 else "Automated Remediation"
        tenant.acted(row, kind, "Error" if place % 19 == 0 else "Success")
    for place in range(14):
        spelling = ("Mixed.Case@Contoso.com", "mixed.case@contoso.com", "MIXED.CASE@CONTOSO.COM")[place % 3]
        action = (HARD, "hard delete", "SOFT DELETE", JUNK)[place % 4]
        tenant.add(spelling, action, tenant.ago(tenant.chance.uniform(0.2, 20)))
    shared = [tenant.message_id() for _ in range(12)]
    for message in shared:  # one message, many recipients: a row and a state of its own for each
        time, subject = tenant.ago(tenant.chance.uniform(1, 9)), f"Team news {message[:4]}"
        for place in range(5):
            tenant.add(
                f"team{place}@contoso.com", JUNK if place < 3 else "Delivered", time, message=message, subject=subject
            )


def _hostile(tenant: Mail) -> None:
    for place, subject in enumerate(HOSTILE_SUBJECTS):
        tenant.add("hostile@contoso.com", COUNTED[place % 4], tenant.ago(1 + place), subject=subject)
    long = "Long " + "\U0001f4e7" * 300
    tenant.add("o'brien+it@contoso.com", HARD, tenant.ago(2), subject=long)
    tenant.remediated("o'brien+it@contoso.com", 11)


def _restreamed(tenant: Mail) -> None:
    for place in range(12):  # delivered, junked, then purged: one message each, not three
        message, first = tenant.message_id(), tenant.ago(5 + place)
        how = ("Delivered", JUNK, HARD)
        for version, action in enumerate(how):
            later = first + timedelta(hours=version)
            # The later row's TimeGenerated may be its own or the first one's.
            generated = later if place % 2 else first
            state = later if place % 3 or generated == first else None
            row = tenant.add(
                "restreamed@contoso.com", action, generated, message=message, subject=f"Parcel {place}",
                delivered=first, state=state, version=version + 1,
            )  # fmt: skip
        tenant.acted(row, "Malware ZAP")
    for place in range(15):  # purged, then given back: not remediated any more
        message, first = tenant.message_id(), tenant.ago(4 + place / 2)
        tenant.add("released@contoso.com", SOFT, first, message=message, state=first)
        tenant.add(
            "released@contoso.com", "Redelivery", first + timedelta(hours=2), message=message, delivered=first,
            state=first + timedelta(hours=3), version=2,
        )  # fmt: skip
    for place in range(11):  # the newest row says nothing: the one before it counts
        message, first = tenant.message_id(), tenant.ago(3 + place)
        tenant.add("unfilled@contoso.com", DELETED, first, message=message)
        tenant.add("unfilled@contoso.com", "", first + timedelta(minutes=24), message=message, version=2)
    for place in range(13):  # delivered before the window, re-streamed within it; the clock of the state runs behind
        row_time = tenant.ago(1 + place)
        tenant.add(
            "latecomer@contoso.com",
            HARD,
            row_time,
            delivered=tenant.ago(45 + place),
            state=row_time - timedelta(minutes=5),
        )
    for row in tenant.remediated("twice@contoso.com", 9, days=10):  # byte for byte the same row again
        tenant.events.append(dict(row))


def _left_out(tenant: Mail) -> None:
    for recipient in ("", None):
        for place in range(6):
            tenant.add(recipient, HARD, tenant.ago(place + 1))
    for place in range(14):
        tenant.add("yesteryear@contoso.com", HARD, tenant.ago(31 + place))


def write(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """The rows as NDJSON, without what is null."""
    lines = (
        json.dumps({name: value for name, value in row.items() if value is not None}, ensure_ascii=False)
        for row in rows
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def crowd(now: datetime, *, recipients: int, messages: int, seed: int = 1) -> Iterator[Row]:
    """Rows of many recipients with so many remediated messages each, newest last; only the columns the hunt reads."""
    tenant = Mail(now, seed)
    for place in range(recipients * messages):
        yield {
            "TimeGenerated": stamp(now - timedelta(seconds=30 * (recipients * messages - place) % 2_000_000)),
            "Timestamp": stamp(now - timedelta(seconds=30 * (recipients * messages - place) % 2_000_000)),
            "NetworkMessageId": tenant.message_id(),
            "RecipientEmailAddress": f"user{place % recipients:06d}@contoso.com",
            "Subject": f"Statement {place}",
            "LatestDeliveryAction": COUNTED[place % 4],
        }


if __name__ == "__main__":  # writes tests/data/sample_tenant.ndjson anew
    write(sample(SAMPLE_NOW).events, SAMPLE)
