"""Start of asv in the environment of a measurement: `python -m asv_benchmarks.run_asv run …`.

asv imports NumPy before any benchmark, and NumPy's BLAS then starts one thread for each core.
Benchmarks are pinned to one core, where these threads would compete. So the environment is set
before asv starts, for `BENCH_THREADS` threads (1 by default). While asv runs benchmarks, the load
average is recorded beside its results.

`python -m asv_benchmarks.run_asv repeat RUNS COMMIT …` runs the benchmarks on one commit several
times. The differences between these runs are noise, from which `hatch run regressions` estimates
how often its alarms are false. The remaining arguments are those of ``asv run``.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from asv_benchmarks.conditions import environment, load
from asv_benchmarks.regressions.points import LOADS, REPEATS, RESULTS, ROOT

MACHINES = Path("~/.asv-machine.json").expanduser()
"""The file in which asv describes machines."""

SECONDS = 5.0
"""Time between two records of the load average, in seconds."""

PATHS = ("repo", "benchmark_dir", "env_dir", "html_dir")
"""Settings of asv that are paths relative to its configuration."""


def main(arguments: Sequence[str]) -> int:
    """Run asv with command-line arguments and return its exit code."""
    _describe_machine()
    if arguments[:1] == ["repeat"]:
        if len(arguments) < 3 or not arguments[1].isdecimal():
            print("usage: bench-repeats RUNS COMMIT [options of asv run]", file=sys.stderr)
            return 2
        return repeat(int(arguments[1]), arguments[2], arguments[3:])
    if arguments[:1] == ["run"]:
        with recorded_load(RESULTS / LOADS):
            return _asv(arguments)
    return _asv(arguments)


def repeat(runs: int, commit: str, arguments: Sequence[str]) -> int:
    """Run the benchmarks on one commit several times; return the first exit code that is not 0."""
    from asv.util import load_json

    settings = load_json(str(ROOT / "asv.conf.json"), js_comments=True)
    settings |= {name: str(ROOT / settings[name]) for name in PATHS}
    REPEATS.mkdir(parents=True, exist_ok=True)
    first = 1 + max((int(one.name) for one in REPEATS.iterdir() if one.is_dir()), default=0)
    for number in range(first, first + runs):
        folder = REPEATS / str(number)
        file = REPEATS / "asv.conf.json"
        file.write_text(json.dumps(settings | {"results_dir": str(folder)}), "utf-8")
        with recorded_load(folder / LOADS):
            code = _asv(["run", "--config", str(file), *arguments, f"{commit}^!"])
        if code:
            return code
    return 0


def _asv(arguments: Sequence[str]) -> int:
    env = environment(int(os.environ.get("BENCH_THREADS", "1")))
    return subprocess.run([sys.executable, "-m", "asv", *arguments], env=env).returncode


def _describe_machine() -> None:
    """Let asv describe this machine if it has not done so; its questions have defaults."""
    known = json.loads(MACHINES.read_text("utf-8")) if MACHINES.exists() else {}
    if platform.node() not in known:
        command = [sys.executable, "-m", "asv", "machine", "--yes"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            print(f"asv described this machine in {MACHINES}; `asv machine` changes it")


@contextlib.contextmanager
def recorded_load(path: Path) -> Iterator[None]:
    """Append the time and the load average to a file during a block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()

    def record() -> None:
        with path.open("a", encoding="utf-8") as file:
            while True:
                print(json.dumps([round(time.time(), 1), round(load(), 2)]), file=file, flush=True)
                if ended.wait(SECONDS):
                    return

    thread = threading.Thread(target=record)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
