"""Static analysis of kernels: the function that numba compiles, its options, and what it calls.

The process with the submission cannot be trusted to report facts about a kernel. So its sources are
parsed and not run. The analysis follows names through assignments, imports, decorators and wrappers
to the function that numba compiles. `program_of` returns that function and all functions that it
calls as texts, which run without the submission.
"""

from grading.submissions.kernels.program import Function, Program, program_of
from grading.submissions.kernels.values import UnreadableError

__all__ = ["Function", "Program", "UnreadableError", "program_of"]
