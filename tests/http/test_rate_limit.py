"""Token buckets: never ahead of the service's own, never far behind it."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Call, Throttled
from shared.http.rate_limit import RateLimit, TurnTooLate, standard_rate_limits
from shared.incidents.port import Ended
from tests.cloud import Fault
from tests.support.clients import CARD, COMMENT, INCIDENT, Clients, connected, incident_body
from tests.support.clock import FakeClock

FOREVER = 1e9


def take(limit: RateLimit, times: int) -> None:
    """So many turns, one after the other, each answered at once."""
    for _ in range(times):
        with limit.turn(FOREVER):
            pass


def test_a_burst_then_the_rate() -> None:
    """A full bucket gives its burst at once and then so many a second."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    take(limit, 200)
    assert clock.monotonic() == 0
    take(limit, 50)
    assert clock.monotonic() == pytest.approx(5)


def test_a_rest_fills_it_up_to_the_burst() -> None:
    """What is not used for long is not saved beyond the burst."""
    clock = FakeClock()
    limit = RateLimit(3, 1, clock)
    take(limit, 3)
    clock.advance(hours=1)
    take(limit, 3)
    before = clock.monotonic()
    take(limit, 1)
    assert clock.monotonic() - before == pytest.approx(1)


def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    """A turn beyond the time that is left is refused at once, and costs nobody a token."""
    clock = FakeClock()
    limit = RateLimit(1, 0.1, clock)
    take(limit, 1)
    with pytest.raises(TurnTooLate) as caught, limit.turn(clock.monotonic() + 5):
        pass
    assert caught.value.wait == pytest.approx(10)
    assert clock.monotonic() == 0
    take(limit, 1)
    assert clock.monotonic() == pytest.approx(10)


def test_little_left_slows_at_once() -> None:
    """When the service says that little is left, others use the same bucket: the burst is over."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    take(limit, 1)
    limit.remaining(4, took=0.0)
    take(limit, 5)  # what it said, and the part of a token that it rounded down
    assert clock.monotonic() == 0
    take(limit, 10)
    assert clock.monotonic() == pytest.approx(1)


def test_much_left_changes_nothing() -> None:
    """A service that says more than we know of is not believed: our own requests are still on their way."""
    clock = FakeClock()
    limit = RateLimit(2, 1, clock)
    limit.remaining(100, took=0.0)
    take(limit, 3)
    assert clock.monotonic() == pytest.approx(1)


def test_a_refusal_stops_everybody() -> None:
    """After a 429 nobody takes a turn before Retry-After has passed; tokens of that time are there then."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    limit.refused(7)
    take(limit, 1)
    assert clock.monotonic() == pytest.approx(7)
    take(limit, 40)
    assert clock.monotonic() == pytest.approx(7)


def test_a_refusal_without_a_time_empties_the_bucket() -> None:
    """A 429 without Retry-After says that there is no token: the burst is over."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    limit.refused(None)
    take(limit, 10)
    assert 1 <= clock.monotonic() <= 10 / 7


def test_one_wave_of_refusals_slows_once() -> None:
    """Refusals of requests that were all on their way at once say one thing, not eight."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    for _ in range(8):
        limit.refused(1)
    take(limit, 100)
    assert clock.monotonic() < 100 / 7


def test_the_rate_comes_back() -> None:
    """After a 429 the rate is lower, and within half a minute as it was."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    limit.refused(1)
    clock.advance(seconds=1)
    take(limit, 1)
    before = clock.monotonic()
    take(limit, 60)
    assert clock.monotonic() - before > 6
    clock.advance(seconds=30)
    take(limit, 200)
    before = clock.monotonic()
    take(limit, 100)
    assert clock.monotonic() - before == pytest.approx(10, abs=0.5)


def test_refusals_never_stop_it_for_good() -> None:
    """However many refusals come, a tenth of the rate is left."""
    clock = FakeClock()
    limit = RateLimit(200, 10, clock)
    for _ in range(50):
        limit.refused(None)
        clock.advance(seconds=0.1)
    before = clock.monotonic()
    take(limit, 1)
    assert clock.monotonic() - before <= 1


class Timetable(FakeClock):
    """A clock on which things happen at their time while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Let this happen then."""
        self._count += 1
        heapq.heappush(self._due, (when, self._count, what))

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due meanwhile happen."""
        end = self.monotonic() + max(seconds, 0)
        while self._due and self._due[0][0] <= end:
            when, _, what = heapq.heappop(self._due)
            super().sleep(when - self.monotonic())
            what()
        super().sleep(end - self.monotonic())


