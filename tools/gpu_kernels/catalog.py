"""The catalogue of all kernels, with example launches of each.

Tools iterate over it to compile each kernel for any GPU, to run it in the simulator, and to count
its memory accesses. The catalogue needs no GPU: a backend with host memory records the launches
instead of running them.
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
from mt_kernels_cuda.launching import BLOCK, TILE, Launch, array_of
from mt_kernels_cuda.tuned.backend import TunedCuda
from mt_kernels_cuda.tuned.gemm.tiles import LARGE, MIN_TERMS_PER_BLOCK, TALL
from mt_kernels_cuda.tuned.hardware.shapes import THREADS
from mt_kernels_cuda.tuned.layers.probabilities import ROW_THREADS
from mt_tensor import TensorData, operators
from mt_tensor.fused import FusedOperation
from mt_tensor.fused import operations as ops

Level = Literal["course", "tuned"]


@dataclass(frozen=True)
class Entry:
    """An example launch of a kernel.

    Attributes:
        name: The names of kernel and example: ``reduce_kernel/long``.
        level: ``course`` for double precision, ``tuned`` for single precision.
        launch: A launch whose sizes exceed a block or a tile. Its arrays are in host memory and
            contain zeros, unless their values matter.
    """

    name: str
    level: Level
    launch: Launch

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return self.launch.kernel

    @property
    def arguments(self) -> list[Any]:
        """The arguments, one per parameter: NumPy arrays, numbers and tuples of numbers."""
        return self.launch.parts(array_of)

    @property
    def signature(self) -> tuple[Any, ...]:
        """The types of the arguments, in the form that ``numba.cuda.compile_ptx`` accepts."""
        return tuple(_type_of(argument) for argument in self.arguments)

    @property
    def threads(self) -> int:
        """The number of threads of a block."""
        return int(np.prod(self.launch.threads))


def entries() -> list[Entry]:
    """Return the examples of all kernels, at least one for each."""
    return [
        Entry(f"{launch.name}/{name}", level, launch)
        for level, name, launches in _recorded()
        for launch in launches
    ]


class RecordedCuda(Cuda):
    """A backend that records launches instead of running them.

    It uses host memory, so that it needs no GPU.

    Attributes:
        launches: The recorded launches.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.launches: list[Launch] = []

    def allocate(self, count: int, dtype: npt.DTypeLike | None = None) -> Any:
        """Return an array of zeros in host memory."""
        return np.zeros(max(1, count), self.dtype if dtype is None else dtype)

    def upload(self, array: npt.NDArray[Any]) -> Any:
        """Return a copy in host memory."""
        return np.array(array)

    def check_on_device(self, operation: str, *operands: Any) -> None:
        """Accept all operands."""

    def run(self, launch: Launch) -> None:
        """Record a launch."""
        self.launches.append(launch)


class RecordedTunedCuda(RecordedCuda, TunedCuda):
    """The tuned backend for a small device, recording launches."""

    def blocks_at_once(self, kernel: Kernel, threads: int, arguments: list[Any]) -> int:
        """Return 2, so that each thread computes several elements."""
        return 2

    @property
    def processors(self) -> int:
        """The number of multiprocessors: 2, so that small results occupy the device."""
        return 2


Example = Callable[[Any], object]

COURSE: dict[str, Example] = {
    "map": lambda b: b.map(operators.sigmoid, _on(b, (3, BLOCK)).permute(1, 0)),
    "zip": lambda b: b.zip(operators.relu_back, _on(b, (2, 1, BLOCK)), _on(b, (3, 1))),
    "rows": lambda b: b.reduce(operators.max, _on(b, (3, 2 * BLOCK + 1)), 1, 0.0),
    "columns": lambda b: b.reduce(operators.add, _on(b, (BLOCK + 1, 3)), 0, 0.0),
    "batches": lambda b: b.matmul(_on(b, (2, 1, TILE + 1, 2 * TILE)), _on(b, (2, 2 * TILE, 3))),
    "sequences": lambda b: b.convolve(_on(b, (2, 3, TILE + 1)), _on(b, (TILE + 1, 3, 3))),
    "images": lambda b: b.convolve(_on(b, (1, 2, 3, TILE)), _on(b, (3, 2, 2, 2)), reverse=True),
}
"""Examples of the course's kernels, as functions of a backend."""

