"""A round from its start to its last line, message by message."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model import EntryEnd
from shared.rounds import RoundUnfinished
from shared.rounds.decide import begun_try, uncounted
from shared.rounds.receive import receive
from tests.support.clock import START
from tests.support.rounds import BUSY, REFUSED, SKIPPED, Deployment, RoundKilled, logged_of, receipt_of

ROUND = "2026-11-24T06:00Z"


def ends(deployment: Deployment, round_id: str = ROUND) -> dict[str, str]:
    """How each entry ended."""
    return {name: each.end.value for name, each in deployment.store.ended(round_id).items()}


def entry_message(name: str, round_id: str = ROUND) -> str:
    """An entry's message."""
    return json.dumps({"round": round_id, "workspace": name})


def test_a_round(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Every entry is announced, sent and swept; the last end tells the round at once."""
    begun = deployment.begin()
    assert (begun.id, begun.sent, begun.by_hand) == (ROUND, 3, False)
    assert deployment.queue.sent == [json.dumps({"round": ROUND}), *map(entry_message, ("ada", "bob", "eve"))]
    assert logged_of(caplog, "round_started") == [{"round": ROUND, "workspaces": 3}]
    assert [each["workspace_name"] for each in logged_of(caplog, "round_entry")] == ["ada", "bob", "eve"]
    deployment.acts["bob"] = [receipt_of("flagged", created=2, told=2)]
    assert deployment.work_off() == []
    assert [(each.name, each.round, each.since) for each in deployment.swept] == [
        (name, ROUND, START) for name in ("ada", "bob", "eve")
    ]
    (line,) = logged_of(caplog, "round_completed")
    assert line == {
        "round": ROUND,
        "workspaces": 3,
        "clean": 2,
        "flagged": 1,
        "untrusted": 0,
        "failed": 0,
        "planned": 0,
        "missing": 0,
        "removed": 0,
        "seconds": 0.0,
    }
    assert len(deployment.channel.posted) == 1
    assert deployment.store.state().untold == ()


def test_its_own_message_ends_with_the_round(deployment: Deployment) -> None:
    """Ten minutes after the begin of a round that is told, the round's own message ends without a successor."""
    deployment.begin()
    deployment.work_off(minutes=30)
    assert deployment.queue.messages == []
    assert deployment.queue.sent.count(json.dumps({"round": ROUND})) == 1


def test_tried_again_for_what_passes(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """A busy service is tried again after ten minutes; sums are over the tries, the end is the last one's."""
    deployment.acts["ada"] = [receipt_of("flagged", BUSY, created=1, due=1), receipt_of("flagged", created=2, told=3)]
    deployment.begin()
    (error,) = deployment.work_off(minutes=15)
    assert isinstance(error, RoundUnfinished)
    assert "busy" in str(error)
    told = deployment.store.ended(ROUND)["ada"]
    assert (told.end, told.tries, told.created, told.told, told.due) == (EntryEnd.FLAGGED, 2, 3, 3, 0)
    assert told.seconds == 2.0
    first, second = (each for each in deployment.swept if each.name == "ada")
    assert first.since == second.since == START
    assert logged_of(caplog, "round_completed")


def test_a_refusal_costs_one_try(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """What is refused for ever ends at once, as what it is; the round says that something is due."""
    deployment.acts["ada"] = [receipt_of("flagged", REFUSED, due=1)]
    deployment.begin()
    assert deployment.work_off(minutes=30) == []
    assert len(deployment.swept) == 3
    assert deployment.store.ended(ROUND)["ada"].due == 1
    assert logged_of(caplog, "round_incomplete")[0]["flagged"] == 1


def test_three_tries_at_most(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """The third try that fails is the end, as what it is."""
    deployment.acts["ada"] = [receipt_of("failed", BUSY)] * 5
    deployment.begin()
    assert len(deployment.work_off(minutes=60)) == 2
    assert ends(deployment) == {"ada": "failed", "bob": "clean", "eve": "clean"}
    assert logged_of(caplog, "sweep_abandoned") == []
    assert logged_of(caplog, "round_incomplete")[0]["failed"] == 1


def test_a_worker_that_dies_three_times(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """A try without an end counts; after three the message says that the entry is abandoned, and ends."""
    deployment.acts["ada"] = [RoundKilled(), RoundKilled(), RoundKilled()]
    deployment.begin()
    assert len(deployment.work_off(minutes=60)) == 3
    assert logged_of(caplog, "sweep_abandoned") == [{"round": ROUND, "workspace_name": "ada", "tries": 3}]
    assert ends(deployment)["ada"] == "abandoned"
    assert logged_of(caplog, "round_incomplete")[0]["failed"] == 1
    assert [each.name for each in deployment.swept].count("ada") == 3


def test_a_third_try_that_lives_is_not_abandoned(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """A message that comes twice during the third try waits for its end."""
    deployment.begin()
    deployment.acts["ada"] = [RoundKilled(), RoundKilled()]
    deployment.work_off(minutes=10)

    def third() -> object:
        deployment.alive.add("ada")
        with pytest.raises(RoundUnfinished, match="still at work"):
            deployment.work(entry_message("ada"))
        deployment.alive.clear()
        return receipt_of()

    deployment.acts["ada"] = [third]  # type: ignore[list-item]
    deployment.work_off(minutes=30)
    assert ends(deployment)["ada"] == "clean"
    assert logged_of(caplog, "sweep_abandoned") == []


def test_a_try_that_turns_out_to_be_none_abandons_nobody(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """While somebody asks whether the third try lives, its worker finds the lease held and takes its count back."""
    deployment.begin()
    deployment.acts["ada"] = [RoundKilled(), RoundKilled()]
    deployment.work_off(minutes=10)
    store = deployment.store
    store.change_tries(ROUND, "ada", lambda each: begun_try(each, START))
    parts = replace(deployment.parts(), at_work=lambda _: not store.change_tries(ROUND, "ada", uncounted))
    with pytest.raises(RoundUnfinished, match="still at work"):
        receive(parts, entry_message("ada"))
    deployment.work_off(minutes=30)
    assert ends(deployment)["ada"] == "clean"
    assert logged_of(caplog, "sweep_abandoned") == []


def test_a_lease_that_is_held_uses_up_no_try(deployment: Deployment) -> None:
    """A sweep that finds another at work brings its message back, as often as it takes."""
    deployment.acts["ada"] = [SKIPPED] * 6
    deployment.begin()
    assert len(deployment.work_off(minutes=100)) == 6
    told = deployment.store.ended(ROUND)["ada"]
    assert (told.end, told.tries) == (EntryEnd.CLEAN, 1)


def test_a_message_delivered_twice_and_late(deployment: Deployment) -> None:
    """An entry that has ended is not swept again, nor is one of a round that is told."""
    deployment.begin()
    deployment.work_off()
    deployment.work(entry_message("ada"))
    deployment.clock.advance(hours=5)
    deployment.work(entry_message("bob"))
    assert len(deployment.swept) == 3
    assert len(deployment.told) == 0


def test_a_message_to_two_workers_at_once(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """The second finds the lease held; the first one's end is the end, and it is told once."""
    deployment.names = ["ada"]
    deployment.begin()

    def meanwhile() -> object:
        deployment.acts["ada"] = [SKIPPED]
        with pytest.raises(RoundUnfinished):
            deployment.work(entry_message("ada"))
        return receipt_of("flagged")

    deployment.acts["ada"] = [meanwhile]  # type: ignore[list-item]
    deployment.work_off(minutes=30)
    told = deployment.store.ended(ROUND)["ada"]
    assert (told.end, told.tries) == (EntryEnd.FLAGGED, 1)
    assert len(logged_of(caplog, "round_completed")) == 1


def test_an_end_that_comes_second_changes_nothing(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Two workers sweep an entry one after the other; whoever ends first has said how it ended."""
    deployment.names = ["ada"]
    deployment.begin()

    def meanwhile() -> object:
        deployment.acts["ada"] = [receipt_of("flagged")]
        deployment.work(entry_message("ada"))
        return receipt_of("failed", REFUSED)

    deployment.acts["ada"] = [meanwhile]  # type: ignore[list-item]
    deployment.work_off(minutes=30)
    assert ends(deployment) == {"ada": "flagged"}
    assert len(logged_of(caplog, "round_completed")) == 1
    assert logged_of(caplog, "round_incomplete") == []


def test_the_deadline(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """At the deadline the round's own message tells the rest as missing, and nothing of it is swept later."""
    deployment.acts["eve"] = [SKIPPED] * 100
    deployment.begin()
    deployment.work_off(minutes=119)
    assert logged_of(caplog, "round_incomplete") == []
    deployment.work_off(minutes=2)
    (line,) = logged_of(caplog, "round_incomplete")
    assert (line["clean"], line["missing"], line["seconds"]) == (2, 1, 7200.0)
    count = len(deployment.swept)
    deployment.work_off(minutes=40)
    assert len(deployment.swept) == count
    assert deployment.queue.messages == []


def test_an_emptied_queue_is_told_by_the_next_start(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Messages that somebody removed, the round's own too: the next start tells who is missing before it begins."""
    deployment.begin()
    deployment.queue.deliver(lambda _: None)
    deployment.queue.messages.clear()
    deployment.clock.advance(days=1)
    deployment.begin(START + timedelta(days=1))
    assert logged_of(caplog, "round_incomplete")[0]["missing"] == 3
    events = [record.getMessage().partition(" ")[0] for record in caplog.records if record.name == "sweep"]
    assert events.index("round_incomplete") < len(events) - 1 - events[::-1].index("round_started")


def test_older_rounds_end_at_once(deployment: Deployment) -> None:
    """A message of a round that is older than the newest scheduled one sweeps nothing."""
    deployment.begin()
    deployment.clock.advance(days=1)
    deployment.begin(START + timedelta(days=1))
    deployment.work(entry_message("ada"))
    deployment.work(json.dumps({"round": ROUND}))
    assert deployment.swept == []


@pytest.mark.parametrize("ahead", [timedelta(minutes=1, seconds=1), timedelta(hours=20)])
def test_a_start_by_hand(deployment: Deployment, ahead: timedelta) -> None:
    """When the slot is the coming one, the round is one by hand; the scheduled one begins all the same."""
    begun = deployment.begin(START + ahead)
    assert (begun.id, begun.by_hand, begun.sent) == (f"manual-{ROUND}", True, 3)
    assert deployment.store.state().newest == ""
    deployment.clock.advance(minutes=5)
    assert deployment.begin().id == ROUND


def test_a_start_by_hand_ends_no_other_round(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """A round that is under way goes on beside the one by hand; the scheduled start after both tells what is left."""
    deployment.begin()
    deployment.clock.advance(minutes=5)
    by_hand = deployment.begin(START + timedelta(days=1))
    assert by_hand.id == "manual-2026-11-24T06:05Z"
    assert logged_of(caplog, "round_incomplete") == []
    deployment.work_off()
    assert len(logged_of(caplog, "round_completed")) == 2


def test_a_round_that_is_told_is_not_begun_again(deployment: Deployment) -> None:
    """A start whose slot's round is told is one by hand."""
    deployment.begin()
    deployment.work_off()
    assert deployment.begin().id == f"manual-{ROUND}"


def test_entries_come_and_go(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Who left during the round ends as removed; the next round tells who came and who went."""
    deployment.begin()
    deployment.names = ["ada", "bob", "zoe"]
    deployment.work_off()
    assert ends(deployment)["eve"] == "removed"
    assert [each.name for each in deployment.swept] == ["ada", "bob"]
    deployment.clock.advance(days=1)
    deployment.begin(START + timedelta(days=1))
    (changed,) = logged_of(caplog, "round_changed")
    assert (changed["new"], changed["gone"]) == (["zoe"], ["eve"])
    deployment.work_off()
    assert (deployment.told[-1].new, deployment.told[-1].gone) == (("zoe",), ("eve",))


def test_an_entrys_settings(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Its mistakes fail that entry alone, with one line that names it, in one try."""
    deployment.overrides["bob"] = {"SUM_CASE_THRESHOLD": "many", "TEAMS_WEBHOOK_URL": "https://example.com/?sig=SECRET"}
    deployment.begin()
    assert deployment.work_off(minutes=30) == []
    assert ends(deployment) == {"ada": "clean", "bob": "failed", "eve": "clean"}
    (line,) = logged_of(caplog, "settings_invalid")
    assert (line["round"], line["workspace_name"], len(line["mistakes"])) == (ROUND, "bob", 2)
    assert deployment.store.ended(ROUND)["bob"].event == "settings_invalid"
    assert "SECRET" not in caplog.text
    assert [each.name for each in deployment.swept] == ["ada", "eve"]


def test_a_dry_run_counts_as_planned(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """The round is noted and told; what a dry run left due is not due."""
    deployment.acts["ada"] = [receipt_of("flagged", BUSY, event="sweep_planned", dry_run=True, due=4)]
    deployment.begin()
    assert deployment.work_off() == []
    assert logged_of(caplog, "round_completed")[0]["planned"] == 1
    assert len(deployment.channel.posted) == 1


def test_a_workspace_by_hand(deployment: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Without a round it is swept once, whatever comes of it; only a lease that is held brings the message back."""
    deployment.acts["ada"] = [SKIPPED, receipt_of("failed", BUSY)]
    with pytest.raises(RoundUnfinished):
        deployment.work('{"workspace": "ada"}')
    deployment.work('{"workspace": "ada"}')
    assert [(each.name, each.round, each.since) for each in deployment.swept] == [("ada", "", None)] * 2
    deployment.work('{"workspace": "nobody"}')
    assert logged_of(caplog, "workspace_unknown") == [{"workspace_name": "nobody"}]
    assert deployment.rows.calls == {}


def test_a_round_that_nobody_began(deployment: Deployment) -> None:
    """Messages of a round without a row end."""
    deployment.work(entry_message("ada", "2020-01-01T06:00Z"))
    deployment.work('{"round": "2020-01-01T06:00Z"}')
    assert deployment.swept == []


def test_an_entry_shares_the_rounds_card_only_where_there_is_one(deployment: Deployment) -> None:
    """Two entries with one webhook: their notices go on the round's card, and on their own where none is posted."""
    deployment.begin()
    deployment.work_off()
    assert all(each.shares_channel for each in deployment.swept)
    deployment.has_channel = False
    deployment.work('{"workspace": "ada"}')
    assert not deployment.swept[-1].shares_channel


def test_requests_of_an_entry_are_a_constant(deployment: Deployment) -> None:
    """However many entries there are, one costs the same few requests of the rows, and its end reads one row."""
    found = []
    for count in (3, 60):
        deployment.names = [f"t{number}" for number in range(count)]
        deployment.clock.advance(days=1)
        begun = deployment.begin(deployment.clock.now())
        deployment.rows.calls.clear()
        deployment.work(entry_message("t1", begun.id))
        found.append(dict(deployment.rows.calls))
    assert found[0] == found[1] == {"get": 5, "apply": 2, "first": 1}


def test_old_rounds_leave(deployment: Deployment) -> None:
    """Rows of a round are removed after five weeks; the newest ones stay."""
    for _ in range(8):
        deployment.begin(deployment.clock.now())
        deployment.work_off()
        deployment.clock.advance(days=7)
    kept = deployment.store.state().kept
    assert len(kept) == 6  # the one of five weeks ago, to the minute, is not older
    assert deployment.store.begun(ROUND) is None
    assert ends(deployment) == {}
    assert len(deployment.store.ended(kept[0])) == 3
