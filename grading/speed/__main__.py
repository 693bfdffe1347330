"""`python -m grading.speed`: measure our `fast` kernels, and print what the table should say.

The table of tasks holds, for each workload, the time of our `fast` kernels over the yardstick's.
This command measures it on the packages of this environment, in this process, by the time that it
has of a processor: other processes do not matter, but for the caches that they share.
"""

import platform
import statistics
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import click

from asv_benchmarks.workloads import BY_NAME
from grading.in_process import InProcessSubject
from grading.speed.measure import measure
from grading.table import table


@click.command()
@click.argument("workloads", nargs=-1)
@click.option("--times", default=5, show_default=True, help="Measure so often, with fresh inputs.")
def main(workloads: tuple[str, ...], times: int) -> None:
    """Measure our fast kernels by the yardstick, as the table of tasks wants it.

    All WORKLOADS that tasks name are measured unless some are given.
    """
    named = [name for task in table().tasks if task.speed for name in task.speed.workloads]
    unknown = sorted(set(workloads) - BY_NAME.keys())
    if unknown:
        raise click.UsageError(f"no workload {unknown[0]!r}; there are {', '.join(BY_NAME)}")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "numba"))
    click.echo(f"# {_processor()}, {versions}, {datetime.now(UTC):%Y-%m-%d}, one thread")
    subject = InProcessSubject()
    for name in workloads or named:
        ratios = [
            measure(subject, BY_NAME[name], seed, time.process_time).ratio for seed in range(times)
        ]
        low, high = min(ratios), max(ratios)
        click.echo(f"{name} = {statistics.median(ratios):.2g}  # {low:.3g} - {high:.3g}")


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
