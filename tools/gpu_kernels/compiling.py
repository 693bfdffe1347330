"""Registers and memory of a kernel, from a compilation for any GPU."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from numba import cuda

from mt_kernels_cuda import SIMULATED
from tools.gpu_kernels.catalog import Entry
from tools.gpu_kernels.occupancy import Capability


class NoCompilerError(RuntimeError):
    """Kernels cannot be compiled or assembled on this machine; the message says why."""


@dataclass(frozen=True)
class Resources:
    """The registers and the memory of one kernel on one GPU.

    Attributes:
        registers: The registers of a thread. shared: The bytes of shared memory of a block.
        spilled: The bytes that a thread stores to and loads from local memory, because the
        registers
            do not suffice.
    """

    registers: int
    shared: int
    spilled: int


def assembler() -> str:
    """Return the path of ptxas, NVIDIA's assembler.

    Raises:
        NoCompilerError: It is not installed, or kernels are simulated.
    """
    found = shutil.which("ptxas")
    if found is None or SIMULATED:
        raise NoCompilerError(
            "ptxas is not installed" if found is None else "the simulator has no compiler"
        )
    return found


def assembler_version() -> str:
    """Return the release of ptxas, such as "13.0"."""
    output = subprocess.run([assembler(), "--version"], capture_output=True, text=True).stdout
    found = re.search(r"release (\d+\.\d+)", output)
    return found[1] if found else "unknown"


def resources(entry: Entry, capability: Capability) -> Resources:
    """Compile and assemble a kernel and return its resources.

    Raises:
        NoCompilerError: The assembler or NVVM is missing.
        RuntimeError: The assembler reports an error.
    """
    target = f"sm_{capability[0]}{capability[1]}"
    program = assembler()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(_ptx(entry, capability), encoding="utf-8")
        done = subprocess.run(
            [program, f"-arch={target}", "-v", str(source), "-o", str(source.with_suffix(".bin"))],
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"{entry.name} for {target}: {done.stderr}")
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", done.stderr)))
    return Resources(
        registers=max(map(int, re.findall(r"Used (\d+) registers", done.stderr))),
        shared=sum(map(int, re.findall(r"(\d+) bytes smem", done.stderr))),
        spilled=spilled,
    )


def _ptx(entry: Entry, capability: Capability) -> str:
    with _device(capability):
        try:
            ptx, _ = cuda.compile_ptx(entry.kernel.py_func, entry.signature, cc=capability)
        except OSError as error:
            raise NoCompilerError(str(error)) from error
    return str(ptx)


@contextmanager
def _device(capability: Capability) -> Iterator[None]:
    """Replace the current GPU, whose capability device functions read, by one of `capability`."""
    from numba.cuda import dispatcher

    usual = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = usual
