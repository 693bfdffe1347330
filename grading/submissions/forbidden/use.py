"""One use of what is forbidden."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Use:
    """A place where a submission uses what may not do the work.

    Attributes:
        file: The file, relative to the submission, with slashes.
        line: The line, counted from 1.
        what: What is used there, such as "numpy.einsum".
    """

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} uses {self.what}, which may not do the work of this task"
