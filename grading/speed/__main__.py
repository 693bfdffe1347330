"""`python -m grading.speed`: measure our `fast` kernels and write the constants to the task table.

The table contains, for each workload, the time of our `fast` kernels divided by the baseline's.
This command measures both in this process, in processor time: other processes affect the result
through shared caches only.
"""

import platform
import statistics
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import click

from asv_benchmarks.workloads import GRADED
from grading.driver.in_process import InProcessSubject
from grading.speed.constants import with_constants
from grading.speed.measure import measure
from grading.tasks.table import PATH, table


@click.command()
@click.argument("workloads", nargs=-1)
@click.option(
    "--times", default=5, show_default=True, help="Number of measurements, each with new inputs."
)
@click.option("--dry-run", is_flag=True, help="Print the constants without writing them.")
def main(workloads: tuple[str, ...], times: int, dry_run: bool) -> None:
    """Measure our fast kernels against the baseline and write the constants to the task table.

    Without WORKLOADS, all workloads in the table are measured.
    """
    before = {
        name: fast
        for task in table().tasks
        if task.speed is not None
        for name, fast in task.speed.fast.items()
    }
    unknown = sorted(set(workloads) - before.keys())
    if unknown:
        raise click.UsageError(
            f"there is no workload {unknown[0]!r}; allowed are {', '.join(before)}"
        )
    click.echo(_machine())
    subject, constants = InProcessSubject(), dict[str, float]()
    for name in workloads or before:
        ratios = [
            measure(subject, GRADED[name], seed, time.process_time).ratio for seed in range(times)
        ]
        constants[name] = statistics.median(ratios)
        spread = f"{min(ratios):.3g} – {max(ratios):.3g}"
        click.echo(f"{name} = {constants[name]:.2g}  ({spread}; the table had {before[name]:g})")
    if not dry_run:
        text = with_constants(PATH.read_text(encoding="utf-8"), constants, _machine())
        PATH.write_text(text, encoding="utf-8")
        click.echo(f"written to {PATH}")


def _machine() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "numba"))
    return f"{_processor()}, one thread, {versions}, {datetime.now(UTC):%Y-%m-%d}"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
