"""Gradients of leaves, constants and results."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, no_grad, ones, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Reference, ShapeError

SINGLE = Reference(np.float32)


def leaf(numbers: Any) -> Tensor:
    return tensor(numbers, requires_grad=True)


def grad(x: Tensor) -> Any:
    """Return a gradient as nested lists."""
    assert x.grad is not None
    assert x.grad.is_constant()
    assert x.grad.shape == x.shape
    return x.grad.to_numpy().tolist()


# Backward


def test_backward_of_one_element_without_a_gradient() -> None:
    for x in (leaf(3.0), leaf([3.0]), leaf([[3.0]])):
        (x * x).backward()
        assert np.ravel(grad(x)).tolist() == [6.0]


def test_backward_of_several_elements_needs_a_gradient() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"backward: shape \(2,\) has 2 elements; .* sum\(\)"):
        (x * x).backward()
    with pytest.raises(ShapeError, match="has 0 elements"):
        leaf([]).exp().backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "upstream",
    [
        np.array([[1.0, 10.0], [100.0, 1000.0]]),
        np.array([[1, 10], [100, 1000]]),
        np.array([[1.0, 100.0], [10.0, 1000.0]]).T,
        tensor([[1.0, 10.0], [100.0, 1000.0]]),
        tensor([[1.0, 10.0], [100.0, 1000.0]], SINGLE),
        tensor([[1.0, 10.0], [100.0, 1000.0]], requires_grad=True),
    ],
)
def test_types_of_upstream_gradients(upstream: Any) -> None:
    x = leaf(np.ones((2, 2)))
    (x * 2).backward(upstream)
    assert grad(x) == [[2.0, 20.0], [200.0, 2000.0]]
    assert not isinstance(upstream, Tensor) or upstream.grad is None


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (3.0, [[3.0, 3.0], [3.0, 3.0]]),
        (np.array([1.0, 10.0]), [[1.0, 10.0], [1.0, 10.0]]),
        (tensor([[1.0], [10.0]]), [[1.0, 1.0], [10.0, 10.0]]),
    ],
)
def test_the_upstream_gradient_is_broadcast(upstream: Any, expected: list[list[float]]) -> None:
    x = leaf(np.ones((2, 2)))
    x.contiguous().backward(upstream)
    assert grad(x) == expected
    y = leaf(np.ones((2, 2)))
    y.backward(upstream)
    assert grad(y) == expected


@pytest.mark.parametrize("shape", [(3,), (2, 1, 2), (3, 2, 2), (2, 2, 1)])
def test_an_upstream_gradient_of_another_shape(shape: tuple[int, ...]) -> None:
    x = leaf(np.ones((2, 2)))
    with pytest.raises(
        ShapeError,
        match=r"backward: a gradient of shape .* for a tensor of shape \(2, 2\); it must",
    ):
        (x * 2).backward(np.ones(shape))
    assert x.grad is None


def test_an_upstream_gradient_of_another_type() -> None:
    with pytest.raises(TypeError, match="use numbers, arrays and tensors"):
        (leaf([1.0, 2.0]) * 2).backward([1.0, 1.0])  # type: ignore[arg-type]


def test_gradients_accumulate_until_zero_grad() -> None:
    x = leaf([1.0, 2.0])
    y = x * x
    y.backward(np.ones(2))
    y.backward(np.array([1.0, 10.0]))
    (x * 3).sum().backward()
    assert grad(x) == [2.0 + 2.0 + 3.0, 4.0 + 40.0 + 3.0]
    x.zero_grad_()
    assert x.grad is None
    y.backward(1.0)
    assert grad(x) == [2.0, 4.0]


def test_only_leaves_keep_gradients() -> None:
    x, constant = leaf([2.0]), tensor([3.0])
    middle = x * constant
    (middle * middle).backward()
    assert grad(x) == [36.0]
    assert middle.grad is None
    assert constant.grad is None


def test_a_subexpression_may_be_used_often() -> None:
    x = leaf([1.0, 2.0])
    shared = x.exp()
    (shared * shared + shared / (1 + shared) + shared.ln() * 2).sum().backward()
    e = np.exp([1.0, 2.0])
    np.testing.assert_allclose(grad(x), 2 * e**2 + e / (1 + e) ** 2 + 2)


def test_a_leaf_may_be_every_operand() -> None:
    x = leaf([3.0])
    (x * x * x - x / x + x).backward()
    assert grad(x) == [28.0]


@given(st.integers(1, 6), st.data())
def test_random_expressions(depth: int, draws: st.DataObject) -> None:
    ops = draws.draw(st.lists(st.integers(0, 5), min_size=depth, max_size=depth))
    which = draws.draw(st.lists(st.integers(0, 99), min_size=depth, max_size=depth))

    def f(a: Tensor, b: Tensor) -> Tensor:
        made = [a, b, a + b]
        for op, k in zip(ops, which, strict=True):
            x, y = made[k % len(made)], made[(k // 7) % len(made)]
            made.append(
                [
                    lambda x, y: x * y,
                    lambda x, y: x - y,
                    lambda x, y: x.sigmoid() + y,
                    lambda x, y: x.mean(0) * y,
                    lambda x, y: x[..., :: -1 + 2] + y[:1],
                    lambda x, y: x.sigmoid().permute(*range(x.dims)) / (y * y + 1),
                ][op](x, y)
            )
        return made[-1] * 0.5 + made[-2]

    rng = np.random.default_rng(depth)
    grad_check(f, tensor(rng.uniform(-1, 1, (2, 2))), tensor(rng.uniform(-1, 1, (2,))))


# Leaves and constants


def test_a_constant_has_no_backward() -> None:
    with pytest.raises(RuntimeError, match=r"backward: .* requires_grad_\(True\) on an input"):
        (tensor([1.0]) * 2).backward()


def test_results_of_constants_are_constants() -> None:
    a, b = tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]])
    for result in (a + b, a @ b, a.sum(), a[0], a < b, a.view(2), -a, a**2):
        assert result.is_constant()
        assert not result.requires_grad()
        assert result.history is None


def test_requires_grad_makes_leaves_and_constants() -> None:
    x = tensor([2.0])
    assert not x.requires_grad()
    assert x.requires_grad_() is x
    assert x.requires_grad()
    assert x.is_leaf()
    (x * x).backward()
    assert x.requires_grad_(False) is x
    assert x.is_constant()
    assert (x * x).is_constant()
    y = leaf([3.0])
    (x * y).backward()
    assert (grad(y), x.grad.item()) == ([2.0], 4.0)


def test_requires_grad_does_not_change_a_result() -> None:
    x = leaf([2.0])
    y = x * x
    assert y.requires_grad_() is y
    y.requires_grad = True
    assert not y.is_leaf()
    for change in (lambda: y.requires_grad_(False), lambda: setattr(y, "requires_grad", False)):
        with pytest.raises(RuntimeError, match=r"a result of Mul, and only a .* x\.detach\(\)"):
            change()
    (y * 3).backward()
    assert grad(x) == [12.0]


def test_requires_grad_can_be_assigned() -> None:
    x = tensor([2.0])
    x.requires_grad = True
    assert x.is_leaf()
    (x * x).backward()
    assert grad(x) == [4.0]
    x.requires_grad = False
    assert (x * x).is_constant()


@pytest.mark.parametrize("use", [lambda x: x * 2, repr, lambda x: x[0], lambda x: x @ x, np.exp])
@pytest.mark.parametrize("backend", [Reference(), Fast(np.float32), Tuned(np.float32)], ids=repr)
def test_a_tensor_is_no_data(use: Any, backend: Any) -> None:
    x = tensor([[1.0]], backend)
    x.data = tensor([[2.0]], backend)  # type: ignore[assignment]
    with pytest.raises(AttributeError, match=r"to replace the elements, write x\.copy_\(y\)"):
        use(x)


def test_data_is_no_operand() -> None:
    x: Any = tensor([1.0])
    uses: list[Callable[[], Any]] = [
        lambda: x.data - x,
        lambda: x + x.data,
        lambda: x.maximum(x.data),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=r"TensorData is not supported; write x\.detach\(\) in"):
            use()


def test_detach_shares_storage_and_stops_gradients() -> None:
    x = leaf([2.0])
    y = x * x
    assert y.detach().is_constant()
    assert np.shares_memory(y.detach().to_numpy(), y.to_numpy())
    (y.detach() * x).backward()
    assert grad(x) == [4.0]
    assert y.requires_grad(), "the original is left as it was"


def test_no_grad_makes_constants() -> None:
    x = leaf([2.0])
    with no_grad():
        y = x * x
        moved = x.to(SINGLE)
        total = (x[None] @ ones((1, 1))).sum()
    assert y.is_constant()
    assert moved.is_constant()
    assert total.is_constant()
    z = x * y
    with no_grad():
        z.backward()
    assert grad(x) == [4.0]


# Special values


def test_nan_and_infinity_pass_through_backward() -> None:
    x = leaf([np.nan, np.inf, 1.0])
    (x * 2).backward(np.array([1.0, 1.0, np.nan]))
    np.testing.assert_array_equal(x.grad.to_numpy(), [2.0, 2.0, np.nan])
    y = leaf([0.0])
    (1 / y).backward()
    assert grad(y) == [-np.inf]


def test_empty_tensors_have_empty_gradients() -> None:
    x = leaf(np.ones((0, 3)))
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)
    w = leaf(np.ones((3, 2)))
    (x @ w).sum().backward()
    assert grad(w) == np.zeros((3, 2)).tolist()


def test_training_by_hand() -> None:
    rng = np.random.default_rng(0)
    inputs = tensor(rng.normal(size=(20, 3)))
    truth = rng.normal(size=(3, 1))
    outputs = tensor(inputs.to_numpy() @ truth)
    w = leaf(np.zeros((3, 1)))
    for _ in range(100):
        loss = ((inputs @ w - outputs) ** 2).mean()
        loss.backward()
        with no_grad():
            w[...] = w - 0.2 * w.grad
        w.zero_grad_()
    np.testing.assert_allclose(w.to_numpy(), truth, atol=1e-6)
