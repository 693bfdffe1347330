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
"""Documentation that may promise a check: this repository's, or that of an edition of the course.

The editions of 2022 and 2023 promise the same checks.
"""

EDITION_NAMES = {"packages": "this repository", "2022": "2022 and 2023"} | {
    year: year for year in ("2021", "2024")
}
"""Names of the editions on pages and in reports."""


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The checks of a task.

    Attributes:
        promises: Required checks, each with the documentation that promises the behaviour; the key
            in the table is `required`.
        advice: Checks that are reported and cost no points, each with the reason.
        editions: The editions that promise a required check, if not all do. In files of another
            edition the check is advice.
    """

    promises: dict[str, str] = msgspec.field(name="required", default={})
    advice: dict[str, str] = {}
    editions: dict[str, tuple[Edition, ...]] = {}

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the checks that at least one edition promises."""
        return tuple(self.promises)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all checks, required ones first."""
        return (*self.promises, *self.advice)

    def promised(self, name: str, edition: str | None) -> bool:
        """Return True if an edition promises a required check.

        Args:
            name: The check.
            edition: One of `EDITIONS`. None for files of an unknown edition: then a check counts
                only if all editions promise it.
        """
        return edition in self.editions.get(name, (edition,))


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The required checks of one function, or of a few related ones, with their points.

    Attributes:
        name: The name of the function in reports: "max".
        points: The points if all of the checks pass; otherwise none.
        checks: Required checks of the task. "test_functions_of_two_numbers[mul]" selects the cases
            of a check whose id is or contains the parameter `mul`.
        holes: The qualified names of the judged functions, in either layout: "Max.forward".
        needs: Groups of other functions that the checks use: "tile" of the same task, "4.3/tile"
            of another.
    """

    name: str
    points: int
    checks: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def judges(self, hole: str) -> bool:
        """Return True if a hole, as written in the table, belongs to this group."""
        return not qualnames(hole).isdisjoint(self.holes)


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The accuracy that a network of the submission has to reach.

    Attributes:
        least: Number of items that have to be classified correctly.
        of: Number of items.
        setting: Options of the training.
    """

    least: int
    of: int
    setting: dict[str, Scalar] = {}


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The speed that the kernels of a task have to reach.

    Attributes:
        fast: For each measured workload of `asv_benchmarks/workloads.py`, the time of our fast
            kernels divided by the baseline's.
        ratio: Allowed ratio of the submission's time to that of our fast kernels or layers.
        points: The points for speed, part of the task's points.
    """

    fast: dict[str, float]
    ratio: float = 4.0
    points: float = 0

    @property
    def workloads(self) -> tuple[str, ...]:
        """The names of the workloads."""
        return tuple(self.fast)


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One task; the comment at the top of `tasks.toml` explains the attributes."""

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
    also_remove: tuple[str, ...] = ()
    prerequisites: tuple[str, ...] = ()
    hours: float = 1.0
    difficulty: Literal["easy", "medium", "hard"] = "medium"
    forbidden: tuple[str, ...] = ()
    allowances: dict[str, str] = {}
    accuracy: dict[str, Accuracy] = {}
    speed: Speed | None = None
    simulated: float = 1.0
    groups: tuple[Group, ...] = msgspec.field(name="group", default=())

    @property
    def marker(self) -> str:
        """The name of the task on the command line and as a pytest marker: "task4_2"."""
        return marker_of(self.id)

    def holes_in(self, layout: str) -> tuple[str, ...]:
        """Return the functions to write, by their names in a layout of submissions.

        `Submission.named` selects one of several names of a function.
        """
        return self.upstream if layout == "upstream" else self.holes

    def holes_of(self, group: Group, layout: str) -> tuple[str, ...]:
        """Return the functions of a group, by their names in a layout of submissions."""
        return tuple(hole for hole in self.holes_in(layout) if group.judges(hole))

    def group_of(self, check: str, case: str = "") -> str:
        """Return the name of the group of a case of a check; empty if there is none."""
        selector = self.selector_of(check, case)
        names = (group.name for group in self.groups if selector in group.checks)
        return next(names, "")

    def selector_of(self, check: str, case: str = "") -> str:
        """Return the entry of a group's `checks` that selects a case, or the check itself."""
        entries = (entry for group in self.groups for entry in group.checks)
        return next((entry for entry in entries if selects(entry, check, case)), check)

    def for_edition(self, edition: str | None) -> "Task":
        """Return the task with the required checks that an edition promises.

        The other required checks become advice and leave their groups.

        Args:
            edition: One of `EDITIONS`; None for files of an unknown edition.
        """
        unpromised = {
            name for name in self.checks.required if not self.checks.promised(name, edition)
        }
        if not unpromised:
            return self
        promises = {k: why for k, why in self.checks.promises.items() if k not in unpromised}
        source = EDITION_NAMES.get(edition or "", "this code")
        why = f"the documentation of {source} does not promise it"
        checks = msgspec.structs.replace(
            self.checks,
            promises=promises,
            advice={**self.checks.advice, **dict.fromkeys(sorted(unpromised), why)},
        )
        groups = tuple(
            msgspec.structs.replace(
                group,
                checks=tuple(c for c in group.checks if split_selector(c)[0] in promises),
            )
            for group in self.groups
        )
        return msgspec.structs.replace(self, checks=checks, groups=groups)

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
    """All modules and tasks, in the order of the course."""

    version: Literal[1]
    modules: tuple[Module, ...] = msgspec.field(name="module")
    tasks: tuple[Task, ...] = msgspec.field(name="task")

    def task(self, task_id: str) -> Task:
        """Return a task by its id.

        Raises:
            KeyError: There is no such task.
        """
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise KeyError(task_id)

    def in_module(self, number: int) -> tuple[Task, ...]:
        """Return the tasks of a module."""
        return tuple(task for task in self.tasks if task.module == number)

    def needs(self, task: Task, group: Group) -> tuple[tuple[Task, Group], ...]:
        """Return the groups that a group needs, directly or indirectly, in the table's order."""
        by_key = {(each.id, one.name): (each, one) for each in self.tasks for one in each.groups}
        found: set[tuple[str, str]] = set()
        left = [(task, group)]
        while left:
            of, one = left.pop()
            for key in (split_need(need, of.id) for need in one.needs):
                if key not in found:
                    found.add(key)
                    left.append(by_key[key])
        return tuple(by_key[key] for key in by_key if key in found)

    def needed_by(self, tasks: Sequence[Task]) -> tuple[Task, ...]:
        """Return the other tasks with groups that some tasks need, in the table's order."""
        ids = {task.id for task in tasks}
        needed = {
            of.id for task in tasks for group in task.groups for of, _ in self.needs(task, group)
        }
        return tuple(task for task in self.tasks if task.id in needed - ids)

    def before(self, task: Task) -> tuple[Task, ...]:
        """Return the prerequisites of a task, direct and indirect, in the table's order."""
        ids = set(task.prerequisites)
        for each in reversed(self.tasks):
            if each.id in ids:
                ids.update(each.prerequisites)
        return tuple(each for each in self.tasks if each.id in ids)

    def unlocked_by(self, task: Task) -> tuple[Task, ...]:
        """Return the tasks with this one as a direct prerequisite."""
        return tuple(each for each in self.tasks if task.id in each.prerequisites)

    def select(self, names: Sequence[str]) -> tuple[Task, ...]:
        """Return the named tasks, without repetition, in the table's order.

        Args:
            names: "task4_2", "4.2" or "module4"; empty for all tasks.

        Raises:
            UnknownTaskError: A name is neither a task nor a module.
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


def qualnames(hole: str) -> set[str]:
    """Return the qualified names of a hole: several if its name differs between editions."""
    alternatives = hole.partition(" @")[0].split(" | ")
    return {name.partition(":")[2] for name in alternatives}


def split_need(need: str, task_id: str) -> tuple[str, str]:
    """Return task id and group name of an entry of `needs`."""
    of, slash, name = need.partition("/")
    return (of, name) if slash else (task_id, need)


def split_selector(selector: str) -> tuple[str, str]:
    """Return the check and the parameter of a selector; the parameter may be empty."""
    check, _, parameter = selector.partition("[")
    return check, parameter.removesuffix("]")


def selects(selector: str, check: str, case: str) -> bool:
    """Return True if an entry of a group's `checks` selects a case of a check.

    Args:
        selector: "test_functions_of_two_numbers", or "test_functions_of_two_numbers[mul]".
        check: The name of a check.
        case: The id of the parameter set in pytest: "mul", "mul-numbers0".
    """
    name, parameter = split_selector(selector)
    return name == check and parameter in ("", case, *case.split("-"))


KINDS = (Table, Module, Task, Group, Checks, Accuracy, Speed)
"""Record types of the tables in the file."""


class UnknownTaskError(ValueError):
    """A name is neither a task nor a module."""

    def __init__(self, name: str, table: Table) -> None:
        modules = [module.name for module in table.modules]
        markers = [task.marker for task in table.tasks]
        # "4_2", "task4.2" and "Task 4.2" get a suggestion, too.
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


def title_of(check: str) -> str:
    """Return the name of a check as words: "values [mul]" for "test_values[mul]"."""
    return check.removeprefix("test_").replace("_", " ").replace("[", " [")
