"""One step after the other, each told as it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from asv_benchmarks.conditions import Conditions
from asv_benchmarks.gpu_check import card, comparison, programs, timing
from asv_benchmarks.gpu_check.report import Report
from asv_benchmarks.gpu_check.training import RUNS, learn
from mt_kernels_cuda import SIMULATED


def check(training: bool, speed: bool) -> Report:
    """Check everything, or what is left of it in the simulator."""
    console = Console()
    report = Report(card.present(), Conditions.now(threads=1))
    console.print(f"on {report.card.name}")
    for one in comparison.compare():
        report.comparisons.append(one)
        said = one.trouble or f"off by {one.error:.1e}, allowed {one.allowed:.0e}"
        _tell(console, one.right, f"{one.what} on {one.backend}: {said}")
    if not SIMULATED:
        for name in programs.PROGRAMS:
            ran = programs.run(name)
            report.programs.append(ran)
            _tell(console, ran.passed, f"{name}: {ran.said}")
    if training:
        _train(report, console)
    if speed:
        with _reported(report, console, "speed table"):
            for each in timing.measure(report.card):
                report.timings.append(each)
                console.print(f"  {each.workload} {each.contender}: {each.seconds * 1e6:,.1f} µs")
        report.goals = timing.goals(report.timings)
    return report


def _train(report: Report, console: Console) -> None:
    for command in RUNS:
        with _reported(report, console, command):
            trained = learn(command)
            report.trained.append(trained)
            _tell(console, trained.passed, f"{command}: {trained.right:.2%} right")


@contextmanager
def _reported(report: Report, console: Console, what: str) -> Iterator[None]:
    """Make an exception a line of the report, which is wanted all the more when something fails."""
    try:
        yield
    except Exception as error:
        failed = programs.Ran(what, 1, f"{type(error).__name__}: {error}"[:300])
        report.programs.append(failed)
        _tell(console, False, f"{what}: {failed.said}")


def _tell(console: Console, good: bool, what: str) -> None:
    console.print(f"{'✓' if good else '✗'} {what}", markup=False, highlight=False)
