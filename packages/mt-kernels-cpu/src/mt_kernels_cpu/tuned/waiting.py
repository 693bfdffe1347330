"""Waiting for another thread in native code, without Python's interpreter lock."""

from __future__ import annotations

import platform
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils

from mt_kernels_cpu.compiling.jit import waiting_kernel
from mt_kernels_cpu.tuned.simd.vector import intrinsic

declare: Any = cgutils.get_or_insert_function
binding: Any = llvm

PROCESSOR = platform.machine().lower()
"""The kind of the processor."""

THREADS_CAN_SLEEP = all(
    binding.address_of_symbol(name)
    for name in ("pthread_mutex_lock", "pthread_cond_wait", "pthread_cond_signal", "sched_yield")
)
"""True if the system has the functions of POSIX by which a thread sleeps in native code."""

SETTLE = 60
"""Number of pauses after a change. The thread that made it first starts its own kernel, which
releases the interpreter lock; a thread that asks for the lock before that must sleep."""


@intrinsic
def read_now(context: Any, counter: Any) -> Any:
    """Read the first element of an array from memory, at every call."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.load_atomic(array.data, "acquire", 8)

    return types.int64(counter), emit


@intrinsic
def pause(context: Any) -> Any:
    """Give the other thread of this core some cycles, on x86 and ARM; do nothing elsewhere."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(32)
        if PROCESSOR in ("arm64", "aarch64"):
            name, operands = "llvm.aarch64.hint", [ir.Constant(word, 1)]
        elif PROCESSOR in ("x86_64", "amd64"):
            name, operands = "llvm.x86.sse2.pause", []
        else:
            return context.get_dummy_value()
        kind = ir.FunctionType(ir.VoidType(), [word] * len(operands))
        builder.call(declare(builder.module, kind, name), operands)
        return context.get_dummy_value()

    return types.void(), emit


@waiting_kernel
def await_change(counter: npt.NDArray[np.int64], seen: int, spins: int) -> None:
    """Return when a counter has another value, or after a number of looks.

    Shape:
        counter (1,).
    """
    for _ in range(spins):
        if read_now(counter) != seen:
            break
        pause()
    for _ in range(SETTLE):
        pause()