LONG, HIGH, WIDE = 8 * THREADS + 3, LARGE.rows + 1, 2 * LARGE.columns + 1

TUNED: dict[str, Example] = {
    "map": lambda b: b.map(operators.sigmoid, _on(b, (LONG,))),
    "map-strided": lambda b: b.map(operators.exp, _on(b, (3, THREADS)).permute(1, 0)),
    "zip": lambda b: b.zip(operators.add, _on(b, (LONG,)), _on(b, (LONG,))),
    "zip-scalar": lambda b: b.zip(operators.mul, _on(b, (LONG,)), _on(b, (1,))),
    "zip-rows": lambda b: b.zip(operators.relu_back, _on(b, (3, THREADS)), _on(b, (THREADS,))),
    "rows": lambda b: b.reduce(operators.max, _on(b, (3, THREADS + 1)), 1, 0.0),
    "long-row": lambda b: b.reduce(operators.add, _on(b, (2, 8 * THREADS + 1)), 1, 0.0),
    "columns": lambda b: b.reduce(operators.add, _on(b, (2 * THREADS + 1, 3)), 0, 0.0),
    "large": lambda b: b.matmul(_on(b, (HIGH + 3, 4)), _on(b, (4, WIDE + 3))),
    "large-transposed": lambda b: b.matmul(
        _on(b, (4, HIGH + 3)).permute(1, 0), _on(b, (WIDE + 3, 4)).permute(1, 0)
    ),
    "odd-columns": lambda b: b.matmul(_on(b, (HIGH + 3, 4)), _on(b, (WIDE, 4)).permute(1, 0)),
    "tall": lambda b: b.matmul(_on(b, (4, HIGH, 3)), _on(b, (3, WIDE))),
    "medium": lambda b: b.matmul(_on(b, (HIGH, 3)), _on(b, (3, 3))),
    "medium-pieces": lambda b: b.matmul(_on(b, (HIGH + 3, 4)), _on(b, (4, 4))),
    "transposed": lambda b: b.matmul(_on(b, (3, HIGH)).permute(1, 0), _on(b, (3, 3)).permute(1, 0)),
    "parts": lambda b: b.matmul(
        _on(b, (2, MIN_TERMS_PER_BLOCK * 2 + 1)), _on(b, (MIN_TERMS_PER_BLOCK * 2 + 1, 2))
    ),
    "sequences": lambda b: b.convolve(_on(b, (2, 3, 5)), _on(b, (HIGH, 3, 3))),
    "convolve-tall": lambda b: _both_ways(
        b,
        ops.CONVOLUTION,
        (_on(b, (1, 4, 2, 2 * TALL.columns)), _on(b, (HIGH, 4, 2, 2)), _on(b, (HIGH,))),
        (1, 1),
        (2, 2 * TALL.columns),
        (1, 1),
        True,
    ),
    "convolve": lambda b: _both_ways(
        b,
        ops.CONVOLUTION,
        (_on(b, (2, 3, 5, 5)), _on(b, (3, 3, 2, 2)), _on(b, (3,))),
        (1, 1),
        (5, 5),
        (1, 1),
        True,
    ),
    "max_over_time": lambda b: _both_ways(
        b,
        ops.MAX_OVER_TIME,
        (_on(b, (2, 3, 7)), _on(b, (3, 3, 3)), _on(b, (3,))),
        (0,),
        (7,),
        (1,),
    ),
    "linear": lambda b: _both_ways(
        b,
        ops.LINEAR,
        (_on(b, (5, 3)), _on(b, (3, THREADS + 1)), _on(b, (THREADS + 1,))),
        "relu",
    ),
    "linear-large": lambda b: _both_ways(
        b,
        ops.LINEAR,
        (_on(b, (HIGH + 3, 4)), _on(b, (4, WIDE + 3)), _on(b, (WIDE + 3,))),
        "relu",
    ),
    "avgpool2d": lambda b: _both_ways(b, ops.AVGPOOL2D, (_on(b, (2, 3, 4, 6)),), (2, 3)),
    "maxpool2d": lambda b: _both_ways(b, ops.MAXPOOL2D, (_on(b, (2, 3, 4, 6)),), (2, 3)),
    "softmax": lambda b: _both_ways(b, ops.SOFTMAX, (_on(b, (3, ROW_THREADS + 1)),), 1),
    "logsoftmax": lambda b: _both_ways(b, ops.LOGSOFTMAX, (_on(b, (3, ROW_THREADS + 1)),), 1),
    "nll_loss": lambda b: _both_ways(b, ops.NLL_LOSS, (_on(b, (THREADS + 1, 2)),), _classes()),
    "cross_entropy": lambda b: _both_ways(
        b, ops.CROSS_ENTROPY, (_on(b, (THREADS + 1, ROW_THREADS + 1)),), _classes()
    ),
    "binary_cross_entropy": lambda b: _both_ways(
        b, ops.BINARY_CROSS_ENTROPY, (_on(b, (THREADS + 1,)),), _classes()
    ),
    "binary_cross_entropy_with_logits": lambda b: _both_ways(
        b, ops.BINARY_CROSS_ENTROPY_WITH_LOGITS, (_on(b, (THREADS + 1,)),), _classes()
    ),
    "dropout": lambda b: _both_ways(b, ops.DROPOUT, (_on(b, (LONG,)),), 0.5, False, 0, 2.0, "relu"),
    "take": lambda b: _both_ways(b, ops.TAKE, (_on(b, (3, THREADS)),), np.array([0, 2, 2])),
    "sgd": lambda b: _step(b, ops.SGD, 0, (0.1, 0.0)),
    "sgd_momentum": lambda b: _step(b, ops.SGD_MOMENTUM, 1, (0.1, 0.9, 0.1, 1.0)),
    "adam": lambda b: _step(b, ops.ADAM, 2, (0.1, 0.9, 0.99, 0.1, 0.01, 1.0, 1e-8, 0.1, 0.9)),
}
"""Examples of the tuned kernels, as functions of a backend."""


