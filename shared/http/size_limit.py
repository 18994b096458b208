"""How large an answer may become, once it is unpacked: a few bytes on the wire can inflate to gigabytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MIB = 1024 * 1024
QUERY_BYTES = 128 * MIB
"""Of a query's answer: Log Analytics stops at 100 MiB by itself and Graph at 50, so that more is not theirs."""
OTHER_BYTES = 64 * MIB
"""Of any other: a page of 1,000 incidents with 5,000 escaped characters each is 40 MiB, one of the ledger's is 6."""
TOKEN_BYTES = MIB
"""Of the identity endpoint's: a token is a few KiB."""


class AnswerTooLarge(Exception):
    """An answer that goes on beyond `most` bytes; what had come of it was thrown away."""

    def __init__(self, most: int) -> None:
        super().__init__(f"an answer of more than {most // MIB} MiB, unpacked")
        self.most = most


def within(most: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as they come, as long as they are `most` bytes together.

    Raises:
        AnswerTooLarge: they are more.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise AnswerTooLarge(most)
        yield piece
