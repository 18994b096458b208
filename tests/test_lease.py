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
from shared.ledger.lease import LONGEST, Held, LeaseLost, claim
from tests.ledgers import NOW, Place, SqlitePlace

SHORT = 1.5  # seconds: real leases in these tests, renewed every half second


class HandClock:
    """A clock that goes on only when it is told to, or when somebody sleeps."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._monotonic = 0.0
        self.slept = 0.0

    def now(self) -> datetime:
        """See Clock."""
        return self._now

    def monotonic(self) -> float:
        """See Clock."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        self.slept += seconds
        self.pass_(seconds)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


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


def held(found: Held | None) -> Held:
    """What was claimed, which must have been got."""
    assert found is not None
    return found


def test_a_free_lease_is_got_and_given_back(place: Place, hold: Hold) -> None:
    """A free lease is got at once, is there while it is held, and is free again at once when given back."""
    clock = HandClock()
    ledger = place.open()
    mine = held(hold(ledger, 60, clock, "me"))
    assert mine.holder == "me"
    row = place.open().lease()
    assert row is not None
    assert (row.holder, row.expires) == ("me", NOW + timedelta(seconds=60))
    mine.check()
    mine.prove()
    mine.release()
    assert place.open().lease() is None
    held(hold(place.open(), 60, clock, "next"))
    assert clock.slept == 0


def test_of_many_at_once_one_works(place: Place, hold: Hold) -> None:
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


def test_a_living_holder_is_left_alone(place: Place, hold: Hold) -> None:
    """A sweep that finds a lease which is renewed leaves, and before it could have lapsed."""
    held(hold(place.open(), SHORT, SystemClock(), "first"))
    began = time.monotonic()
    assert hold(place.open(), SHORT, SystemClock(), "second") is None
    assert time.monotonic() - began < 10


def test_a_lease_is_renewed_while_it_is_held(place: Place, hold: Hold) -> None:
    """A sweep longer than its lease keeps it: it is renewed in the background, and never lapses."""
    mine = held(hold(place.open(), SHORT, SystemClock(), "me"))
    seen: list[LeaseRow] = []
    reader = place.open()
    end = time.monotonic() + 2.5 * SHORT
    while time.monotonic() < end:
        row = reader.lease()
        assert row is not None
        assert row.expires > SystemClock().now()
        seen.append(row)
        mine.check()
        time.sleep(0.05)
    assert len({row.version for row in seen}) >= 4
    assert {row.holder for row in seen} == {"me"}


