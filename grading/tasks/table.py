"""The table of tasks, read and checked: `tasks.toml` is the only place that knows them.

A mistake in the table is refused with the line and the key that it stands at, so that nothing
else has to ask whether a task is well formed.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec

from asv_benchmarks.workloads import BY_NAME
from grading.paths import ROOT
from grading.tasks.positions import Key, Positions

PATH = ROOT / "grading" / "tasks.toml"

Scalar = str | int | float | bool

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)

ID = re.compile(r"[0-9]\.[1-9][0-9]?[a-z]?")
HOLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
SPOIL = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")
DOTTED = re.compile(r"[A-Za-z_][\w.]*")
CHECK = re.compile(r"test_\w+")
UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
DOC = re.compile(r"docs/[\w./-]+\.md(#[\w-]+)?")


class TableError(Exception):
    """The table says something that makes no sense; the message names file, line and key."""


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The checks of a task.

    Attributes:
        required: Those that the course's documentation promises to hold.
        advice: Those whose outcome is told and costs nothing, with the reason.
    """

    required: tuple[str, ...] = ()
    advice: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.required, *self.advice)


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a network of the submission has to reach.

    Attributes:
        least: How many of the items have to be right.
        of: How many items there are.
        setting: How the network is trained.
    """

    least: int
    of: int
    setting: dict[str, Scalar] = {}


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the kernels of a task have to be.

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
        """Return the functions to write, by their names in a layout of submissions."""
        return self.upstream if layout == "upstream" else self.holes

    @property
    def check_file(self) -> str:
        """Where the checks are, from the root of the repository."""
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
"""What the file is made of."""


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


@cache
def table() -> Table:
    """Return the course's table."""
    return load(PATH)


