"""The records of the table of tasks."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal, get_args

import msgspec

Scalar = str | int | float | bool

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


Edition = Literal["packages", "2021", "2022", "2024"]
EDITIONS: tuple[Edition, ...] = get_args(Edition)
"""Whose documentation may promise a check: this repository's, or that of an edition of the course.

The editions of 2022 and of 2023 promise the same.
"""


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The checks of a task.

    Attributes:
        promises: Those that the documentation promises to hold, with the place that does; the key
            in the table is `required`.
        advice: Those whose outcome is told and costs nothing, with the reason.
        editions: The editions that promise a required check, where not all of them do. A file of
            another edition is told the outcome, as of an advice.
    """

    promises: dict[str, str] = msgspec.field(name="required", default={})
    advice: dict[str, str] = {}
    editions: dict[str, tuple[Edition, ...]] = {}

    @property
    def required(self) -> tuple[str, ...]:
        """The names of those that some edition promises."""
        return tuple(self.promises)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.promises, *self.advice)

    def counts(self, name: str, edition: str | None) -> bool:
        """Return whether a check decides about points in files of an edition.

        A check that the table does not know counts.

        Args:
            name: The check.
            edition: One of `EDITIONS`; None for files that follow none.
        """
        return name not in self.advice and edition in self.editions.get(name, (edition,))


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accuracy that a network of the submission has to reach.

    Attributes:
        least: How many of the items have to be right.
        of: How many items there are.
        setting: How the network is trained.
    """

    least: int
    of: int
    setting: dict[str, Scalar] = {}


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The speed that the kernels of a task have to reach.

    Attributes:
        fast: For each workload of `asv_benchmarks/workloads.py` that is measured, the time of our
            fast kernels over the yardstick's.
        ratio: How many times as long as our fast kernels the submission may take.
        points: How many of the task's points are for it.
    """

    fast: dict[str, float]
    ratio: float = 4.0
    points: float = 0

    @property
    def workloads(self) -> tuple[str, ...]:
        """The names of the workloads."""
        return tuple(self.fast)


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One task; the head of `tasks.toml` explains the attributes."""

    id: str
    title: str
    asks: str
    module: int
    points: float
    checks: Checks
    seconds: float
    memory_mb: int
    doc: str
    device: Device = "cpu"
    holes: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    spoils: tuple[str, ...] = ()
    prerequisites: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    allowances: dict[str, str] = {}
    accuracy: dict[str, Accuracy] = {}
    speed: Speed | None = None
    simulated: float = 1.0

    @property
    def marker(self) -> str:
        """The name of the task on the command line and as a pytest marker: "task4_2"."""
        return marker_of(self.id)

    def holes_in(self, layout: str) -> tuple[str, ...]:
        """Return the functions to write, by their names in a layout of submissions.

        `Submission.named` chooses among several names of one function.
        """
        return self.upstream if layout == "upstream" else self.holes

    @property
    def check_file(self) -> str:
        """The file of the checks, relative to the root of the repository."""
        return f"grading/checks/test_{self.marker}.py"


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the course."""

    number: int
    title: str

    @property
    def name(self) -> str:
        """The name of the module on the command line: "module4"."""
        return f"module{self.number}"


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All modules and tasks, in the order in which they are done."""

    version: Literal[1]
    modules: tuple[Module, ...] = msgspec.field(name="module")
    tasks: tuple[Task, ...] = msgspec.field(name="task")

    def task(self, task_id: str) -> Task:
        """Return a task by its id.

        Raises:
            KeyError: There is none.
        """
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)

    def in_module(self, number: int) -> tuple[Task, ...]:
        """Return the tasks of a module."""
        return tuple(task for task in self.tasks if task.module == number)

    def before(self, task: Task) -> tuple[Task, ...]:
        """Return everything that a task builds on, directly or not, in the table's order."""
        wanted = set(task.prerequisites)
        for each in reversed(self.tasks):
            if each.id in wanted:
                wanted.update(each.prerequisites)
        return tuple(each for each in self.tasks if each.id in wanted)

    def unlocked_by(self, task: Task) -> tuple[Task, ...]:
        """Return the tasks that name this one as a prerequisite."""
        return tuple(each for each in self.tasks if task.id in each.prerequisites)

    def select(self, names: Sequence[str]) -> tuple[Task, ...]:
        """Return the tasks that are asked for, each once, in the table's order.

        Args:
            names: "task4_2", "4.2" or "module4"; no name stands for all tasks.

        Raises:
            UnknownTaskError: A name stands for nothing.
        """
        chosen: set[str] = set()
        for name in names:
            chosen.update(self._named(name))
        return tuple(task for task in self.tasks if not names or task.id in chosen)

    def _named(self, name: str) -> Iterable[str]:
        for module in self.modules:
            if name == module.name:
                return [task.id for task in self.in_module(module.number)]
        for task in self.tasks:
            if name in (task.id, task.marker):
                return [task.id]
        raise UnknownTaskError(name, self)


KINDS = (Table, Module, Task, Checks, Accuracy, Speed)
"""The parts of the file."""


class UnknownTaskError(ValueError):
    """A name stands for no task and no module."""

    def __init__(self, name: str, table: Table) -> None:
        modules = [module.name for module in table.modules]
        markers = [task.marker for task in table.tasks]
        # "4_2", "task4.2" and "Task 4.2" are close, too.
        digits = re.sub(r"\W|^task\W*", "", name.lower().replace("_", ""))
        alike = [marker for marker in markers if marker[4:].replace("_", "") == digits]
        near = alike or get_close_matches(name.lower(), [*modules, *markers], n=2, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(
            f"there is no task {name!r}{hint}\n"
            f"tasks are written as {markers[0]} … {markers[-1]}, "
            f"modules as {modules[0]} … {modules[-1]}; `hatch run status` lists them"
        )


def marker_of(task_id: str) -> str:
    """Return the marker of a task: "task4_2" for "4.2"."""
    return "task" + task_id.replace(".", "_")
