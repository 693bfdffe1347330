"""The steps of the check; each prints its outcome when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from asv_benchmarks.conditions import Conditions
from asv_benchmarks.gpu_check import card, comparison, programs, timing
from asv_benchmarks.gpu_check.report import Report
from asv_benchmarks.gpu_check.training import RUNS, train_run
from mt_kernels_cuda import SIMULATED


def check(training: bool, speed: bool) -> Report:
    """Run the check and return the report; the simulator skips the programs."""
    console = Console()
    report = Report(card.detect(), Conditions.now(threads=1))
    console.print(f"on {report.card.name}")
    for one in comparison.compare():
        report.comparisons.append(one)
        outcome = one.exception or f"error {one.error:.1e}, allowed {one.allowed:.0e}"
        _print_outcome(console, one.right, f"{one.workload} on {one.backend}: {outcome}")
    if not SIMULATED:
        for name in programs.PROGRAMS:
            result = programs.run(name)
            report.programs.append(result)
            _print_outcome(console, result.passed, f"{name}: {result.outcome}")
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
            trained = train_run(command)
            report.trained.append(trained)
            _print_outcome(console, trained.passed, f"{command}: accuracy {trained.accuracy:.2%}")


@contextmanager
def _reported(report: Report, console: Console, name: str) -> Iterator[None]:
    """Record an exception of the block in the report and continue."""
    try:
        yield
    except Exception as error:
        failed = programs.ProgramResult(name, 1, f"{type(error).__name__}: {error}"[:300])
        report.programs.append(failed)
        _print_outcome(console, False, f"{name}: {failed.output}")


def _print_outcome(console: Console, passed: bool, text: str) -> None:
    console.print(f"{'✓' if passed else '✗'} {text}", markup=False, highlight=False)
