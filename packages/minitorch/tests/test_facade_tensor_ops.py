"""Backends and classes of operations, under the course's names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit

import minitorch
from minitorch import FastOps, SimpleOps, Tensor, TensorBackend, TensorOps, operators, tensor

OPS = pytest.mark.parametrize("ops", [SimpleOps, FastOps])

COMPILED = pytest.mark.parametrize("form", [lambda fn: fn, njit], ids=["plain", "compiled"])

MAPS = ["neg_map", "sigmoid_map", "relu_map", "log_map", "exp_map", "id_map", "inv_map"]

ZIPS = [
    "add_zip",
    "mul_zip",
    "div_zip",
    "lt_zip",
    "eq_zip",
    "is_close_zip",
    "relu_back_zip",
    "log_back_zip",
    "inv_back_zip",
]


def _triple(x: float) -> float:
    return x * 3.0


def _minus(x: float, y: float) -> float:
    return x - y


# Classes of operations
@OPS
@COMPILED
def test_map_zip_reduce_of_any_function(ops: type[TensorOps], form: Callable[..., Any]) -> None:
    x, y = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([10.0, 20.0])
    assert ops.map(form(_triple))(x).to_numpy().tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert ops.zip(form(_minus))(y, x).to_numpy().tolist() == [[9.0, 18.0], [7.0, 16.0]]
    assert ops.reduce(form(_minus), 100.0)(x, 1).to_numpy().tolist() == [[97.0], [93.0]]
    assert ops.reduce(form(operators.add))(x, 0).to_numpy().tolist() == [[4.0, 6.0]]


@OPS
def test_map_zip_reduce_write_to_out(ops: type[TensorOps]) -> None:
    x, out = tensor([[1.0, 2.0]]), tensor([[0.0], [0.0]]).permute(1, 0)
    assert ops.map(_triple)(x, out) is out
    assert out.to_numpy().tolist() == [[3.0, 6.0]]
    big = x.zeros((3, 2))
    assert ops.zip(_minus)(x, x, big) is big and big.sum().item() == 0.0
    total = x.zeros((1, 1))
    assert ops.reduce(operators.add, 1.0)(x, 1, total) is total and total.item() == 4.0


@OPS
def test_operations_record_nothing_and_keep_the_backend(ops: type[TensorOps]) -> None:
    x = minitorch.rand((2, 2), requires_grad=True)
    for result in (ops.map(_triple)(x), ops.matrix_multiply(x, x)):
        assert result.is_constant() and result.backend is x.backend and type(result) is Tensor


@OPS
def test_matrix_multiply_broadcasts(ops: type[TensorOps]) -> None:
    x, y = minitorch.rand((2, 3, 4)), minitorch.rand((4, 5))
    product = ops.matrix_multiply(x, y).to_numpy()
    np.testing.assert_allclose(product, x.to_numpy() @ y.to_numpy())


def test_cpu_classes_are_not_cuda() -> None:
    assert not TensorOps.cuda and not SimpleOps.cuda and not FastOps.cuda


# TensorBackend
@pytest.mark.parametrize("name", MAPS)
def test_named_maps(backend: TensorBackend, name: str) -> None:
    x = minitorch.rand((2, 2), backend=backend)
    fn = getattr(operators, name.removesuffix("_map"))
    result = getattr(backend, name)(x)
    assert result.backend is backend
    assert result[1, 0] == pytest.approx(fn(x[1, 0]))


@pytest.mark.parametrize("name", ZIPS)
def test_named_zips(backend: TensorBackend, name: str) -> None:
    x, y = minitorch.rand((2, 2), backend=backend), minitorch.rand((2,), backend=backend)
    fn = getattr(operators, name.removesuffix("_zip"))
    result = getattr(x.f, name)(x, y)
    assert result[1, 0] == pytest.approx(fn(x[1, 0], y[0]))


def test_named_reductions_and_product(backend: TensorBackend) -> None:
    x = tensor([[2.0, 3.0], [4.0, 5.0]], backend=backend)
    assert backend.add_reduce(x, 1).to_numpy().tolist() == [[5.0], [9.0]]
    assert backend.mul_reduce(x, 0).to_numpy().tolist() == [[8.0, 15.0]]
    assert backend.matrix_multiply(x, x).to_numpy().tolist() == [[16.0, 21.0], [28.0, 37.0]]
    assert backend.cuda is False


def test_backends_of_one_class_are_equal() -> None:
    one, other = TensorBackend(FastOps), TensorBackend(FastOps)
    assert one == other and hash(one) == hash(other) and one != minitorch.SimpleBackend
    x, y = minitorch.rand((2,), backend=one), minitorch.rand((2,), backend=other)
    assert (x + y).backend == one
    assert repr(one) == "TensorBackend(FastOps)"


def test_default_backend_is_not_in_repr() -> None:
    assert repr(tensor([1.0])) == "tensor([1.])"
    assert "FastOps" in repr(tensor([1.0], backend=TensorBackend(FastOps)))


def test_operand_on_another_backend_is_moved_and_not_changed() -> None:
    fast = TensorBackend(FastOps)
    x = tensor([1.0, 2.0], backend=fast, requires_grad=True)
    y = tensor([3.0, 4.0], requires_grad=True)
    z = x * y
    assert z.backend == fast and y.backend is minitorch.SimpleBackend
    z.sum().backward()
    assert y.grad.to_numpy().tolist() == [1.0, 2.0]
    assert y.grad.backend is minitorch.SimpleBackend
    assert x.grad.to_numpy().tolist() == [3.0, 4.0]


# Classes that users wrote
class CompiledOps(TensorOps):
    """A class in the course's form: allocate, loop over storages, return a new tensor."""

    @staticmethod
    def map(fn: Any) -> Any:
        loop = minitorch.fast_ops.tensor_map(njit(fn))

        def apply(a: Tensor) -> Tensor:
            out = a.zeros(a.shape)
            loop(*out.tuple(), *a.tuple())
            return out

        return apply

    @staticmethod
    def zip(fn: Any) -> Any:
        loop = minitorch.fast_ops.tensor_zip(njit(fn))

        def apply(a: Tensor, b: Tensor) -> Tensor:
            out = a.zeros(minitorch.shape_broadcast(a.shape, b.shape))
            loop(*out.tuple(), *a.tuple(), *b.tuple())
            return out

        return apply

    @staticmethod
    def reduce(fn: Any, start: float = 0.0) -> Any:
        loop = minitorch.fast_ops.tensor_reduce(njit(fn))

        def apply(a: Tensor, dim: int) -> Tensor:
            shape = list(a.shape)
            shape[dim] = 1
            out = a.zeros(tuple(shape))
            out._tensor._storage[:] = start
            loop(*out.tuple(), *a.tuple(), dim)
            return out

        return apply

    @staticmethod
    def matrix_multiply(a: Tensor, b: Tensor) -> Tensor:
        flat = len(a.shape) == len(b.shape) == 2
        if flat:
            a = a.contiguous().view(1, *a.shape)
            b = b.contiguous().view(1, *b.shape)
        shape = [*minitorch.shape_broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]]
        out = a.zeros(tuple(shape))
        minitorch.tensor_matrix_multiply(*out.tuple(), *a.tuple(), *b.tuple())
        return out.view(*shape[1:]) if flat else out


