"""The engine: arguments of functions, moves between backends, gradients of leaves."""

import gc
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mt_autodiff import (
    Function,
    History,
    Tensor,
    TensorContext,
    backpropagate,
    concatenate,
    grad_check,
    no_grad,
    tensor,
    topological_sort,
)
from mt_autodiff.engine import add_gradients
from mt_tensor import REFERENCE, Reference, ShapeError, TensorData, operators

SINGLE = Reference(np.float32)


class Other(Reference):
    """A backend that differs from the reference only in its type."""

    name = "other"


OTHER = Other()


class Twice(Function):
    """A function that doubles, and records its arguments."""

    seen: Sequence[Any] = ()

    @staticmethod
    def forward(ctx: TensorContext, *args: Any) -> TensorData:
        Twice.seen = (ctx, *args)
        return ctx.backend.zip(operators.add, args[0], args[0])

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> TensorData:
        return ctx.backend.zip(operators.add, grad, grad)


def leaf(*numbers: float, backend: Reference = REFERENCE) -> Tensor:
    return tensor(list(numbers), backend, requires_grad=True)


def numbers(x: Tensor | None) -> list[float]:
    """Return the elements of a tensor of one dimension."""
    assert x is not None
    return [float(n) for n in x.to_numpy()]


# Arguments of functions


def test_forward_receives_data_for_tensors_and_other_arguments_unchanged() -> None:
    x, plain = leaf(1.0, 2.0), ((1, 2), None, True)
    y = Twice.apply(x, *plain)
    ctx, data, *rest = Twice.seen
    assert data is x.data
    assert tuple(rest) == plain
    assert ctx.backend is REFERENCE
    assert ctx.needs_grad == (True,)
    assert (y.history.last_fn, y.history.ctx, y.history.inputs) == (Twice, ctx, [x])
    assert numbers(y) == [2.0, 4.0]
    y.backward(np.array([1.0, 10.0]))
    assert numbers(x.grad) == [2.0, 20.0]


def test_needs_grad_marks_tensors_that_require_a_gradient() -> None:
    received: list[tuple[bool, ...]] = []

    class Second(Function):
        @staticmethod
        def forward(ctx: TensorContext, a: TensorData, b: TensorData, c: TensorData) -> TensorData:
            received.append(ctx.needs_grad)
            return b

        @staticmethod
        def backward(ctx: TensorContext, grad: TensorData) -> Any:
            return None, grad, None

    constant, x = tensor([1.0]), leaf(2.0)
    Second.apply(constant, x, constant).backward()
    with no_grad():
        assert Second.apply(constant, x, constant).is_constant()
    assert Second.apply(constant, constant, constant).is_constant()
    assert received == [(False, True, False), (False,) * 3, (False,) * 3]
    assert numbers(x.grad) == [1.0]
    assert constant.grad is None


def test_nothing_is_saved_without_a_backward_pass() -> None:
    saved: list[int] = []

    class Saving(Twice):
        @staticmethod
        def forward(ctx: TensorContext, a: TensorData) -> TensorData:
            ctx.save_for_backward(a)
            saved.append(len(ctx.saved_values))
            return a

    Saving.apply(leaf(1.0))
    Saving.apply(tensor([1.0]))
    with no_grad():
        Saving.apply(leaf(1.0))
    assert saved == [1, 0, 0]


class Named(Tensor):
    """A subclass that a user defines."""

    __slots__ = ()


def test_results_have_the_class_of_the_first_tensor() -> None:
    x = Named(tensor([[1.0, 2.0]]).data, History())
    results = [x + 1, 1 - x, x @ x.permute(1, 0), x[:, 1:], x.sum(), x.detach(), x.to(SINGLE)]
    assert {type(result) for result in results} == {Named}
    (x * x).backward(np.ones((1, 2)))
    assert type(x.grad) is Named


# Functions that return invalid results


class Loose(Function):
    """A function that returns what the test sets."""

    forwards: Any
    backwards: Any

    @staticmethod
    def forward(ctx: TensorContext, *args: TensorData) -> Any:
        return Loose.forwards if Loose.forwards is not None else args[0]

    @staticmethod
    def backward(ctx: TensorContext, grad: TensorData) -> Any:
        return Loose.backwards


