"""Starting a worker: the interface of the levels of isolation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.isolation.limits import Limits
from grading.isolation.worker_files import WorkerSetup
from grading.worker.settings import Settings


@dataclass(frozen=True)
class Launch:
    """Parameters for starting one worker.

    Attributes:
        command: The command without the worker's arguments.
        environment: All environment variables.
        settings: The first argument of the worker.
        path_prefixes: For each prefix of paths in the worker, its replacement in reports.
        scratch: The folder of the worker whose size the judge has to limit; None if the file
            system limits it.
        end: Ends processes that outlive the command.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    settings: Settings
    path_prefixes: Mapping[str, str]
    scratch: Path | None
    end: Callable[[], None] = field(default=lambda: None)


class Level(ABC):
    """A level of isolation.

    Attributes:
        name: The name for reports.
        undefended: Actions of the code under test that the level cannot prevent, for reports.
    """

    name: str
    undefended: tuple[str, ...]

    @abstractmethod
    def launch(self, setup: WorkerSetup, limits: Limits, folder: Path) -> Launch:
        """Prepare one worker in an empty folder, which the caller deletes when the worker ends."""

    def __str__(self) -> str:
        if not self.undefended:
            return f"isolation level: {self.name}"
        return f"isolation level: {self.name}; not defended: {'; '.join(self.undefended)}"
