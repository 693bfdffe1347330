"""The functions of the compiled library of a course that assigns a transformer, in NumPy.

A tree of such a course calls the kernels of `combine.cu` with `ctypes`, from its `cuda_kernel_ops`.
The arrays lie in the memory of the host; the library copies them to the GPU and back. Floating
numbers are float32, shapes and strides int32; strides are in elements.

On a GPU, a call with wrong arguments reads or writes other memory. Here it is an error.
"""

import ctypes
import math
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from grading.driver.numpy_loops import FORMULAS, fold, on_arrays
from grading.protocol.messages import Array

DEFINITION = re.compile(r"^\s*#\s*define\s+(\w+)\s+(\d+)\s*(?://.*)?$", re.MULTILINE)
"""A line of a CUDA source that gives a function its number, such as "#define ADD_FUNC 1"."""

LARGEST_SOURCE = 1_000_000
"""Largest CUDA source that is read, in bytes."""

OPERATIONS = "minitorch.cuda_kernel_ops"
"""The file of a tree that calls the library."""


class KernelArgumentError(Exception):
    """Arguments of a kernel contradict each other, or reach beyond an array."""


class Library:
    """A replacement for the `ctypes.CDLL` of the compiled kernels.

    Args:
        root: The folder of the tree; its CUDA sources give the functions their numbers.

    Attributes:
        tensorMap: The kernel that applies a function of one number.
        tensorZip: The kernel that applies a function of two numbers.
        tensorReduce: The kernel that folds a dimension.
        MatrixMultiply: The kernel that multiplies a batch of matrices.
    """

    def __init__(self, root: Path) -> None:
        numbers = defined_numbers(root)

        def function(number: int, operands: int) -> Callable[..., Any]:
            return _function(number, operands, numbers)

        self.tensorMap = Kernel("tensorMap", "f i i n f i i n n n", _map(function))
        self.tensorZip = Kernel("tensorZip", "f i i n n f i i n n f i i n n n", _zip(function))
        self.tensorReduce = Kernel("tensorReduce", "f i i n f i i n d n n", _reduce(function))
        self.MatrixMultiply = Kernel("MatrixMultiply", "f i i f i i f i i n n n", _matmul)

    def __getattr__(self, name: str) -> Any:
        """Raise the error of a library without this function."""
        raise AttributeError(f"the stand-in for the compiled kernels has no function {name!r}")

    def __getitem__(self, name: str) -> Any:
        """Return a function by its name, as `ctypes.CDLL` does."""
        return getattr(self, name)


class Kernel:
    """A function of the library, with the conversion of arguments that `ctypes` does.

    Args:
        name: The name of the function.
        kinds: The kind of each argument of the C function, separated by spaces: f for float32
            numbers, i for int32 numbers, n for an integer, and d for a number.
        run: The function in NumPy.

    Attributes:
        argtypes: The types that the tree declares, such as `np.ctypeslib.ndpointer`.
        restype: The type of the result that the tree declares.
    """

    def __init__(self, name: str, kinds: str, run: Callable[..., None]) -> None:
        self.argtypes: Sequence[Any] | None = None
        self.restype: Any = ctypes.c_int
        self.__name__ = name
        self._kinds = kinds.split()
        self._run = run

    def __call__(self, *arguments: Any) -> None:
        """Convert the arguments and run the kernel.

        Raises:
            ctypes.ArgumentError: An argument does not have its declared type.
            TypeError: There are too few arguments, or too many.
            KernelArgumentError: The arguments contradict each other, or reach beyond an array.
        """
        if len(arguments) != len(self._kinds):
            raise TypeError(
                f"{self.__name__} takes {len(self._kinds)} arguments ({len(arguments)} given)"
            )
        declared = self.argtypes or [None] * len(arguments)
        if len(declared) > len(arguments):
            raise TypeError(
                f"this function takes at least {len(declared)} arguments ({len(arguments)} given)"
            )
        declared = [*declared, *[None] * (len(arguments) - len(declared))]
        converted = [
            self._converted(i, argument, kind, of_type)
            for i, (argument, kind, of_type) in enumerate(
                zip(arguments, self._kinds, declared, strict=True), start=1
            )
        ]
        try:
            self._run(*converted)
        except KernelArgumentError as error:
            raise KernelArgumentError(
                f"{self.__name__}: {error}; on a GPU, this call reads or writes other memory"
            ) from None

    def _converted(self, position: int, argument: Any, kind: str, declared: Any) -> Any:
        """Return an argument as the C function receives it."""
        try:
            if declared is not None:
                declared.from_param(argument)
            if kind in "fi":
                return _cells(argument, kind, declared)
            expected = ctypes.c_int if kind == "n" else ctypes.c_double
            # A value of another declared type arrives in another register.
            if declared is None and kind == "d":
                raise TypeError("a floating number needs the declaration ctypes.c_double")
            if declared is not None and (declared is ctypes.c_double) != (kind == "d"):
                raise TypeError(f"it is declared as {declared.__name__}")
            return expected(argument).value
        except TypeError as error:
            message = f"argument {position}: TypeError: {error}"
            raise ctypes.ArgumentError(f"{self.__name__}: {message}") from None


