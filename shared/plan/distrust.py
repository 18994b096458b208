"""A reason not to trust "nothing found", in words: what is wrong with the data, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.model.coverage import Coverage, Witness
from shared.plan.slots import Doubt

LOOK_FURTHER = timedelta(days=90)  # how far back the last row is looked for
MOST_NAMED = 5  # words


@dataclass(frozen=True, slots=True)
class TrustOptions:
    """What the judgement depends on beside the figures.

    `accepted_since`: an operator accepted a lasting change; slots that begin before this UTC day are no measure.
    """

    source: str
    lookback_days: int
    max_data_age_hours: int
    accepted_since: date | None = None


@dataclass(frozen=True, slots=True)
class Distrust:
    """One reason not to trust "nothing found". `cause` is its stable id; `words` says why; `check` what to look at."""

    cause: str
    words: str
    check: str

    def __str__(self) -> str:
        return f"{self.words}. {self.check}"


def empty(coverage: Coverage, options: TrustOptions, now: datetime) -> Distrust:
    """No row in the window."""
    words = f"EmailEvents holds no row of the last {options.lookback_days} days"
    if coverage.last_rows is not None:
        words += f"; its last row is of {_stamp(coverage.last_rows)}, {(now - coverage.last_rows).days} days ago"
    elif LOOK_FURTHER.days > options.lookback_days and options.source == "sentinel":
        words += f", nor of the last {LOOK_FURTHER.days}"
    return Distrust("coverage_empty", words, _connector(options))


def stale(newest: datetime | None, limit: float, options: TrustOptions, now: datetime) -> Distrust:
    """The newest row is older than `limit` hours, or has no time."""
    since = "has no time"
    if newest is not None:
        setting = options.max_data_age_hours
        hours = (now - newest) // timedelta(hours=1)
        usual = f"; {limit:,.0f} are usual here" if limit > setting else ""
        since = f"is of {_stamp(newest)}, {hours:,} hours ago (MAX_DATA_AGE_HOURS is {setting}{usual})"
    return Distrust("coverage_stale", f"the newest row of EmailEvents {since}", _connector(options))


def doubted(doubt: Doubt, options: TrustOptions) -> Distrust:
    """What is wrong in the newest slots."""
    part = f"{doubt.seen / max(doubt.messages, 1):.1%} of the {doubt.messages:,} messages of {_last(len(doubt.pool))}"
    usual = "" if doubt.usual is None else f"; {doubt.usual:.1%} are usual"
    match doubt.cause:
        case "coverage_fallen":
            words, check = (
                _fallen(doubt),
                f"Check whether that is a holiday; if not, the mail flow. {_connector(options)}",
            )
        case "coverage_unknown_actions":
            words, check = f"{part} have only actions that the sweep does not know", _NEW_WORDS
        case "coverage_removals_fallen":
            words = f"{part} were removed{usual}: later states of the messages may no longer arrive"
            check = _other_source(options)
        case "coverage_unattributable":
            words, check = f"{part} have no recipient or no message id{usual}", _other_source(options)
        case _:
            words = f"{part} say what became of the mail (LatestDeliveryAction){usual}"
            check = _other_source(options)
    return Distrust(doubt.cause, words, check)


def suspicious(rows_by_word: Mapping[str, int]) -> Distrust:
    """Words that look like a removal, and that the sweep does not know."""
    rows = (
        f"{sum(rows_by_word.values()):,} rows have an action that looks like a removal and that the sweep does not know"
    )
    return Distrust("coverage_unknown_actions", f"{rows}: {words_with_rows(rows_by_word)}", _NEW_WORDS)


def contradicted(witness: Witness, options: TrustOptions) -> Distrust:
    """The second witness saw removals that EmailEvents does not show."""
    words = (
        f"EmailPostDeliveryEvents shows {witness.seen:,} removals of messages that EmailEvents has; EmailEvents shows"
        f" {witness.shown:,} of them as removed"
    )
    return Distrust("coverage_contradicted", words, _other_source(options))


def words_with_rows(rows_by_word: Mapping[str, int]) -> str:
    """The most frequent words with their rows."""
    most = sorted(rows_by_word.items(), key=lambda item: (-item[1], item[0]))[:MOST_NAMED]
    return ", ".join(f"{word} ({rows:,})" for word, rows in most)


_NEW_WORDS = (
    "List the actions with the query in docs/hunt.md. If one of them is a removal, the sweep misses it: report the word"
    " to the project, and hunt by hand until it is counted"
)


def _fallen(doubt: Doubt) -> str:
    where = f"on a {doubt.pool[0].start:%A}" if len(doubt.pool) == 1 else f"in {len(doubt.pool)} days"
    return (
        f"{_last(len(doubt.pool))} brought {doubt.seen:,} messages, under a third of the {doubt.usual:,.0f} that are"
        f" usual {where}"
    )


def _connector(options: TrustOptions) -> str:
    if options.source == "defender":
        return "Check in Advanced hunting whether EmailEvents has rows, and that Defender for Office 365 is licensed"
    return (
        "Check that the workspace's Microsoft Defender XDR connector still sends EmailEvents, and that"
        " SENTINEL_WORKSPACE_ID is the right workspace"
    )


def _other_source(options: TrustOptions) -> str:
    compare = "Compare the same messages in Advanced hunting"
    if options.source == "defender":
        return "Compare the same messages in Explorer, and ask Microsoft if they differ"
    return f"{compare}: where they are complete there, set HUNT_SOURCE=defender"


def _last(days: int) -> str:
    return "the last 24 hours" if days == 1 else f"the last {days} days"


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
