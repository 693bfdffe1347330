"""Threads that run segments of recorded calls side by side, and wait in native code.

`mt_kernels_cpu.tuned.threads` divides the work of a step that runs as usual. Its threads need the
interpreter lock to receive a function and to answer. A recorded step passes addresses of segments
(see `segments`) through a *mailbox* in memory, so no thread waits for that lock:

    calling thread                  mailbox               worker
    write segment, ticket + 1  ──►  ticket, segment  ──►  waits for another ticket
    run the first segment                                 runs the segment
    wait until done = ticket   ◄──  done, result     ◄──  writes result, done

A worker looks at its mailbox for about 0.1 ms. Then it sleeps, by a condition variable of POSIX
threads. Where these do not exist, `mt_kernels_cpu.tuned.threads` serves recorded steps, too.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils

from mt_kernels_cpu.compiling.jit import helper, waiting_kernel
from mt_kernels_cpu.tuned.replaying.machine_code import argument_types, machine_code
from mt_kernels_cpu.tuned.simd.vector import intrinsic
from mt_kernels_cpu.tuned.threads import SPINS
from mt_kernels_cpu.tuned.waiting import pause

Mailbox = npt.NDArray[np.int64]
"""A mailbox, (WORDS,)."""

TICKET, SEGMENT, DONE, RESULT, SLEEPS, MUTEX, CONDITION, WORDS = 0, 1, 8, 9, 16, 24, 32, 40
"""Positions in a mailbox: words of the caller, words of the worker, memory of a mutex and of a
condition variable. Each begins a cache line."""

CLAIMED, COUNT = 0, 8
"""Positions in the memory of a team: 1 while a thread uses the workers, and their number."""

MAX_WORKERS = 255

declare: Any = cgutils.get_or_insert_function
binding: Any = llvm


def _element(context: Any, builder: Any, kind: Any, args: Any) -> Any:
    """Return the address of the element of an array at an index, the first two arguments."""
    array = context.make_array(kind)(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


@intrinsic
def load_now(context: Any, array: Any, index: Any) -> Any:
    """Read an element from memory; nothing that follows happens before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _element(context, builder, signature.args[0], args)
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(array, types.int64), emit


