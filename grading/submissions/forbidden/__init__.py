"""What may not do a task's work, found in the sources of a submission without running them.

A convolution by `numpy.einsum` is right and shows nothing. The table of tasks names what is
forbidden for each; `forbidden_uses` says which function of the task uses it and where: in itself,
in whatever it reaches, under another name, too, and in what another file puts in its place. A
source that hides what it calls (`exec`, `getattr` with a computed name) is told as such.
"""

from grading.submissions.forbidden.search import forbidden_uses
from grading.submissions.forbidden.use import Use

__all__ = ["Use", "forbidden_uses"]