@pytest.mark.parametrize(
    ("forwards", "backwards", "error", "message"),
    [
        (np.ones(2), None, TypeError, "Loose.forward returned ndarray; return TensorData"),
        (None, None, TypeError, "Loose.backward returned 1 gradients for 2 tensors; return one"),
        (None, (None,) * 3, TypeError, "Loose.backward returned 3 gradients for 2 tensors"),
        (None, (None, None), TypeError, "Loose.backward returned no gradient for a tensor that"),
        (
            None,
            (REFERENCE.zeros((3,)), None),
            ShapeError,
            r"Loose.backward: a gradient of shape \(3,\) does not fit .* of shape \(2,\);",
        ),
    ],
)
def test_invalid_results_of_forward_and_backward(
    forwards: Any, backwards: Any, error: type[Exception], message: str
) -> None:
    Loose.forwards, Loose.backwards = forwards, backwards
    with pytest.raises(error, match=message):
        Loose.apply(leaf(1.0, 2.0), leaf(1.0, 2.0)).backward(np.ones(2))


def test_apply_needs_a_tensor() -> None:
    with pytest.raises(
        TypeError, match=r"Twice: no argument is a tensor; make one with .*tensor\(\)"
    ):
        Twice.apply(1.0, [2.0])


def test_functions_must_define_forward_and_backward() -> None:
    with pytest.raises(NotImplementedError, match="Function has no method forward; define it"):
        Function.apply(leaf(1.0))
    half: Any = type("Half", (Function,), {"forward": Twice.forward})
    out = half.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match=r"Half has no method backward, .*; define it"):
        out.backward()


def test_an_exception_in_backward_does_not_change_leaves() -> None:
    Loose.forwards, Loose.backwards = None, (None,)
    x, y = leaf(1.0), leaf(2.0)
    out = Loose.apply(x) + y
    with pytest.raises(TypeError):
        out.backward()
    assert x.grad is None


# Between backends


@pytest.mark.parametrize("target", [SINGLE, OTHER])
def test_gradients_are_on_the_backend_of_the_operand(target: Reference) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0, backend=target)
    for first, second in ((x, y), (y, x)):
        x.zero_grad_()
        y.zero_grad_()
        product = first * second.to(first.backend)
        assert product.backend == first.backend
        assert product.dtype == product.data.storage.dtype == first.dtype
        product.backward(np.array([1.0, 10.0]))
        for operand, expected in ((x, [3.0, 40.0]), (y, [1.0, 20.0])):
            grad = operand.grad
            assert grad.backend == operand.backend
            assert grad.data.storage.dtype == operand.dtype
            assert numbers(grad) == expected


def test_equal_backends_need_no_move() -> None:
    x, y = leaf(1.0), leaf(2.0, backend=Reference())
    assert (x * y).parents == [x, y]
    assert y.to(REFERENCE) is y


@pytest.mark.parametrize("target", [SINGLE, OTHER])
def test_operands_of_other_backends_are_an_error(target: Reference) -> None:
    x, y = leaf(1.0), leaf(2.0, backend=target)
    with pytest.raises(TypeError, match=r"Mul: .* Reference\(float64\) and .*; move .*\.to\(back"):
        x * y
    with pytest.raises(TypeError, match=r"Concatenate: .*and Reference\(float64\); move"):
        concatenate([y, y, x], 0)
    assert repr(y.to(REFERENCE).history) == "History(Move)"


def test_a_move_is_differentiable_and_copies() -> None:
    x = leaf(1.0, 2.0)
    moved = x.to(OTHER)
    assert moved.backend is OTHER
    assert not np.shares_memory(moved.to_numpy(), x.to_numpy())
    (moved * moved).to(SINGLE).sum().backward()
    assert numbers(x.grad) == [2.0, 4.0]
    assert x.grad.backend is REFERENCE
    assert x.detach().to(SINGLE).is_constant()


def test_moves_of_several_operands_one_of_them_twice() -> None:
    x, y, z = leaf(1.0), leaf(2.0, backend=SINGLE), leaf(3.0, backend=OTHER)
    y2, z2 = y.to(REFERENCE), z.to(REFERENCE)
    (x * y2 + z2 * y2 * x + y.to(REFERENCE)).backward()
    assert (numbers(x.grad), numbers(y.grad), numbers(z.grad)) == ([8.0], [5.0], [2.0])


def test_gradients_between_backends_are_right_at_every_index() -> None:
    rng = np.random.default_rng(0)
    grad_check(
        lambda a, b: a.to(OTHER) @ b.to(OTHER),
        tensor(rng.random((2, 3))),
        tensor(rng.random((3, 2))),
    )