class CountingOps(SimpleOps):
    """A class of the library with one operation replaced."""

    maps = 0

    @staticmethod
    def map(fn: Any) -> Any:
        inner = SimpleOps.map(fn)

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            CountingOps.maps += 1
            return inner(a, out)

        return apply


class LoopOps(TensorOps):
    """A class of plain loops that does not broadcast the operand of a map."""

    @staticmethod
    def map(fn: Any) -> Any:
        def apply(a: Tensor) -> Tensor:
            out = a.zeros()
            minitorch.tensor_ops.tensor_map(fn)(*out.tuple(), *a.tuple())
            return out

        return apply

    zip = SimpleOps.zip
    reduce = SimpleOps.reduce
    matrix_multiply = SimpleOps.matrix_multiply


USERS = pytest.mark.parametrize("ops", [CountingOps, LoopOps])


def test_compiled_users_class_computes_and_differentiates() -> None:
    """The test uses few operations, because each is compiled."""
    backend = TensorBackend(CompiledOps)
    x = minitorch.rand((2, 3), backend=backend)
    w = minitorch.rand((3, 2), backend=backend)
    minitorch.grad_check(lambda a, b: (a @ b).sum(1), x, w)
    np.testing.assert_allclose((x * x).to_numpy(), x.to_numpy() ** 2)
    np.testing.assert_allclose((-x).to_numpy(), -x.to_numpy())


