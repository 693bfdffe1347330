"""User ids, one for each worker."""

import itertools
import os

FIRST = 1_200_000_000
"""Smallest id: above the ids that systems assign to people and to users of containers."""

_count = itertools.count()


def fresh_user() -> int:
    """Return a user id that no other process of this machine is likely to have.

    The kernel counts processes by user: workers with the same user would share one limit.
    """
    return FIRST + (os.getpid() % 1_000_000) * 500 + next(_count) % 500
