"""Write the examples that the app shows before its user starts anything.

`hatch run app:python -m tools.app_examples report` grades a solution of task 0.1 with one mistake
and stores the report. `hatch run app:python -m tools.app_examples speed` measures the backends and
stores the times; no other program should run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tools.workspace import ROOT

SOURCE = ROOT / "packages" / "mt-app" / "src"
TARGET = SOURCE / "mt_app" / "examples"
OPERATORS = "packages/mt-tensor/src/mt_tensor/operators.py"
RIGHT, WRONG = "return -(d / x) / x", "return (d / x) / x"


def write_report(path: Path) -> None:
    """Grade the packages with one mistake, and write the report as HTML."""
    with tempfile.TemporaryDirectory() as folder:
        submission = Path(folder) / "example"
        without = shutil.ignore_patterns("__pycache__", "mt-app")
        shutil.copytree(ROOT / "packages", submission / "packages", ignore=without)
        operators = submission / OPERATORS
        text = operators.read_text("utf-8")
        assert text.count(RIGHT) == 1
        operators.write_text(text.replace(RIGHT, WRONG), "utf-8")
        grade = (sys.executable, "-m", "grading", "grade", "task0_1", "--no-speed", "--seed", "7")
        arguments = ("--submission", str(submission), "--html", str(path))
        done = subprocess.run((*grade, *arguments), cwd=ROOT, check=False)
    if done.returncode != 1:
        raise click.ClickException(
            f"the grader ended with exit code {done.returncode}; a wrong solution has exit code 1"
        )


def write_timings(folder: Path) -> None:
    """Measure the backends in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = (sys.executable, "-m", "mt_app.jobs.speed", str(folder))
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as worker:
        worker.wait()


@click.command()
@click.argument("what", type=click.Choice(["report", "speed"]))
def main(what: str) -> None:
    """Write one of the examples into the package of the app."""
    if what == "report":
        write_report(TARGET / "report.html")
    else:
        write_timings(TARGET / "speed")


if __name__ == "__main__":
    main()
