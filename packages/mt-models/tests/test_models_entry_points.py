"""Former entry points, which name the new command."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "arguments", "command"),
    [
        ("mt_models.app", ["--port", "8600"], "`python -m mt_app`, or `hatch run app`"),
        ("mt_models.course", ["run.py"], "`python -P -m minitorch.course_scripts SCRIPT`"),
    ],
)
def test_a_former_entry_point_names_the_new_one(
    module: str, arguments: list[str], command: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert command in done.stderr
    assert done.stdout == ""
