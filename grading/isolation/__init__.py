"""Isolation of the code under test from the judge.

`IsolatedSubject` is a submission that answers requests. Its code runs in a worker: a separate
process with limits, in a sandbox if the system has one. The judge validates every reply and trusts
none of it. If a worker is lost, only its current request fails.
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
