"""Writes between an operation and its gradient: a wrong gradient, or an error that names both."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Function, Tensor, grad_check, no_grad, ones, take, tensor, writes, zeros
from mt_tensor import ShapeError, TensorData, operators


def leaf(*numbers: float) -> Tensor:
    return tensor(list(numbers), requires_grad=True)


def test_a_write_is_named() -> None:
    w = leaf(3.0, 4.0)
    y = w * w
    w[0] = 100.0
    with pytest.raises(
        RuntimeError,
        match=r"^Mul\.backward: .*The write is x\[0\] = …, with x of shape \(2,\), in "
        r".*test_autodiff_writes\.py, line \d+; write before the operation or after backward",
    ):
        y.sum().backward()
    assert w.grad is None


WRITES: dict[str, Callable[[Tensor], None]] = {
    "element": lambda w: w.__setitem__((0, 0), 5.0),
    "slice": lambda w: w.__setitem__(slice(1), ones((1, 2))),
    "view": lambda w: w.detach().view(4).__setitem__(0, 5.0),
    "row of a constant": lambda w: w.detach()[0].__setitem__(0, 5.0),
    "permuted": lambda w: w.detach().permute(1, 0).__setitem__((0, 0), 5.0),
}

OPERATIONS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "Mul": (lambda w: w * w, True),
    "Exp of a detached result": (lambda w: w.exp(), False),
    "MatMul": (lambda w: w @ w, True),
    "ReLU": (lambda w: w.relu(), True),
    "Add": (lambda w: w + w, False),
    "Sum": (lambda w: w.sum(), False),
    "take": (lambda w: take(w, [0, 1]), False),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(("operation", "saves"), OPERATIONS.values(), ids=OPERATIONS)
def test_writes_matter_to_operations_that_saved_the_memory(
    operation: Callable[[Tensor], Tensor], saves: bool, write: Callable[[Tensor], None]
) -> None:
    w = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    same = tensor(w.detach(), requires_grad=True)
    operation(same).sum().backward()
    out = operation(w).sum()
    write(w)
    if saves:
        with pytest.raises(RuntimeError, match="was overwritten after the operation"):
            out.backward()
    else:
        out.backward()
        assert np.array_equal(w.grad.to_numpy(), same.grad.to_numpy())


def test_a_write_to_a_result_by_its_detached_copy() -> None:
    y = leaf(1.0, 2.0).sigmoid()
    y.detach()[1] = 0.0
    with pytest.raises(RuntimeError, match=r"Sigmoid\.backward: .*x\[1\] = …"):
        y.sum().backward()


def test_writes_to_other_memory_do_not_matter() -> None:
    w, other = leaf(3.0, 4.0), zeros((4,))
    front, back = other[:2], other[2:]
    y = (w * front).sum()
    back[:] = 1.0
    w2 = leaf(1.0)
    w2[0] = 2.0
    y.backward()
    front[:] = 1.0
    (w * front).sum().backward()
    assert w.grad.to_numpy().tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="overwritten"):
        z = (w * front).sum()
        front[0] = 7.0
        z.backward()


def test_a_loop_of_writes_and_steps() -> None:
    w, rows = leaf(0.0), zeros((2,))
    for step in range(20):
        w.zero_grad_()
        rows[0] = float(step)
        rows[1] = 1.0
        ((w - rows) * (w - rows)).sum().backward()
        w[0] = w.item() - 0.1 * w.grad.item()
    assert np.isfinite(w.item())


@given(st.lists(st.tuples(st.sampled_from(["write", "use", "back"]), st.integers(0, 2))))
def test_a_gradient_is_right_or_an_error(actions: list[tuple[str, int]]) -> None:
    """Compare with recomputation: an error is raised if and only if a factor has changed."""
    factors = [zeros((1,)) + float(at + 2) for at in range(3)]
    pending: list[tuple[Tensor, Tensor, float, int]] = []
    written = [0, 0, 0]
    for action, at in actions:
        if action == "write":
            factors[at][0] = float(len(actions) + written[at] + 5)
            written[at] += 1
        elif action == "use":
            x = leaf(1.0)
            pending.append((x, x * factors[at], factors[at].item(), written[at]))
            pending[-1][0].name = str(at)
        else:
            for x, y, factor, number in pending:
                if written[int(x.name or 0)] != number:
                    with pytest.raises(RuntimeError, match="overwritten"):
                        y.backward()
                else:
                    y.backward()
                    assert x.grad.item() == factor
            pending.clear()


def test_functions_of_the_user_are_checked() -> None:
    class Nested(Function):
        @staticmethod
        def forward(ctx: Any, a: TensorData) -> TensorData:
            ctx.save_for_backward({"operand": [a]})
            result: TensorData = ctx.backend.map(operators.exp, a)
            return result

        @staticmethod
        def backward(ctx: Any, grad: TensorData) -> TensorData:
            (a,) = ctx.saved_values[0]["operand"]
            product: TensorData = ctx.backend.zip(
                operators.mul, ctx.backend.map(operators.exp, a), grad
            )
            return product

    x = leaf(1.0)
    grad_check(Nested.apply, x)
    y = Nested.apply(x)
    x[:] = 2.0
    with pytest.raises(RuntimeError, match=r"Nested\.backward"):
        y.backward()


def test_the_number_of_remembered_writes_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "REMEMBERED", 4)
    monkeypatch.setattr(writes, "_last_writes", {})
    tensors = [zeros((1,)) for _ in range(10)]
    for _ in range(3):
        for x in tensors:
            x[0] = 1.0
    assert [write.number for write in writes._last_writes.values()] == [
        writes.count - 3 + at for at in range(4)
    ]


# Augmented assignment


def test_a_leaf_is_updated_in_place_inside_no_grad() -> None:
    w = leaf(4.0, 8.0)
    same, memory = w, w.data.storage
    (w * w).sum().backward()
    with no_grad():
        w -= 0.25 * w.grad
        w += 1.0
        w *= np.array([2.0, 4.0])
        w /= 2
    assert w is same
    assert w.is_leaf
    assert w.data.storage is memory
    assert w.to_numpy().tolist() == [3.0, 10.0]
    w.zero_grad_()
    (w * w).sum().backward()
    assert w.grad.to_numpy().tolist() == [6.0, 20.0]


def test_an_update_between_operation_and_backward_is_a_write() -> None:
    w = leaf(3.0)
    y = w * w
    with no_grad():
        w -= 1.0
    with pytest.raises(RuntimeError, match="The write is x -= …"):
        y.backward()


def test_results_are_replaced_and_constants_change_in_place() -> None:
    x = leaf(1.0)
    y = before = x * 1
    y += 1
    assert (before.item(), y.item(), y.is_leaf()) == (1.0, 2.0, False)
    constant = same = zeros((1,))
    constant += 1
    assert constant is same
    assert same.item() == 1.0
    # A constant plus a leaf is a result.
    constant += x
    assert constant is not same
    (y + constant).backward()
    assert (same.item(), x.grad.item()) == (1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"\+=: a leaf .* write `with no_grad\(\):`"):
        x += 1


def test_updates_that_would_lose_something() -> None:
    w = leaf(1.0)
    y = w * 2
    with no_grad():
        with pytest.raises(RuntimeError, match=r"\+= inside no_grad on the result of Mul: .*lost"):
            y += 1
        with pytest.raises(ShapeError, match=r"-=: the result has shape \(3,\), and the tensor"):
            w -= zeros((3,))
        shared = zeros((1,)).expand(3).requires_grad_()
        with pytest.raises(RuntimeError, match=r"-= … to an expanded tensor, whose"):
            shared -= 1.0
    assert w.item() == 1.0
    y.backward()
    assert w.grad.item() == 2.0
