"""The words in which data that is not to be trusted is described."""

from __future__ import annotations

from datetime import timedelta

from shared.plan.distrust import stale, words_with_rows
from tests.plan.trust_samples import DAY, EMPTY, GOOD, NOW, OPTIONS, ending_now, like, trust_of


def test_words_are_named_by_their_rows_and_then_by_the_alphabet() -> None:
    """The most frequent come first; of those as frequent, the first in the alphabet, whichever was read first."""
    assert words_with_rows({"Zapped": 2, "Purged": 1_500, "Moved": 2, "Erased": 2}) == (
        "Purged (1,500), Erased (2), Moved (2), Zapped (2)"
    )


def test_five_words_are_named_at_most() -> None:
    """Those with the fewest rows are left out; of those as frequent, the last in the alphabet."""
    assert words_with_rows(dict.fromkeys("gfedcba", 1)) == "a (1), b (1), c (1), d (1), e (1)"


def test_an_empty_table_says_what_it_lacks_and_since_when() -> None:
    """First that the window is empty, then the last row there ever was; the check names the setting to look at."""
    (reason,) = trust_of(*[EMPTY] * 30, last_rows=NOW - 45 * DAY).reasons
    assert reason.words == (
        "EmailEvents holds no row of the last 30 days; its last row is of 2026-10-10 06:00 UTC, 45 days ago"
    )
    assert reason.check == (
        "Check that the workspace's Microsoft Defender XDR connector still sends EmailEvents, and that"
        " SENTINEL_WORKSPACE_ID is the right workspace"
    )


def test_the_age_of_the_newest_row_is_in_whole_hours() -> None:
    """An hour that has begun does not count."""
    words = stale(NOW - timedelta(hours=30, minutes=59), 24, OPTIONS, NOW).words
    assert words.endswith("is of 2026-11-22 23:01 UTC, 30 hours ago (MAX_DATA_AGE_HOURS is 24)")


def test_a_share_is_of_all_messages_also_of_the_only_one() -> None:
    """One message, whose only action nobody knows."""
    (reason,) = trust_of(like(1, filled=1, unknown=1)).reasons
    assert reason.words == (
        "100.0% of the 1 messages of the last 24 hours have only actions that the sweep does not know"
    )


def test_what_is_usual_is_said_where_it_is_known() -> None:
    """On the first day nothing is; later the usual share is said, also of mail too little to compare with it."""
    said = "of the last 24 hours say what became of the mail (LatestDeliveryAction)"
    (reason,) = trust_of(like(100, filled=4)).reasons
    assert reason.words == f"4.0% of the 100 messages {said}"
    (reason,) = trust_of(like(5, filled=0), earlier=ending_now(NOW - DAY, *[GOOD] * 20)).reasons
    assert reason.words == f"0.0% of the 5 messages {said}; 90.0% are usual"
