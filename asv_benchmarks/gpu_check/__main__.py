"""The command line of `hatch run gpu-check`.

Exit codes: 0 if every check passes, 1 if one fails, 3 if there is no GPU.
"""

import os
import sys
from pathlib import Path

import click

FAILED, NO_GPU = 1, 3

ENVIRONMENT = ".venv-gpu"

REPORTS = Path("runs") / "gpu-check"


@click.command()
@click.option("--simulate", is_flag=True, help="Compare in numba's simulator, with tiny sizes.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPORTS,
    show_default=True,
    help="Folder of the report; docs/results/gpu to publish it.",
)
@click.option("--no-training", is_flag=True, help="Skip the training of the networks.")
@click.option("--no-speed", is_flag=True, help="Skip the table of speeds.")
def main(simulate: bool, output: Path, no_training: bool, no_speed: bool) -> None:
    """Run all checks that need a GPU, and write a report.

    This takes about 15 minutes on a GPU and half a minute in the simulator.
    """
    arguments = sys.argv[1:]
    if simulate:
        # numba reads this when it is imported; no module above imports it.
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    from mt_kernels_cuda import SIMULATED, diagnosis, is_usable

    if not is_usable():
        if Path("/proc/driver/nvidia").exists() and Path(sys.prefix).name != ENVIRONMENT:
            # A GPU is present; this environment has no compiler for it.
            os.execvp(
                sys.executable, [sys.executable, "-m", "hatch", "run", "gpu:check", *arguments]
            )
        click.echo(diagnosis())
        click.echo("To run the command without a GPU: hatch run gpu-check --simulate")
        sys.exit(NO_GPU)
    from asv_benchmarks.gpu_check import steps

    report = steps.check(training=not (no_training or SIMULATED), speed=not (no_speed or SIMULATED))
    report.write(output)
    click.echo(f"report: {output / 'gpu-check.md'}")
    if SIMULATED:
        click.echo("simulated: this tests the command and says nothing about a GPU")
    click.echo("all checks passed" if report.passed else "at least one check failed")
    sys.exit(0 if report.passed else FAILED)


if __name__ == "__main__":
    main(prog_name="hatch run gpu-check")
