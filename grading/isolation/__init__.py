"""The code under test, kept apart from the judge.

`IsolatedSubject` is a submission that answers requests. The code runs in a worker: a process of
its own with limits, in a sandbox where the system has one. The judge believes nothing of what
comes back but that it is an answer, and a worker that is lost costs the request that lost it.
"""

from grading.isolation.errors import CheckAbandoned, IsolationError, WorkerError
from grading.isolation.levels import Isolation
from grading.isolation.limits import Limits
from grading.isolation.subject import IsolatedSubject

__all__ = [
    "CheckAbandoned",
    "IsolatedSubject",
    "Isolation",
    "IsolationError",
    "Limits",
    "WorkerError",
]