@USERS
def test_users_classes_compute_and_differentiate(ops: type[TensorOps]) -> None:
    backend = TensorBackend(ops)
    x = minitorch.rand((2, 3), backend=backend) + 0.5
    w = minitorch.rand((3, 2), backend=backend)
    assert x.backend is backend
    minitorch.grad_check(lambda a, b: (a @ b).sigmoid().log().sum(1), x, w)
    minitorch.grad_check(lambda a: (a / a.exp()).mean(0).permute(1, 0).contiguous().view(3), x)
    minitorch.grad_check(lambda a: minitorch.max(a[:, 1:], 1), x)
    image, kernel = x.view(1, 1, 2, 3), w.view(1, 1, 3, 2)
    minitorch.grad_check(minitorch.conv2d, image, kernel)


@USERS
def test_users_classes_take_assignment_and_views(ops: type[TensorOps]) -> None:
    x = minitorch.zeros((2, 3), backend=TensorBackend(ops))
    x[:, 1] = 4.0
    x[0, 2] = 5.0
    assert x.to_numpy().tolist() == [[0.0, 4.0, 5.0], [0.0, 4.0, 0.0]]


def test_overridden_operations_of_library_classes_are_used() -> None:
    before = CountingOps.maps
    (-minitorch.rand((2,), backend=TensorBackend(CountingOps))).to_numpy()
    assert CountingOps.maps == before + 1


def test_users_functions_are_made_once() -> None:
    made: list[Any] = []

    class Remembering(LoopOps):
        @staticmethod
        def map(fn: Any) -> Any:
            made.append(fn)
            return LoopOps.map(fn)

    x = minitorch.rand((2,), backend=TensorBackend(Remembering))
    for _ in range(3):
        x.f.sigmoid_map(x.sigmoid())
        x.sqrt()
    assert operators.sigmoid in made and len(made) == len(set(made))


def test_incomplete_class_names_the_missing_operation() -> None:
    class OnlyMap(TensorOps):
        map = SimpleOps.map

    x = minitorch.rand((2, 2), backend=TensorBackend(OnlyMap))
    assert (-x).shape == (2, 2)
    for use, name in [
        (lambda: x + x, "zip"),
        (lambda: x.sum(), "reduce"),
        (lambda: x @ x, "matrix_multiply"),
    ]:
        with pytest.raises(NotImplementedError, match=name):
            use()


def test_invalid_results_of_a_users_class() -> None:
    class Wrong(LoopOps):
        reduce = staticmethod(lambda fn, start=0.0: lambda a, dim: a)
        zip = staticmethod(lambda fn: lambda a, b: 1.0)

    x = minitorch.rand((2, 2), backend=TensorBackend(Wrong))
    with pytest.raises(ValueError, match=r"Wrong returned shape \(2, 2\); expected \(1, 2\)"):
        x.sum(0)
    with pytest.raises(TypeError, match="Wrong returned float; return a Tensor"):
        x + x