def _cells(argument: Any, kind: str, declared: Any) -> Array:
    """Return the array behind a pointer.

    Raises:
        TypeError: It has another type than the kernel reads, or is not contiguous.
    """
    if isinstance(argument, np.ndarray) and declared is None:
        raise TypeError("an array needs the declaration np.ctypeslib.ndpointer")
    # Pointers that NumPy makes from an array refer to it.
    array = argument if isinstance(argument, np.ndarray) else getattr(argument, "_arr", None)
    expected = np.dtype(np.float32 if kind == "f" else np.int32)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected an array, received {type(argument).__name__}")
    if array.dtype != expected:
        raise TypeError(f"the kernel reads {expected}, received an array of {array.dtype}")
    if array.ndim != 1 or not array.flags.c_contiguous:
        raise TypeError("the kernel reads one contiguous dimension")
    return array


def _view(
    name: str, cells: Array, shape: Array, strides: Array, size: int, dims: int | None = None
) -> Array:
    """Return a tensor of a kernel's arguments as an array that shares its memory.

    Args:
        name: The name of the tensor, for the message.
        cells: Its storage.
        shape: Its shape.
        strides: Its strides, in elements.
        size: The number of elements that the kernel copies.
        dims: The number of dimensions; None for that of the shape.

    Raises:
        KernelArgumentError: The arguments contradict each other, or an element is outside.
    """
    sizes, steps = shape.tolist(), strides.tolist()
    dims = len(sizes) if dims is None else dims
    if len(sizes) != dims or len(steps) != dims:
        raise KernelArgumentError(
            f"{name} has the shape {tuple(sizes)} and the strides {tuple(steps)}, and the call "
            f"names {dims} dimensions"
        )
    if math.prod(sizes) != size:
        raise KernelArgumentError(
            f"{name} has the shape {tuple(sizes)}, and the call names the size {size}"
        )
    if size == 0:
        return np.zeros(sizes, np.float32)
    try:
        return np.ndarray(sizes, np.float32, cells[:size], 0, [4 * step for step in steps])
    except (ValueError, TypeError):
        raise KernelArgumentError(
            f"{name} has the shape {tuple(sizes)} and the strides {tuple(steps)}, which reach "
            f"beyond its first {min(size, len(cells))} elements"
        ) from None


def _write(out: Array, values: Any) -> None:
    """Write the result of a kernel."""
    try:
        out[...] = values
    except ValueError:
        shape = np.shape(values)
        raise KernelArgumentError(
            f"the operands give a result of shape {shape}, and the output has the shape {out.shape}"
        ) from None


Functions = Callable[[int, int], Callable[..., Any]]
"""Returns the function of a number, for one or two operands."""


def _map(function: Functions) -> Callable[..., None]:
    def tensor_map(
        out: Array,
        out_shape: Array,
        out_strides: Array,
        out_size: int,
        a: Array,
        a_shape: Array,
        a_strides: Array,
        a_size: int,
        dims: int,
        number: int,
    ) -> None:
        result = _view("the output", out, out_shape, out_strides, out_size, dims)
        operand = _view("the input", a, a_shape, a_strides, a_size, dims)
        with np.errstate(all="ignore"):
            _write(result, function(number, 1)(operand))

    return tensor_map


def _zip(function: Functions) -> Callable[..., None]:
    def tensor_zip(
        out: Array,
        out_shape: Array,
        out_strides: Array,
        out_size: int,
        out_dims: int,
        a: Array,
        a_shape: Array,
        a_strides: Array,
        a_size: int,
        a_dims: int,
        b: Array,
        b_shape: Array,
        b_strides: Array,
        b_size: int,
        b_dims: int,
        number: int,
    ) -> None:
        result = _view("the output", out, out_shape, out_strides, out_size, out_dims)
        first = _view("the first input", a, a_shape, a_strides, a_size, a_dims)
        second = _view("the second input", b, b_shape, b_strides, b_size, b_dims)
        try:
            np.broadcast_shapes(first.shape, second.shape)
        except ValueError:
            raise KernelArgumentError(
                f"the inputs have the shapes {first.shape} and {second.shape}, which do not "
                "broadcast"
            ) from None
        with np.errstate(all="ignore"):
            _write(result, function(number, 2)(first, second))

    return tensor_zip


