"""Threads that disturb each other: on the processor, and on the simulated GPU."""

from grading.checking.finding import Finding
from grading.checking.races import SHARED
from grading.diagnosis.mistakes import Mistake, raising

PARALLEL = ("3.1", "3.2", "4.1", "4.2")
TASKS = ("3.3", "3.4", "4.4b")
ANY = r"(tensor|cuda)\..*"


def race(cause: str, message: str) -> Mistake:
    """Return a mistake that the detector has named."""
    return raising(TASKS, cause, ANY, "RaceError", message=message)


def beyond(cause: str, kind: str) -> Mistake:
    """Return a mistake of a thread whose element is not there."""
    return raising(TASKS, cause, ANY, kind, message="in thread")


def shares_an_array(finding: Finding) -> bool | None:
    """Return whether iterations of a parallel loop write an array created outside of the loop."""
    if finding.request.operation != "source.accesses" or not finding.sentence:
        return None
    return SHARED in finding.sentence


def shares_an_argument(finding: Finding) -> bool | None:
    """Return whether iterations of a parallel loop meet in an argument: the output, as a rule."""
    found = shares_an_array(finding)
    return None if found is None else not found


MISTAKES = [
    Mistake(
        PARALLEL,
        "threads share an array that each of them writes: create index buffers and sums inside "
        "of the parallel loop",
        shares_an_array,
    ),
    Mistake(
        PARALLEL,
        "several iterations of the parallel loop add to one element of the result: make the loop "
        "over the elements of the result parallel, and add up inside of one iteration",
        shares_an_argument,
    ),
    race(
        "a `cuda.syncthreads()` is missing between the two lines, so that one thread does not wait "
        "until the other is done",
        "in shared memory",
    ),
    race(
        "several blocks write the same element of the result, and the last one wins",
        "and blocks have no order",
    ),
    race("several threads write the same element of the result", "in global memory with"),
    raising(
        TASKS,
        "a `cuda.syncthreads()` is in a branch or in a loop that not all threads of the block go "
        "through alike, and the others wait at another one; all of them have to come to it",
        ANY,
        "BarrierError",
    ),
    beyond(
        "a thread beyond the last element has no guard: it reads or writes outside of the memory",
        "IndexError",
    ),
]
