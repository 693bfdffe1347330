"""Importing a package does not change the state of the process: settings, hooks, libraries.

A program that imports a package may rely on its own settings.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.workspace import ROOT, read_packages

PACKAGES = read_packages()
MODULES = [package.module for package in PACKAGES]
PROBE = ROOT / "tests" / "process_probe.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the probe forks")


def changes(module: str, *others: str, **variables: str) -> list[str]:
    """Import a package in a new process and return the changes to that process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROBE, module, *others],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    changed: list[str] = json.loads(done.stdout)
    return changed


@pytest.fixture(autouse=True)
def without_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete the variables that the commands of this repository set.

    The app is installed in another environment, so its sources are added to PYTHONPATH.
    """
    for package in PACKAGES:
        monkeypatch.setenv("PYTHONPATH", str(package.source.parent), prepend=os.pathsep)
    for name in ("OPENBLAS_THREAD_TIMEOUT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("module", MODULES)
def test_an_import_changes_nothing(module: str) -> None:
    assert changes(module, *MODULES) == []


def test_an_import_with_the_simulator_changes_nothing() -> None:
    assert changes("mt_kernels_cuda", *MODULES, NUMBA_ENABLE_CUDASIM="1") == []


CODE = """
import atexit, logging, numba, os, signal, sys, threading, warnings
from numba.core import bytecode, config

os.environ["MADE_UP"] = "1"
sys.setrecursionlimit(sys.getrecursionlimit() + 1)
warnings.filterwarnings("ignore", message="made up")
atexit.register(print)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
threading.excepthook = print
logging.getLogger("numba").setLevel("ERROR")
config.BOUNDSCHECK = 1
bytecode.FunctionIdentity.made_up = 1
numba.njit = numba.jit
os.register_at_fork(after_in_child=lambda: setattr(numba, "made_up", 1))
"""


def test_every_change_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "intrusive").mkdir()
    (tmp_path / "intrusive" / "__init__.py").write_text("")
    (tmp_path / "intrusive" / "module.py").write_text(CODE)
    (tmp_path / "harmless").mkdir()
    (tmp_path / "harmless" / "__init__.py").write_text("import numba\nnumba.njit(lambda: 1)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert changes("harmless") == []
    assert changes("intrusive") == [
        "numba.core.bytecode.FunctionIdentity.made_up",
        "numba.core.config.BOUNDSCHECK",
        "numba.njit",
        "os.environ['MADE_UP']",
        "the filters of warnings",
        "the functions to call at exit",
        "the handler of SIGTERM",
        "the logger numba",
        "the recursion limit",
        "threading.excepthook",
        "numba.made_up after a fork",
    ]
