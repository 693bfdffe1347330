"""Waiting for a condition in another process, with a limit that only a hanging process reaches."""

import time
from collections.abc import Callable

LONGEST = 120.0
"""Seconds to wait, at most."""


def wait_until(condition: Callable[[], bool]) -> bool:
    """Return True as soon as a condition holds, False if it does not within the limit."""
    end = time.monotonic() + LONGEST
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
