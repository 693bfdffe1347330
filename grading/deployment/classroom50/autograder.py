"""Autograder of Classroom 50: get the grader, grade the learner's checkout, write the result.

Classroom 50 runs this file in the learner's checkout. `settings.json` beside it names the
repository of the grader, the tag, and the options. The grader writes `result.json`,
`release-body.md` and `report.html` into the checkout. If a step fails, the exit code is not 0 and
there is no result, so that the learner's release stays as it was.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SETTINGS = Path(__file__).resolve().with_name("settings.json")

OUTPUTS = ("result.json", "release-body.md", "report.html")
"""The files of a run in the checkout. A learner can commit files with these names."""

PYTHONS = ((3, 11), (3, 14))
"""The first supported version of Python, and the first one that is too new."""

FAILED = 3
"""Exit code if the grader could not run."""

NAMESPACES = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
"""Setting of Ubuntu that forbids the namespaces of the sandbox."""


def main() -> int:
    """Grade the working directory and return the exit code."""
    checkout = Path.cwd()
    try:
        remove_outputs(checkout)
        code = grade(checkout)
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError):
        traceback.print_exc()
        code = FAILED
    missing = [name for name in OUTPUTS if not (checkout / name).is_file()]
    if code == 0 and missing:
        print(f"the grader did not write {', '.join(missing)}", file=sys.stderr)
        code = FAILED
    if code != 0:
        remove_outputs(checkout)
        print("The grader failed. There is no score; the last one stays.", file=sys.stderr)
    # A negative code is the number of a signal.
    return code if code >= 0 else 128 - code


def remove_outputs(checkout: Path) -> None:
    """Remove the files of a run, and what a learner committed in their places."""
    for name in OUTPUTS:
        path = checkout / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def grade(checkout: Path) -> int:
    """Get and prepare the grader, run it, and return its exit code.

    Raises:
        ValueError: The version of Python is not supported.
    """
    if not PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]:
        raise ValueError(
            f"the grader does not run on Python {sys.version_info[0]}.{sys.version_info[1]}; set "
            '"python": "3.12" in the `runtime` of the assignment'
        )
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        # The sandbox may run as another user, who reads the libraries.
        Path(folder).chmod(0o755)
        grader = Path(folder) / "grader"
        fetch(settings["grader"], settings["tag"], grader)
        prepare(grader)
        python, module = str(grader / ".venv/bin/python"), "grading.deployment.classroom50"
        command = [python, "-m", module, str(SETTINGS), str(checkout)]
        return subprocess.run(command, cwd=grader, check=False).returncode


def fetch(repository: str, tag: str, grader: Path) -> None:
    """Clone a repository at a tag.

    Raises:
        subprocess.CalledProcessError: There is no such repository or tag, or it needs a password.
    """
    command = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--depth", "1"]
    command += ["--branch", tag, "--", repository]
    subprocess.run(
        [*command, str(grader)], check=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    )


def prepare(grader: Path) -> None:
    """Create the environment of the grader, and allow the sandbox.

    Raises:
        subprocess.CalledProcessError: The environment cannot be created.
    """
    if NAMESPACES.exists():
        # Without the permission the grader itself refuses to run, and names the reason.
        allow = ["sudo", "-n", "sysctl", "-q", "-w", f"kernel.{NAMESPACES.name}=0"]
        subprocess.run(allow, check=False)
    boot = grader / ".boot"
    subprocess.run([sys.executable, "-m", "venv", boot], check=True)
    subprocess.run([boot / "bin/pip", "install", "-q", "hatch"], check=True)
    subprocess.run([boot / "bin/hatch", "run", "python", "--version"], cwd=grader, check=True)


if __name__ == "__main__":
    sys.exit(main())
