"""Rows about whole processes: start, compilation, memory, an epoch, time to 98 % accuracy."""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from asv_benchmarks.conditions import environment
from asv_benchmarks.peers.measure import Timing, WorkerError
from asv_benchmarks.peers.rows import Target
from asv_benchmarks.peers.trees import ROOT, NoTreeError, Tree, checkout

PROGRAM = ("-m", "asv_benchmarks.peers.program")

OLDER = "0270e5e"
"""The commit beside whose compilation the row `cold` compares ours."""

LAUNCHER = Path(__file__).with_name("launcher.py")

Quantity: TypeAlias = Literal["cpu", "wall", "memory", "printed"]
"""The compared quantity: processor time (s), wall time (s), peak resident memory (MB), or seconds
that the process measures and prints."""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One comparison of processes.

    Attributes:
        key, title, group: As in `Row`.
        quantity: The compared quantity.
        commands: The arguments of the Python interpreter, by contender.
        targets: The targets by rival. A rival without a command is a limit.
        limits: Seconds by the name of the limit.
        commits: Commits by the name of a rival. It runs our command with the packages of that
            commit, which is checked out into a temporary worktree.
        cold: True if the cache of compiled kernels is empty.
        rounds: The largest number of starts of each process.
    """

    key: str
    title: str
    group: str
    quantity: Quantity
    commands: Mapping[str, tuple[str, ...]]
    targets: Mapping[str, Target]
    limits: Mapping[str, float] | None = None
    cold: bool = False
    rounds: int = 9
    ours: None = None
    reason: str = ""
    commits: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit of the quantity."""
        return "MB" if self.quantity == "memory" else "s"


def process_rows(ours: str, threads: int, time_to_accuracy: bool = False) -> tuple[ProcessRow, ...]:
    """Return the rows about one of our backends.

    Args:
        ours: The name of the backend.
        threads: The number of computing threads.
        time_to_accuracy: True to include training to 98 % accuracy, which takes minutes.
    """
    running = [_time_to_accuracy(ours)] if time_to_accuracy else []
    return tuple(running) if threads > 1 else (*_rows_on_one_thread(ours), *running)


def _rows_on_one_thread(ours: str) -> tuple[ProcessRow, ...]:
    starting = [
        ProcessRow(
            f"start-{network}-{batch}",
            f"import and first step of the {title}, beside import torch",
            "processes",
            "cpu",
            {
                ours: (*PROGRAM, "steps", ours, f"{network}-{batch}:1"),
                "torch": ("-c", "import torch"),
            },
            {"torch": Target(1.0, 2.0)},
        )
        for network, batch, title in (("course", 16, "LeNet"), ("kim", 10, "Kim CNN"))
    ]
    compiling = ProcessRow(
        "cold",
        "first steps of LeNet and Kim CNN, compiled cold",
        "processes",
        "cpu",
        {ours: (*PROGRAM, "steps", ours, "course-16:1", "kim-10:1")},
        {"20 s": Target(1.0, 20.0 / 8.0), f"commit {OLDER}": Target()},
        limits={"20 s": 20.0},
        commits={f"commit {OLDER}": OLDER},
        cold=True,
        rounds=3,
    )
    memory = [
        ProcessRow(
            f"memory-{network}-{batch}",
            f"peak memory, 30 steps of the {title}, batch {batch}",
            "processes",
            "memory",
            {name: (*PROGRAM, "steps", name, f"{network}-{batch}:30") for name in (ours, "torch")},
            {"torch": Target(1.0)},
            rounds=3,
        )
        for network, batch, title in (("course", 128, "LeNet"), ("kim", 50, "Kim CNN"))
    ]
    epoch = ProcessRow(
        "linear",
        "an epoch of 16,000 images, beside four of 4,000",
        "processes",
        "printed",
        {ours: (*PROGRAM, "epochs", ours, "4000", "4", "5")},
        {"linear": Target(0.9)},
        rounds=1,
    )
    return (*starting, compiling, *memory, epoch)


def _time_to_accuracy(ours: str) -> ProcessRow:
    return ProcessRow(
        "time-to-accuracy",
        "MNIST to 98 % of the test images, cold start",
        "processes",
        "wall",
        {name: (*PROGRAM, "time-to-accuracy", name) for name in (ours, "torch")},
        {"torch": Target(1.0)},
        cold=True,
        rounds=1,
    )


def measure_processes(
    row: ProcessRow, threads: int, rounds: int
) -> tuple[dict[str, Timing], list[str]]:
    """Start the processes of a row in turn; return their values by name, and their output."""
    with contextlib.ExitStack() as stack:
        older: dict[str, Tree] = {}
        for name, commit in row.commits.items():
            try:
                root = stack.enter_context(checkout(commit))
            except NoTreeError as error:
                return _in_turn(row, threads, rounds, older, [f"{row.key}: {error}"])
            older[name] = Tree(root, root.with_name("kernels"))
        return _in_turn(row, threads, rounds, older, [])


def _in_turn(
    row: ProcessRow, threads: int, rounds: int, older: Mapping[str, Tree], notes: list[str]
) -> tuple[dict[str, Timing], list[str]]:
    """Start all processes of a row in turn, those of older commits in their trees."""
    (ours, *_) = row.commands
    commands = {**row.commands, **dict.fromkeys(older, row.commands[ours])}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for at in range(min(rounds, row.rounds) + 1):
        # The first round fills the caches of kernels, compiled modules and files.
        warming = at == 0
        if warming and (row.cold or row.quantity == "printed"):
            continue
        for name, command in commands.items():
            usage = run_process(command, threads, row.cold, older.get(name))
            if warming:
                continue
            if row.quantity == "printed":
                printed: dict[str, list[float]] = json.loads(usage.printed)
                return {who: Timing(tuple(s), tuple(s)) for who, s in printed.items()}, notes
            if usage.printed:
                notes.append(f"{row.key}, {name}: {usage.printed}")
            taken[name].append(getattr(usage, row.quantity))
    timings = {name: Timing(tuple(values), tuple(values)) for name, values in taken.items()}
    for name, seconds in (row.limits or {}).items():
        timings[name] = Timing((seconds,), (seconds,))
    return timings, notes


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that a process used, and its output.

    Attributes:
        cpu: Processor time in seconds.
        wall: Wall time in seconds.
        memory: Peak resident memory in MB.
        printed: Its standard output, without surrounding white space.
    """

    cpu: float
    wall: float
    memory: float
    printed: str


def run_process(
    command: tuple[str, ...], threads: int, cold: bool = False, tree: Tree | None = None
) -> Usage:
    """Run a Python process to its end and return its usage of resources.

    Args:
        command: The arguments of the interpreter.
        threads: The number of computing threads.
        cold: True to start with an empty cache of compiled kernels.
        tree: The working tree whose code runs; the installed packages by default.

    Raises:
        WorkerError: The exit code of the process is not 0.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        env = environment(threads) | (tree.variables if tree else {})
        if cold:
            env["NUMBA_CACHE_DIR"] = folder
        report = Path(folder, "usage.json")
        started = [sys.executable, *command]
        finished = subprocess.run(
            [sys.executable, "-I", "-S", LAUNCHER, report, *started],
            cwd=tree.root if tree else ROOT,
            env=env,
            stdout=output,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if finished.returncode:
            raise WorkerError(f"python {' '.join(command)}: exit code {finished.returncode}")
        output.seek(0)
        return Usage(**json.loads(report.read_text()), printed=output.read().strip())
