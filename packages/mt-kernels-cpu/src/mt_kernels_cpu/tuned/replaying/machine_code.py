"""Machine code that calls compiled kernels without Python: a loop, and trampolines.

A *trampoline* reads the arguments of a call from memory into registers and onto the stack, in the
order of numba's calling convention, and calls the kernel. Kernels whose arguments are of the same
kinds share one. The code is written in LLVM's language: the compiler of numba needs much longer for
it than LLVM alone, which takes about two milliseconds for a trampoline.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
from numba.core.typing.typeof import Purpose, typeof

binding: Any = llvm
numba_type: Any = typeof

LLVM_TYPES = {"p": "ptr", "i": "i64", "b": "i8", "d": "double", "f": "float"}
"""The type of each kind of argument: pointer, whole number, truth value, float64 and float32."""


def argument_types(args: Iterable[Any]) -> tuple[Any, ...]:
    """Return numba's types of the arguments of a kernel, the key of its machine code."""
    return tuple([numba_type(each, Purpose.argument) for each in args])


LOOP = """
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)

define i32 @mt_copy(ptr %result, ptr %error, ptr %to, ptr %from, i64 %size) {
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 %size, i1 false)
  ret i32 0
}

define i8 @mt_run_segment(ptr %segment) {
entry:
  %result = alloca i64
  %error = alloca ptr
  %count = load i64, ptr %segment
  %first = getelementptr i64, ptr %segment, i64 1
  br label %test
test:
  %at = phi i64 [0, %entry], [%next, %returned]
  %row = phi ptr [%first, %entry], [%next_row, %returned]
  %is_end = icmp eq i64 %at, %count
  br i1 %is_end, label %finished, label %call
call:
  %function_at = getelementptr i64, ptr %row, i64 1
  %words_at = getelementptr i64, ptr %row, i64 2
  %expected_at = getelementptr i64, ptr %row, i64 3
  %trampoline = load ptr, ptr %row
  %function = load ptr, ptr %function_at
  %words = load ptr, ptr %words_at
  %expected = load i64, ptr %expected_at
  %status = call i32 %trampoline(ptr %result, ptr %error, ptr %function, ptr %words)
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %ended, label %compare
compare:
  %byte = load i8, ptr %result
  %value = zext i8 %byte to i64
  %differs = icmp ne i64 %value, %expected
  %counts = icmp sge i64 %expected, 0
  %is_other = and i1 %differs, %counts
  br i1 %is_other, label %ended, label %returned
returned:
  %next = add i64 %at, 1
  %next_row = getelementptr i64, ptr %row, i64 4
  br label %test
finished:
  ret i8 1
ended:
  ret i8 0
}
"""
"""The loop over the calls of a segment, and a copy of memory, in LLVM's language.

A segment is its number of calls and then, for each call, the addresses of trampoline, kernel and
arguments, and the expected result: 0, 1, or -1 for any. A kernel returns 0 if it succeeds, and
writes its result where its first argument points.
"""


def trampoline_code(name: str, kinds: str) -> str:
    """Return a trampoline in LLVM's language for arguments of some kinds.

    >>> print(trampoline_code("example", "pb"))
    define i32 @example(ptr %result, ptr %error, ptr %function, ptr %words) {
      %at0 = getelementptr i64, ptr %words, i64 0
      %word0 = load ptr, ptr %at0
      %at1 = getelementptr i64, ptr %words, i64 1
      %word1 = load i8, ptr %at1
      %status = call i32 %function(ptr %result, ptr %error, ptr %word0, i8 %word1)
      ret i32 %status
    }
    """
    lines = [f"define i32 @{name}(ptr %result, ptr %error, ptr %function, ptr %words) {{"]
    passed = ["ptr %result", "ptr %error"]
    for at, kind in enumerate(kinds):
        lines += [
            f"  %at{at} = getelementptr i64, ptr %words, i64 {at}",
            # Every processor that numba supports stores the lowest byte first.
            f"  %word{at} = load {LLVM_TYPES[kind]}, ptr %at{at}",
        ]
        passed.append(f"{LLVM_TYPES[kind]} %word{at}")
    lines += [f"  %status = call i32 %function({', '.join(passed)})", "  ret i32 %status", "}"]
    return "\n".join(lines)


class MachineCode:
    """The machine code of this process.

    Attributes:
        run_address: The address of the function that runs a segment.
        run: The same function for Python: ``run(segment)`` returns True if each call succeeded and
            returned the expected result. It runs without the interpreter lock.
        copy: The address of a function that copies memory; its arguments are of the kinds "ppi".
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trampolines: dict[str, int] = {}
        target = binding.Target.from_triple(binding.get_process_triple())
        self._engine = binding.create_mcjit_compiler(
            binding.parse_assembly(LOOP), target.create_target_machine()
        )
        self._engine.finalize_object()
        self.run_address: int = self._engine.get_function_address("mt_run_segment")
        self.run: Any = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)(self.run_address)
        self.copy: int = self._engine.get_function_address("mt_copy")

    def trampoline(self, kinds: str) -> int:
        """Return the address of the trampoline for arguments of some kinds."""
        with self._lock:
            if kinds not in self._trampolines:
                name = f"mt_trampoline_{len(self._trampolines)}"
                self._engine.add_module(binding.parse_assembly(trampoline_code(name, kinds)))
                self._engine.finalize_object()
                self._trampolines[kinds] = self._engine.get_function_address(name)
            return self._trampolines[kinds]


@functools.cache
def machine_code() -> MachineCode:
    """Return the machine code of this process."""
    return MachineCode()
