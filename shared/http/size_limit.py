"""How large a response may be once it is unpacked: a few bytes on the wire can become gigabytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MIB = 1024 * 1024
QUERY_BYTES = 128 * MIB
"""For a query: Log Analytics stops at 100 MiB by itself and Graph at 50, so a larger response is not theirs."""
OTHER_BYTES = 64 * MIB
"""For anything else: 1,000 incidents with 5,000 escaped characters each are 40 MiB, a page of the ledger is 6."""
TOKEN_BYTES = MIB
"""For the identity endpoint: a token is a few KiB."""


class ResponseTooLarge(Exception):
    """A response of more than `most` bytes; what had arrived of it was discarded."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a response of more than {most // MIB} MiB, unpacked")
        self.most = most


def within(most: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as they arrive, up to `most` bytes in total.

    Raises:
        ResponseTooLarge: there are more.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise ResponseTooLarge(most)
        yield piece
