"""The two ways to a workspace's data: which is asked first, when the other one is, and whose error counts."""

from __future__ import annotations

import pytest

from shared.errors import Call, Forbidden, NotFound, Service, SignInFailed, SweepError, Throttled, Unavailable
from shared.query.answer import Answer
from shared.query.refusal import TableMissing
from shared.query.two_ways import TwoWays

ANSWER = Answer(("a",), ("long",), ((1,),), Service.LOG_ANALYTICS)


def query_error_of(kind: type[SweepError], status: int | None, service: Service = Service.LOG_ANALYTICS) -> SweepError:
    """An error of a query."""
    return kind(f"{kind.__name__} {status}", service=service, call=Call.QUERY, status=status)


class FakeWay:
    """A way that answers with what it is given, and notes its name when it is asked."""

    def __init__(self, name: str, asked: list[str], ends: SweepError | None) -> None:
        self._name, self._asked, self._ends = name, asked, ends

    def ask(self, kql: str) -> Answer | None:
        """See Way."""
        assert kql == "print 1"
        self._asked.append(self._name)
        if self._ends is not None:
            raise self._ends
        return ANSWER


def asked_by_two_ways(first: str, api: SweepError | None, arm: SweepError | None) -> tuple[list[str], str, str]:
    """Who was asked, which way answered last, and the error ("" when a table came)."""
    asked: list[str] = []
    ways = TwoWays(FakeWay("api", asked, api), FakeWay("arm", asked, arm))
    ways.by = first
    try:
        assert ways.ask("print 1") is ANSWER
    except SweepError as raised:
        return asked, ways.by, str(raised)
    return asked, ways.by, ""


@pytest.mark.parametrize(
    "closed", [query_error_of(SignInFailed, 401), query_error_of(Forbidden, 403), query_error_of(NotFound, 404)]
)
@pytest.mark.parametrize("first", ["", "api"])
def test_a_closed_way_leads_to_the_other_one(closed: SweepError, first: str) -> None:
    """401, 403 or 404 from the query API's own address, and the ARM path answers: asked first the next time."""
    assert asked_by_two_ways(first, closed, None) == (["api", "arm"], "arm", "")


def test_the_way_that_answered_is_asked_first() -> None:
    """One request is enough then; when it has closed, the other one is the fallback."""
    assert asked_by_two_ways("", None, query_error_of(Forbidden, 403)) == (["api"], "api", "")
    assert asked_by_two_ways("arm", query_error_of(Forbidden, 403), None) == (["arm"], "arm", "")
    assert asked_by_two_ways("arm", None, query_error_of(Forbidden, 403)) == (["arm", "api"], "api", "")


@pytest.mark.parametrize(
    "other",
    [
        query_error_of(Throttled, 429),
        query_error_of(Unavailable, 503),
        query_error_of(Unavailable, None),
        query_error_of(TableMissing, 400),
        query_error_of(SignInFailed, 401, Service.IDENTITY),
        query_error_of(SignInFailed, None, Service.IDENTITY),
    ],
)
def test_another_failure_is_the_querys_own(other: SweepError) -> None:
    """A busy service, a missing table and a missing sign-in are no closed way."""
    assert asked_by_two_ways("", other, None) == (["api"], "", str(other))
    assert asked_by_two_ways("", query_error_of(Forbidden, 403), other) == (["api", "arm"], "", str(other))


@pytest.mark.parametrize("first", ["", "arm"])
def test_of_two_closed_ways_arms_word_counts_but_for_its_404(first: str) -> None:
    """ARM knows the very resource; where it has no such path, the query API's own word says more."""
    assert asked_by_two_ways(first, query_error_of(NotFound, 404), query_error_of(Forbidden, 403))[2] == "Forbidden 403"
    assert asked_by_two_ways(first, query_error_of(Forbidden, 403), query_error_of(NotFound, 404))[2] == "Forbidden 403"
    assert asked_by_two_ways(first, query_error_of(NotFound, 404), query_error_of(NotFound, 404))[2] == "NotFound 404"