class Theirs:
    """The service's own bucket: refuses what finds it empty."""

    def __init__(self, burst: int, rate: float, clock: FakeClock) -> None:
        self.refused = 0
        self.level = float(burst)
        self._burst, self._rate, self._clock, self._at = burst, rate, clock, 0.0

    def ask(self) -> None:
        """One request arrives."""
        now = self._clock.monotonic()
        self.level = min(self._burst, self.level + (now - self._at) * self._rate)
        self._at = now
        if self.level < 1 - 1e-6:
            self.refused += 1
        else:
            self.level -= 1


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    burst=st.integers(1, 40),
    rate=st.floats(0.5, 50),
    slowest=st.floats(0.0, 5.0),
    idle=st.floats(0.0, 0.2),
    answered=st.booleans(),
)
def test_the_service_never_has_to_refuse(
    seed: int, burst: int, rate: float, slowest: float, idle: float, answered: bool
) -> None:
    """However long requests and answers travel, and with pauses between, the service's own bucket is never empty.

    Nor is ours much slower: where the burst is more than what one journey's time refills, it loses one such time.
    """
    chance = random.Random(seed)
    clock = Timetable()
    ours, theirs = RateLimit(burst, rate, clock), Theirs(burst, rate, clock)
    for _ in range(150):
        if chance.random() < idle:
            clock.sleep(chance.random() * 3 * burst / rate)
        turn = ours.turn(FOREVER)
        turn.__enter__()
        arrives = clock.monotonic() + chance.random() * slowest
        leaves = arrives + chance.random() * slowest
        said: list[int] = []
        clock.at(arrives, theirs.ask)
        clock.at(arrives, lambda said=said: said.append(int(theirs.level)))  # type: ignore[misc]

        def end(turn: object = turn, said: list[int] = said, arrives: float = arrives) -> None:
            if answered:
                ours.remaining(said[0], clock.monotonic() - arrives + slowest)
            turn.__exit__(None, None, None)  # type: ignore[attr-defined]

        clock.at(leaves, end)
    busy = clock.monotonic()
    clock.sleep(1e4)
    assert theirs.refused == 0
    if idle == 0 and burst > 2 * slowest * rate + 1:
        assert busy <= max(0.0, (150 - burst) / rate) + 2 * slowest + 0.01


