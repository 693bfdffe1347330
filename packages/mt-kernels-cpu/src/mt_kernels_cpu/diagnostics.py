"""Reports about the kernels: numba's diagnosis of loops, and the time of first calls."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from mt_kernels_cpu.compiling.jit import Kernel
from mt_kernels_cpu.fast_conv import tensor_conv1d, tensor_conv2d
from mt_kernels_cpu.fast_ops import (
    tensor_map,
    tensor_matrix_multiply,
    tensor_reduce,
    tensor_zip,
)
from mt_tensor import TensorData, operators


def examples() -> Iterator[tuple[str, Kernel, tuple[Any, ...]]]:
    """Yield each kernel with its name and the smallest arguments that execute its loops."""
    matrix = _ones(2, 2)
    signal, taps = _ones(1, 1, 3), _ones(1, 1, 2)
    image, patch = _ones(1, 1, 3, 3), _ones(1, 1, 2, 2)
    yield "map", tensor_map(operators.neg), (*_ones(2, 2), *matrix)
    yield "zip", tensor_zip(operators.add), (*_ones(2, 2), *matrix, *matrix)
    yield "reduce", tensor_reduce(operators.add), (*_ones(2, 1), *matrix, 1)
    yield "matrix multiply", tensor_matrix_multiply, (*_ones(2, 2), *matrix, *matrix)
    yield "conv1d", tensor_conv1d, (*_ones(1, 1, 3), 3, *signal, *taps, False)
    yield "conv2d", tensor_conv2d, (*_ones(1, 1, 3, 3), 9, *image, *patch, False)


def _ones(*shape: int) -> tuple[Any, ...]:
    return TensorData(np.ones(int(np.prod(shape))), shape).tuple()


def parallel_check(level: int = 1) -> None:
    """Print numba's diagnosis of the parallel loop of every kernel.

    Args:
        level: The amount of detail, 1 to 4. From 3 on, numba also reports allocations that it
            moved out of loops.
    """
    for name, kernel, arguments in examples():
        kernel(*arguments)
        print(f"\n{name.upper()}\n", flush=True)
        kernel.parallel_diagnostics(level=level)


def first_calls() -> dict[str, float]:
    """Return the processor time of each kernel's first call in this process, in seconds.

    ``compiler`` is the start of numba, part of the first call of a process. Each kernel is called
    on one thread, then on all of them.
    """
    matrix = _ones(2, 2)
    warm_up = tensor_map(operators.id)
    steps = [("compiler", warm_up.serial, (*_ones(2, 2), *matrix))]
    for name, kernel, arguments in examples():
        steps.append((name, kernel.serial, arguments))
        steps.append((f"{name}, parallel", kernel, arguments))
    seconds = {}
    for name, call, arguments in steps:
        start = time.process_time()
        call(*arguments)
        seconds[name] = time.process_time() - start
    return seconds


def print_first_calls() -> None:
    """Print the time of first calls without kernels on disk, then in a new process with them."""
    with tempfile.TemporaryDirectory() as folder:
        cold, cached = _in_new_process(folder), _in_new_process(folder)
    print(f"{'first call':<26}{'cold':>8}{'cached':>10}   seconds of processor time")
    for name, seconds in {**cold, "total": sum(cold.values())}.items():
        again = sum(cached.values()) if name == "total" else cached[name]
        print(f"{name:<26}{seconds:8.2f}{again:10.3f}")


def _in_new_process(cache_folder: str) -> dict[str, float]:
    code = (
        "import json; from mt_kernels_cpu.diagnostics import first_calls; "
        "print(json.dumps(first_calls()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": cache_folder},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result
