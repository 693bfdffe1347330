"""Tuned kernels in separate processes: vectors of another width, memory between guard pages."""

import subprocess
import sys
from pathlib import Path

import pytest

SOME_WIDTH = """
import sys
import pytest
from mt_kernels_cpu.compiling import jit
compiles_for = jit.compiles_for
# Only the width depends on this name; instructions of AVX-512 still need the processor's own.
jit.compiles_for = lambda name: compiles_for(name) == ({own} or name != "avx512vl")
sys.exit(pytest.main(sys.argv[1:]))
"""


def pass_tests(own: bool, *options: Path | str) -> None:
    """Run tests in a process with vectors of the processor's own width, or of the other one."""
    code = SOME_WIDTH.format(own=own)
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-m", "not slow and not oracle", *map(str, options)],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.slow
def test_vectors_of_the_other_width() -> None:
    """If registers are narrower than a vector, the compiler uses two of them."""
    files = [
        *Path(__file__).parent.rglob("test_cpu_*.py"),
        *Path(__file__).parents[3].glob("mt-nn/tests/test_nn_layers_*.py"),
        *Path(__file__).parents[3].glob("mt-nn/tests/functional/test_nn_functional_pooling.py"),
    ]
    pass_tests(False, *files)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="protects pages as Linux does")
@pytest.mark.parametrize("own", [True, False], ids=["own width", "other width"])
def test_no_kernel_accesses_memory_beyond_its_arrays(own: bool) -> None:
    # Without capturing, the output of a process that was stopped is complete.
    pass_tests(own, "-s", Path(__file__).with_name("guarded.py"))
