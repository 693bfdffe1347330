"""The packages of this repository in a process of their own."""

from collections.abc import Mapping
from pathlib import Path

from grading.isolation import IsolatedSubject


class OtherProcessSubject(IsolatedSubject):
    """The packages of this repository, reached through a worker.

    Args:
        environment: Variables of the worker in addition to the usual ones.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(Path(__file__).resolve().parents[1], environment=environment)
