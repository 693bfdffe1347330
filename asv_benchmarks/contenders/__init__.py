"""Contenders: our backends, and the frameworks that they are compared with.

A contender converts the inputs of a case and returns a function without arguments that runs the
case once and waits for the result. It raises `Absent` if it lacks the operation or if its framework
is not installed; such a row or benchmark is skipped and does not fail.
"""

from asv_benchmarks.contenders.contender import Absent, Call, Contender
from asv_benchmarks.contenders.loading import load
from asv_benchmarks.contenders.names import NAMES

__all__ = ["NAMES", "Absent", "Call", "Contender", "load"]
