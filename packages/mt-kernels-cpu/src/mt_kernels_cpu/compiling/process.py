"""Changes to the process that compiled kernels need, made before the first one is compiled.

Importing this package changes nothing. `configure` is called before anything of this package is
compiled, loaded from disk or run on numba's threads.
"""

import itertools
import os
import re
import secrets
import threading
from collections.abc import Iterable
from typing import Any

from numba.core import bytecode

FunctionIdentity: Any = bytecode.FunctionIdentity

SYMBOLS_CAN_BE_UNIQUE = hasattr(FunctionIdentity, "_unique_ids")
"""True if this version of numba has the counter that `configure` replaces."""

_lock = threading.Lock()
_last_shared_number: int | None = None


def configure() -> None:
    """Prepare the process for compiled kernels; calls after the first one do nothing.

    - Idle threads of GNU OpenMP sleep. By default they keep their processor busy for milliseconds.
      If other programs run, the thread with work then waits for a processor, and a kernel starts
      after 1 to 10 ms instead of 0.01 ms. `OMP_WAIT_POLICY` selects this; numba's threads read it
      when they start. A value that the user has set is kept.
    - Names of compiled functions differ from those of every other process. numba numbers functions
      from 1, and the number is part of the linker's name of the machine code. Two functions from
      the same lines in two processes, ``map(neg)`` in one and ``map(exp)`` in the other, could
      share a name; in a third process that loads both, calls to one could reach the other. So this
      process continues at a random number, and each forked child continues at another.
    """
    global _last_shared_number
    if _last_shared_number is not None:
        return
    with _lock:
        if _last_shared_number is not None:
            return
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        if not SYMBOLS_CAN_BE_UNIQUE:
            _last_shared_number = 0
            return
        last_number = next(FunctionIdentity._unique_ids)
        _start_at_random_number()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_start_at_random_number)
        _last_shared_number = last_number


def _start_at_random_number() -> None:
    FunctionIdentity._unique_ids = itertools.count(secrets.randbits(48))


def symbols_are_unique(symbols: Iterable[str]) -> bool:
    """Return whether no other process can have used some names for other functions.

    Names of functions that other users of numba compiled before `configure` are not unique. Kernels
    that call such functions must not be cached on disk.

    Args:
        symbols: The linker's names. numba's functions have a tag such as ``B5v1234``: the length of
            the tag, then ``v`` and the number.
    """
    numbers = (
        int(digits[: int(length) - 1])
        for symbol in symbols
        for length, digits in re.findall(r"B(\d+)v(\d+)", symbol)
    )
    return _last_shared_number is not None and all(
        number > _last_shared_number for number in numbers
    )