def _both_ways(
    b: Any, operation: FusedOperation, tensors: tuple[TensorData, ...], *rest: Any
) -> None:
    """Run the forward and the backward pass of a fused form."""
    made = b.fused(operation)
    answer = made.forward(b, (True,) * len(tensors), *tensors, *rest)
    assert answer is not None, f"{operation} declines its example"
    result, saved = answer
    made.backward(b, saved, _on(b, result.shape))


def _step(b: Any, operation: FusedOperation, slots: int, settings: tuple[float, ...]) -> None:
    """Run a step of an optimiser."""
    parts = [[_on(b, (THREADS + 1,))] for _ in range(2 + slots)]
    assert b.fused(operation).forward(b, (), parts[0], parts[1], parts[2:], settings) is not None


def _classes() -> npt.NDArray[np.int64]:
    """Return classes for one row more than the threads of a block."""
    return np.arange(THREADS + 1) % 2


def _recorded() -> Iterator[tuple[Level, str, list[Launch]]]:
    """Yield level, name and launches of all examples."""
    for name, example in COURSE.items():
        yield "course", name, _launches(RecordedCuda(np.float64), example)
    for name, example in TUNED.items():
        yield "tuned", name, _launches(RecordedTunedCuda(np.float32), example)
    recorder = RecordedCuda(np.float64)
    numbers = _on(recorder, (practice.THREADS_PER_BLOCK + 1,))
    practice.launch_sum(recorder, numbers)
    square = _on(recorder, (5, 5))
    practice.launch_product(recorder, square, square)
    yield "course", "practice", recorder.launches


def _launches(recorder: Any, example: Example) -> list[Launch]:
    """Return the launches of an example."""
    example(recorder)
    return list(recorder.launches)


def _on(backend: Cuda, shape: tuple[int, ...]) -> TensorData:
    """Return a tensor of zeros without a launch."""
    return backend.empty(shape)


def _type_of(argument: Any) -> Any:
    """Return numba's type of an argument."""
    if isinstance(argument, np.ndarray):
        return types.Array(_number_type(argument.dtype), argument.ndim, "C")
    if isinstance(argument, tuple):
        tuple_type: Any = types.BaseTuple
        return tuple_type.from_types([_type_of(each) for each in argument], type(argument))
    if isinstance(argument, bool):
        return types.boolean
    if isinstance(argument, int):
        return types.int64
    if isinstance(argument, np.generic):
        return _number_type(argument.dtype)
    return types.float64


def _number_type(dtype: Any) -> Any:
    """Return numba's type of a dtype."""
    return numpy_support.from_dtype(dtype)
