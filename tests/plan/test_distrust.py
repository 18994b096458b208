"""The words in which data that is not to be trusted is described."""

from __future__ import annotations

from shared.plan.distrust import words_with_rows


def test_words_are_named_by_their_rows_and_then_by_the_alphabet() -> None:
    """The most frequent come first; of those as frequent, the first in the alphabet, whichever was read first."""
    assert words_with_rows({"Zapped": 2, "Purged": 1_500, "Moved": 2, "Erased": 2}) == (
        "Purged (1,500), Erased (2), Moved (2), Zapped (2)"
    )


def test_five_words_are_named_at_most() -> None:
    """Those with the fewest rows are left out; of those as frequent, the last in the alphabet."""
    assert words_with_rows(dict.fromkeys("gfedcba", 1)) == "a (1), b (1), c (1), d (1), e (1)"
