"""Parallel loops and data races between threads, on the processor and on the simulated GPU."""

import re

import numpy as np

from grading.checking.finding import Finding
from grading.checking.races import SHARED
from grading.diagnosis.mistakes import Mistake, raising

PARALLEL = ("3.1", "3.2", "4.1", "4.2")
TASKS = ("3.3", "3.4", "4.4b")
ANY = r"(tensor|cuda)\..*"


def race(cause: str, message: str) -> Mistake:
    """Return a mistake that the race detector reports with a message."""
    return raising(TASKS, cause, ANY, "RaceError", message=message)


def out_of_bounds(cause: str, kind: str) -> Mistake:
    """Return a mistake of a thread that reads or writes outside an array."""
    return raising(TASKS, cause, ANY, kind, message="in thread")


def shares_an_array(finding: Finding) -> bool | None:
    """Return whether iterations of a parallel loop write an array created outside the loop."""
    if not re.match(r"iterations? \d+ .*(both write|and iteration)", finding.sentence):
        return None
    return SHARED in finding.sentence


def shares_an_argument(finding: Finding) -> bool | None:
    """Return whether iterations of a parallel loop share elements of an argument of the kernel."""
    found = shares_an_array(finding)
    return None if found is None else not found


def not_parallel(finding: Finding) -> bool | None:
    """Return whether the main loop is not parallel."""
    return "the main loop of the kernel is not parallel" in finding.sentence or None


def differs_from_call_to_call(finding: Finding) -> bool | None:
    """Return whether the same call returned different results."""
    if finding.request.operation != "kernel.repeat" or finding.response is None:
        return None
    outputs = finding.response.arrays[0]
    return not np.array_equal(outputs, np.broadcast_to(outputs[:1], outputs.shape), equal_nan=True)


MISTAKES = [
    Mistake(
        PARALLEL,
        "The main loop is a plain `range`. Write `prange`, and compile with `parallel=True`.",
        not_parallel,
    ),
    Mistake(
        PARALLEL,
        "Several threads write to one array element (data race). Create index "
        "buffers inside the parallel loop.",
        differs_from_call_to_call,
    ),
    Mistake(
        PARALLEL,
        "The threads share an array that each of them writes. Create index buffers and sums "
        "inside the parallel loop.",
        shares_an_array,
    ),
    Mistake(
        PARALLEL,
        "Several iterations of the parallel loop add to one element of the result. Make the "
        "loop over the elements of the result parallel.",
        shares_an_argument,
    ),
    race(
        "A `cuda.syncthreads()` is missing between the two lines. One thread does not wait "
        "for the other.",
        "in shared memory",
    ),
    race(
        "Several blocks write the same element of the result. Blocks have no order, so the "
        "last write wins.",
        "and blocks have no order",
    ),
    race("Several threads write the same element of the result.", "in global memory with"),
    raising(
        TASKS,
        "A `cuda.syncthreads()` is in a branch or a loop that not all threads of the block "
        "execute alike. Every thread of the block has to reach the same barrier.",
        ANY,
        "BarrierError",
    ),
    out_of_bounds(
        "A thread beyond the last element has no guard. It reads or writes outside the array.",
        "IndexError",
    ),
]
