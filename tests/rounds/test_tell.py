"""The round's card: posted once, tried again while it may arrive, and never to the end of time."""

import pytest

from shared.errors import Call, Forbidden, Rejected, Service
from tests.support.rounds import REFUSED, TEAMS_BUSY, UNANSWERED, Deployment, logged_of, receipt_of

ROUND = "2026-11-24T06:00Z"
FORBIDDEN = Forbidden("closed", service=Service.TEAMS, call=Call.TELL, status=403)
TOO_LARGE = Rejected("too large", service=Service.TEAMS, call=Call.TELL, status=413)


def failing(deployment: Deployment) -> None:
    """A round in which one entry fails, played for four hours."""
    deployment.acts["ada"] = [receipt_of("failed", REFUSED)]
    deployment.begin()
    deployment.work_off(minutes=240)
    assert deployment.queue.messages == []
    assert deployment.store.state().untold == ()


def test_a_card_is_posted_once(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """With every entry on it, and what else the round knows."""
    failing(deployment)
    assert len(deployment.channel.posted) == 1
    (told,) = deployment.told
    assert {each.name: each.end.value for each in told.entries} == {"ada": "failed", "bob": "clean", "eve": "clean"}
    assert told.entries[0].reasons == ("sentinel_rejected: refused",)
    assert len(logged_of(caplog, "round_incomplete")) == 1
    assert deployment.store.state().card_at == told.ended


def test_a_busy_channel_gets_it_later(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """What Teams did not take for certain is posted again ten minutes later; the last line is not repeated."""
    deployment.channel.plan = [TEAMS_BUSY, FORBIDDEN]
    failing(deployment)
    assert len(deployment.channel.posted) == 3
    assert len(set(deployment.channel.posted)) == 1
    assert len(logged_of(caplog, "round_incomplete")) == 1
    assert [each["why"] for each in logged_of(caplog, "round_card_failed")] == ["busy", "closed"]


def test_unanswered_three_times(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """A card that Teams may have taken three times is not posted a fourth time."""
    deployment.channel.plan = [UNANSWERED] * 20
    failing(deployment)
    assert len(deployment.channel.posted) == 3
    assert logged_of(caplog, "round_card_unanswered") == [{"round": ROUND, "posts": 3}]


def test_refused_for_what_it_holds(deployment: Deployment) -> None:
    """The same card would be refused again: it is posted once."""
    deployment.channel.plan = [TOO_LARGE] * 20
    failing(deployment)
    assert len(deployment.channel.posted) == 1


def test_a_channel_that_stays_closed(deployment: Deployment) -> None:
    """It is tried until an hour after the deadline, every ten minutes."""
    deployment.channel.plan = [FORBIDDEN] * 100
    failing(deployment)
    assert 15 <= len(deployment.channel.posted) <= 19


def test_the_next_start_tries_once_more(deployment: Deployment) -> None:
    """And then the round is told, whatever became of its card."""
    deployment.channel.plan = [FORBIDDEN] * 2
    deployment.acts["ada"] = [receipt_of("failed", REFUSED)]
    deployment.begin()
    deployment.work_off()
    deployment.queue.messages.clear()
    deployment.clock.advance(days=1)
    deployment.begin(deployment.clock.now())
    assert len(deployment.channel.posted) == 2
    assert ROUND not in deployment.store.state().untold


def test_without_a_channel(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """ROUND_WEBHOOK_URL is optional: the last line is there without it."""
    deployment.has_channel = False
    failing(deployment)
    assert (deployment.told, deployment.channel.posted) == ([], [])
    assert len(logged_of(caplog, "round_incomplete")) == 1


def test_a_quiet_round_is_silent_but_for_a_heartbeat(deployment: Deployment) -> None:
    """HEARTBEAT_DAYS: after the first round, and then after so many days without a card."""
    deployment.heartbeat_days = 7
    days = []
    for day in range(16):
        deployment.begin(deployment.clock.now())
        before = len(deployment.channel.posted)
        deployment.work_off(minutes=10)
        days += [day] * (len(deployment.channel.posted) - before)
        deployment.clock.advance(days=1, minutes=-10)
    assert days == [0, 7, 14]
    assert [each.heartbeat for each in deployment.told] == [True] * 3
