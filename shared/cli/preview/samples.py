"""The named samples: made-up sweeps, one for each thing that a card or an incident can have to say.

Nobody in them exists: all addresses are of contoso.com and of the example domains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import NAMESPACE_DNS, uuid5

from shared.cli.preview.captured import Preview
from shared.cli.preview.round_sample import round_sample
from shared.cli.preview.staged import NOW, WORKSPACE, Stage, staged, usual_coverage
from shared.errors import Call, Service
from shared.http.statuses import from_status
from shared.model import (
    Campaign,
    Cause,
    Counts,
    Evidence,
    Finding,
    Incident,
    MailGroup,
    Messages,
    Origin,
    OurIncident,
    Record,
    Remedy,
    Seen,
    Severity,
    day_number,
    incident_id,
)
from shared.plan.trust import TrustOptions, judge

_HOUR = timedelta(hours=1)
_BILLING, _PARCEL = "billing@invoices.example.net", "track@parcel.example.org"
_SUBJECTS = ("Invoice {0} is overdue", "Your parcel {0} waits", "Payment reminder {0}", "New voice message ({0})")
_BY_WHOM = "51 by automation, 12 by admins; 1 attempt failed"


def sample_named(name: str) -> Preview:
    """The sample of this name, one of `NAMES`."""
    if name == _ROUND[0]:
        return round_sample(*_ROUND)
    about, stage = _SAMPLES[name]
    return staged(name, about, stage())


def _finding(recipient: str, *numbers: int, subjects: tuple[str, ...] = _SUBJECTS, every: float = 7) -> Finding:
    """So many hard deletes, soft deletes, moves to junk and to deleted items, a message each so many hours."""
    remedies = [remedy for remedy, number in zip(Remedy, numbers, strict=False) for _ in range(number)]
    found = []
    for place, remedy in enumerate(remedies):
        removed = NOW - (place + 1) * every * _HOUR
        subject = subjects[place % len(subjects)].replace("{0}", str(4711 + place))
        message = str(uuid5(NAMESPACE_DNS, f"{recipient}/{place}"))
        found.append(Evidence(message, removed - 3 * _HOUR, subject, remedy, removed, removed))
    return Finding.of(recipient, tuple(found))


def _origin(finding: Finding, sender: str = _BILLING, *, more: int = 0) -> Origin:
    """All but the last `more` messages are of this sender, in groups by subject."""
    main = finding.total - more
    domain, (second, other) = sender.rpartition("@")[2], (_PARCEL, _PARCEL.rpartition("@")[2])
    groups = [MailGroup(sender, domain, "Invoice 4711 is overdue", main)]
    groups += [MailGroup(second, other, "Your parcel 4712 waits", more)] if more else []
    senders = [(group.sender, group.messages) for group in groups]
    domains = [(group.domain, group.messages) for group in groups]
    messages = finding.evidence()
    of = {each.message_id.lower(): sender if place < main else second for place, each in enumerate(messages)}
    threats = (("Phish", main), ("Malware", more)) if more else (("Phish", main),)
    return Origin(tuple(groups), tuple(senders), tuple(domains), threats, (("URL detonation", main),), of)


def _open(finding: Finding, reported: int, *, days: int = 6, number: int = 3177) -> Record:
    """The record of a recipient whose incident is New since so many days, and holds the oldest `reported` messages."""
    name, made = incident_id(WORKSPACE, finding.recipient, 0), NOW - timedelta(days=days)
    title = f"Unusual volume of remediated email: {finding.recipient}"
    severity = Severity.HIGH if reported > 50 else Severity.MEDIUM
    there = Incident(name, "New", severity, number=number, created=made, modified=made, episode=0, title=title)
    known = Messages.of(finding.evidence()[finding.total - reported :])
    seen = {key: Seen(minute, day_number(NOW) - 1) for key, minute in known.times.items()}
    ours = OurIncident(name, 0, severity, made, there)
    counts = finding.counts if reported == finding.total else Counts(reported)
    return Record(finding.recipient, ours, seen, counts=counts, told_at=made, remediators=_BY_WHOM)


def _first() -> Stage:
    one = _finding("finance@contoso.com", 3, 9, 11)
    return Stage((one,), origins={one.recipient: _origin(one, more=7)}, remediators={one.recipient: _BY_WHOM})


def _three() -> Stage:
    kim, finance = _finding("kim.larsen@contoso.com", 41, 19, 2, 1), _finding("finance@contoso.com", 3, 9, 11)
    wei = _finding("li.wei@contoso.com", 0, 14)
    origins = {each.recipient: _origin(each, more=4) for each in (kim, finance, wei)}
    return Stage((kim, finance, wei), origins=origins, remediators={kim.recipient: _BY_WHOM})


def _many(count: int = 90) -> Stage:
    every = tuple(_finding(f"user{place:04}@contoso.com", 12 + 7 * place % 97, place % 5) for place in range(count))
    return Stage(every, origins={each.recipient: _origin(each, more=3) for each in every})


def _campaign(count: int = 9) -> Stage:
    names = ("ana", "bo", "chen", "dina", "emil", "fatou", "goran", "hana", "ivo", "jon", "kaya", "lea", "mo", "nils")
    every = tuple(_finding(f"{name}@contoso.com", 11 + place, place % 4) for place, name in enumerate(names[:count]))
    origins = {each.recipient: _origin(each, more=2) for each in every}
    flagged = tuple(sorted(origins))
    messages = sum(each.total - 2 for each in every)
    one = Campaign(_BILLING, "invoices.example.net", "Invoice 4711 is overdue", 212, flagged, messages)
    return Stage(every, origins=origins, campaigns=(one,))


def _held() -> Stage:
    return replace(_campaign(14), settings={"MAX_NEW_INCIDENTS": "4"})


def _escalation() -> Stage:
    kim = _finding("kim.larsen@contoso.com", 41, 19, 2, 1)
    return Stage(
        (kim,), (_open(kim, 39),), {kim.recipient: _origin(kim, more=9)}, remediators={kim.recipient: _BY_WHOM}
    )


def _grew() -> Stage:
    ana = _finding("ana@contoso.com", 12, 20, 2)
    return Stage((ana,), (_open(ana, 15),), {ana.recipient: _origin(ana, more=9)})


def _reminder() -> Stage:
    old = (_finding("kim.larsen@contoso.com", 41, 19, 2, 1), _finding("li.wei@contoso.com", 0, 14))
    return Stage(old, tuple(_open(each, each.total, days=6, number=3177 + place) for place, each in enumerate(old)))


def _untrusted(stage: Stage | None = None) -> Stage:
    coverage = usual_coverage(NOW - timedelta(hours=31))
    reasons = judge(coverage, TrustOptions("sentinel", 30, 24), NOW).reasons
    doubts = tuple(Cause(each.cause, str(each)) for each in reasons)
    return replace(stage or Stage(), coverage=coverage, doubts=doubts)


def _failed() -> Stage:
    error = from_status(Service.LOG_ANALYTICS, Call.QUERY, 403)
    return Stage(failed=Cause(error.cause, str(error)))


def _due() -> Stage:
    return replace(_three(), failure=from_status(Service.SENTINEL, Call.WRITE, 403))


def _refused() -> Stage:
    body = {"error": {"code": "BadRequest", "message": "The incident's description is not accepted"}}
    return replace(_first(), failure=from_status(Service.SENTINEL, Call.WRITE, 400, body))


def _quiet(card_at_days: int | None) -> Stage:
    return Stage(card_at=None if card_at_days is None else NOW - timedelta(days=card_at_days))


def _hostile() -> Stage:
    subjects = (
        "**Reset** [now](https://evil.example/a?b=c) {{DATE()}}",
        "<img src=x onerror=alert(1)><script>alert(2)</script> &amp; <at>everyone</at>",
        "\u202efdp.eciovni\u202c \u8acb\u6c42\u66f8 \U0001f4b8 \u05ea\u05e9\u05dc\u05d5\u05dd",
        "```kql\n# heading | table | `code` javascript:alert(3)",
        "",
    )
    victim = _finding("x@evil.example](https://evil.example/login)\u202e<img src=x>", 60, 8, subjects=subjects)
    plain = _finding("finance@contoso.com", 0, 12, subjects=subjects)
    sender = "<b>ceo</b>](https://evil.example)@evil.example"
    groups = (MailGroup(sender, "evil.example](https://evil.example)", subjects[1], 12),)
    origin = Origin(groups, ((sender, 12),), ((groups[0].domain, 12),), (("<i>Phish</i>", 12),), (("`x`", 12),))
    flagged = tuple(sorted((victim.recipient, plain.recipient)))
    campaign = Campaign(sender, groups[0].domain, subjects[1], 40, flagged, 24)
    origins = {each.recipient: origin for each in (victim, plain)}
    return Stage((victim, plain), origins=origins, campaigns=(campaign,), settings={"CARD_SUBJECTS": "true"})


_SAMPLES: dict[str, tuple[str, Callable[[], Stage]]] = {
    "first-finding": ("One recipient is over the threshold for the first time.", _first),
    "findings": ("Three recipients are over the threshold, one of them is High.", _three),
    "many": ("Ninety recipients are over the threshold.", _many),
    "campaign": ("One sender and subject reached nine who are over the threshold.", _campaign),
    "escalation": ("A known recipient's volume is High by now: the incident is escalated.", _escalation),
    "grew": ("A known recipient got more than a threshold of new messages.", _grew),
    "reminder": ("Two incidents have been New, without an owner, for six days.", _reminder),
    "held": ("More new incidents than MAX_NEW_INCIDENTS: ten of fourteen are held back.", _held),
    "untrusted": ("Nobody is over the threshold, and the data is too old for an all-clear.", _untrusted),
    "untrusted-finding": ("A finding in data that is not trusted.", lambda: _untrusted(_first())),
    "failed": ("The hunt was not answered.", _failed),
    "due": ("Sentinel takes nothing: all three findings are due.", _due),
    "refused": ("Sentinel refuses one incident for ever, in the short form, too.", _refused),
    "heartbeat": ("Nothing to report for a week.", lambda: _quiet(7)),
    "first-card": ("The first sweep of all, with nothing to report.", lambda: _quiet(None)),
    "hostile": ("A recipient, a sender and subjects that try to be more than text.", _hostile),
}
_ROUND = ("round", "A round over forty-eight workspaces: one has failed, one was given up, one is not trusted.")
NAMES = (*_SAMPLES, _ROUND[0])
