"""One sweep at a time: who gets the lease, who waits, who leaves, and who notices that it is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.clock import SystemClock
from shared.ledger import LeaseRow, Ledger, LedgerConflict, LedgerError, LedgerUnavailable
from shared.ledger.lease import LONGEST, OVERTIME, Held, LeaseLost, LeaseNotFree, claim
from shared.ledger.rows import pack
from tests.support.clock import FakeClock
from tests.support.ledger_samples import NOW
from tests.support.ledgers import LedgerPlace, SqlitePlace

SHORT = 1.5  # seconds: real leases in these tests, renewed every half second


class Cut:
    """A ledger that can be cut off: every verb then raises LedgerUnavailable. Counts what it is asked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.off = False
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        if self.off:
            raise LedgerUnavailable("cut off")
        return getattr(self._ledger, name)


@pytest.fixture
def hold() -> Iterator[Callable[..., Held | None]]:
    """Claims as `claim` does; gives back, when the test is over, what was got."""
    got: list[Held] = []

    def claimed(*args: Any) -> Held | None:
        held = claim(*args)
        if held is not None:
            got.append(held)
        return held

    yield claimed
    for held in got:
        held.release()


Hold = Callable[..., Held | None]


def _held(found: Held | None) -> Held:
    """What was claimed, which must have been got."""
    assert found is not None
    return found


def test_a_free_lease_is_got_and_given_back(place: LedgerPlace, hold: Hold) -> None:
    """A free lease is got at once, is there while it is held, and is free again at once when given back."""
    clock = FakeClock()
    ledger = place.open()
    mine = _held(hold(ledger, 60, clock, "me"))
    assert mine.holder == "me"
    row = place.open().lease()
    assert row is not None
    assert (row.holder, row.seconds) == ("me", 60)
    mine.check()
    mine.prove()
    mine.release()
    assert place.open().lease() is None
    _held(hold(place.open(), 60, clock, "next"))
    assert clock.slept == 0


