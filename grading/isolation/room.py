"""What a worker has to see: a few files of the grader, libraries, a submission."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GRADING = Path(__file__).resolve().parents[1]

KIT = ("__init__.py", "subject.py", "wire.py", "driver", "worker")
"""What of the grader is beside the code under test: nothing that knows a right answer."""

SIMULATION = GRADING.parent / "packages/mt-kernels-cuda/src/mt_kernels_cuda/simulation"
"""The simulator's mending and its detector of races: copied, since submissions have their own
package of this name, or none."""


@dataclass(frozen=True)
class Room:
    """What a worker has to see.

    Attributes:
        snapshot: A copy of the submission.
        submission: The folders that Python searches, relative to the copy.
        environment: Variables in addition to the usual ones.
        gpu: Whether the devices of a GPU are there.
    """

    snapshot: Path
    submission: tuple[Path, ...]
    environment: Mapping[str, str]
    gpu: bool


def interpreter() -> Path:
    """Return the Python that this one stands on, without its environment."""
    return Path(sys.executable).resolve()


def third_party() -> tuple[Path, ...]:
    """Return the folders with installed libraries."""
    paths = sysconfig.get_paths()
    return tuple(dict.fromkeys(Path(paths[key]) for key in ("purelib", "platlib")))


def usual_environment(home: str) -> dict[str, str]:
    """Return the variables of a worker, whose own folder is `home`."""
    variables = {
        "HOME": home,
        "TMPDIR": f"{home}/tmp",
        "NUMBA_CACHE_DIR": f"{home}/numba",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "MPLBACKEND": "agg",
        "PATH": "/usr/bin:/bin",
        "USER": "worker",
        "LOGNAME": "worker",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "HF_HUB_OFFLINE": "1",
        # Threads are for the kernels of the submission.
        "OPENBLAS_NUM_THREADS": "1",
        # Those that wait for work sleep, from the first question about their number on.
        "OMP_WAIT_POLICY": "passive",
    }
    # Where this machine keeps libraries, for a Python or a GPU that needs them.
    for name in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES"):
        if name in os.environ:
            variables[name] = os.environ[name]
    return variables


def copy_kit(to: Path) -> None:
    """Copy what the worker needs of the grader, without compiled files."""
    folder = to / "grading"
    folder.mkdir(parents=True)
    for source in (*(GRADING / name for name in KIT), SIMULATION):
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, folder / source.name, ignore=ignore)
        else:
            shutil.copyfile(source, folder / source.name)
