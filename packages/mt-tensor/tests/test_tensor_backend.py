"""The backend contract: the checks before a hook runs, and the hook's arguments."""

import copy
import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_tensor import (
    REFERENCE,
    Backend,
    HostBackend,
    IndexingError,
    Reference,
    ShapeError,
    TensorData,
    operators,
)
from mt_tensor.backend import Map, Zip


class Recording(HostBackend):
    """A backend that computes nothing and records the calls of its hooks."""

    name = "recording"

    def __init__(self, dtype: Any = np.float64) -> None:
        super().__init__(dtype)
        self.calls: list[tuple[Any, ...]] = []

    def _map(self, fn: Map, out: TensorData, a: TensorData) -> None:
        self.calls.append(("map", fn, out, a))

    def _zip(self, fn: Zip, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.calls.append(("zip", fn, out, a, b))

    def _reduce(self, fn: Zip, out: TensorData, a: TensorData, dim: int, start: float) -> None:
        self.calls.append(("reduce", fn, out, a, dim, start))

    def _matmul(self, out: TensorData, a: TensorData, b: TensorData) -> None:
        self.calls.append(("matmul", out, a, b))

    def _convolve(
        self, out: TensorData, input: TensorData, weight: TensorData, reverse: bool
    ) -> None:
        self.calls.append(("convolve", out, input, weight, reverse))


@pytest.fixture
def backend() -> Recording:
    return Recording()


def zeros(*shape: int) -> TensorData:
    return REFERENCE.zeros(shape)


# Arguments of hooks


def test_map_passes_operands_unchanged(backend: Recording) -> None:
    a, out = zeros(3, 1), zeros(2, 3, 4).permute(0, 1, 2)
    assert backend.map(operators.neg, a, out=out) is out
    fresh = backend.map(operators.exp, a.permute(1, 0))
    assert backend.calls[0] == ("map", operators.neg, out, a)
    assert backend.calls[1][1:3] == (operators.exp, fresh)
    assert fresh.shape == (1, 3)
    assert fresh.is_contiguous()


def test_zip_allocates_the_broadcast_shape(backend: Recording) -> None:
    a, b = zeros(3, 1), zeros(2, 1, 4)
    fresh = backend.zip(operators.mul, a, b)
    assert fresh.shape == (2, 3, 4)
    assert backend.calls == [("zip", operators.mul, fresh, a, b)]
    out = zeros(5, 2, 3, 4)
    assert backend.zip(operators.mul, a, b, out=out) is out
    assert backend.calls[1] == ("zip", operators.mul, out, a, b)


@pytest.mark.parametrize(("dim", "shape"), [(0, (1, 3, 4)), (-1, (2, 3, 1)), (1, (2, 1, 4))])
def test_reduce_keeps_the_dimension_and_fills_out_with_start(
    backend: Recording, dim: int, shape: tuple[int, ...]
) -> None:
    a = zeros(2, 3, 4)
    out = backend.reduce(operators.add, a, dim, 7.0)
    assert out.shape == shape
    assert (backend.to_numpy(out) == 7.0).all()
    assert backend.calls == [("reduce", operators.add, out, a, dim % 3, 7.0)]


def test_matmul_broadcasts_batches(backend: Recording) -> None:
    a, b = zeros(5, 1, 2, 3), zeros(4, 3, 6)
    out = backend.matmul(a, b)
    assert out.shape == (5, 4, 2, 6)
    assert backend.calls == [("matmul", out, a, b)]


def test_convolutions_compute_the_requested_size(backend: Recording) -> None:
    line, kernel = zeros(2, 3, 7), zeros(4, 3, 9)
    assert backend.convolve(line, kernel).shape == (2, 4, 7)
    assert backend.convolve(line, kernel, True, (2,)).shape == (2, 4, 2)
    image, kernels = zeros(2, 3, 5, 6), zeros(4, 3, 2, 2)
    assert backend.convolve(image, kernels).shape == (2, 4, 5, 6)
    assert backend.convolve(image, kernels, reverse=True, size=[0, 9]).shape == (2, 4, 0, 9)
    volume, blocks = zeros(1, 3, 5, 6, 7), zeros(2, 3, 2, 2, 2)
    assert backend.convolve(volume, blocks).shape == (1, 2, 5, 6, 7)
    assert [(call[0], call[-1]) for call in backend.calls] == [
        ("convolve", reverse) for reverse in (False, True, False, True, False)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_backend_s_dtype(dtype: Any) -> None:
    backend = Recording(dtype)
    image, kernel = zeros(1, 1, 2, 2), zeros(1, 1, 1, 1)
    for out in (
        backend.empty((2,)),
        backend.zeros((2,)),
        backend.map(operators.neg, image),
        backend.zip(operators.add, image, image),
        backend.reduce(operators.add, image, 0, 0.0),
        backend.matmul(image, image),
        backend.convolve(image, kernel),
    ):
        assert out.storage.dtype == dtype


# Errors before a hook runs


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda b: b.map(operators.neg, zeros(3), out=zeros(2)),
            ShapeError,
            r"neg: a result of shape \(3,\) .* out of shape \(2,\); pass an out",
        ),
        (
            lambda b: b.map(operators.neg, zeros(2, 3), out=zeros(3)),
            ShapeError,
            r"neg: a result of shape \(2, 3\) .* out of shape \(3,\)",
        ),
        (
            lambda b: b.zip(operators.add, zeros(2, 1), zeros(3), out=zeros(2, 1)),
            ShapeError,
            r"add: a result of shape \(2, 3\) .* out of shape \(2, 1\)",
        ),
        (
            lambda b: b.zip(operators.add, zeros(2), zeros(3)),
            IndexingError,
            r"add: shapes \(2,\) and \(3,\) do not broadcast.*sizes 2 and 3.*view or permute",
        ),
        (
            lambda b: b.reduce(operators.mul, zeros(2, 3), 2, 1.0),
            IndexingError,
            r"reduce\(mul\): no dimension 2; allowed: -2 to 1",
        ),
        (
            lambda b: b.reduce(operators.mul, zeros(), 0, 1.0),
            IndexingError,
            "allowed: none: the tensor has no dimensions",
        ),
        (
            lambda b: b.matmul(zeros(2, 3), zeros(2, 3)),
            ShapeError,
            r"matmul: shapes \(2, 3\) and \(2, 3\).*\(\.\.\., m, k\).*view a vector",
        ),
        (lambda b: b.matmul(zeros(3), zeros(3, 2)), ShapeError, r"matmul: shapes \(3,\)"),
        (lambda b: b.matmul(zeros(2, 3), zeros(3)), ShapeError, r"and \(3,\) are incompatible"),
        (
            lambda b: b.matmul(zeros(2, 2, 3), zeros(3, 3, 2)),
            IndexingError,
            r"matmul: shapes \(2,\) and \(3,\) do not broadcast",
        ),
        (
            lambda b: b.convolve(zeros(2, 3, 4), zeros(5, 2, 2)),
            ShapeError,
            r"conv1d: input \(2, 3, 4\) and weight \(5, 2, 2\).*\(batch, channels, W\).*"
            r"\(out_channels, channels, K\).*same number of channels",
        ),
        (lambda b: b.convolve(zeros(3, 4), zeros(5, 3, 2)), ShapeError, "conv1d: input"),
        (
            lambda b: b.convolve(zeros(2, 3, 4, 5), zeros(5, 3, 2)),
            ShapeError,
            r"conv2d: .*\(batch, channels, H, W\).*\(out_channels, channels, KH, KW\)",
        ),
        (
            lambda b: b.convolve(zeros(1, 1, 4), zeros(1, 1, 2), size=(-1,)),
            ShapeError,
            r"conv1d: size \(-1,\) must be 1 number\(s\).*none of them negative",
        ),
        (
            lambda b: b.convolve(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), size=(3,)),
            ShapeError,
            r"conv2d: size \(3,\) must be 2 number\(s\)",
        ),
        (
            lambda b: b.convolve(zeros(1, 2, 4, 4, 4), zeros(1, 1, 2, 2, 2)),
            ShapeError,
            r"conv3d: .*\(batch, channels, D1, …, D3\).*\(out_channels, channels, K1, …, K3\)",
        ),
        (lambda b: b.zeros((2, -1)), IndexingError, "negative size"),
        (lambda b: b.zeros((1,) * 33), IndexingError, "at most 32"),
        (lambda b: b.zeros((2.5,)), TypeError, "sequence of integers"),
    ],
)
def test_incompatible_operands(
    backend: Recording,
    call: Callable[[Backend], object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        call(backend)
    assert backend.calls == []


def test_functions_without_a_name() -> None:
    halve = functools.partial(operators.mul, 0.5)
    assert REFERENCE.map(halve, REFERENCE.full((2,), 3.0)).storage.tolist() == [1.5, 1.5]
    plus = functools.partial(operators.add)
    with pytest.raises(ShapeError, match="partial"):
        REFERENCE.zip(plus, zeros(2), zeros(1), out=zeros(3))
    assert REFERENCE.reduce(plus, zeros(2), 0, 1.0).storage.tolist() == [1.0]


def test_shape_errors_are_value_errors() -> None:
    assert issubclass(ShapeError, ValueError)


# Backends as objects


def test_equality_compares_type_and_dtype() -> None:
    single = Reference(np.float32)
    assert Reference() == REFERENCE == Reference("float64")
    assert single == Reference(np.dtype("f4"))
    assert single != Reference()
    assert Reference() != Recording()
    assert Reference() != np.float64
    assert len({Reference(), REFERENCE, single, Reference(np.float32), Recording()}) == 3


def test_repr_names_type_and_dtype() -> None:
    assert repr(Reference(np.float32)) == "Reference(float32)"
    assert Reference.name == "reference"


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.complex128, bool, object, ">f8"])
def test_unsupported_dtypes(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"Reference: dtype .* numpy\.float32 or numpy\.float64"):
        Reference(dtype)


def test_copies_and_pickles_are_equal() -> None:
    single = Reference(np.float32)
    for twin in (copy.deepcopy(single), pickle.loads(pickle.dumps(single))):
        assert twin == single


def test_a_backend_must_implement_every_hook() -> None:
    class Half(HostBackend):
        name = "half"

    with pytest.raises(TypeError, match="_convolve"):
        Half()  # type: ignore[abstract]