@intrinsic
def store_now(context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write an element to memory; all that precedes happens before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _element(context, builder, signature.args[0], args)
        builder.store_atomic(args[2], place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), emit


@intrinsic
def claim(context: Any, array: Any, index: Any) -> Any:
    """Change an element from 0 to 1; return False if it is not 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _element(context, builder, signature.args[0], args)
        zero, one = ir.Constant(ir.IntType(64), 0), ir.Constant(ir.IntType(64), 1)
        return builder.extract_value(builder.cmpxchg(place, zero, one, "seq_cst", "seq_cst"), 1)

    return types.boolean(array, types.int64), emit


@intrinsic
def run_segment(context: Any, function: Any, segment: Any) -> Any:
    """Run a segment; both arguments are addresses."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, pointer = ir.IntType(8), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(byte, [pointer]).as_pointer()
        result = builder.call(builder.inttoptr(args[0], kind), [builder.inttoptr(args[1], pointer)])
        return builder.icmp_unsigned("!=", result, ir.Constant(byte, 0))

    return types.boolean(types.int64, types.int64), emit


def _system_call(name: str, operands: int) -> Callable[..., Any]:
    """Return a function of POSIX for kernels; its operands are elements of an array."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(word, [pointer] * operands)
        places = [
            builder.bitcast(_element(context, builder, signature.args[0], (args[0], at)), pointer)
            for at in args[1:]
        ]
        builder.call(declare(builder.module, kind, name), places)
        return context.get_dummy_value()

    @intrinsic
    def of_none(context: Any, array: Any) -> Any:
        return types.void(array), emit

    @intrinsic
    def of_one(context: Any, array: Any, at: Any) -> Any:
        return types.void(array, types.int64), emit

    @intrinsic
    def of_two(context: Any, array: Any, at: Any, other: Any) -> Any:
        return types.void(array, types.int64, types.int64), emit

    return (of_none, of_one, of_two)[operands]


lock = _system_call("pthread_mutex_lock", 1)
unlock = _system_call("pthread_mutex_unlock", 1)
signal = _system_call("pthread_cond_signal", 1)
sleep = _system_call("pthread_cond_wait", 2)
give_way = _system_call("sched_yield", 0)


@helper
def await_ticket(mailbox: Mailbox, seen: int) -> int:
    """Return the next ticket after the last one that was seen."""
    ticket: int = load_now(mailbox, TICKET)
    for _ in range(SPINS):
        if ticket != seen:
            return ticket
        pause()
        ticket = load_now(mailbox, TICKET)
    store_now(mailbox, SLEEPS, 1)
    lock(mailbox, MUTEX)
    ticket = load_now(mailbox, TICKET)
    while ticket == seen:
        sleep(mailbox, CONDITION, MUTEX)
        ticket = load_now(mailbox, TICKET)
    unlock(mailbox, MUTEX)
    store_now(mailbox, SLEEPS, 0)
    return ticket


@waiting_kernel
def serve(mailbox: Mailbox, run: int) -> None:
    """Run the segments that arrive in a mailbox; a negative ticket ends that."""
    seen = await_ticket(mailbox, load_now(mailbox, DONE))
    while seen >= 0:
        mailbox[RESULT] = 1 if run_segment(run, mailbox[SEGMENT]) else 0
        store_now(mailbox, DONE, seen)
        seen = await_ticket(mailbox, seen)


@helper
def send(mailbox: Mailbox, segment: int) -> None:
    """Send a segment to a worker."""
    mailbox[SEGMENT] = segment
    store_now(mailbox, TICKET, mailbox[TICKET] + 1)
    if load_now(mailbox, SLEEPS) != 0:
        # With the lock, the worker either sleeps already or will still look at the ticket.
        lock(mailbox, MUTEX)
        signal(mailbox, CONDITION)
        unlock(mailbox, MUTEX)


@helper
def await_answer(mailbox: Mailbox) -> bool:
    """Wait for a worker; return the result of its segment."""
    looks = 0
    while load_now(mailbox, DONE) != mailbox[TICKET]:
        pause()
        looks += 1
        if looks > SPINS:
            # Another program may use the worker's processor.
            give_way(mailbox)
    return bool(mailbox[RESULT] != 0)


@waiting_kernel
def run_on_team(
    team: npt.NDArray[np.int64],
    mailboxes: npt.NDArray[np.int64],
    segments: npt.NDArray[np.int64],
    run: int,
) -> bool:
    """Run segments side by side, the first one on this thread.

    If another thread uses the workers now, this thread runs all segments in turn.

    Args:
        team: The memory of the team.
        mailboxes: The mailboxes, (`MAX_WORKERS`, `WORDS`).
        segments: The addresses of the segments.
        run: The address of the function that runs a segment.

    Returns:
        True if each call returned as it did when it was recorded.
    """
    is_ours, workers = claim(team, CLAIMED), 0
    if is_ours:
        workers = min(load_now(team, COUNT), len(segments) - 1)
    for at in range(workers):
        send(mailboxes[at], segments[1 + at])
    result: bool = run_segment(run, segments[0])
    for at in range(1 + workers, len(segments)):
        result = run_segment(run, segments[at]) and result
    for at in range(workers):
        result = await_answer(mailboxes[at]) and result
    if is_ours:
        store_now(team, CLAIMED, 0)
    return result


class NativeTeam:
    """The workers of a process. They wait in native code until it ends."""

    def __init__(self) -> None:
        self._memory = np.zeros(COUNT + 1, np.int64)
        self._mailboxes = np.zeros((MAX_WORKERS, WORDS), np.int64)
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def arguments(self, segments: npt.NDArray[np.int64]) -> tuple[Any, ...]:
        """Return the arguments with which `run_on_team` runs segments, and start the workers.

        Shape:
            segments (any,), their addresses.
        """
        args = (self._memory, self._mailboxes, segments, machine_code().run_address)
        with self._lock:
            _compile(run_on_team, *args)
            for at in range(int(self._memory[COUNT]), min(len(segments) - 1, MAX_WORKERS)):
                self._start(at)
        return args

    def _start(self, at: int) -> None:
        mailbox, run = self._mailboxes[at], machine_code().run_address
        for name, place in (("mutex", MUTEX), ("cond", CONDITION)):
            init = binding.address_of_symbol(f"pthread_{name}_init")
            ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(init)(
                mailbox[place:].ctypes.data, None
            )
        _compile(serve, mailbox, run)
        name = f"mt_kernels_cpu_native_{at + 1}"
        threading.Thread(target=serve, args=(mailbox, run), name=name, daemon=True).start()
        self._memory[COUNT] = at + 1

    def _forget(self) -> None:
        """Make a forked child, which has none of the threads, run segments on its own thread."""
        self._memory[:] = 0
        self._mailboxes[:] = 0
        self._lock = threading.Lock()


def _compile(kernel: Any, *args: Any) -> None:
    """Compile a kernel for some arguments, unless it is compiled."""
    kinds = argument_types(args)
    if kinds not in kernel.overloads:
        kernel.compile(kinds)


@functools.cache
def native_team() -> NativeTeam:
    """Return the workers of this process."""
    return NativeTeam()
