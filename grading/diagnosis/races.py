"""Threads of a GPU that do not wait for each other: tasks 3.3, 3.4 and 4.4b, on the simulator."""

from grading.diagnosis.mistakes import Mistake, raising

TASKS = ("3.3", "3.4", "4.4b")
ANY = r"(tensor|cuda)\..*"


def race(cause: str, message: str) -> Mistake:
    """Return a mistake that the detector has named."""
    return raising(TASKS, cause, ANY, "RaceError", message=message)


def beyond(cause: str, kind: str) -> Mistake:
    """Return a mistake of a thread whose element is not there."""
    return raising(TASKS, cause, ANY, kind, message="in thread")


MISTAKES = [
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
