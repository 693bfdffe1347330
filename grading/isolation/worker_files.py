"""The files of a worker: a part of the grader, the installed libraries, and a submission."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

GRADING = Path(__file__).resolve().parents[1]

WORKER_FILES = ("__init__.py", "protocol", "driver", "worker")
"""The part of the grader that runs beside the code under test; it contains no expected results."""

SIMULATION = "simulation"
"""The subpackage of `mt_kernels_cuda` with the repaired CUDA simulator and the race detector.

The worker gets a copy, because a submission has its own package of that name, or none.
"""

RANKS = "ranks"
"""The subpackage of the copied grader with the simulator of ranks of `mt_nn.distributed`."""

RANK_FILES = ("communicator.py", "faults.py", "network.py", "simulator.py")
"""The files of `mt_nn.distributed` that make up the simulator; they import each other only."""


@dataclass(frozen=True)
class WorkerSetup:
    """The files, variables and devices that a worker sees.

    Attributes:
        snapshot: A copy of the submission.
        submission: The folders on Python's search path, relative to the copy.
        environment: Environment variables in addition to the usual ones.
        gpu: True if it sees the devices of a GPU.
        kernels: A folder with compiled kernels that outlives the worker, which reads and writes
            it in a sandbox; only for code that the judge trusts. None for no such folder.
    """

    snapshot: Path
    submission: tuple[Path, ...]
    environment: Mapping[str, str]
    gpu: bool
    kernels: Path | None = None


def interpreter() -> Path:
    """Return the base interpreter of this one, outside any virtual environment."""
    return Path(sys.executable).resolve()


def third_party() -> tuple[Path, ...]:
    """Return the folders with installed libraries."""
    paths = sysconfig.get_paths()
    return tuple(dict.fromkeys(Path(paths[key]) for key in ("purelib", "platlib")))


def usual_environment(home: str) -> dict[str, str]:
    """Return the environment variables of a worker with the home folder `home`."""
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
        # Only the kernels of the submission use threads.
        "OPENBLAS_NUM_THREADS": "1",
        # Idle threads sleep; otherwise they would use processor time while they wait.
        "OMP_WAIT_POLICY": "passive",
    }
    # The locations of libraries on this machine, for a Python or a GPU that needs them.
    for name in ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES"):
        if name in os.environ:
            variables[name] = os.environ[name]
    return variables


def copy_worker_files(to: Path) -> None:
    """Copy the worker's part of the grader, without compiled files."""
    folder = to / "grading"
    folder.mkdir(parents=True)
    for source in (*(GRADING / name for name in WORKER_FILES), *simulation()):
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, folder / source.name, ignore=ignore)
        else:
            shutil.copyfile(source, folder / source.name)
    ranks = folder / RANKS
    ranks.mkdir()
    (ranks / "__init__.py").touch()
    for source in rank_files():
        shutil.copyfile(source, ranks / source.name)


def simulation() -> tuple[Path, ...]:
    """Return the folder of the CUDA simulator; empty if the package is not installed.

    The package is located without importing it: in a learner's tree it is the learner's code.
    """
    return tuple(folder / SIMULATION for folder in _folders("mt_kernels_cuda"))


def rank_files() -> tuple[Path, ...]:
    """Return the files of the simulator of ranks; empty if mt-nn is not installed or older."""
    found = [folder / "distributed" for folder in _folders("mt_nn")]
    files = (folder / name for folder in found for name in RANK_FILES)
    return tuple(file for file in files if file.is_file())


def _folders(package: str) -> tuple[Path, ...]:
    """Return the folders of a package, which is not imported; empty if it is not installed."""
    spec = find_spec(package)
    locations = None if spec is None else spec.submodule_search_locations
    return tuple(map(Path, locations or ()))
