"""Kernels as their sources say: which function is compiled, how, and of which parts it is made.

The process with the submission could claim anything about a kernel. Here its sources are read, and
nothing of it is run: names are followed through assignments, imports, decorators and wrappers to
the function that numba compiles. `program_of` returns that function and all that it calls as
texts, which run without the submission.
"""

from grading.submissions.kernels.program import Function, Program, program_of
from grading.submissions.kernels.values import UnreadableError

__all__ = ["Function", "Program", "UnreadableError", "program_of"]
