"""Every kernel compiles for real GPUs without one, and its resources suffice.

The tests check that all constructs can be compiled, that registers suffice, and that nothing is
spilled to memory. They cannot check results.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numba
import pytest
from numba import cuda, types

from mt_kernels_cuda import (
    SIMULATED,
    tensor_conv2d,
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_kernels_cuda.elementwise import fill
from mt_kernels_cuda.launching import BLOCK, TILE
from mt_kernels_cuda.practice import THREADS_PER_BLOCK, mm_kernel, sum_kernel
from mt_tensor import operators
from tools.gpu_kernels import catalog

CAPABILITIES = [(7, 5), (8, 0), (9, 0)]
"""Compute capabilities of the generations Turing, Ampere and Hopper."""

REGISTERS = 65_536
"""Most registers of a block on these generations. A kernel that needs more cannot be launched."""

VECTORISED = (
    "map_contiguous",
    "zip_contiguous",
    "multiply_matrices/large",
    "multiply_matrices/medium-p",
)
"""Prefixes of the names of launches with vector accesses."""

PRODUCTS = ("multiply_matrices", "correlate")

LAYOUT = (types.int64[::1], types.int64[::1])
SIZE, FLAG = types.int64, types.boolean


def tensor_of(number: Any) -> tuple[Any, ...]:
    return (number[::1], *LAYOUT)


Case = tuple[Any, int, tuple[Any, ...]]
"""A kernel, the number of threads of a block, and the types of its arguments."""


def kernels(number: Any) -> Iterator[Case]:
    """Yield all kernels of the course for a number type, with formulas that need most registers."""
    tensor, storage = tensor_of(number), number[::1]
    out = (*tensor, SIZE)
    yield tensor_map(operators.sigmoid), BLOCK, (*out, *tensor)
    yield tensor_zip(operators.relu_back), BLOCK, (*out, *tensor, *tensor)
    yield tensor_reduce(operators.max), BLOCK, (*out, *tensor, SIZE, types.float64)
    yield tensor_matrix_multiply, TILE * TILE, (*out, *tensor, *tensor)
    yield tensor_conv2d, TILE * TILE, (*out, *tensor, *tensor, FLAG)
    yield fill, BLOCK, (storage, SIZE, types.float64)
    yield sum_kernel, THREADS_PER_BLOCK, (storage, storage, SIZE)
    yield mm_kernel, THREADS_PER_BLOCK**2, (storage, storage, storage, SIZE)


ONE = (
    operators.id,
    operators.neg,
    operators.relu,
    operators.exp,
    operators.log,
    operators.ln,
    operators.inv,
    operators.sqrt,
    operators.sigmoid,
    operators.log1p,
    operators.tanh,
    operators.erf,
    operators.gelu,
    operators.floor,
)
WITH_LOCAL_MEMORY = (operators.sin, operators.cos)
"""Formulas that reduce large angles with a table in local memory."""
TWO = (
    operators.add,
    operators.mul,
    operators.lt,
    operators.eq,
    operators.max,
    operators.is_close,
    operators.log_back,
    operators.ln_back,
    operators.inv_back,
    operators.relu_back,
    operators.sigmoid_back,
    operators.sqrt_back,
    operators.div,
    operators.div_back,
    operators.power,
    operators.power_back,
    operators.power_log,
    operators.mod,
    operators.tanh_back,
    operators.erf_back,
    operators.gelu_back,
)


def formulas(number: Any) -> Iterator[Case]:
    """Yield a kernel for each formula; two formulas are compiled for the processor before."""
    tensor = tensor_of(number)
    out = (*tensor, SIZE)
    for fn in (*ONE, numba.njit(operators.neg)):
        yield tensor_map(fn), BLOCK, (*out, *tensor)
    for op in (*TWO, numba.njit(operators.add)):
        yield tensor_zip(op), BLOCK, (*out, *tensor, *tensor)


@pytest.fixture(scope="module")
def ptx_of() -> Iterator["Compile"]:
    """Return a function that compiles a kernel for any compute capability."""
    if SIMULATED:
        pytest.skip("the simulator has no compiler")
    from numba.cuda import dispatcher

    def compile_for(capability: tuple[int, int], kernel: Any, signature: tuple[Any, ...]) -> str:
        # Device functions read the compute capability of the current GPU.
        device = SimpleNamespace(compute_capability=capability)
        patch.setattr(dispatcher, "get_current_device", lambda: device)
        ptx, _ = cuda.compile_ptx(kernel.py_func, signature, cc=capability)
        return str(ptx)

    with pytest.MonkeyPatch.context() as patch:
        try:
            compile_for((8, 0), fill, (types.float64[::1], SIZE, types.float64))
        except Exception as error:
            pytest.skip(f"no CUDA compiler: {type(error).__name__}: {str(error)[:200]}")
        yield compile_for


Compile = Callable[[tuple[int, int], Any, tuple[Any, ...]], str]


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda cc: f"sm_{cc[0]}{cc[1]}")
def test_kernels_compile_and_their_resources_suffice(
    ptx_of: Compile, capability: tuple[int, int], tmp_path: Path
) -> None:
    for case in kernels(types.float64):
        check(ptx_of, capability, case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [types.float32, types.float64], ids=str)
def test_every_formula_compiles_in_both_precisions(
    ptx_of: Compile, number: Any, tmp_path: Path
) -> None:
    for case in (*kernels(number), *formulas(number)):
        check(ptx_of, CAPABILITIES[0], case, tmp_path)
    tensor = tensor_of(number)
    for fn in WITH_LOCAL_MEMORY:
        case = tensor_map(fn), BLOCK, (*tensor, SIZE, *tensor)
        check(ptx_of, CAPABILITIES[0], case, tmp_path, stack=True)


@pytest.mark.slow
def test_tuned_kernels_use_single_precision_and_vector_accesses(
    ptx_of: Compile, tmp_path: Path
) -> None:
    """Double precision is slow; only `fill` receives a double, the argument of `Backend.full`."""
    tuned = [entry for entry in catalog.entries() if entry.level == "tuned"]
    for entry in {(id(entry.kernel), entry.signature): entry for entry in tuned}.values():
        case = (entry.kernel, entry.threads, entry.signature)
        ptx = check(ptx_of, CAPABILITIES[0], case, tmp_path)
        if entry.launch.name != "fill":
            assert ".f64" not in ptx, entry.name
        if entry.name.startswith(VECTORISED):
            assert "ld.global.v4.f32" in ptx, entry.name
            assert "st.global.v4.f32" in ptx, entry.name
        if entry.launch.name in PRODUCTS:
            # Vectors in shared memory are aligned to 16 bytes, too.
            assert "ld.shared.v4.f32" in ptx, entry.name
            assert set(re.findall(r"\.shared \.align (\d+)", ptx)) == {"16"}, entry.name
            assert not re.search(r"\tld\.(v4\.)?f32", ptx), f"{entry.name}: generic memory access"


def check(
    ptx_of: Compile,
    capability: tuple[int, int],
    case: Case,
    folder: Path,
    stack: bool = False,
) -> str:
    """Compile a kernel; if ptxas is installed, assemble it and check its resources.

    Args:
        ptx_of: A function that compiles a kernel.
        capability: The compute capability.
        case: The kernel, with its threads and argument types.
        folder: A folder for files.
        stack: True if the kernel may have a stack, but no spilled registers.

    Returns:
        The PTX code.
    """
    kernel, threads, signature = case
    target = f"sm_{capability[0]}{capability[1]}"
    ptx = ptx_of(capability, kernel, signature)
    assert f".target {target}" in ptx
    ptxas = shutil.which("ptxas")
    if ptxas is None:
        return ptx
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    run = subprocess.run(
        [ptxas, f"-arch={target}", "-v", str(source), "-o", str(folder / "kernel.cubin")],
        capture_output=True,
        text=True,
    )
    name = kernel.py_func.__qualname__
    assert run.returncode == 0, run.stderr
    (registers,) = re.findall(r"Used (\d+) registers", run.stderr)
    assert int(registers) * threads <= REGISTERS, name
    # Local arrays must be in registers; in local memory they are as slow as global memory.
    slow = re.findall(rf"(\d+) bytes (?:spill{'' if stack else '|stack'})", run.stderr)
    assert set(slow) == {"0"}, name
    return ptx