def load(path: Path) -> Table:
    """Read a table.

    Raises:
        TableError: The table is no TOML, or says something that makes no sense.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: {error}") from None
    positions = Positions(text)
    try:
        read = msgspec.convert(content, Table)
    except msgspec.ValidationError as error:
        complaint, _, where = str(error).partition(" - at ")
        key = _key(where, complaint)
        raise TableError(_located(path, positions, key, _in_words(complaint))) from None
    for key, complaint in _complaints(read):
        raise TableError(_located(path, positions, key, complaint))
    return read


def _located(path: Path, positions: Positions, key: Key, complaint: str) -> str:
    name = ""
    for part in key:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return f"{path}:{positions.line(key)}: {name or 'the table'}: {complaint}"


def _key(where: str, complaint: str) -> Key:
    """Turn the path of a complaint, as in "`$.task[0].points`", into a key.

    A field that must not be there is named by the complaint and not by the path.
    """
    key: list[str | int] = [
        int(index) if index else name
        for name, index in re.findall(r"\.?([^.\[\]`$]+)|\[(\d+)\]", where.strip("`$"))
        if name or index
    ]
    unknown = UNKNOWN.fullmatch(complaint)
    return (*key, unknown[1]) if unknown else tuple(key)


def _in_words(complaint: str) -> str:
    """Add what is allowed to a complaint about a key or a choice."""
    if unknown := UNKNOWN.fullmatch(complaint):
        keys = {name for kind in KINDS for name in kind.__struct_encode_fields__}
        near = get_close_matches(unknown[1], sorted(keys), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"there is no key {unknown[1]!r} here{hint}"
    if complaint.startswith("Invalid enum value"):
        return f"{complaint}; allowed are {_listed(map(repr, DEVICES))}"
    return complaint


def _complaints(read: Table) -> Iterable[tuple[Key, str]]:
    """Go through what is wrong beyond the types of the values, in the order of the table."""
    numbers = [module.number for module in read.modules]
    for i, number in enumerate(numbers):
        if number in numbers[:i]:
            yield ("module", i, "number"), f"module {number} is there twice"
    earlier: dict[str, Task] = {}
    for i, task in enumerate(read.tasks):
        for key, complaint in _complaints_of(task, earlier, numbers):
            yield ("task", i, *key), f"task {task.id}: {complaint}"
        earlier[task.id] = task
    if not read.tasks:
        yield ("task",), "there are no tasks"


def _complaints_of(
    task: Task, earlier: Mapping[str, Task], modules: Sequence[int]
) -> Iterable[tuple[Key, str]]:
    if not ID.fullmatch(task.id):
        yield ("id",), f'{task.id!r} is no id; ids are written as "4.2" or "4.4b"'
    if task.id in earlier:
        yield ("id",), "the id is there twice"
    if task.module not in modules:
        yield ("module",), f"there is no module {task.module}, only {_listed(modules)}"
    if not task.id.startswith(f"{task.module}."):
        yield ("module",), f"a task of module {task.module} has an id that starts with it"
    for field, text in (("title", task.title), ("asks", task.asks)):
        if not text.strip():
            yield (field,), f"{field} is empty"
    if task.points < 0:
        yield ("points",), f"{task.points} points are less than none"
    if not 0 <= task.simulated <= 1:
        yield ("simulated",), f"{task.simulated} is no share of the points, from 0 to 1"
    if task.simulated != 1 and task.device != "cuda":
        yield ("simulated",), "a task on the processor is never simulated"
    if task.seconds <= 0:
        yield ("seconds",), f"{task.seconds} seconds are no time"
    if task.memory_mb < 100:
        yield ("memory_mb",), f"{task.memory_mb} MB are less than Python and NumPy need"
    if not DOC.fullmatch(task.doc):
        yield ("doc",), f'{task.doc!r} is no page; write it as "docs/…/page.md"'
    yield from _complaints_of_names(task)
    for i, name in enumerate(task.prerequisites):
        if name not in earlier:
            yield (
                ("prerequisites", i),
                f"there is no task {name!r} above; a task stands below those that it builds on",
            )
    yield from _complaints_of_checks(task.checks)
    for name, reason in task.allowances.items():
        if not reason.strip():
            yield ("allowances", name), "an allowance needs a reason"
    for name, accuracy in task.accuracy.items():
        if not 0 < accuracy.least <= accuracy.of:
            yield (
                ("accuracy", name, "least"),
                f"{accuracy.least} right of {accuracy.of} cannot be demanded",
            )
    if task.speed is not None:
        yield from _complaints_of_speed(task.speed, task.points)


def _complaints_of_names(task: Task) -> Iterable[tuple[Key, str]]:
    hole = '"module:qualname"'
    patterns = {
        "holes": (HOLE, hole),
        "upstream": (HOLE, hole),
        "spoils": (SPOIL, f'{hole} or "module"'),
        "forbidden": (DOTTED, '"module" or "module.function"'),
    }
    for field, (pattern, form) in patterns.items():
        names: tuple[str, ...] = getattr(task, field)
        for i, name in enumerate(names):
            if not pattern.fullmatch(name):
                yield (field, i), f"{name!r} is not written as {form}"
            if name in names[:i]:
                yield (field, i), f"{name!r} is there twice"


def _complaints_of_checks(checks: Checks) -> Iterable[tuple[Key, str]]:
    if not checks.names:
        yield ("checks",), "a task without checks cannot be judged"
    for i, name in enumerate(checks.required):
        if not CHECK.fullmatch(name):
            yield ("checks", "required", i), f"{name!r} is no check; their names start with test_"
        if name in checks.required[:i]:
            yield ("checks", "required", i), f"{name} is there twice"
        if name in checks.advice:
            yield ("checks", "advice", name), f"{name} is required, too"
    for name, reason in checks.advice.items():
        if not CHECK.fullmatch(name):
            yield ("checks", "advice", name), f"{name!r} is no check; their names start with test_"
        if not reason.strip():
            yield ("checks", "advice", name), "an advice needs a reason"


def _complaints_of_speed(speed: Speed, points: float) -> Iterable[tuple[Key, str]]:
    if not speed.workloads:
        yield ("speed", "fast"), "a speed is measured with at least one workload"
    for name, fast in speed.fast.items():
        if name not in BY_NAME:
            yield ("speed", "fast", name), f"no such workload; there are {_listed(BY_NAME)}"
        if fast <= 0:
            yield ("speed", "fast", name), f"a ratio of times is positive: {fast}"
    if speed.ratio < 1:
        yield ("speed", "ratio"), f"nobody has to be faster than the fast kernels: {speed.ratio}"
    if not 0 <= speed.points <= points:
        yield ("speed", "points"), f"{speed.points} of the task's {points} points are impossible"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
