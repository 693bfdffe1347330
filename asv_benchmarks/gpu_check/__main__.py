"""The command line of `hatch run gpu-check`.

Exit codes: 0 if everything is right, 1 if something is wrong, 3 if there is no GPU to ask.
"""

import os
import sys
from pathlib import Path

import click

WRONG, NO_GPU = 1, 3

ENVIRONMENT = ".venv-gpu"

REPORTS = Path("runs") / "gpu-check"


@click.command()
@click.option("--simulate", is_flag=True, help="Compare in numba's simulator, with tiny sizes.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPORTS,
    show_default=True,
    help="Where the report goes; docs/results/gpu to publish it.",
)
@click.option("--no-training", is_flag=True, help="Leave the training of the networks out.")
@click.option("--no-speed", is_flag=True, help="Leave the speed table out.")
def main(simulate: bool, output: Path, no_training: bool, no_speed: bool) -> None:
    """Check everything that only a GPU can tell, and write a report.

    About a quarter of an hour on a GPU; half a minute in the simulator.
    """
    given = sys.argv[1:]
    if simulate:
        # numba reads this when it is imported, which nothing here has done yet.
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    from mt_kernels_cuda import SIMULATED, diagnosis, is_usable

    if not is_usable():
        if Path("/proc/driver/nvidia").exists() and Path(sys.prefix).name != ENVIRONMENT:
            # There is a GPU, and no compiler for it here.
            os.execvp(sys.executable, [sys.executable, "-m", "hatch", "run", "gpu:check", *given])
        click.echo(diagnosis())
        click.echo("To see the command work without one: hatch run gpu-check --simulate")
        sys.exit(NO_GPU)
    from asv_benchmarks.gpu_check import steps

    report = steps.check(training=not (no_training or SIMULATED), speed=not (no_speed or SIMULATED))
    report.write(output)
    click.echo(f"report: {output / 'gpu-check.md'}")
    if SIMULATED:
        click.echo("simulated: this shows that the command works, and nothing about a GPU")
    click.echo("everything is right" if report.passed else "something is wrong")
    sys.exit(0 if report.passed else WRONG)


if __name__ == "__main__":
    main(prog_name="hatch run gpu-check")