class Stopped(FakeClock):
    """A clock on which sleepers sleep until the test moves its hands."""

    def __init__(self) -> None:
        super().__init__()
        self.sleepers = 0
        self._moved = threading.Condition()

    def sleep(self, seconds: float) -> None:
        """Sleep until the hands have moved so far."""
        end = self.monotonic() + seconds - 1e-9
        with self._moved:
            self.sleepers += 1
            assert self._moved.wait_for(lambda: self.monotonic() >= end, 30)
            self.sleepers -= 1

    def move(self, seconds: float) -> None:
        """Move the hands."""
        with self._moved:
            super().sleep(seconds)
            self._moved.notify_all()


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    for _ in range(3_000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def test_turns_come_in_order() -> None:
    """Threads that wait get their turns in the order in which they came."""
    clock = Stopped()
    limit = RateLimit(1, 1, clock)
    take(limit, 1)
    order: list[int] = []

    def work(number: int) -> None:
        with limit.turn(FOREVER):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        until(lambda number=number: clock.sleepers == number + 1)  # type: ignore[misc]
    for number in range(5):
        clock.move(1)
        until(lambda number=number: len(order) == number + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join(30)
    assert order == list(range(5))


def test_many_threads_share_one_bucket() -> None:
    """Threads together take no more than the bucket gives, and each gets its turn."""
    clock = FakeClock()
    limit = RateLimit(10, 5, clock)
    threads = [threading.Thread(target=take, args=(limit, 20)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert clock.monotonic() >= (160 - 10) / 5 - 1e-6


# --- with the small Azure


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """A small Azure, and clients that keep ARM's and Teams' real limit."""
    clock = FakeClock()
    with connected(monkeypatch, clock=clock, rate_limits=standard_rate_limits(clock)) as clients:
        yield clients


def test_arm_s_budget_is_respected_ahead_of_time(azure: Clients) -> None:
    """After a burst of 200 writes come ten a second; the 25 reads a second beside them do not slow them."""
    for number in range(260):
        assert azure.sentinel.create(f"00000000-0000-0000-0000-{number:012}", incident_body()).ended is Ended.DONE
    assert azure.clock.monotonic() == pytest.approx(6, abs=0.2)


def test_a_header_slows_the_next_request(azure: Clients) -> None:
    """`x-ms-ratelimit-remaining-subscription-writes: 0` makes the next writes wait for tokens; reads go on."""
    header = {"x-ms-ratelimit-remaining-subscription-writes": "0"}
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=400, headers=header))
    azure.sentinel.create(INCIDENT, incident_body())
    azure.sentinel.read(INCIDENT)
    assert azure.clock.monotonic() == 0
    azure.sentinel.create(INCIDENT, incident_body())
    azure.sentinel.comment(INCIDENT, COMMENT, '{"properties": {"message": "x"}}')
    assert azure.clock.monotonic() == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("left", ["", "-1", "many", "1e9", "99999999999999999999"])
def test_an_absurd_header_changes_nothing(azure: Clients, left: str) -> None:
    """A remaining-requests header that is no number, or a huge one, slows nothing."""
    header = {"x-ms-ratelimit-remaining-subscription-reads": left}
    azure.cloud.faults.add(Fault(service="sentinel", status=200, body={"properties": {}}, headers=header, times=1))
    azure.sentinel.read(COMMENT)
    for _ in range(100):
        azure.sentinel.read(INCIDENT)
    assert azure.clock.monotonic() <= 1  # the wait before the one repetition


def test_a_429_makes_all_wait(azure: Clients) -> None:
    """One write's 429 with Retry-After holds back every other write until then."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=429, headers={"Retry-After": "30"}))
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DONE
    assert azure.clock.monotonic() == pytest.approx(30)


def test_a_bar_beyond_a_request_s_time_leaves_it_due(azure: Clients) -> None:
    """While all are told to wait longer than a request may last, a write is due at once, without being sent."""
    azure.cloud.faults.add(Fault(service="sentinel", method="PUT", status=429, headers={"Retry-After": "600"}))
    assert azure.sentinel.create(INCIDENT, incident_body()).ended is Ended.DUE
    sent = len(azure.sent("sentinel", "PUT"))
    attempt = azure.sentinel.create(COMMENT, incident_body())
    assert attempt.ended is Ended.DUE
    assert isinstance(attempt.error, Throttled)
    assert attempt.error.retry_after == pytest.approx(600)
    assert not attempt.error.maybe_done
    assert len(azure.sent("sentinel", "PUT")) == sent
    assert azure.clock.monotonic() == 0


def test_teams_gets_four_a_second(azure: Clients) -> None:
    """Cards go out four a second at most."""
    for _ in range(9):
        azure.webhook.post(CARD)
    assert azure.clock.monotonic() == pytest.approx(2)


def test_each_kind_has_its_bucket() -> None:
    """ARM's reads and writes and Teams' cards have a rate limit; queries have none, there are only a few."""
    assert set(standard_rate_limits(FakeClock())) == {Call.READ, Call.WRITE, Call.TELL, Call.UPLOAD}
