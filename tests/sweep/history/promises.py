"""The promises of the sweep as a plain model: it knows the mail and what Sentinel and Teams were sent, no more.

A message is *reported* once it is certainly in an incident, or in a comment that was made while its incident was open;
*maybe* once that is not certain, or when the sweep may take it as reported by its time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.model import MERGED_TAG, Receipt, Severity
from tests.cloud.incidents import Change
from tests.sweep.history.steps import RECIPIENTS, Sweep
from tests.sweep.history.world import EPISODES, NAMES, OWNERS, Upload, World

AUTHOR = "email-remediation-sweep"
SAID = re.compile(r"(\S+@contoso\.com): \d+ \(\w+\)\. ([^.]*)")
UNANSWERED = "Cards about this may have arrived"
NOT_FINDINGS = ("NOT written", "Handed to the analytics rule", "Waiting", "Its incident was deleted")
SOON = timedelta(seconds=10)
AWAITED = timedelta(hours=6)
"""Two periods of the rule, and what the sweeps' clock may jump meanwhile."""


def is_closed(incident: Mapping[str, Any]) -> bool:
    """Whether somebody has closed it; the portal closes what it merges into another one."""
    merged = any(label["labelName"] == MERGED_TAG for label in incident.get("labels", ()))
    return bool(incident["status"] == "Closed") and not merged


