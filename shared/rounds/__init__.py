"""A round: every entry of `workspaces.json` swept once, each by a message of its own on a queue.

`begin` is what the timer calls, `work` what the queue calls. Everything that a round knows is in rows of the ledger.
"""

from shared.rounds.receive import RoundUnfinished, work
from shared.rounds.start import BegunRound, begin

__all__ = ["BegunRound", "RoundUnfinished", "begin", "work"]
