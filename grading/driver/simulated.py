"""numba's simulator in place of a GPU: repeatable, complete, and with an eye on races.

What it lacks is not the learner's mistake, and what it hides is: of a missing barrier, it may show
nothing. So every kernel runs under a detector, and a race is an exception, whatever the numbers
say. A worker has a copy of the detector beside the driver; the submission need not have any.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from numba import config

from grading.driver.blame import own
from grading.driver.lockstep import lockstep, may_be_in_order

_always = ExitStack()

T = TypeVar("T")


@functools.cache
def prepare() -> None:
    """Mend the simulator and watch it from now on, if it stands in for a GPU here."""
    if not config.ENABLE_CUDASIM:  # type: ignore[attr-defined]
        return
    with suppress(Exception):
        # This repository's package patches the simulator when it is first used: before us.
        importlib.import_module("mt_kernels_cuda.gpu").require_gpu()
    with own:
        simulation = _simulation()
        simulation.patch_simulator()
        _always.enter_context(simulation.observing(simulation.RaceDetector()))


def in_lockstep(call: Callable[[], T]) -> T:
    """Return the result of a call; where threads of one warp race in it, of one in lockstep.

    Raises:
        Exception: Raised by the call: other races are.
    """
    if not config.ENABLE_CUDASIM:  # type: ignore[attr-defined]
        return call()
    simulation = _simulation()
    try:
        return call()
    except simulation.RaceError as race:
        if not may_be_in_order(race):
            raise
    with lockstep(simulation):
        return call()


def _simulation() -> Any:
    """Import the patches: the judge's copy in a worker, elsewhere this repository's package."""
    copied = importlib.util.find_spec("grading.simulation")
    name = "grading.simulation" if copied else "mt_kernels_cuda.simulation"
    return importlib.import_module(name)
