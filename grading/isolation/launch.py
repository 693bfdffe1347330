"""How a worker is started at one level of isolation, and the levels that there are."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.isolation.limits import Limits
from grading.isolation.worker_files import WorkerSetup
from grading.worker.settings import Settings


@dataclass(frozen=True)
class Launch:
    """Everything that starting one worker takes.

    Attributes:
        command: The words of the command, but for the worker's arguments.
        environment: All its variables.
        settings: The first of the arguments.
        shown_as: How paths of the worker begin, and what a report writes instead.
        scratch: The worker's own folder, where the judge has to watch how much is in it.
        end: Ends what the death of the command itself leaves behind.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    settings: Settings
    shown_as: Mapping[str, str]
    scratch: Path | None
    end: Callable[[], None] = field(default=lambda: None)


class Level(ABC):
    """A way to keep a worker apart.

    Attributes:
        name: What reports call it.
        undefended: What it cannot keep the code under test from, in words for the report.
    """

    name: str
    undefended: tuple[str, ...]

    @abstractmethod
    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare one worker in a fresh folder of this machine, which is deleted after it."""

    def __str__(self) -> str:
        if not self.undefended:
            return f"isolation level: {self.name}"
        return f"isolation level: {self.name}; not defended: {'; '.join(self.undefended)}"