def test_moved_layouts() -> None:
    x = tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    turned = x.permute(1, 0).to(SINGLE)
    assert turned.to_numpy().tolist() == [[0, 3], [1, 4], [2, 5]]
    turned.backward(np.arange(6.0).reshape(3, 2))
    assert x.grad.to_numpy().tolist() == [[0, 2, 4], [1, 3, 5]]


# The graph


def test_nodes_implement_variable() -> None:
    x, constant = leaf(1.0), tensor([2.0])
    result = x * constant
    assert [n.is_leaf() for n in (x, constant, result)] == [True, False, False]
    assert [n.is_constant() for n in (x, constant, result)] == [False, True, False]
    assert (list(x.parents), list(constant.parents)) == ([], [])
    assert list(result.parents) == [x, constant]
    assert len({n.unique_id for n in (x, constant, result)}) == 3
    assert topological_sort(result) == [result, x]
    assert repr(x.history) == "History(leaf)"
    assert repr(result.history) == "History(Mul)"
    ((operand, grad),) = result.chain_rule(tensor([10.0]).data)
    assert operand is x
    assert grad.storage.tolist() == [20.0]


def test_only_results_have_a_chain_rule_and_only_leaves_a_gradient() -> None:
    x = leaf(1.0)
    for node in (x, x.detach()):
        with pytest.raises(RuntimeError, match="chain_rule: no function computed"):
            node.chain_rule(x.data)
    for node in (x * 2, x.detach()):
        with pytest.raises(RuntimeError, match=r"only leaves hold a gradient; requires_grad_"):
            node.accumulate_derivative(x.data)


def test_backpropagate_passes_tensor_data() -> None:
    x = leaf(3.0)
    backpropagate(x * x + x, tensor([0.5]).data, add_gradients)
    assert numbers(x.grad) == [3.5]


def test_a_graph_100_000_deep() -> None:
    x = leaf(2.0)
    y = x
    for depth in range(100_000):
        y = -y if depth % 50 == 0 else y.expand(1)
    y.backward(tensor([3.0]))
    assert numbers(x.grad) == [3.0]
    del y
    gc.collect()


def test_a_graph_with_two_to_the_sixty_paths() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert numbers(x.grad) == [2.0**60]


def test_graphs_are_freed_with_their_result() -> None:
    x = leaf(1.0)
    result = x * 2
    middle = weakref.ref(result)
    result = result + 1
    gc.disable()
    try:
        del result
        assert middle() is None, "no cycles keep results alive"
    finally:
        gc.enable()


# Memory of gradients


def test_gradients_of_two_leaves_share_no_memory() -> None:
    upstream = np.ones(2)
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).backward(upstream)
    memories = [x.grad.to_numpy(), y.grad.to_numpy(), upstream]
    for i, memory in enumerate(memories):
        for other in memories[:i]:
            assert not np.shares_memory(memory, other)
    x.grad[0] = 7.0
    assert (numbers(x.grad), numbers(y.grad), upstream.tolist()) == ([7, 1], [1, 1], [1, 1])


def test_a_constant_gradient_is_writable() -> None:
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()
    x.grad[1] = 5.0
    assert numbers(x.grad) == [1.0, 5.0, 1.0]
    assert x.grad.data.is_contiguous()


def test_accumulation_makes_a_new_gradient() -> None:
    x = leaf(1.0)
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    assert (numbers(first), numbers(x.grad)) == ([1.0], [2.0])


# Threads


def test_threads_with_separate_graphs() -> None:
    results: dict[int, list[float]] = {}

    def work(k: int) -> None:
        x = leaf(*range(1, 5))
        for _ in range(20):
            y = (x * k).exp().ln() / x
            with no_grad():
                assert (x * 2).is_constant()
            y.sum().backward()
            (x * k).sum().backward()
        results[k] = numbers(x.grad)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(1, 5):
        assert results[k] == pytest.approx([20.0 * k] * 4)


def test_a_history_made_by_its_constructor() -> None:
    """Make a history as code written for the course does."""
    x = tensor([2.0], requires_grad=True)
    made = (x * x).history
    assert made is not None
    y = Tensor((x * x).data, History(made.last_fn, made.ctx, [x, x]))
    y.backward()
    assert x.grad.to_numpy().tolist() == [4.0]
    assert y.history is not None
    assert (y.history.ctx, repr(y.history)) == (made.ctx, "History(Mul)")
