"""What an incident says to whoever opens it beside its numbers: what to do next, how to judge it, a query, the rule."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.incidents.terms import Terms
from shared.model import RULE_ID, RULE_NAME, RULE_TACTIC, RULE_TECHNIQUE, Remedy
from shared.text import ordinary

HYPOTHESIS = (
    "Adversaries may use Explorer to list email remediation actions as part of exfiltration or data manipulation "
    "tactics. SOC teams should proactively hunt for this behavior in Azure Sentinel to identify potential unauthorized "
    "access and data compromise attempts."
)
_STATE = 'coalesce(column_ifexists("LastEventExecutionTime", TimeGenerated), TimeGenerated)'


def advice(terms: Terms) -> list[str]:
    """What to do next, how to judge a false positive, and what closing the incident means."""
    again, benign = terms.threshold, terms.benign_factor * terms.threshold
    closing = (
        f"Closed as benign or false positive, it is raised again after more than {benign:,} new messages; after any "
        f"other closing, more than {again:,}."
    )
    return [
        "What to do next:",
        "1. Open the messages by their id (Defender, Explorer): what were they, and who else got them?",
        "2. Who remediated them: your team, automation, or an account that should not (EmailPostDeliveryEvents)?",
        "3. Check this user since the first message: clicks (UrlClickEvents), replies, sign-ins, new inbox rules.",
        "4. If the user was reached: revoke sessions, reset the password, block sender and URLs, remove all copies.",
        "",
        "A false positive, when:",
        "- your team or a vendor cleaned up, tested or ran a phishing simulation, and says so;",
        "- it is bulk mail or spam purged by the service, and nobody clicked;",
        "- the mailbox (shared, ticketing) always gets this much: exclude it until a date, or raise the threshold.",
        "",
        closing,
    ]


def query(recipient: str, terms: Terms) -> list[str]:
    """The KQL that shows the recipient's remediated messages again, in a code block. It holds no untrusted text."""
    return query_shown(query_lines(recipient, terms), see_again(terms))


def see_again(terms: Terms, url: str = "") -> str:
    """The line before the query, with a link that opens it where there is one."""
    place = "Logs" if terms.hunt_source == "sentinel" else "Advanced hunting"
    if not url:
        return f"See it again ({place}):"
    return f"[See it again in {place}]({url}). If the link does not open, paste the query:"


def query_shown(kql: Sequence[str], first: str) -> list[str]:
    """A query in a code block, after a line that says what it is."""
    return [first, "```kql", *kql, "```"]


def query_lines(recipient: str, terms: Terms) -> list[str]:
    """The KQL that shows the recipient's remediated messages again, line by line."""
    window = terms.window
    sentinel = terms.hunt_source == "sentinel"
    time = "TimeGenerated" if sentinel else "Timestamp"
    if ordinary(recipient):
        whose = f'RecipientEmailAddress =~ "{recipient}"'
    else:  # a hash is as exact as the address, and nothing in it can be mistaken for KQL or markup
        digest = hashlib.sha256(recipient.encode("utf-8", "replace")).hexdigest()
        whose = f'hash_sha256(tolower(RecipientEmailAddress)) == "{digest}"'
    lines = [
        "EmailEvents",
        f"| where {time} between (datetime({stamp(window.start)}) .. datetime({stamp(window.end)}))",
        f"| where {whose}",
    ]
    if terms.deduplicate:
        lines += [
            "| where isnotempty(LatestDeliveryAction)",
            f"| summarize arg_max({_STATE if sentinel else time}, *) by NetworkMessageId",
        ]
    actions = ", ".join(f'"{remedy.value}"' for remedy in Remedy)
    return [
        *lines,
        f"| where LatestDeliveryAction in~ ({actions})",
        f"| project {time}, LatestDeliveryAction, SenderFromAddress, Subject, ThreatTypes, NetworkMessageId",
        f"| order by {time} desc",
    ]


def rule() -> list[str]:
    """The published rule behind the sweep: name, id, tactic, technique, then its hypothesis."""
    return [
        f"Rule: {RULE_NAME} ({RULE_ID}), tactic {RULE_TACTIC}, technique {RULE_TECHNIQUE}.",
        f"Hypothesis: {HYPOTHESIS}",
    ]


def stamp(moment: datetime) -> str:
    """A time for machines: ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
