"""The tensor: arithmetic with numbers, arrays and tensors, comparison, shape, description."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import (
    Tensor,
    concatenate,
    conv2d,
    full,
    grad_check,
    ones,
    pad,
    rand,
    tensor,
    zeros,
)
from mt_tensor import REFERENCE, Backend, IndexingError, Reference, ShapeError, TensorData

Array: TypeAlias = npt.NDArray[Any]

SINGLE = Reference(np.float32)
small = st.floats(-10.0, 10.0)


def numbered(*shape: int) -> Tensor:
    """Return a constant of distinct elements."""
    return tensor(np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape))


def same(received: Any, expected: Array) -> None:
    """Compare shape and elements exactly, NaN equal to NaN."""
    assert isinstance(received, Tensor)
    np.testing.assert_array_equal(received.to_numpy(), expected, strict=False)
    assert received.shape == expected.shape


# Arithmetic

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv]
COMPARISON = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
SCALARS = [2, -0.5, True, np.float32(0.25), np.float64(3.0), np.int8(3), np.uint64(2), np.True_]
ARRAYS = [
    np.array(3.0),
    np.array([1, 2, 3]),
    np.array([[1.0], [4.0]], np.float32),
    np.ones((2, 2, 1)),
    np.array([True, False, True]),
]


@pytest.mark.parametrize("other", SCALARS + ARRAYS, ids=repr)
@pytest.mark.parametrize("fn", COMPARISON + ARITHMETIC, ids=lambda f: f.__name__)
def test_numbers_and_arrays_on_both_sides(fn: Callable[[Any, Any], Any], other: Any) -> None:
    x = numbered(2, 3)
    with np.errstate(all="ignore"):
        wide = np.asarray(other, np.float64)
        forwards, backwards = fn(x.to_numpy(), wide), fn(wide, x.to_numpy())
    for received, expected in ((fn(x, other), forwards), (fn(other, x), backwards)):
        assert isinstance(received, Tensor)
        np.testing.assert_allclose(received.to_numpy(), expected, rtol=1e-15)


def test_arrays_multiply_matrices_from_both_sides() -> None:
    x, array = numbered(2, 3), np.arange(6.0).reshape(3, 2)
    same(x @ array, x.to_numpy() @ array)
    same(array @ x, array @ x.to_numpy())


@given(small, small)
def test_comparisons_are_numbers(x: float, y: float) -> None:
    for fn in COMPARISON:
        for a, b in ((x, y), (x, x), (x, math.nan), (math.nan, math.nan), (math.inf, math.inf)):
            assert fn(tensor(a), tensor(b)).item() == float(fn(a, b)), fn
            assert fn(tensor(a), b).item() == float(fn(a, b)), fn
            assert fn(a, tensor(b)).item() == float(fn(a, b)), fn


def test_comparisons_have_zero_gradients() -> None:
    for fn in COMPARISON:
        x, y = (tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
        fn(x, y).backward(np.ones(2))
        assert x.grad.to_numpy().tolist() == y.grad.to_numpy().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("other", ["3", None, [1.0], (1.0,), 1j, np.complex64(1), Fraction(1, 2)])
def test_unsupported_operands(other: Any) -> None:
    x = numbered(2, 3)
    name = type(other).__name__
    for fn in (*ARITHMETIC, operator.matmul, operator.lt, operator.ge):
        for operands in ((x, other), (other, x)):
            with pytest.raises(
                TypeError, match=f"(operand of type {name}|array of {name}|not supported)"
            ):
                fn(*operands)
    with pytest.raises(TypeError, match=r"use numbers, arrays and tensors; .*tensor\(\) makes"):
        x.is_close(other)
    # Comparison with == accepts all types.
    assert (x == other) is False
    assert (x != other) is True
    assert (other == x) is False


def test_arrays_of_unsupported_dtypes() -> None:
    for array in (np.array(["1"]), np.array([1j]), np.array([None])):
        with pytest.raises(TypeError, match="pass an array of a real dtype"):
            numbered(2) + array


def test_numbers_keep_a_tensor_without_dimensions() -> None:
    for result in (tensor(3.0) + 1, 1 - tensor(3.0), tensor(3.0) < 2, tensor(3.0) ** 2):
        assert result.shape == ()


def test_augmented_assignment_of_a_result_makes_a_new_tensor() -> None:
    x = tensor([1.0], requires_grad=True)
    y = x + 0
    y += 1
    y *= x
    assert x.item() == 1.0
    y.backward()
    assert x.grad.item() == 3.0


def test_tensors_in_python_builtins() -> None:
    rows = list(numbered(2, 3))
    same(sum(rows), np.array([5.0, 7.0, 9.0]))
    assert max(numbered(3)) == 3.0
    assert math.exp(tensor(0.0)) == 1.0
    assert (float(tensor([2.5])), int(tensor([[2.5]]))) == (2.5, 2)
    assert 2.0 in numbered(3)
    assert 7.0 not in numbered(3)
    x, twin = numbered(2), numbered(2)
    assert len({x, twin, x}) == 2, "equal tensors are different keys"


@pytest.mark.parametrize("value", [0.0, 1.0, -2.0, math.nan])
def test_truth(value: float) -> None:
    assert bool(tensor(value)) == bool(tensor([[value]])) == bool(value)


@pytest.mark.parametrize("shape", [(2,), (0,), (1, 2)])
def test_truth_and_numbers_of_several_elements(shape: tuple[int, ...]) -> None:
    x = zeros(shape)
    with pytest.raises(ValueError, match=r"bool: .* of shape .* is ambiguous; use all\(\)"):
        bool(x)
    for use in (float, int, Tensor.item):
        with pytest.raises(
            ValueError, match=rf"item: shape .* has {x.size} elements; .*exactly one"
        ):
            use(x)


# Powers


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7, 64, 65, 100, -1, -2, -5, 2.0, np.int8(3)])
def test_integer_powers(exponent: Any) -> None:
    array = np.array([[-1.5, -1.0, -0.5], [0.5, 1.0, 1.25]])
    received = (tensor(array) ** exponent).to_numpy()
    np.testing.assert_allclose(received, array ** float(exponent), rtol=1e-13)
    grad_check(lambda x: x**exponent, tensor(array / array.max()))


@pytest.mark.parametrize("exponent", [0.5, 1.5, -0.5, 0.1, np.float32(2.5)])
def test_fractional_powers(exponent: Any) -> None:
    array = np.array([0.25, 1.0, 3.0])
    received = (tensor(array) ** exponent).to_numpy()
    np.testing.assert_allclose(received, array ** float(exponent), rtol=1e-14)
    grad_check(lambda x: x**exponent, tensor(array))
    assert np.isnan((tensor([-1.0]) ** exponent).item())


def test_powers_at_the_edges() -> None:
    same(tensor([0.0, math.nan, math.inf]) ** 0, np.ones(3))
    assert (tensor([0.0]) ** -1).item() == math.inf
    assert (tensor([0.0]) ** 1.5).item() == 0.0
    assert (tensor([2.0]) ** math.inf).item() == math.inf
    assert math.isnan((tensor([2.0]) ** math.nan).item())


ZERO_POWERS = [0, 1, 2, 3, -1, -2, 0.5, 1.5, -0.5, 1.0]


@pytest.mark.parametrize("exponent", ZERO_POWERS)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_gradient_of_a_power_at_zero(exponent: float, backend: Backend) -> None:
    x = tensor([0.0, 2.0], backend, requires_grad=True)
    (x**exponent).sum().backward()
    with np.errstate(divide="ignore"):
        # PyTorch defines the derivative of the constant x ** 0 as 0 everywhere.
        slope = exponent * np.array([0.0, 2.0]) ** (exponent - 1.0) if exponent else np.zeros(2)
    np.testing.assert_allclose(x.grad.to_numpy(), slope, rtol=1e-6)


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.5), (1.0, 2.5), (2.0, -1.5)])
def test_power_of_tensors(first: float, second: float) -> None:
    base, exponents = np.array([[0.5], [1.0], [3.0]]), np.array([first, second])
    same(tensor(base) ** tensor(exponents), base**exponents)
    same(2.0 ** tensor(exponents), 2.0**exponents)
    same(tensor(base) ** exponents, base**exponents)
    grad_check(lambda x, y: x**y, tensor(base), tensor(exponents))
    grad_check(lambda y: 2.0**y, tensor(exponents))


@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_quotients_are_rounded_once(backend: Backend) -> None:
    dtype = backend.dtype
    rng = np.random.default_rng(0)
    powers = rng.integers(np.finfo(dtype).minexp - 20, np.finfo(dtype).maxexp, (2, 500))
    x, y = np.ldexp(rng.uniform(1, 2, (2, 500)), powers).astype(dtype)
    with np.errstate(all="ignore"):
        same(tensor(x, backend) / tensor(y, backend), x / y)
        same(tensor(x, backend) / 49.0, x / dtype.type(49))
        same(3.0 / tensor(x, backend), dtype.type(3) / x)
        same(1.0 / tensor(x, backend), dtype.type(1) / x)


def test_a_square_is_one_product() -> None:
    square = tensor([3.0], requires_grad=True) ** 2
    assert repr(square.history) == "History(Mul)"
    assert all(parent.is_leaf() for parent in square.parents)


@pytest.mark.parametrize("exponent", ["2", None, 1j, [2]])
def test_unsupported_exponents(exponent: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        numbered(2) ** exponent


# Shape


def test_dimensions_as_arguments_or_as_a_sequence() -> None:
    x = numbered(2, 3)
    for shape in ((3, 2), ([3, 2],), ((3, -1),), (np.array([3, 2]),), (np.int64(3), np.int64(2))):
        assert x.view(*shape).shape == (3, 2)
    for order in ((1, 0), ([1, 0],), (-1, 0), ((-1, -2),)):
        assert x.permute(*order).shape == (3, 2)
    for wide in ((4, 2, 3), ((4, 2, 3),), (np.array([4, 2, 3]),)):
        assert x.expand(*wide).shape == (4, 2, 3)
    assert numbered(1).view().shape == numbered(1).view(()).shape == ()
    assert tensor(1.0).permute().shape == tensor(1.0).expand().shape == ()
    assert x.view(-1).shape == x.view((-1,)).shape == (6,)


def test_views_share_memory_and_copies_do_not() -> None:
    x = numbered(2, 3)
    memory = x.to_numpy()
    for view in (x.view(6), x.permute(1, 0), x.expand(4, 2, 3), x.detach(), x[1:], x.contiguous()):
        assert np.shares_memory(view.to_numpy(), memory)
    turned = x.permute(1, 0).contiguous()
    assert turned.data.is_contiguous()
    assert not np.shares_memory(turned.to_numpy(), memory)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.view(4), IndexingError, r"view: 6 elements .* shape \(4,\).*may be -1"),
        (lambda x: x.view(2.0, 3), TypeError, r"view: \(2.0, 3\) must be .* integers"),
        (lambda x: x.view("6"), TypeError, "integers"),
        (lambda x: x.permute(1, 0).view(6), IndexingError, r"call contiguous\(\) first"),
        (lambda x: x.permute(0), IndexingError, r"permute: order \(0,\) must name each"),
        (
            lambda x: x.permute(0, -2),
            IndexingError,
            r"permute: .*\(0, -2\) contain a dimension twice",
        ),
        (lambda x: x.permute(0, 2), IndexingError, "permute: no dimension 2; allowed: -2 to 1"),
        (lambda x: x.expand(3, 3), IndexingError, r"expand: shapes \(2, 3\) and \(3, 3\)"),
        (lambda x: x.expand(3), IndexingError, r"expand: shape \(2, 3\) is larger than \(3,\)"),
        (lambda x: x.expand(-2, 3), IndexingError, "negative size"),
        (lambda x: x.sum(2), IndexingError, "sum: no dimension 2; allowed: -2 to 1"),
        (lambda x: x.mean((0, -2)), IndexingError, "mean: .* contain a dimension twice"),
        (lambda x: x.mean(-3), IndexingError, "mean: no dimension -3"),
        (lambda x: x.all(5), IndexingError, "all: no dimension 5"),
        (lambda x: x.sum(1.0), TypeError, "sum: .* integers"),
        (lambda x: x.sum("1"), TypeError, "sum: .* integers"),
        (lambda x: x @ x, ShapeError, r"matmul: shapes \(2, 3\) and \(2, 3\)"),
        (lambda x: x @ 2.0, ShapeError, r"matmul: .*\(1,\).* view a vector"),
        (lambda x: x + zeros((2,)), IndexingError, r"add: shapes \(2, 3\) and \(2,\) do not"),
        (lambda x: x - zeros((2,)), IndexingError, "sizes 3 and 2 differ"),
        (lambda x: x < zeros((4, 3)), IndexingError, "lt: shapes"),
        (
            lambda x: Tensor(x.to_numpy()),
            TypeError,
            r"Tensor: expected TensorData, got ndarray; .*tensor\(",
        ),
    ],
)
def test_errors(call: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(numbered(2, 3))


def test_dims_from_an_iterator() -> None:
    x = numbered(2, 3, 4)
    for dims in ((0, -1), [0, -1], np.array([0, -1]), range(0, 3, 2), (d for d in (0, 2)), {0, 2}):
        same(x.mean(dims), x.to_numpy().mean((0, 2)))


# Description


def test_attributes() -> None:
    x = tensor(np.ones((2, 3)), SINGLE)
    assert (x.shape, x.size, x.dims, x.ndim) == ((2, 3), 6, 2, 2)
    assert x.dtype == np.float32
    assert (x.backend, x.history, x.grad, x.name) == (SINGLE, None, None, None)
    assert len(x) == 2
    named = Tensor(TensorData([1.0], (1,)), name="w")
    assert (named.name, named.backend) == ("w", REFERENCE)


def test_other_attributes_are_rejected() -> None:
    with pytest.raises(AttributeError):
        numbered(2).gradient = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (tensor(2.5), "tensor(2.5)"),
        (tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (numbered(2, 2), "tensor([[1., 2.],\n        [3., 4.]])"),
        (numbered(2, 2).permute(1, 0), "tensor([[1., 3.],\n        [2., 4.]])"),
        (tensor([1.0]).expand(3), "tensor([1., 1., 1.])"),
        (tensor([math.nan, -math.inf]), "tensor([ nan, -inf])"),
        (tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (tensor([1.0], requires_grad=True) * 2, "tensor([2.], history=Mul)"),
        (tensor([0.5], SINGLE), "tensor([0.5], backend=Reference(float32))"),
        (
            tensor([0.5], SINGLE, requires_grad=True).view(1, 1),
            "tensor([[0.5]], backend=Reference(float32), history=View)",
        ),
        (tensor([]), "tensor([], shape=(0,))"),
        (zeros((2, 0, 3)), "tensor([], shape=(2, 0, 3))"),
    ],
)
def test_repr(x: Tensor, expected: str) -> None:
    assert repr(x) == expected


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_formats_of_one_number(shape: tuple[int, ...]) -> None:
    x = full(shape, 2.0 / 3.0)
    assert (f"{x:.3f}", f"{x:>8.1e}", f"{x}") == ("0.667", " 6.7e-01", str(x))


def test_a_format_of_several_numbers_is_an_error() -> None:
    x = numbered(2, 3)
    assert f"{x}" == str(x)
    with pytest.raises(
        TypeError, match=r"'\.3f' is a format of one number, .* shape \(2, 3\); form"
    ):
        f"{x:.3f}"


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(1.0),
        lambda x: x.permute(1.0, 0),
        lambda x: x.view(3.0, 2),
        lambda x: concatenate([x, x], 0.0),  # type: ignore[arg-type]
        lambda x: pad(x, ((0.5, 0), (0, 0))),  # type: ignore[arg-type]
        lambda x: rand((2.0,)),  # type: ignore[arg-type]
        lambda x: zeros((2.0,)),  # type: ignore[arg-type]
        lambda x: conv2d(ones((1, 1, 4, 4)), ones((1, 1, 2, 2)), size=(2.0, 2)),  # type: ignore[arg-type]
    ],
)
def test_sizes_and_dimensions_are_integers(call: Any) -> None:
    with pytest.raises(TypeError, match="integer"):
        call(numbered(2, 3))


def test_flags_may_be_read_or_called() -> None:
    leaf, constant = tensor([1.0], requires_grad=True), tensor([1.0])
    result = leaf * 2
    for x, requires_grad, is_leaf in (
        (leaf, True, True),
        (constant, False, False),
        (result, True, False),
    ):
        for flag, expected in ((x.requires_grad, requires_grad), (x.is_leaf, is_leaf)):
            assert bool(flag) is flag() is expected
            assert flag == int(expected)
            assert repr(flag) == str(flag) == f"{flag}" == str(expected)


def test_repr_of_a_large_tensor_is_short() -> None:
    text = repr(zeros((100, 100)))
    assert "..." in text
    assert len(text) < 1000
    assert text.count("\n") < 10


@given(st.lists(st.integers(0, 3), max_size=4).map(tuple))
def test_repr_never_fails(shape: tuple[int, ...]) -> None:
    assert repr(zeros(shape)).startswith("tensor(")


def test_a_subclass_may_have_another_default_backend() -> None:
    class Single(Tensor):
        __slots__ = ()
        _default_backend = SINGLE

    x = Single(SINGLE.full((1,), 0.5))
    assert x.backend is SINGLE
    assert repr(x) == "tensor([0.5])"
    assert repr(Single(REFERENCE.full((1,), 0.5), backend=REFERENCE)) == (
        "tensor([0.5], backend=Reference(float64))"
    )