def test_of_many_at_once_one_works(place: LedgerPlace, hold: Hold) -> None:
    """Of several sweeps that start at once exactly one gets the lease; the others leave when they see it live."""
    found: list[Held | None] = []
    ready = threading.Barrier(4)

    def run(name: str) -> None:
        ledger = place.open()
        ready.wait()
        found.append(hold(ledger, SHORT, SystemClock(), name))

    threads = [threading.Thread(target=run, args=(f"sweep {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    (winner,) = (each for each in found if each is not None)
    winner.prove()
    row = place.open().lease()
    assert row is not None
    assert row.holder == winner.holder


def test_a_living_holder_is_left_alone(place: LedgerPlace, hold: Hold) -> None:
    """A sweep that finds a lease which is renewed leaves, without waiting to its end."""
    _held(hold(place.open(), SHORT, SystemClock(), "first"))
    began = time.monotonic()
    assert hold(place.open(), SHORT, SystemClock(), "second") is None
    assert time.monotonic() - began < 10


def test_a_lease_is_renewed_while_it_is_held(place: LedgerPlace, hold: Hold) -> None:
    """A sweep longer than its lease keeps it: the row changes in the background every third of its length."""
    mine = _held(hold(place.open(), SHORT, SystemClock(), "me"))
    seen: list[LeaseRow] = []
    reader = place.open()
    end = time.monotonic() + 2.5 * SHORT
    while time.monotonic() < end:
        row = reader.lease()
        assert row is not None
        seen.append(row)
        mine.check()
        time.sleep(0.05)
    assert len({row.version for row in seen}) >= 4
    assert {row.holder for row in seen} == {"me"}


def test_a_dead_holder_is_waited_out(place: LedgerPlace, hold: Hold) -> None:
    """A lease that nobody renews is taken over after its length, not before; of two that wait one gets it."""
    place.open().take(None, "dead", SHORT)
    began = time.monotonic()
    found: list[tuple[Held | None, float]] = []

    def run(name: str) -> None:
        found.append((hold(place.open(), SHORT, SystemClock(), name), time.monotonic()))

    threads = [threading.Thread(target=run, args=(f"sweep {number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (each for each in found if each[0] is not None)
    assert winner[1] - began >= SHORT


@pytest.mark.parametrize(("mine", "theirs", "waits"), [(60, 300, 300), (300, 60, 300), (60, 1e9, LONGEST)])
def test_the_longer_of_both_lengths_is_waited(
    place: LedgerPlace, hold: Hold, mine: float, theirs: float, waits: float
) -> None:
    """A dead holder's lease is watched for its length, or for the own when that is longer; never longer than any is."""
    place.open().take(None, "dead", theirs)
    clock = FakeClock()
    _held(hold(place.open(), mine, clock, "next"))
    assert clock.slept == pytest.approx(waits)


class Shifted(SystemClock):
    """The machine's clock with its wall clock set wrong."""

    def __init__(self, **amount: float) -> None:
        self._wrong = timedelta(**amount)

    def now(self) -> datetime:
        """The wrong time."""
        return super().now() + self._wrong


@pytest.mark.parametrize("hours", [2, -2])
def test_clocks_that_disagree_change_nothing(place: LedgerPlace, hold: Hold, hours: float) -> None:
    """With wall clocks two hours apart, either way, a living holder is left alone and a dead one is waited out."""
    mine = _held(hold(place.open(), SHORT, SystemClock(), "first"))
    assert hold(place.open(), SHORT, Shifted(hours=hours), "second") is None
    mine.prove()
    mine.release()
    place.open().take(None, "dead", SHORT)
    began = time.monotonic()
    _held(hold(place.open(), SHORT, Shifted(hours=hours), "third"))
    assert SHORT <= time.monotonic() - began < SHORT + 5


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_wall_clock_that_is_set_meanwhile_changes_nothing(place: LedgerPlace, hold: Hold, step: timedelta) -> None:
    """A wall clock that jumps while a sweep waits, or while it holds the lease, neither shortens nor lengthens it."""
    place.open().take(None, "dead", 60)
    clock = Waking(lambda: clock.jump(seconds=step.total_seconds()))
    mine = _held(hold(place.open(), 60, clock, "next"))
    assert clock.slept == pytest.approx(60)
    before = place.open().lease()
    clock.jump(seconds=step.total_seconds())
    mine.check()
    assert place.open().lease() == before


def test_a_killed_holder_is_waited_out(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """A process that is killed while it holds the lease leaves it behind, and the next but one takes it over."""
    process = _claiming(sqlite_place, "import time; time.sleep(600)")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert hold(sqlite_place.open(), SHORT, SystemClock(), "second") is None
    finally:
        process.kill()
        process.communicate()
    began = time.monotonic()
    mine = _held(hold(sqlite_place.open(), SHORT, SystemClock(), "third"))
    assert time.monotonic() - began <= SHORT + 5
    mine.prove()


def test_a_lease_keeps_no_process_alive(sqlite_place: SqlitePlace) -> None:
    """A process that ends without giving its lease back ends all the same."""
    process = _claiming(sqlite_place, "pass", seconds=600)
    assert process.communicate(timeout=30)[0] == "held\n"
    assert process.returncode == 0


def _claiming(place: SqlitePlace, then: str, seconds: float = SHORT) -> subprocess.Popen[str]:
    program = (
        "import sys; from shared.ledger import SqliteLedger; from shared.ledger.lease import claim;"
        "from shared.clock import SystemClock; from tests.support.ledger_samples import WORKSPACE;"
        f"held = claim(SqliteLedger(sys.argv[1], WORKSPACE), {seconds}, SystemClock(), 'first');"
        f"print('held' if held else 'none', flush=True); {then}"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(place.path)], stdout=subprocess.PIPE, text=True)


class Waking(FakeClock):
    """A fake clock that does something the first time somebody sleeps."""

    def __init__(self, wake: Callable[[], object]) -> None:
        super().__init__()
        self._wake: Callable[[], object] | None = wake

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        super().sleep(seconds)
        if self._wake:
            self._wake()
            self._wake = None


def test_a_holder_that_ends_while_we_wait_was_alive(place: LedgerPlace, hold: Hold) -> None:
    """A lease given back while another waits for it has been a living sweep's: the other leaves."""
    first = place.open()
    row = first.take(None, "first", 60)
    clock = Waking(lambda: first.release(row))
    assert hold(place.open(), 60, clock, "second") is None
    assert clock.slept < 60
    assert first.lease() is None


@pytest.mark.parametrize("expires", [NOW - timedelta(days=1), NOW + timedelta(seconds=30), NOW + timedelta(days=365)])
def test_a_lease_of_the_first_form_is_waited_out(place: LedgerPlace, hold: Hold, expires: datetime) -> None:
    """A row that says when it expires, and no length, is watched for the own length, whatever it says."""
    place.open().take(None, "me", 60)
    place.overwrite("a.lease", first_form(expires))
    clock = FakeClock()
    mine = _held(hold(place.open(), 60, clock, "next"))
    assert clock.slept == pytest.approx(60)
    mine.prove()
    row = place.open().lease()
    assert row is not None
    assert (row.holder, row.seconds) == ("next", 60)


def test_a_living_holder_of_the_first_form_is_left_alone(place: LedgerPlace, hold: Hold) -> None:
    """A sweep of an earlier version that renews its lease meanwhile is seen to live."""
    place.open().take(None, "me", 60)
    place.overwrite("a.lease", first_form(NOW - timedelta(days=1)))
    clock = Waking(lambda: place.overwrite("a.lease", first_form(NOW - timedelta(days=1))))
    assert hold(place.open(), 60, clock, "next") is None


def first_form(expires: datetime) -> bytes:
    """A lease's row as the first version wrote it."""
    return pack("lease", {"holder": "an earlier version", "expires": expires})


def test_a_damaged_lease_is_waited_out(place: LedgerPlace, hold: Hold) -> None:
    """A lease that cannot be read holds nobody up for longer than the own one."""
    place.open().take(None, "me", 600)
    place.overwrite("a.lease", b"garbage")
    clock = FakeClock()
    _held(hold(place.open(), 60, clock, "next"))
    assert clock.slept == pytest.approx(60)


def test_each_renewal_changes_the_version(place: LedgerPlace) -> None:
    """Renewals that follow at once, by the same holder and for the same length, all have versions of their own."""
    ledger, reader = place.open(), place.open()
    row = ledger.take(None, "me", 60)
    seen = [row.version]
    for number in range(1, 20):
        row = ledger.take(row, "me", 60)
        assert reader.lease() == row
        assert row.renewals == number
        seen.append(row.version)
    assert len(set(seen)) == len(seen)


def test_a_waiting_sweep_says_so(place: LedgerPlace, hold: Hold, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever waits logs for whom and for how long; who need not wait logs nothing."""
    caplog.set_level("INFO", logger="sweep.lease")
    _held(hold(place.open(), 60, FakeClock(), "first")).release()
    assert "lease_waiting" not in caplog.text
    place.open().take(None, "dead", 90)
    _held(hold(place.open(), 60, FakeClock(), "next"))
    assert caplog.text.count("lease_waiting holder=dead seconds=90") == 1


def test_waiting_ends_with_the_budget(place: LedgerPlace, hold: Hold) -> None:
    """When the budget ends first the claim fails and says what to set; the row stays as it was."""
    row = place.open().take(None, "dead", 600)
    clock = FakeClock()
    with pytest.raises(LeaseNotFree, match=r"watched for 600 seconds .* SWEEP_BUDGET_SECONDS"):
        hold(place.open(), 60, clock, "next", 100.0)
    assert clock.slept == pytest.approx(100)
    assert place.open().lease() == row


def test_a_living_holder_is_seen_within_the_budget(place: LedgerPlace, hold: Hold) -> None:
    """A holder that renews before the budget ends is alive: the other leaves, and fails nothing."""
    first = place.open()
    row = first.take(None, "first", 600)
    clock = Waking(lambda: first.take(row, "first", 600))
    assert hold(place.open(), 60, clock, "next", 100.0) is None


def test_a_hung_sweep_lets_its_lease_go(place: LedgerPlace, hold: Hold) -> None:
    """Five minutes after its budget a sweep renews its lease no more, neither in the background nor for an effect."""
    clock = FakeClock()
    mine = _held(hold(place.open(), 60, clock, "me", 100.0))
    clock.advance(seconds=100 + OVERTIME)
    mine.prove()
    clock.advance(seconds=31)
    row = place.open().lease()
    for ask in (mine.prove, mine.check):
        with pytest.raises(LeaseLost, match="over its budget"):
            ask()
    assert place.open().lease() == row
    other = FakeClock()
    _held(hold(place.open(), 60, other, "next"))
    assert other.slept == pytest.approx(60)


def test_a_hung_sweep_is_taken_over(place: LedgerPlace, hold: Hold) -> None:
    """The background renewal of a sweep that hangs ends, and another sweep gets the lease after its length."""
    _held(hold(place.open(), SHORT, SystemClock(), "hung", time.monotonic() - OVERTIME + 2 * SHORT))
    assert hold(place.open(), SHORT, SystemClock(), "second") is None
    assert _ends("lease", 2 * SHORT + 5)
    _held(hold(place.open(), SHORT, SystemClock(), "third")).prove()


class Slow:
    """A ledger that takes `seconds` for each write of the lease."""

    def __init__(self, ledger: Ledger, clock: FakeClock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.seconds = 0.0

    def take(self, seen: LeaseRow | None, holder: str, seconds: float) -> LeaseRow:
        """See the port."""
        self._clock.advance(seconds=self.seconds)
        return self._ledger.take(seen, holder, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_a_renewal_that_takes_too_long_proves_nothing(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """What counts is when the renewal began: one that took more than half the lease lets no effect begin."""
    clock = FakeClock()
    ledger = Slow(sqlite_place.open(), clock)
    mine = _held(hold(ledger, 60, clock, "me"))
    ledger.seconds = 29
    mine.prove()
    mine.check()
    ledger.seconds = 31
    for ask in (mine.prove, mine.check):
        with pytest.raises(LeaseLost, match="LEASE_SECONDS"):
            ask()
    ledger.seconds = 0
    mine.check()


def test_a_lost_lease_is_noticed(place: LedgerPlace, hold: Hold) -> None:
    """When another has taken over, proving says so, checking says so from then on, and releasing leaves it alone."""
    clock = FakeClock()
    mine = _held(hold(place.open(), 60, clock, "me"))
    other = place.open()
    taken = other.take(other.lease(), "other", 60)
    mine.check()  # from memory: within half its time it need not ask
    with pytest.raises(LeaseLost, match="another sweep"):
        mine.prove()
    with pytest.raises(LeaseLost):
        mine.check()
    with pytest.raises(LeaseLost):
        mine.prove()
    mine.release()
    assert other.lease() == taken


def test_the_background_notices_a_lost_lease(place: LedgerPlace, hold: Hold) -> None:
    """When another has taken over, checking from memory says so after the next renewal, and the thread ends."""
    mine = _held(hold(place.open(), SHORT, SystemClock(), "me"))
    other = place.open()
    while True:
        try:
            other.take(other.lease(), "other", 60)
            break
        except LedgerConflict:
            continue  # it was just renewed
    assert _ends("lease")
    with pytest.raises(LeaseLost, match="another sweep"):
        mine.check()


def test_checking_asks_nothing(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """Checking a fresh lease asks the ledger nothing; proving writes once."""
    ledger = Cut(sqlite_place.open())
    mine = _held(hold(ledger, 600, FakeClock(), "me"))
    asked = ledger.asked
    for _ in range(100):
        mine.check()
    assert ledger.asked == asked
    mine.prove()
    assert ledger.asked == asked + 1


def test_after_half_its_length_a_lease_is_proved(place: LedgerPlace, hold: Hold) -> None:
    """Half a lease after its last renewal an effect needs another one: ours if nobody took it, and only then."""
    clock = FakeClock()
    mine = _held(hold(place.open(), 60, clock, "me"))
    first = place.open().lease()
    clock.advance(seconds=30)
    mine.check()
    assert place.open().lease() == first
    clock.advance(seconds=1)
    mine.check()
    renewed = place.open().lease()
    assert first is not None
    assert renewed is not None
    assert (renewed.holder, renewed.renewals) == ("me", first.renewals + 1)
    clock.advance(seconds=31)
    other = place.open()
    other.take(other.lease(), "other", 60)
    with pytest.raises(LeaseLost):
        mine.check()


def test_many_workers_renew_once(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """Workers that find the lease in its second half at once renew it once between them."""
    ledger = Cut(sqlite_place.open())
    clock = FakeClock()
    mine = _held(hold(ledger, 600, clock, "me"))
    clock.advance(seconds=301)
    asked = ledger.asked
    threads = [threading.Thread(target=mine.check) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.asked == asked + 1


def test_a_ledger_that_is_away_for_a_moment_does_no_harm(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """Renewals that fail are tried again; the lease holds while it lasts, and after the ledger is back."""
    ledger = Cut(sqlite_place.open())
    mine = _held(hold(ledger, 2 * SHORT, SystemClock(), "me"))
    ledger.off = True
    asked = ledger.asked
    while ledger.asked < asked + 2:
        mine.check()
        time.sleep(0.02)
    ledger.off = False
    before = sqlite_place.open().lease()
    assert before is not None
    for _ in range(200):
        mine.check()
        time.sleep(0.05)
        after = sqlite_place.open().lease()
        assert after is not None
        if after.version != before.version:
            return
    pytest.fail("the lease was not renewed after the ledger was back")


def test_a_ledger_that_stays_away_stops_the_sweep(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """In the lease's second half nothing more may be sent while the ledger does not answer; proving fails at once."""
    ledger = Cut(sqlite_place.open())
    clock = FakeClock()
    mine = _held(hold(ledger, 60, clock, "me"))
    ledger.off = True
    mine.check()
    with pytest.raises(LedgerUnavailable):
        mine.prove()
    mine.check()
    clock.advance(seconds=30)
    mine.check()
    clock.advance(seconds=1)
    with pytest.raises(LeaseLost, match="next sweep goes on"):
        mine.check()
    ledger.off = False
    mine.check()


def test_releasing_raises_nothing(sqlite_place: SqlitePlace, hold: Hold, caplog: pytest.LogCaptureFixture) -> None:
    """Giving back never hides how a sweep ended: without a ledger it is logged, and the next sweep waits."""
    ledger = Cut(sqlite_place.open())
    mine = _held(hold(ledger, 60, FakeClock(), "me"))
    ledger.off = True
    mine.release()
    mine.release()
    assert "lease_not_released" in caplog.text
    with pytest.raises(LeaseLost):
        mine.prove()


def test_the_thread_ends_with_the_lease(place: LedgerPlace, hold: Hold) -> None:
    """After giving back no thread renews anything."""
    mine = _held(hold(place.open(), 600, SystemClock(), "me"))
    mine.release()
    assert _ends("lease")
    assert place.open().lease() is None


def test_no_lease_without_a_ledger(sqlite_place: SqlitePlace) -> None:
    """A ledger that does not answer, or may only be read, gives no lease: the claim fails as the ledger does."""
    ledger = Cut(sqlite_place.open())
    ledger.off = True
    with pytest.raises(LedgerUnavailable):
        claim(ledger, 60, FakeClock(), "me")
    with pytest.raises(LedgerError, match="read only"):
        claim(sqlite_place.open(read_only=True), 60, FakeClock(), "me")
    assert not sqlite_place.exists()


def _ends(name: str, seconds: float = 5) -> bool:
    """Whether no thread of this name is left, within so many seconds."""
    for _ in range(int(seconds * 20)):
        if not [thread for thread in threading.enumerate() if thread.name == name]:
            return True
        time.sleep(0.05)
    return False