class Promises:
    """Call `begin` before each sweep and `check` after it; each broken promise is an AssertionError."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reported: dict[str, set[str]] = {who: set() for who in RECIPIENTS}
        self.maybe: dict[str, set[str]] = {who: set() for who in RECIPIENTS}
        self.ever: dict[str, dict[str, datetime]] = {who: {} for who in RECIPIENTS}
        self.now: dict[str, dict[str, datetime]] = {}
        self.last: dict[str, dict[str, Any]] = {}  # each incident's properties, after its last change
        self.ours: dict[str, str] = {}  # the severity that the sweep set
        self.doubtful: Counter[str] = Counter()
        self.made: dict[str, int] = {}  # in which sweep
        self.named: dict[str, int] = {}  # by recipient, the last sweep that told a finding and was answered
        self.comments: set[str] = set()
        self.benign: set[str] = set()  # those that were ever closed so
        self.unsure: dict[str, set[str]] = {}  # by incident, what a comment said whose answer may have been lost
        self.unread: dict[str, set[str]] = {}  # by incident, what was said on it when it was closed
        self.reopened: set[str] = set()  # in this sweep, perhaps after it has read that one
        self.rows = self.posts = self.uploads = 0
        self.pending: dict[str, Upload] = {}  # by finding, the last row of which no incident is there
        self.window = timedelta()

    def begin(self, step: Sweep) -> None:
        """What the sweep is about to find."""
        self.catch_up(None)
        start = self.world.clock.now()
        self.now = {who: self.world.counted(who, start) for who in RECIPIENTS}
        window = timedelta(days=int(self.world.settings["LOOKBACK_DAYS"]))
        for who in RECIPIENTS:  # what a longer look-back shows for the first time
            self.maybe[who] |= {each for each in self.now[who] if window > self.window} - self.ever[who].keys()
            if self.world.loose:  # what is older than the last change of an incident
                times = [each.time for each in self.world.store.history if OWNERS[self._name(each)][0] == who]
                self.maybe[who] |= {name for name, when in self.now[who].items() if times and when <= max(times)}
        self.window = max(self.window, window) if not self.window else window
        self.world.busy.clear()
        self.reopened.clear()

    def check(self, step: Sweep, receipt: Receipt | None) -> None:
        """What the sweep has done, and whether it may say what it says."""
        hunted = "the hunt fails" not in step.broken
        changed = self.catch_up(step, hunted=hunted)
        if hunted:
            for who, found in self.now.items():
                self.ever[who] |= found
        self._cards()
        if receipt is None:
            return
        assert not any("internal_error" in reason for reason in receipt.reasons), receipt.reasons
        done = receipt.event == "sweep_completed"
        if done:
            assert receipt.due == 0
            late = [name for name, each in self.pending.items() if self._overdue(each)]
            assert not late, f"no incident of {late}, and it is not said to be due"
            self.unsure.clear()
        if done or receipt.event == "sweep_incomplete":
            over = [who for who in RECIPIENTS if len(self.now[who]) > self._threshold()]
            assert receipt.flagged == len(over), (receipt.flagged, over)
        if done and receipt.verdict != "untrusted":
            self._nothing_lost(held=receipt.held)
        if receipt.verdict == "clean":
            assert not changed, f"clean, but it changed {changed}"
            assert sum((receipt.held, receipt.due, receipt.created, receipt.commented, receipt.escalated)) == 0
            self._nothing_lost(held=0, none_open=True)

    # -- what was done -----------------------------------------------------------------------------------------------

    def catch_up(self, step: Sweep | None, *, hunted: bool = False) -> list[str]:
        """Look at every change since the last time; what the sweep changed."""
        changed = []
        for name in self.world.gone.keys() & self.unsure.keys():  # the comment went with its incident: was it made?
            self.reported[OWNERS[name][0]] -= self.unsure[name]
            self.maybe[OWNERS[name][0]] |= self.unsure.pop(name)
        for place in range(self.rows, len(self.world.store.history)):
            change = self.world.store.history[place]
            name, after = self._name(change), change.incident["properties"]
            before = self.last.get(name)
            self.last[name] = after
            if after.get("classification") == "FalsePositive":
                self.benign.add(name)
            if not is_closed(after):  # reopened, what was said on it may be read after all
                self.maybe[OWNERS[name][0]] |= self.unread.pop(name, set())
            if place in self.world.by_analysts:
                if before is not None and is_closed(before) and not is_closed(after):
                    self.reopened.add(name)
                if self.pending.pop(name, None) is not None:  # of two ledgers' rows the rule may have taken either
                    self.ours[name] = after["severity"]
                continue
            changed.append(name)
            if before is not None and name in self.pending:  # made over ARM, the rule having passed over it
                self.pending.pop(name)
                self.ours[name] = after["severity"]
                self._take_in(OWNERS[name][0], hunted=hunted)
                continue
            anew = before is not None and after["createdTimeUtc"] != before["createdTimeUtc"]
            assert not anew or self._blind(step), f"{name} of {OWNERS[name]} was deleted, and made anew"
            if before is None or anew:
                self.world.gone.pop(name, None)
                self._created(name, after, hunted=hunted)
            else:
                self._updated(name, before, after)
        self.rows = len(self.world.store.history)
        changed += self._uploaded(hunted=hunted)
        self._commented()
        return changed

    def _blind(self, step: Sweep | None) -> bool:
        """Whether nothing told a ledger that misses something what there was before."""
        return self.world.stale and (step is None or "history fails" in step.broken)

    def _created(self, name: str, after: Mapping[str, Any], *, hunted: bool) -> None:
        who, episode = OWNERS[name]
        before = self.latest(who, episode)
        assert who not in self._excluded(), f"{who} is excluded"
        if before:
            ended = self.settled(before) or before in self.reopened
            assert ended, f"{before} is open, and {name} was made beside it"
            new = {*self.ever[who], *self.now[who]} - self._certain(who, before)
            assert len(new) > self.needed(before), f"{who}: {len(new)} new messages do not raise episode {episode}"
        self.ours[name] = after["severity"]
        self.made[name] = self.world.sweeps
        self.doubtful[who] = 0
        self._take_in(who, hunted=hunted)
        self.maybe[who] |= self.ever[who].keys()

    def _take_in(self, who: str, *, hunted: bool) -> None:
        """An incident or a row tells all that the hunt has found; of those under the threshold it finds nothing."""
        found = hunted and len(self.now[who]) > self._threshold()
        (self.reported if found else self.maybe)[who].update(self.now[who])

    def _uploaded(self, *, hunted: bool) -> list[str]:
        """What was handed to the rule counts as made, by its first row; a later one tells all that is new by then."""
        changed = []
        for each in self.world.uploads[self.uploads :]:
            name, who = each.finding, OWNERS[each.finding][0]
            if name not in self.last:
                self.last[name] = {"status": "New", "severity": each.severity, "createdTimeUtc": ""}
                self._created(name, self.last[name], hunted=hunted)
            else:
                before = self.pending.get(name)
                again = before is not None and before.attempt == each.attempt  # its answer was lost
                assert again or self.world.loose or before is not None, f"{who}: {name} is there, and handed over anew"
                apart = before is None or each.time.date() != before.time.date()
                assert again or self.world.loose or apart, f"{who}: handed over twice on a day"
                self._take_in(who, hunted=hunted)
            self.pending[name] = each
            self.ours[name] = each.severity
            changed.append(name)
        self.uploads = len(self.world.uploads)
        return changed

    def _overdue(self, what: Upload) -> bool:
        who = OWNERS[what.finding][0]
        rests = who in self._excluded() or len(self.now[who]) <= self._threshold()
        return not rests and self.world.clock.now() - what.time > AWAITED

    def _updated(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        changed = {key for key in after if after[key] != before.get(key)} - {"lastModifiedTimeUtc", "additionalData"}
        assert changed <= {"severity", "labels"}, f"{name}: the sweep changed {changed}"
        if "severity" in changed:
            assert before["status"] != "Closed", name
            assert Severity(after["severity"]).rank > Severity(before["severity"]).rank, name
            assert before["severity"] == self.ours[name], f"{name}: an analyst had set {before['severity']}"
            self.ours[name] = after["severity"]

    def _commented(self) -> None:
        there = {self.world.ours(name): list(comments) for name, comments in self.world.store.comments.items()}
        there |= {name: comments for name, (_, comments) in self.world.gone.items()}
        for name, comments in there.items():
            for comment in comments:
                if comment["name"] not in self.comments and comment["properties"]["author"]["name"] == AUTHOR:
                    self.comments.add(comment["name"])
                    self._one_comment(name, comment["properties"])

    def _one_comment(self, name: str, comment: Mapping[str, Any]) -> None:
        who, _ = OWNERS[name]
        made = datetime.fromisoformat(comment["createdTimeUtc"])
        changes = [each for each in self.world.store.history if each.time >= made and self._name(each) == name]
        ended = [each.time for each in changes if is_closed(each.incident["properties"])]
        known, short = self.ever[who].keys() | self.now[who].keys(), "not listed here" in comment["message"]
        told = {message for message in known if short or message in comment["message"]}
        if ended and ended[0] == changes[0].time:
            self.unread.setdefault(name, set()).update(told)
            return  # nobody may ever read it: its messages stay new
        twice = told & self.reported[who] - self.maybe[who]
        assert self.world.loose or short or not twice, f"{who}: reported twice: {sorted(twice)}"
        soon = bool(ended) and ended[0] < made + SOON
        sure = not soon and name not in self.world.gone and not short
        (self.reported if sure else self.maybe)[who].update(told)
        self.unsure.setdefault(name, set()).update(told)

    # -- what was told -----------------------------------------------------------------------------------------------

    def _cards(self) -> None:
        for post in self.world.posts[self.posts :]:
            for who, what in SAID.findall(post.summary):
                if what.startswith(NOT_FINDINGS):
                    continue
                if post.answered:
                    self.named[who] = post.sweep
                    self.doubtful[who] = 0
                elif not what.startswith(UNANSWERED):
                    self.doubtful[who] += 1
                    assert self.world.loose or self.doubtful[who] <= 3, (
                        f"{who} is on {self.doubtful[who]} unanswered cards"
                    )
        self.posts = len(self.world.posts)

    def all_told(self) -> None:
        """Each incident that the sweep made was on a card that Teams answered for."""
        for name, sweep in self.made.items():
            who, _ = OWNERS[name]
            touched = name in self.world.gone or self.last[name]["status"] != "New"
            told = self.named.get(who, -1) >= sweep
            needless = touched and (self.world.loose or name in self.world.gone)
            # What was only owed, and left the window, goes with the ledger.
            needless = needless or (self.world.loose and name in self.pending)
            assert told or needless, f"{name} of {who} was never told"

    # -- what is still to do -----------------------------------------------------------------------------------------

    def _nothing_lost(self, held: int, *, none_open: bool = False) -> None:
        for who, found in self.now.items():
            last = self.latest(who, EPISODES)
            if len(found) <= self._threshold() or who in self._excluded() or who in self.world.busy:
                continue
            if last is not None and not self.settled(last):
                unseen = self.world.stale and last in self.pending  # another ledger's row is on its way
                assert not none_open or unseen, f"clean, but {last} of {who} is open"
                if last in self.pending:
                    continue  # what came after the row waits for the incident
                left = found.keys() - self.reported[who] - self.maybe[who]
                assert not left, f"{who}: never reported: {sorted(left)}"
                continue
            left = found.keys() - self.reported[who] - self.maybe[who]
            assert held or last is not None, f"{who} is over the threshold and was never raised"
            if last is not None and not held:
                assert len(left) <= self.needed(last, most=True), f"{who}: {len(left)} new messages, and nothing done"

    def _certain(self, who: str, last: str) -> set[str]:
        """What must not raise it again; after a lost ledger only what is older than the end of the last
        incident, with a stale one than its beginning."""
        if not self.world.loose:
            return self.reported[who]
        rows = [each for each in self.world.store.history if self._name(each) == last]
        first = [rows[0].time, *(each.true for each in self.world.uploads if each.finding == last)]
        edge = (
            min(first) if self.world.stale or who in self.world.busy else max(each.closed or each.time for each in rows)
        )
        state = {**self.ever[who], **self.now[who]}
        # What a lost ledger knew is commented on once more; on an incident that is closed by then it stays new.
        again = self.unread.get(last, set())
        return {name for name in self.reported[who] - again if state[name] < edge}

    def latest(self, who: str, before: int) -> str | None:
        """The last incident about somebody of an episode before this one, deleted ones too."""
        names = (NAMES[who, episode] for episode in range(before - 1, -1, -1))
        return next((name for name in names if name in self.last), None)

    def settled(self, name: str) -> bool:
        """Whether an incident is closed or deleted."""
        return name in self.world.gone or is_closed(self.last[name])

    def needed(self, name: str, *, most: bool = False) -> int:
        """How many new messages do not raise it again; `most`: if nobody has noticed that it was deleted."""
        benign = self.last[name].get("classification") == "FalsePositive" and name not in self.world.gone
        benign = benign or (most and name in self.benign)
        return self._threshold() * (int(self.world.settings["BENIGN_REOPEN_FACTOR"]) if benign else 1)

    def _name(self, change: Change) -> str:
        return self.world.ours(change.incident["name"])

    def _threshold(self) -> int:
        return int(self.world.settings["SUM_CASE_THRESHOLD"])

    def _excluded(self) -> tuple[str, ...]:
        who, until = self.world.excluded
        return who if until.date() >= self.world.clock.now().date() else ()
