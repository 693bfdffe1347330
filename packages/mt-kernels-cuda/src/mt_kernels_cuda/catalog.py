"""The table of kernels: every one of them, with launches that show how it is used.

It lets tools go through all kernels without knowing them: compile each for any GPU, run each in the
simulator, count what each reads and writes. Nothing here needs a GPU: launches are recorded by a
backend whose memory is the host's and whose kernels do not run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import types
from numba.np import numpy_support

from mt_kernels_cuda import practice
from mt_kernels_cuda.backend import Cuda
from mt_kernels_cuda.jit import Kernel
from mt_kernels_cuda.launching import BLOCK, TILE, Launch
from mt_tensor import TensorData, operators

Level = Literal["course", "tuned"]


@dataclass(frozen=True)
class Entry:
    """A kernel in use.

    Attributes:
        name: Of the kernel, with the example's behind it: ``reduce_kernel/long``.
        level: Whose kernel it is: ``course`` computes in double precision, ``tuned`` in single.
        launch: A launch that crosses the borders of blocks and tiles. Its arrays are in host
            memory: zeros, unless their values matter.
    """

    name: str
    level: Level
    launch: Launch

    @property
    def kernel(self) -> Kernel:
        """The kernel itself."""
        return self.launch.kernel

    @property
    def arguments(self) -> list[Any]:
        """One value for each parameter: NumPy arrays, numbers, and tuples of numbers."""
        return self.launch.parts(lambda numbers: np.array(numbers, np.int64))

    @property
    def signature(self) -> tuple[Any, ...]:
        """The types of the arguments, as ``numba.cuda.compile_ptx`` takes them."""
        return tuple(_type_of(argument) for argument in self.arguments)

    @property
    def threads(self) -> int:
        """The threads of a block."""
        return int(np.prod(self.launch.threads))


def entries() -> list[Entry]:
    """Return all kernels, each at least once."""
    return [
        Entry(f"{launch.name}/{name}", level, launch)
        for level, name, launches in _recorded()
        for launch in launches
    ]


class Recorder:
    """A part of a backend that writes launches down instead of running them.

    Its memory is the host's, so that it works anywhere.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.launches: list[Launch] = []

    def cells(self, count: int, dtype: npt.DTypeLike = None) -> Any:
        """Return zeros."""
        own: Any = self
        return np.zeros(max(1, count), own.dtype if dtype is None else dtype)

    def upload(self, array: npt.NDArray[Any]) -> Any:
        """Return a copy."""
        return np.array(array)

    def check_place(self, operation: str, *operands: Any) -> None:
        """Accept operands in host memory."""

    def run(self, launch: Launch) -> None:
        """Write a launch down."""
        self.launches.append(launch)


class RecordedCuda(Recorder, Cuda):
    """The course's backend, as a recorder."""


Example = Callable[[Any], object]

COURSE: dict[str, Example] = {
    "map": lambda b: b.map(operators.sigmoid, _on(b, (3, BLOCK)).permute(1, 0)),
    "zip": lambda b: b.zip(operators.relu_back, _on(b, (2, 1, BLOCK)), _on(b, (3, 1))),
    "rows": lambda b: b.reduce(operators.max, _on(b, (3, 2 * BLOCK + 1)), 1, 0.0),
    "columns": lambda b: b.reduce(operators.add, _on(b, (BLOCK + 1, 3)), 0, 0.0),
    "batches": lambda b: b.matmul(_on(b, (2, 1, TILE + 1, 2 * TILE)), _on(b, (2, 2 * TILE, 3))),
    "sequences": lambda b: b.conv1d(_on(b, (2, 3, TILE + 1)), _on(b, (TILE + 1, 3, 3))),
    "images": lambda b: b.conv2d(_on(b, (1, 2, 3, TILE)), _on(b, (3, 2, 2, 2)), reverse=True),
}
"""Uses of the course's kernels, each of them with a backend."""


def _recorded() -> Iterator[tuple[Level, str, list[Launch]]]:
    """Go through all examples and what they launch."""
    for name, example in COURSE.items():
        yield "course", name, _launches(RecordedCuda(np.float64), example)
    recorder = RecordedCuda(np.float64)
    numbers = _on(recorder, (practice.THREADS_PER_BLOCK + 1,))
    practice.launch_sum(recorder, numbers)
    square = _on(recorder, (5, 5))
    practice.launch_product(recorder, square, square)
    yield "course", "practice", recorder.launches


def _launches(recorder: Any, example: Example) -> list[Launch]:
    """Return what an example launches."""
    example(recorder)
    return list(recorder.launches)


def _on(backend: Any, shape: tuple[int, ...]) -> TensorData:
    """Return zeros without launching anything."""
    data: TensorData = backend.empty(shape)
    return data


def _type_of(argument: Any) -> Any:
    """Return numba's type of an argument."""
    if isinstance(argument, np.ndarray):
        return types.Array(numpy_support.from_dtype(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        return types.UniTuple(types.int64, len(argument))
    if isinstance(argument, bool):
        return types.boolean
    if isinstance(argument, int):
        return types.int64
    if isinstance(argument, np.generic):
        return numpy_support.from_dtype(argument.dtype)
    return types.float64
