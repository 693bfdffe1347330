"""The record of a forbidden call."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Use:
    """A line of a submission with a forbidden call.

    Attributes:
        file: The file, relative to the submission, with slashes.
        line: The line, counted from 1.
        what: The forbidden name or construct, such as "numpy.einsum".
    """

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} uses {self.what}, which is forbidden in this task"
