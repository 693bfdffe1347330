"""Gradient checks: they pass right gradients and find wrong ones of many kinds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import (
    Context,
    Function,
    Scalar,
    ScalarFunction,
    Tensor,
    TensorContext,
    derivative_check,
    grad_central_difference,
    grad_check,
    tensor,
)
from mt_tensor import REFERENCE, Reference, TensorData, host_array

SINGLE = Reference(np.float32)
X = np.random.default_rng(0).uniform(0.5, 2.0, (3, 3))


class Cube(Function):
    """The third power, with a gradient that the test replaces."""

    wrong_slope: Callable[[Any, Any], Any]

    @staticmethod
    def forward(ctx: TensorContext, a: TensorData) -> TensorData:
        array = host_array(a)
        ctx.save_for_backward(array)
        return REFERENCE.from_numpy(array**3)

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        (array,) = ctx.saved_values
        wrong = Cube.wrong_slope(3 * array**2, host_array(grad))
        return REFERENCE.from_numpy(np.ascontiguousarray(wrong))


def cube(x: Tensor) -> Tensor:
    """Return the third power, differentiated by a function of the test."""
    result: Tensor = Cube.apply(x)
    return result


def at(index: tuple[int, ...], value: float) -> Callable[[Any, Any], Any]:
    """Return a gradient that is wrong at one index."""

    def wrong_slope(slope: Any, grad: Any) -> Any:
        out = slope * grad
        out[index] = value
        return out

    return wrong_slope


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "transposed": lambda slope, grad: (slope * grad).T,
    "upstream transposed": lambda slope, grad: slope * grad.T,
    "upstream reversed": lambda slope, grad: slope * grad[::-1],
    "upstream taken for ones": lambda slope, grad: slope,
    "upstream summed": lambda slope, grad: slope * grad.mean(),
    "slope transposed": lambda slope, grad: slope.T * grad,
    "slope forgotten": lambda slope, grad: grad,
    "twice as large": lambda slope, grad: 2 * slope * grad,
    "a thousandth too large": lambda slope, grad: 1.001 * slope * grad,
    "shifted": lambda slope, grad: slope * grad + 1e-3,
    "negated": lambda slope, grad: -slope * grad,
    "zero": lambda slope, grad: 0 * slope,
    "summed over rows": lambda slope, grad: (slope * grad).sum(0, keepdims=True),
    "first wrong": at((0, 0), 0.0),
    "last wrong": at((2, 2), 0.0),
    "one in the middle wrong": at((1, 2), 0.5),
    "NaN everywhere": lambda slope, grad: slope * np.nan,
    "NaN at one index": at((2, 0), math.nan),
    "infinite at one index": at((0, 1), math.inf),
}


def test_the_right_gradient_passes() -> None:
    Cube.wrong_slope = lambda slope, grad: slope * grad
    grad_check(cube, tensor(X))
    for seed in range(20):
        grad_check(cube, tensor(X), rng=seed)


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("rng", [0, 1, np.random.default_rng(2)], ids=["0", "1", "generator"])
def test_wrong_gradients_are_caught(kind: str, rng: Any) -> None:
    Cube.wrong_slope = WRONG[kind]
    with pytest.raises(AssertionError, match="gradient of cube, argument 0"):
        grad_check(cube, tensor(X), rng=rng)


def test_an_upstream_gradient_of_ones_misses_errors() -> None:
    # The reason for the random upstream gradient: ones hide permutations of the gradient.
    Cube.wrong_slope = lambda slope, grad: slope * grad.T
    symmetric = tensor(X + X.T)
    x = tensor(X + X.T, requires_grad=True)
    cube(x).backward(np.ones((3, 3)))
    np.testing.assert_allclose(x.grad.to_numpy(), 3 * (X + X.T) ** 2)
    with pytest.raises(AssertionError):
        grad_check(cube, symmetric)


def test_the_message_names_function_argument_index_and_values() -> None:
    Cube.wrong_slope = at((1, 2), 0.0)
    expected = f"expected {grad_of_cube((1, 2)):.6g} by central differences, received 0"
    with pytest.raises(AssertionError) as caught:
        grad_check(lambda a, b: a + cube(b), tensor(X), tensor(X))
    message = str(caught.value)
    assert "gradient of <lambda>, argument 1 of shape (3, 3), index (1, 2): " in message
    assert expected in message


def grad_of_cube(index: tuple[int, ...]) -> float:
    upstream = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3))
    return float(3 * X[index] ** 2 * upstream[index])


def test_callables_without_a_name() -> None:
    class Negate:
        def __call__(self, x: Tensor) -> Tensor:
            return x.detach()

        def __repr__(self) -> str:
            return "Negate()"

    with pytest.raises(AssertionError, match=r"gradient of Negate\(\)"):
        grad_check(Negate(), tensor([1.0]))


# Gradients that are missing


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.detach() * x,
        lambda x: x.detach() * 2,
        lambda x: tensor(x.to_numpy()) + 0 * x,
        lambda x: x.detach().requires_grad_() * 3,
        lambda x: tensor([x.detach()[0]]).requires_grad_(),
    ],
)
def test_missing_gradients_are_caught(f: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(AssertionError, match="argument 0"):
        grad_check(f, tensor([1.0, 2.0]))


def test_a_function_that_does_not_depend_on_an_argument() -> None:
    grad_check(lambda x, y: x * 2, tensor([1.0]), tensor([1.0, 2.0]))
    grad_check(lambda x: tensor([3.0]), tensor([1.0]))


# Derivatives that differences cannot approximate


def test_infinite_and_undefined_differences_fail() -> None:
    with np.errstate(all="ignore"):
        with pytest.raises(AssertionError, match="expected nan"):
            grad_check(lambda x: x.ln(), tensor([0.0]))
        # One of the two steps ends at the pole.
        step = np.cbrt(np.finfo(np.float64).eps)
        with pytest.raises(AssertionError, match="expected inf"):
            grad_check(lambda x: x.ln(), tensor([step]))
        with pytest.raises(AssertionError):
            grad_check(lambda x: x * math.nan, tensor([1.0]))


def test_a_step_across_a_kink_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"expected 0\.\d+ .* received 0$"):
        grad_check(lambda x: x.relu(), tensor([0.0]))


# Arguments


def test_values_are_copied_and_not_changed() -> None:
    x = tensor(X, requires_grad=True)
    y = tensor(X).permute(1, 0)
    grad_check(lambda x, y: x * y, x, y)
    assert x.grad is None
    assert np.array_equal(x.to_numpy(), X)
    assert np.array_equal(y.to_numpy(), X.T)
    assert y.is_constant()


def test_expanded_values() -> None:
    grad_check(lambda x: x * x, tensor([[1.0], [2.0]]).expand(2, 3))


def test_no_elements() -> None:
    grad_check(lambda x: x * 2, tensor(np.ones((0, 3))))
    grad_check(lambda x, y: x.sum() * y, tensor(np.ones((0, 3))), tensor([1.0]))


def test_tolerance_and_step_can_be_chosen() -> None:
    Cube.wrong_slope = WRONG["a thousandth too large"]
    grad_check(cube, tensor(X), tolerance=1e-2)
    Cube.wrong_slope = lambda slope, grad: slope * grad
    with pytest.raises(AssertionError):
        grad_check(cube, tensor(X), tolerance=1e-15)
    with pytest.raises(AssertionError):
        # The error of the central difference of x³ is the square of the step.
        grad_check(cube, tensor(X), epsilon=0.5, tolerance=0.01)


def test_the_step_depends_on_the_dtype() -> None:
    x = tensor(X, SINGLE)
    grad_check(lambda x: x * x, x)
    with pytest.raises(AssertionError):
        grad_check(lambda x: x.detach() * x, x)


def test_central_difference_of_one_element() -> None:
    def f(x: Tensor, y: Tensor) -> Tensor:
        return x * x * y

    x, y = tensor([[2.0, 3.0]]), tensor([[5.0], [7.0]])
    # d/dx of x² y, summed over both rows of y.
    assert grad_central_difference(f, x, y, ind=(0, 1)) == pytest.approx(6.0 * 12.0)
    assert grad_central_difference(f, x, y, arg=1, ind=(1, 0)) == pytest.approx(4.0 + 9.0)
    weights = np.array([[1.0, 0.0], [0.0, 10.0]])
    received = grad_central_difference(f, x, y, arg=1, ind=(1, 0), upstream=weights)
    assert received == pytest.approx(90.0)
    wide = grad_central_difference(lambda x: x * x * x, tensor([2.0]), epsilon=0.5, ind=(0,))
    assert wide == pytest.approx(12.25)


# Scalars


@given(st.floats(-100.0, 100.0))
def test_check_passes_even_at_kinks_and_jumps(x: float) -> None:
    leaf = Scalar(x)
    derivative_check(lambda x: (x + 5.5).relu(), leaf)
    derivative_check(lambda x: (x * x * x).sigmoid() + x.exp(), leaf)
    derivative_check(lambda x, y: (x < y) + (x == y + 5.5) * 3.0, leaf, Scalar(x))
    assert leaf.derivative is None


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e12, -1e100, 1e-6])
def test_check_of_very_large_and_small_numbers(x: float) -> None:
    derivative_check(lambda x: x * 3.0 + 1.0, Scalar(x))
    derivative_check(lambda x: x * x / 7.0, Scalar(x))
    derivative_check(lambda x: x.relu().sigmoid(), Scalar(x))


def test_check_has_the_precision_of_floats() -> None:
    derivative_check(lambda x: (x - 1e6).sigmoid(), Scalar(1e6))
    derivative_check(lambda x: x + 1e12, Scalar(0.1))
    with pytest.raises(AssertionError, match=r"is 19999\d+.0 by central difference"):
        derivative_check(Faulty.apply, Scalar(1e12))


def test_check_of_equal_arguments() -> None:
    x = Scalar(2.0)
    derivative_check(lambda a, b: a * a * b, x, x)


def test_check_of_functions_that_ignore_arguments() -> None:
    derivative_check(lambda x, y: x * 2.0, Scalar(1.0), Scalar(2.0))
    derivative_check(lambda x: Scalar(3.0, back=None), Scalar(1.0))


class Faulty(ScalarFunction):
    """A square whose derivative is off by a factor or worse."""

    wrong: float = 0.0

    @staticmethod
    def forward(ctx: Context, x: float) -> float:
        return x * x

    @staticmethod
    def backward(ctx: Context, d_output: float) -> float:
        return Faulty.wrong


@pytest.mark.parametrize("wrong", [0.0, 3.99, 4.01, -4.0, math.nan, math.inf])
def test_check_finds_a_wrong_derivative(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "wrong", wrong)

    def product(x: Scalar, y: Scalar) -> Scalar:
        return x + Faulty.apply(y)

    with pytest.raises(AssertionError) as failure:
        derivative_check(product, Scalar(1.0), Scalar(2.0))
    message = str(failure.value)
    assert "product at (1.0, 2.0)" in message
    assert "argument 1 is 4.0" in message
    assert f"{wrong} by backpropagation (received)" in message


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_check_fails_for_values_that_are_not_finite(x: float) -> None:
    with pytest.raises(AssertionError, match="derivative_check"):
        derivative_check(lambda x: x * x, Scalar(x))
    with pytest.raises(AssertionError, match="derivative_check"):
        derivative_check(lambda y: Scalar(x if y.data == 0.0 else 1.0) + 0.0 * y, Scalar(0.0))


def test_check_needs_a_scalar() -> None:
    with pytest.raises(TypeError, match="must return a Scalar"):
        derivative_check(lambda x: 3.0, Scalar(1.0))  # type: ignore[arg-type, return-value]
