"""Users that exist for one worker each."""

import itertools
import os

FIRST = 1_200_000_000
"""Above the ids that systems give to people, and to the users of containers."""

_count = itertools.count()


def fresh_user() -> int:
    """Return the id of a user that no other process of this machine is likely to have.

    The kernel counts processes by user: workers that shared one would share its limit.
    """
    return FIRST + (os.getpid() % 1_000_000) * 500 + next(_count) % 500
