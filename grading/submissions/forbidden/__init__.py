"""What may not do a task's work, found in the sources of a submission without running them.

A convolution by `numpy.einsum` is right and shows nothing. The table of tasks names what is
forbidden for each; `forbidden_uses` says where a submission uses it: in the files of the task's
functions, in whatever these reach, and under another name, too. A source that hides what it calls
(`exec`, `getattr` with a computed name) is told as such.
"""

from grading.submissions.forbidden.search import forbidden_uses
from grading.submissions.forbidden.use import Use

__all__ = ["Use", "forbidden_uses"]
