"""A round: every entry of `workspaces.json` swept once, each by a message of its own on a queue.

`begin` is what the timer calls, `work` what the queue calls. Everything that a round knows is in rows of the ledger.
"""

from shared.rounds.decide import slot_of
from shared.rounds.receive import work
from shared.rounds.start import BegunRound, begin
from shared.rounds.unfinished import RoundUnfinished

__all__ = ["BegunRound", "RoundUnfinished", "begin", "slot_of", "work"]
