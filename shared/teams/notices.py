"""What a card says about the sweep itself: what happened, what that means for on-call, what to do, where to read on."""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.model import Verdict
from shared.teams.alert import Notice, Situation
from shared.text import link, when

_RUNBOOK_PAGE = "docs/operate.md"

NOTICES: dict[Notice, tuple[str, str, str]] = {
    Notice.FAILED: (
        "Sweep failed: nothing was checked",
        "Until a sweep succeeds, silence is not an all-clear.",
        (
            "Fix the cause named above and run the sweep again, or wait for the next one: it looks back as far, so"
            " nothing is skipped. A service that was only busy or down needs no fix."
        ),
    ),
    Notice.UNTRUSTED: (
        "No all-clear: data not trusted",
        "What was found has been reported. There may be more.",
        (
            "Check what is named above, the data connector first. The next sweep checks again. Until it trusts the"
            " data, do not take silence as an all-clear."
        ),
    ),
    Notice.DUE: (
        "Not everything was delivered",
        "Nothing is lost: what is due is written down, and the next sweep tries again.",
        (
            "Fix the cause named above before the next sweep, or it will fail there too. A service that was only busy"
            " or down needs no fix."
        ),
    ),
    Notice.HEARTBEAT: (
        "All quiet",
        "The sweep runs and had nothing to report. If this card stops coming, something is wrong.",
        "",
    ),
    Notice.NEW_WORD: (
        "A new word in the data",
        (
            "EmailEvents holds an action that looks like a removal and is none of the four that are counted: the"
            " sweep may be missing removals. From five rows on it gives no all-clear."
        ),
        "Look at these messages in Advanced hunting. If they were removed, report the word.",
    ),
}
FIRST_CARD = (
    "The sweep is set up",
    (
        "This is its first card: the way to this channel works. More cards follow when a recipient is over the"
        " threshold, when a sweep fails or its data is not trusted, and now and then when there is nothing to report."
        " If no card comes for long, something is wrong."
    ),
    "",
)
NOT_READ = (
    "Not everything could be looked up",
    (
        "What analysts did since the last sweep may not be known, so this is no all-clear. Nothing is lost: the next"
        " sweep looks it up again."
    ),
    "Fix the cause named above before the next sweep, or it will not know it either.",
)
PROBE = (
    "A card could not be delivered",
    "Teams did not accept a card of this sweep. What was on it follows in smaller parts.",
    "",
)

RUNBOOK_SECTIONS: dict[Notice, str] = {
    Notice.FAILED: "Sweep failed",
    Notice.UNTRUSTED: "No all-clear",
    Notice.DUE: "Not everything was delivered",
    Notice.HEARTBEAT: "All quiet",
    Notice.NEW_WORD: "A new word in the data",
}
"""The heading in the runbook of what each notice is about."""

_DOUBTED = {Verdict.UNTRUSTED: Notice.UNTRUSTED, Verdict.FAILED: Notice.FAILED}


class Opens(NamedTuple):
    """A button: its title, and the URL that it opens, "" for none."""

    title: str
    url: str


def notice(kind: Notice, situation: Situation) -> tuple[str, str, str]:
    """What happened, what that means, what to do ("" for nothing)."""
    heading, meaning, todo = NOTICES[kind]
    if kind is Notice.HEARTBEAT and situation.first:
        return FIRST_CARD
    if kind is Notice.HEARTBEAT:
        heading = _quiet(situation) or heading
        if situation.sweeps and situation.since:
            meaning = f"{situation.sweeps:,} sweeps since {when(situation.since)}. {meaning}"
    elif kind is Notice.DUE:
        if not situation.due:  # what is owed was done; something could not be read
            return NOT_READ
        heading = f"{situation.due:,} not delivered yet"
    return heading, meaning, todo


def _quiet(situation: Situation) -> str:
    """How a heartbeat begins when not all is quiet."""
    if situation.grown:
        what = "incident has" if situation.grown == 1 else "incidents have"
        return f"Nothing to report: {situation.grown:,} open {what} a few new messages"
    return "Nothing new" if situation.standing or situation.held or situation.due else ""


def runbook_section(kind: Notice, situation: Situation) -> str:
    """The runbook's heading for this notice; a ledger's first card has its own, and so has what was not looked up."""
    if kind is Notice.HEARTBEAT and situation.first:
        return FIRST_CARD[0]
    return NOT_READ[0] if kind is Notice.DUE and not situation.due else RUNBOOK_SECTIONS[kind]


def runbook_link(page: str, heading: str) -> str:
    """The section with this heading on the published page, "" when the page is not published."""
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    return link(f"{page}#{anchor}") if page else ""


def read_on(heading: str, situation: Situation) -> str:
    """Where the runbook's section is, for a card that cannot link to it; "" for one that can."""
    return "" if runbook_link(situation.runbook_url, heading) else f"Runbook: {_RUNBOOK_PAGE}, “{heading}”"


def notice_opens(kind: Notice, situation: Situation) -> tuple[Opens, ...]:
    """The buttons of a card about the sweep itself: the runbook's section, this run's log, the workbook, incidents.

    The list of incidents is not offered when nothing was checked: there is nothing new in it.
    """
    about = _about_the_sweep(runbook_section(kind, situation), situation)
    return about if kind is Notice.FAILED else (*about, _incidents(situation))


def digest_opens(situation: Situation) -> tuple[Opens, ...]:
    """The buttons of a card about recipients: the incident list; first those of the notice that it stands for."""
    stands_for = _DOUBTED.get(situation.verdict)
    about = _about_the_sweep(RUNBOOK_SECTIONS[stands_for], situation) if stands_for else ()
    return (*about, _incidents(situation))


def _about_the_sweep(heading: str, situation: Situation) -> tuple[Opens, ...]:
    return (
        Opens("What to do", runbook_link(situation.runbook_url, heading)),
        Opens("Log of this run", situation.run_url),
        Opens("Open workbook", situation.workbook_url),
    )


def _incidents(situation: Situation) -> Opens:
    return Opens("Open incident list", situation.incidents_url)
