"""The library's functions of tensors in the course's form."""

import random
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import Context, Tensor, tensor

FUNCTIONS_OF_ONE = ["Neg", "Inv", "Sigmoid", "ReLU", "Log", "Exp", "Copy"]

FUNCTIONS_OF_TWO = ["Add", "Mul", "Div", "LT", "EQ", "IsClose", "MatMul"]


def positive(*shape: int) -> Tensor:
    return minitorch.rand(shape) + 0.5


# The library's
@pytest.mark.parametrize("name", [*FUNCTIONS_OF_ONE, *FUNCTIONS_OF_TWO, "Sum", "All", "Permute"])
def test_library_functions_are_functions(name: str) -> None:
    assert issubclass(getattr(minitorch, name), minitorch.Function)


EXPECTED: dict[str, Any] = {
    "Neg": lambda x: -x,
    "Inv": lambda x: 1 / x,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "ReLU": lambda x: np.maximum(x, 0),
    "Log": lambda x: np.log(x + 1e-6),
    "Exp": np.exp,
    "Copy": lambda x: x,
    "Add": lambda x, y: x + y,
    "Mul": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "LT": lambda x, y: x < y,
    "EQ": lambda x, y: x == y,
    "IsClose": lambda x, y: np.abs(x - y) < 1e-2,
    "MatMul": lambda x, y: x @ y,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_apply_and_forward_compute_the_same(name: str) -> None:
    fn = getattr(minitorch, name)
    inputs = [positive(2, 2) for _ in range(1 if name in FUNCTIONS_OF_ONE else 2)]
    expected = EXPECTED[name](*[x.to_numpy() for x in inputs])
    np.testing.assert_allclose(fn.apply(*inputs).to_numpy(), expected)
    np.testing.assert_allclose(fn.forward(Context(), *inputs).to_numpy(), expected)


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_of_apply(name: str) -> None:
    fn = getattr(minitorch, name)
    inputs = [positive(2, 2) + i for i in range(1 if name in FUNCTIONS_OF_ONE else 2)]
    minitorch.grad_check(fn.apply, *inputs)


@pytest.mark.parametrize("name", EXPECTED)
def test_backward_by_hand_is_the_gradient_of_apply(name: str) -> None:
    fn = getattr(minitorch, name)
    inputs = [positive(2, 2) for _ in range(1 if name in FUNCTIONS_OF_ONE else 2)]
    upstream = minitorch.rand((2, 2))
    ctx = Context()
    fn.forward(ctx, *inputs)
    grads = fn.backward(ctx, upstream)
    by_hand = grads if isinstance(grads, tuple) else (grads,)
    leaves = [x.requires_grad_(True) for x in inputs]
    fn.apply(*leaves).backward(upstream)
    for leaf, grad in zip(leaves, by_hand, strict=True):
        assert leaf.grad.to_numpy().tolist() == grad.to_numpy().tolist()


@pytest.mark.parametrize("name", ["LT", "EQ", "IsClose"])
def test_comparisons_have_zero_gradients(name: str) -> None:
    x, y = positive(2, 2).requires_grad_(True), positive(1, 2).requires_grad_(True)
    getattr(minitorch, name).apply(x, y).sum().backward()
    assert x.grad.to_numpy().tolist() == [[0.0, 0.0]] * 2
    assert y.grad.to_numpy().tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("as_tensor", [True, False])
def test_settings_are_tensors_or_plain(as_tensor: bool) -> None:
    x = positive(2, 3)

    def setting(*numbers: int) -> Any:
        return tensor(list(numbers)) if as_tensor else list(numbers)

    array = x.to_numpy()
    assert minitorch.Sum.apply(x, setting(1)).shape == (2, 1)
    np.testing.assert_allclose(minitorch.All.apply(x, setting(0)).to_numpy(), [array.prod(0)])
    assert minitorch.Permute.apply(x, setting(1, 0)).to_numpy().tolist() == array.T.tolist()
    assert minitorch.View.apply(x, setting(3, 2)).shape == (3, 2)
    np.testing.assert_allclose(minitorch.Max.apply(x, setting(1)).to_numpy()[:, 0], array.max(1))
    assert minitorch.Sum.apply(x).item() == pytest.approx(array.sum())
    minitorch.grad_check(lambda a: minitorch.Sum.apply(a, setting(1)), x)
    minitorch.grad_check(lambda a: minitorch.Max.apply(a, setting(1)), x)
    minitorch.grad_check(lambda a: minitorch.View.apply(a, setting(6)) * 2, x)
    minitorch.grad_check(lambda a: minitorch.Permute.apply(a, setting(1, 0)) * 2, x)


def test_backward_by_hand_gives_zero_for_a_setting_that_is_a_tensor() -> None:
    ctx = Context()
    minitorch.Sum.forward(ctx, positive(2, 3), tensor([1]))
    _, for_dim = minitorch.Sum.backward(ctx, positive(2, 1))
    assert for_dim == 0.0


# Creation of tensors, and checks
def test_rand_draws_from_pythons_random(backend: minitorch.TensorBackend) -> None:
    random.seed(3)
    x = minitorch.rand((2, 3), backend=backend, requires_grad=True)
    random.seed(3)
    assert x.to_numpy().reshape(-1).tolist() == [random.random() for _ in range(6)]
    assert x.is_leaf() and x.backend is backend
    assert minitorch.rand((0, 2)).shape == (0, 2)


def test_grad_check_does_not_change_global_generators() -> None:
    before, numpys = random.getstate(), repr(np.random.get_state())  # noqa: NPY002
    minitorch.grad_check(lambda x: x * x, minitorch.tensor([1.0, 2.0]))
    assert random.getstate() == before
    assert repr(np.random.get_state()) == numpys  # noqa: NPY002


def test_grad_check_does_not_change_its_arguments() -> None:
    x = minitorch.rand((2,))
    minitorch.grad_check(lambda a: a * a, x)
    assert x.is_constant() and x.grad is None


def test_grad_check_weights_the_elements() -> None:
    """A gradient that is right only in sum, or only at the first index, fails."""

    class Reversed(minitorch.Function):
        @staticmethod
        def forward(ctx: Context, x: Tensor) -> Tensor:
            return x + 0

        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Tensor:
            return tensor(grad_output.to_numpy()[::-1])

    with pytest.raises(AssertionError):
        minitorch.grad_check(Reversed.apply, minitorch.rand((4,)))


def test_grad_central_difference() -> None:
    x, y = tensor([1.0, 2.0]), tensor([3.0, 4.0])
    slope = minitorch.grad_central_difference(
        lambda a, b: a * b * b, x, y, arg=1, epsilon=1e-4, ind=(1,)
    )
    assert slope == pytest.approx(16.0)