def test_a_dead_holder_is_waited_out(place: Place, hold: Hold) -> None:
    """A lease whose holder is dead is taken over once it lapses, not before; two that wait share it as any two do."""
    ledger = place.open()
    expires = SystemClock().now() + timedelta(seconds=SHORT)
    ledger.take(None, "dead", expires)
    found: list[tuple[Held | None, datetime]] = []

    def run(name: str) -> None:
        found.append((hold(place.open(), SHORT, SystemClock(), name), SystemClock().now()))

    threads = [threading.Thread(target=run, args=(f"sweep {number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (each for each in found if each[0] is not None)
    assert winner[1] >= expires


def test_a_killed_holder_is_waited_out(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """A process that is killed while it holds the lease leaves it behind, and it lapses."""
    process = _claiming(sqlite_place, "import time; time.sleep(600)")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert hold(sqlite_place.open(), SHORT, SystemClock(), "second") is None
    finally:
        process.kill()
        process.communicate()
    began = time.monotonic()
    mine = held(hold(sqlite_place.open(), SHORT, SystemClock(), "third"))
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
        "from shared.clock import SystemClock; from tests.ledgers import WORKSPACE;"
        f"held = claim(SqliteLedger(sys.argv[1], WORKSPACE), {seconds}, SystemClock(), 'first');"
        f"print('held' if held else 'none', flush=True); {then}"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(place.path)], stdout=subprocess.PIPE, text=True)


class Waking(HandClock):
    """A hand clock that does something the first time somebody sleeps."""

    def __init__(self, wake: Callable[[], object]) -> None:
        super().__init__()
        self._wake: Callable[[], object] | None = wake

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        super().sleep(seconds)
        if self._wake:
            self._wake()
            self._wake = None


def test_a_holder_that_ends_while_we_wait_was_alive(place: Place, hold: Hold) -> None:
    """A lease given back while another waits for it has been a living sweep's: the other leaves."""
    first = place.open()
    row = first.take(None, "first", NOW + timedelta(seconds=60))
    clock = Waking(lambda: first.release(row))
    assert hold(place.open(), 60, clock, "second") is None
    assert clock.slept < 60
    assert first.lease() is None


def test_a_lapsed_lease_is_taken_at_once(place: Place, hold: Hold) -> None:
    """What yesterday's killed sweep left behind holds nobody up."""
    place.open().take(None, "yesterday's", NOW - timedelta(days=1))
    clock = HandClock()
    held(hold(place.open(), 60, clock, "today's"))
    assert clock.slept == 0


def test_a_lease_from_the_future_is_waited_out(place: Place, hold: Hold) -> None:
    """A dead holder whose clock was wrong by a year holds nobody up for longer than the longest lease."""
    place.open().take(None, "wrong", NOW + timedelta(days=365))
    clock = HandClock()
    held(hold(place.open(), 60, clock, "right"))
    assert LONGEST <= clock.slept <= LONGEST + 60


def test_a_damaged_lease_is_taken_at_once(place: Place, hold: Hold) -> None:
    """A lease that cannot be read holds nobody up."""
    place.open().take(None, "me", NOW + timedelta(days=1))
    place.overwrite("a.lease", b"garbage")
    held(hold(place.open(), 60, HandClock(), "next"))


def test_a_lost_lease_is_noticed(place: Place, hold: Hold) -> None:
    """When another has taken over, proving says so, checking says so from then on, and releasing leaves it alone."""
    clock = HandClock()
    mine = held(hold(place.open(), 60, clock, "me"))
    other = place.open()
    taken = other.take(other.lease(), "other", NOW + timedelta(seconds=60))
    mine.check()  # from memory: within its time it need not ask
    with pytest.raises(LeaseLost, match="another sweep"):
        mine.prove()
    with pytest.raises(LeaseLost):
        mine.check()
    with pytest.raises(LeaseLost):
        mine.prove()
    mine.release()
    assert other.lease() == taken


def test_the_background_notices_a_lost_lease(place: Place, hold: Hold) -> None:
    """When another has taken over, checking from memory says so after the next renewal, and the thread ends."""
    mine = held(hold(place.open(), SHORT, SystemClock(), "me"))
    other = place.open()
    while True:
        try:
            other.take(other.lease(), "other", SystemClock().now() + timedelta(days=1))
            break
        except LedgerConflict:
            continue  # it was just renewed
    assert _ends("lease")
    with pytest.raises(LeaseLost, match="another sweep"):
        mine.check()


def test_checking_asks_nothing(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """Checking a fresh lease asks the ledger nothing; proving writes once."""
    ledger = Cut(sqlite_place.open())
    mine = held(hold(ledger, 600, HandClock(), "me"))
    asked = ledger.asked
    for _ in range(100):
        mine.check()
    assert ledger.asked == asked
    mine.prove()
    assert ledger.asked == asked + 1


def test_near_its_end_a_lease_is_proved(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """A lease that was not renewed in time (a paused process) is still ours if nobody took it, and only then."""
    clock = HandClock()
    mine = held(hold(sqlite_place.open(), 60, clock, "me"))
    clock.pass_(3600)
    mine.check()
    row = sqlite_place.open().lease()
    assert row is not None
    assert row.expires == clock.now() + timedelta(seconds=60)
    clock.pass_(3600)
    other = sqlite_place.open()
    other.take(other.lease(), "other", clock.now() + timedelta(seconds=60))
    with pytest.raises(LeaseLost):
        mine.check()


def test_a_ledger_that_is_away_for_a_moment_does_no_harm(sqlite_place: SqlitePlace, hold: Hold) -> None:
    """Renewals that fail are tried again; the lease holds while it lasts, and after the ledger is back."""
    ledger = Cut(sqlite_place.open())
    mine = held(hold(ledger, 2 * SHORT, SystemClock(), "me"))
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
    """With the lease about to lapse and the ledger not answering nothing more may be sent; proving fails at once."""
    ledger = Cut(sqlite_place.open())
    clock = HandClock()
    mine = held(hold(ledger, 60, clock, "me"))
    ledger.off = True
    mine.check()
    with pytest.raises(LedgerUnavailable):
        mine.prove()
    mine.check()
    clock.pass_(49)
    mine.check()
    clock.pass_(2)
    with pytest.raises(LeaseLost, match="next sweep goes on"):
        mine.check()
    ledger.off = False
    mine.check()


def test_releasing_raises_nothing(sqlite_place: SqlitePlace, hold: Hold, caplog: pytest.LogCaptureFixture) -> None:
    """Giving back never hides how a sweep ended: without a ledger it is logged, and the lease lapses by itself."""
    ledger = Cut(sqlite_place.open())
    mine = held(hold(ledger, 60, HandClock(), "me"))
    ledger.off = True
    mine.release()
    mine.release()
    assert "lease_not_released" in caplog.text
    with pytest.raises(LeaseLost):
        mine.prove()


def test_the_thread_ends_with_the_lease(place: Place, hold: Hold) -> None:
    """After giving back no thread renews anything."""
    mine = held(hold(place.open(), 600, SystemClock(), "me"))
    mine.release()
    assert _ends("lease")
    assert place.open().lease() is None


def test_no_lease_without_a_ledger(sqlite_place: SqlitePlace) -> None:
    """A ledger that does not answer, or may only be read, gives no lease: the claim fails as the ledger does."""
    ledger = Cut(sqlite_place.open())
    ledger.off = True
    with pytest.raises(LedgerUnavailable):
        claim(ledger, 60, HandClock(), "me")
    with pytest.raises(LedgerError, match="read only"):
        claim(sqlite_place.open(read_only=True), 60, HandClock(), "me")
    assert not sqlite_place.exists()


def _ends(name: str) -> bool:
    """Whether no thread of this name is left, within five seconds."""
    for _ in range(100):
        if not [thread for thread in threading.enumerate() if thread.name == name]:
            return True
        time.sleep(0.05)
    return False
