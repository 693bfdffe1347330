"""Everything that can run a case: our backends, and the frameworks that they are measured against.

A contender prepares a case, inputs converted and placed, and returns a function without arguments
that runs it once, to the end. What it cannot run it declines with `Absent`, as it does if its
framework is not installed: such a row or benchmark is skipped, not failed.
"""

from asv_benchmarks.contenders.contender import Absent, Call, Contender
from asv_benchmarks.contenders.loading import load
from asv_benchmarks.contenders.names import NAMES

__all__ = ["NAMES", "Absent", "Call", "Contender", "load"]
