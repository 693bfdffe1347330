"""Count of the stack frames from `x * y` to the loop over its numbers, on each backend.

`python -m tools.frames` writes the counts into the tour of the documents and into README.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any
from unittest import mock

from numba.core.dispatcher import Dispatcher

from mt_autodiff import tensor
from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Backend, Reference, reference_loops
from tools.blocks import write_block
from tools.workspace import ROOT

TOUR = ROOT / "docs" / "tour.md"
README = ROOT / "README.md"
BLOCK = "frames"

PACKAGES = str(ROOT / "packages")


@dataclass(frozen=True, slots=True)
class Frame:
    """A running function.

    Attributes:
        name: The qualified name of the function.
        file: The path of its source file.
    """

    name: str
    file: str

    @classmethod
    def of(cls, code: CodeType) -> "Frame":
        """Return the frame of a code object; a closure gets the name of its enclosing function."""
        return cls(code.co_qualname.partition(".<locals>")[0], code.co_filename)


def frames(backend: Backend) -> list[Frame]:
    """Multiply two tensors and return the frames from `BasicTensor.__mul__` to the loop, inclusive.

    Frames of other libraries are left out. A compiled loop counts as one frame.

    Raises:
        LookupError: The number of loops that ran is not one.
    """
    x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True).to(backend)
    y = tensor([10.0, 20.0, 30.0], requires_grad=True).to(backend)
    x * y  # Compiles the loop.
    found: list[list[Frame]] = []

    def loop_runs(code: CodeType, caller: FrameType) -> None:
        above = [Frame.of(frame.f_code) for frame in _outwards(caller)]
        found.append([*reversed(above), Frame.of(code)])

    with _reporting(loop_runs):
        x * y
    if len(found) != 1:
        raise LookupError(f"{backend.name}: {len(found)} loops ran in one multiplication")
    return [frame for frame in found[0] if frame.file.startswith(PACKAGES)]


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and its callers, from the innermost outwards."""
    while frame is not None:
        yield frame
        frame = frame.f_back


@contextmanager
def _reporting(loop_runs: Callable[[CodeType, FrameType], None]) -> Iterator[None]:
    """Call `loop_runs` for every compiled loop and every reference loop that runs in the block."""
    compiled_call: Any = Dispatcher.__call__
    plain_loop = reference_loops.tensor_zip.__code__

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        loop_runs(self.py_func.__code__, sys._getframe(1))
        return compiled_call(self, *arguments, **named)

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is plain_loop and frame.f_back is not None:
            loop_runs(plain_loop, frame.f_back)

    profile_before = sys.getprofile()
    with mock.patch.object(Dispatcher, "__call__", call):
        sys.setprofile(profile)
        try:
            yield
        finally:
            sys.setprofile(profile_before)


def counted() -> dict[str, list[Frame]]:
    """Return the frames by name of the backend's class."""
    return {type(one).__name__: frames(one) for one in (Reference(), Fast(), Tuned())}


def table(by_backend: dict[str, list[Frame]]) -> str:
    """Return a Markdown table: number of frames, number of files, and names of frames."""
    lines = [
        "| backend | frames | files | from the operator to the loop |",
        "| --- | ---: | ---: | --- |",
    ]
    for name, way in by_backend.items():
        files = len({frame.file for frame in way})
        listed = " → ".join(f"`{frame.name}`" for frame in way)
        lines.append(f"| `{name}` | {len(way)} | {files} | {listed} |")
    return "\n".join(lines)


def sentence(by_backend: dict[str, list[Frame]]) -> str:
    """Return the sentence for README."""
    *others, last = (f"{len(way)} on `{name}`" for name, way in by_backend.items())
    return (
        "The call stack from `x * y` down to its loop is short. It has this "
        "number of frames, the loop included: "
        f"{', '.join(others)} and {last}.\nThe [tour](docs/tour.md) explains each of them."
    )


if __name__ == "__main__":
    ways = counted()
    write_block(TOUR, BLOCK, table(ways))
    write_block(README, BLOCK, sentence(ways))
