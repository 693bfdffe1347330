"""Static search for forbidden calls in the sources of a submission.

A convolution by `numpy.einsum` is right, but it is not the learner's work. The table of tasks names
the forbidden modules and functions of each task. `forbidden_uses` finds them in the functions of
the task, in all code that these reach, under any alias, and in code that replaces them from another
file. Calls that hide their target (`exec`, `getattr` with a computed name) are found as well.
"""

from grading.submissions.forbidden.search import forbidden_uses
from grading.submissions.forbidden.use import Use

__all__ = ["Use", "forbidden_uses"]
