"""Changes in place, compared with NumPy, and the errors that protect gradients."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_autodiff import Tensor, no_grad, tensor
from mt_tensor import ShapeError

METHODS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Any], Any]]] = {
    "add_": (lambda x: x.add_(2), lambda a: a + 2),
    "sub_": (lambda x: x.sub_(np.array([1.0, 2.0])), lambda a: a - [1.0, 2.0]),
    "mul_": (lambda x: x.mul_(x), lambda a: a * a),
    "div_": (lambda x: x.div_(4), lambda a: a / 4),
    "clamp_": (lambda x: x.clamp_(min=2, max=3), lambda a: np.clip(a, 2, 3)),
    "fill_": (lambda x: x.fill_(7), lambda a: np.full_like(a, 7)),
    "zero_": (lambda x: x.zero_(), np.zeros_like),
    "copy_": (lambda x: x.copy_(tensor([8.0, 9.0])), lambda a: np.array([[8.0, 9.0]] * 2)),
    "scatter_": (
        lambda x: x.scatter_(1, [[1], [0]], 5.0),
        lambda a: np.array([[a[0, 0], 5.0], [5.0, a[1, 1]]]),
    ),
}
OPERATORS = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ipow,
    operator.imod,
    operator.ifloordiv,
]
methods = pytest.mark.parametrize("name", METHODS)
operators = pytest.mark.parametrize("assign", OPERATORS, ids=lambda fn: fn.__name__)


def numbers() -> Tensor:
    return tensor([[1.0, 2.0], [3.0, 4.0]])


@methods
def test_methods_change_the_memory(name: str) -> None:
    change, oracle = METHODS[name]
    x = numbers()
    before, view = x.to_numpy().copy(), x.view(4)
    assert change(x) is x
    np.testing.assert_array_equal(x.to_numpy(), oracle(before))
    assert view.tolist() == x.flatten().tolist()


@operators
def test_augmented_assignments_of_constants_change_the_memory(assign: Any) -> None:
    x, array = numbers(), numbers().to_numpy().copy()
    view = x.T
    assert assign(x, 2.0) is x
    np.testing.assert_allclose(x.to_numpy(), assign(array, 2.0))
    np.testing.assert_allclose(view.to_numpy(), array.T)


@operators
def test_augmented_assignments_of_leaves_and_results(assign: Any) -> None:
    leaf = numbers().requires_grad_()
    with pytest.raises(RuntimeError, match=r"=: a leaf that requires a gradient .* no_grad"):
        assign(leaf, 2.0)
    with no_grad():
        assert assign(leaf, 2.0) is leaf
    assert leaf.is_leaf
    result = leaf * 1.0
    before = result.tolist()
    assert assign(result, 2.0) is not result
    assert result.tolist() == before


@methods
def test_methods_protect_gradients(name: str) -> None:
    change, _ = METHODS[name]
    leaf = numbers().requires_grad_()
    with pytest.raises(RuntimeError, match=f"^{name}: a leaf .* `with no_grad"):
        change(leaf)
    with pytest.raises(RuntimeError, match=f"^{name}: the tensor is the result of Mul"):
        change(leaf * 2)
    assert leaf.tolist() == numbers().tolist()
    with no_grad():
        change(leaf)
    assert leaf.is_leaf
    assert leaf.tolist() == change(numbers()).tolist()


def test_an_operand_that_requires_a_gradient() -> None:
    x, leaf = numbers(), tensor([1.0, 2.0], requires_grad=True)
    for change in (x.add_, x.mul_, x.copy_):
        with pytest.raises(RuntimeError, match=r"_: an operand requires a gradient, .* detach"):
            change(leaf)
    assert x.tolist() == numbers().tolist()
    x.add_(leaf.detach())
    assert x.tolist() == [[2.0, 4.0], [4.0, 6.0]]


def test_a_result_of_another_shape() -> None:
    x = tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"\+=: the result has shape \(2, 2\), .* shape \(2,\)"):
        x += numbers()
    with pytest.raises(ShapeError, match=r"mul_: the result has shape \(2, 2\)"):
        x.mul_(numbers())
    assert x.tolist() == [1.0, 2.0]


def test_a_write_between_an_operation_and_backward_is_named() -> None:
    leaf, constant = numbers().requires_grad_(), numbers()
    product = (leaf * constant).sum()
    constant.add_(1.0)
    with pytest.raises(RuntimeError, match=r"Mul\.backward: .* The write is x\.add_\(…\)"):
        product.backward()


def test_a_changed_mask_has_no_kind() -> None:
    mask = numbers() > 2
    mask += 1
    assert mask.kind is None
