"""Faults of ranks that a simulator injects, and the errors that it raises."""

from dataclasses import dataclass
from typing import TypeAlias

from .communicator import CommunicationError

MOST_NAMED = 8
"""The largest number of waiting ranks that an error describes."""


class RankFailure(CommunicationError):  # noqa: N818  (the failure is that of a rank)
    """A rank raised an exception, died or hung, so the others were ended.

    Attributes:
        rank: The number of the rank.
    """

    def __init__(self, rank: int, message: str) -> None:
        super().__init__(message)
        self.rank = rank


class Deadlock(CommunicationError):  # noqa: N818  (its name in the literature)
    """Every rank that has not returned waits for another one.

    Attributes:
        waiting: For each waiting rank, a clause that says what it waits for.
    """

    def __init__(self, waiting: dict[int, str]) -> None:
        named = [f"rank {rank} {clause}" for rank, clause in waiting.items()]
        if len(named) > MOST_NAMED:
            named[MOST_NAMED:] = [f"{len(named) - MOST_NAMED} further ranks wait, too"]
        super().__init__("deadlock: " + "; ".join(named))
        self.waiting = waiting


@dataclass(frozen=True)
class Dies:
    """A fault: a rank ends at one of its calls, as after `kill -9`.

    Attributes:
        rank: The rank.
        call: The number of the call of its communicator, counted from 1.
    """

    rank: int
    call: int


@dataclass(frozen=True)
class Hangs:
    """A fault: a rank stops for ever at one of its calls.

    Attributes:
        rank: The rank.
        call: The number of the call of its communicator, counted from 1.
    """

    rank: int
    call: int


@dataclass(frozen=True)
class SlowLink:
    """A fault: messages from one rank to another take longer.

    Collective operations of the simulator itself do not use links; those of
    `mt_nn.distributed.collectives` do.

    Attributes:
        source: The rank that sends.
        to: The rank that receives.
        factor: The factor of a message's time.
    """

    source: int
    to: int
    factor: float


Fault: TypeAlias = Dies | Hangs | SlowLink