def _reduce(function: Functions) -> Callable[..., None]:
    def tensor_reduce(
        out: Array,
        out_shape: Array,
        out_strides: Array,
        out_size: int,
        a: Array,
        a_shape: Array,
        a_strides: Array,
        dim: int,
        start: float,
        dims: int,
        number: int,
    ) -> None:
        result = _view("the output", out, out_shape, out_strides, out_size, dims)
        operand = _view("the input", a, a_shape, a_strides, math.prod(a_shape.tolist()), dims)
        if not 0 <= dim < dims:
            raise KernelArgumentError(f"dimension {dim} of {dims} is reduced")
        expected = (*operand.shape[:dim], 1, *operand.shape[dim + 1 :])
        if result.shape != expected:
            raise KernelArgumentError(
                f"the output has the shape {result.shape}, and dimension {dim} of an input of "
                f"shape {operand.shape} is reduced"
            )
        with np.errstate(all="ignore"):
            _write(result, fold(function(number, 2), operand, dim, start))

    return tensor_reduce


def _matmul(
    out: Array,
    out_shape: Array,
    out_strides: Array,
    a: Array,
    a_shape: Array,
    a_strides: Array,
    b: Array,
    b_shape: Array,
    b_strides: Array,
    batch: int,
    rows: int,
    columns: int,
) -> None:
    shapes = [tuple(shape.tolist()) for shape in (out_shape, a_shape, b_shape)]
    inner = shapes[1][-1] if shapes[1] else 0
    expected = [(batch, rows, columns), (batch, rows, inner), (batch, inner, columns)]
    if shapes != expected:
        raise KernelArgumentError(
            f"the product of shapes {shapes[1]} and {shapes[2]} is written to the shape "
            f"{shapes[0]}, and the call names {batch} products with {rows} rows and {columns} "
            "columns"
        )
    result, first, second = (
        _view(name, cells, shape, strides, math.prod(sizes))
        for name, cells, shape, strides, sizes in (
            ("the output", out, out_shape, out_strides, shapes[0]),
            ("the first input", a, a_shape, a_strides, shapes[1]),
            ("the second input", b, b_shape, b_strides, shapes[2]),
        )
    )
    with np.errstate(all="ignore"):
        _write(result, first @ second)


def defined_numbers(root: Path) -> dict[int, str]:
    """Return the functions by the numbers that the CUDA sources of a tree define for them.

    A function has the name in `FORMULAS`; other definitions are ignored.
    """
    numbers: dict[int, str] = {}
    for path in sorted(root.rglob("*.cu")):
        if path.is_file() and path.stat().st_size <= LARGEST_SOURCE:
            text = path.read_text(encoding="utf-8", errors="replace")
            for name, number in DEFINITION.findall(text):
                meaning = name.lower().removesuffix("_func")
                if meaning in FORMULAS:
                    numbers.setdefault(int(number), meaning)
    return numbers


def _function(number: int, operands: int, numbers: dict[int, str]) -> Callable[..., Any]:
    """Return the function of a number on arrays.

    The number has its meaning in the CUDA source. If the source does not define it, the dictionary
    of `cuda_kernel_ops` does, which has the submission's functions as keys.

    Raises:
        KernelArgumentError: No function with this number of operands has the number.
    """
    if number in numbers:
        name = numbers[number]
        if _operands(name) != operands:
            raise KernelArgumentError(
                f"the function {name} of number {number} has {_operands(name)} operands, and the "
                f"kernel passes {operands}"
            )
        return FORMULAS[name]
    operations = sys.modules.get(OPERATIONS)
    for value in () if operations is None else tuple(vars(operations).values()):
        if isinstance(value, dict):
            for fn, its_number in value.items():
                if callable(fn) and its_number == number:
                    return on_arrays(fn, operands)
    known = ", ".join(f"{i} ({name})" for i, name in sorted(numbers.items()))
    raise KernelArgumentError(f"no function has the number {number}; known are {known or 'none'}")


@cache
def _operands(name: str) -> int:
    """Return the number of operands of a formula."""
    formula: Any = FORMULAS[name]
    return int(formula.nin if isinstance(formula, np.ufunc) else formula.__code__.co_argcount)
