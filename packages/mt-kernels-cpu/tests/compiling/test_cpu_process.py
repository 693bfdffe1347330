"""Changes to the process: the first compilation makes them, imports do not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mt_kernels_cpu.compiling.process import symbols_are_unique


def python(code: str, folder: Path, *arguments: str) -> Any:
    """Run code in a new process, and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


STATE = """
import json, os, warnings
os.environ.pop("OMP_WAIT_POLICY", None)
hooks = []
register = os.register_at_fork
def recorded(**callbacks):
    hooks.extend(str(hook.__module__) for hook in callbacks.values())
    register(**callbacks)
os.register_at_fork = recorded

import numba, mt_tensor
from numba.core.bytecode import FunctionIdentity

def state():
    settings = {name: repr(value) for name, value in vars(numba.config).items() if name.isupper()}
    ours = [name for name in hooks if name.startswith("mt_")]
    numbers = FunctionIdentity._unique_ids
    return dict(os.environ), settings, ours, id(numbers), repr(numbers), repr(warnings.filters)

states = [state()]
import mt_kernels_cpu
from mt_kernels_cpu import Fast, Tuned
from mt_tensor import operators
states.append(state())
"""

USES = {
    "a kernel": "a = Fast().zeros((2,)); Fast().map(operators.neg, a)",
    "a helper": "from mt_kernels_cpu.tuned.operations.exponential import exp_float64 as f; f(1.0)",
    "threads": "from mt_kernels_cpu.tuned import threads; threads.partition(5, 2**30)",
}


@pytest.mark.parametrize("use", USES)
def test_first_use_configures_the_process_and_imports_do_not(tmp_path: Path, use: str) -> None:
    code = f"{STATE}\n{USES[use]}\nstates.append(state())\n{USES[use]}\nstates.append(state())"
    # With one processor, `partition` does not start numba's threads.
    options = "numba.config.NUMBA_NUM_THREADS = 2" if use == "threads" else ""
    code = code.replace("states = [", f"{options}\nstates = [")
    before, imported, used, again = python(f"{code}\nprint(json.dumps(states))", tmp_path)
    assert imported == before
    assert used[0] == {**before[0], "OMP_WAIT_POLICY": "passive"}
    # A fork waits for locks, and the child gets new numbers: three hooks.
    assert used[1:3] == [before[1], ["mt_kernels_cpu.compiling.process"] * 3]
    assert used[3] != before[3]
    assert again[:4] == used[:4]


def test_wait_policy_of_the_user_is_kept(tmp_path: Path) -> None:
    unset, active = (
        'os.environ.pop("OMP_WAIT_POLICY", None)',
        "os.environ['OMP_WAIT_POLICY'] = 'active'",
    )
    assert unset in STATE
    code = (
        STATE.replace(unset, active)
        + USES["a kernel"]
        + "\nprint(json.dumps(os.environ['OMP_WAIT_POLICY']))"
    )
    assert python(code, tmp_path) == "active"


COMPILED_BEFORE = """
import json, sys
import numpy as np
from numba import njit
from mt_kernels_cpu import tensor_map

def made(constant):
    # With options of its own, so that kernels call it as it is.
    @njit(error_model="numpy")
    def formula(x):
        # Too much to be copied into each call, so that the linker has to find it.
        waste = 0.0
        for k in range(int(x)):
            waste += 0.0 * np.sin(x) * np.cos(x) * np.exp(-x * x) * np.tan(x) * np.log(k + 1.0)
        return constant * x + waste
    return formula

formula = made(float(sys.argv[1]))
if sys.argv[2] == "before":
    formula(1.0)
out, a = np.zeros(3), np.array([1.0, 2.0, 3.0])
layout = np.array([3]), np.array([1])
kernel = tensor_map(formula).serial
kernel(out, *layout, a, *layout)
print(json.dumps([out.tolist(), sum(kernel.stats.cache_hits.values())]))
"""


@pytest.mark.parametrize(("when", "hits"), [("before", 0), ("after", 1)])
def test_kernels_that_call_earlier_code_are_not_cached(
    tmp_path: Path, when: str, hits: int
) -> None:
    """Another process may have used the name of such code for another function."""
    for constant, found in ((2.0, 0), (3.0, 0), (2.0, hits)):
        answer = [constant, 2 * constant, 3 * constant]
        assert python(COMPILED_BEFORE, tmp_path, str(constant), when) == [answer, found]


FORKED = """
import json, os
from mt_kernels_cpu.compiling.process import FunctionIdentity, configure
configure()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, str(next(FunctionIdentity._unique_ids)).encode())
    os._exit(0)
os.wait()
print(json.dumps([int(os.read(reader, 99)), next(FunctionIdentity._unique_ids)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_forked_child_has_other_numbers(tmp_path: Path) -> None:
    child, parent = python(FORKED, tmp_path)
    assert abs(child - parent) > 1000


def test_symbols_are_unique_above_the_last_shared_number(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mt_kernels_cpu.compiling.process._last_shared_number"
    monkeypatch.setattr(name, None)
    assert not symbols_are_unique(["NRT_incref"])
    monkeypatch.setattr(name, 20)
    assert symbols_are_unique(["NRT_incref", "_ZN4rows1fB3v21B2c8tJE", "_Z1fB5v12345ArrayIdLi1E"])
    for number in ("B2v7", "B3v20"):
        # A number is followed by the length of the next name.
        assert not symbols_are_unique([f"_ZN4rows1f{number}B2c8tJE"])
        assert not symbols_are_unique(["_ZN4rows1fB5v1234E", f"_Z1f{number}5ArrayIdLi1E"])
