"""Composed functions: the choice between the fused form and the body."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pytest

from mt_autodiff import Tensor, fused, no_grad, profile, tensor
from mt_tensor import (
    REFERENCE,
    FusedForm,
    FusedOperation,
    Gradients,
    Reference,
    TensorData,
)

SCALED_SUM = FusedOperation("scaled_sum")


class ScaledSum(FusedForm[Any]):
    """A fused form of `scaled_sum` that declines negative scales and counts its calls."""

    forwards: ClassVar[int] = 0
    seen: ClassVar[tuple[Any, ...]] = ()

    @staticmethod
    def forward(
        backend: Any, needs_grad: tuple[bool, ...], a: TensorData, b: TensorData, scale: float
    ) -> Any:
        if scale < 0:
            return None
        ScaledSum.forwards += 1
        ScaledSum.seen = (a, b, scale, needs_grad)
        array = scale * (backend.to_numpy(a) + backend.to_numpy(b))
        return backend.from_numpy(array), (scale, needs_grad)

    @staticmethod
    def backward(backend: Any, saved: Any, grad: TensorData) -> Gradients:
        scale, needs_grad = saved
        array = backend.to_numpy(grad)
        # No two gradients share memory.
        return tuple(backend.from_numpy(scale * array) if need else None for need in needs_grad)


class Quick(Reference):
    """The reference backend with one fused form."""

    name = "quick"

    def fused(self, operation: FusedOperation) -> type[FusedForm[Any]] | None:
        return ScaledSum if operation is SCALED_SUM else None


QUICK = Quick()


@fused(SCALED_SUM)
def scaled_sum(a: Tensor, b: Tensor, scale: float = 2.0) -> Tensor:
    """Return scale times the sum."""
    return (a + b) * scale


@contextmanager
def runs_fused(expected: bool) -> Iterator[None]:
    """Check whether the calls inside run the form or the body."""
    before = ScaledSum.forwards
    yield
    assert (ScaledSum.forwards > before) is expected


def leaf(*numbers: float, backend: Reference = QUICK) -> Tensor:
    return tensor(list(numbers), backend, requires_grad=True)


def test_leaves_store_the_gradients_of_forms_and_copy_shared_ones() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    out = scaled_sum(a, b)
    (_, first), (_, second) = out.chain_rule(tensor([1.0, 1.0]).data)
    a.accumulate_derivative(first)
    assert a.grad is not None
    assert a.grad.data is first
    upstream = tensor([1.0, 1.0], QUICK)
    for result in (a + b, a.view(2), a.permute(0)):
        for node, grad in result.chain_rule(upstream.data):
            assert grad.storage is not upstream.data.storage, node
    a.zero_grad_()
    a.backward(upstream)
    assert a.grad.data.storage is not upstream.data.storage
    assert not np.shares_memory(first.storage, second.storage)


def test_a_fused_form_and_the_composed_body_agree() -> None:
    for backend in (QUICK, REFERENCE):
        a, b = leaf(1.0, 2.0, backend=backend), leaf(3.0, backend=backend)
        with runs_fused(backend is QUICK):
            out = scaled_sum(a, b, 3.0)
        out.backward(np.array([1.0, 10.0]))
        assert out.to_numpy().tolist() == [12.0, 15.0]
        assert a.grad is not None
        assert b.grad is not None
        assert a.grad.to_numpy().tolist() == [3.0, 30.0]
        # The engine sums gradients of broadcast operands.
        assert b.grad.to_numpy().tolist() == [33.0]


def test_a_form_receives_all_arguments_in_order() -> None:
    a, b = leaf(1.0), tensor([2.0], QUICK)
    scaled_sum(a, scale=5.0, b=b)
    assert ScaledSum.seen == (a.data, b.data, 5.0, (True, False))
    scaled_sum(a, b)
    assert ScaledSum.seen == (a.data, b.data, 2.0, (True, False))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((leaf(1.0), leaf(2.0)), {"scale": -1.0}),
        ((leaf(1.0, backend=REFERENCE), leaf(2.0, backend=REFERENCE)), {}),
    ],
    ids=["declined", "backend without a form"],
)
def test_the_body_runs_for_other_arguments(arguments: Any, options: Any) -> None:
    with runs_fused(False):
        out = scaled_sum(*arguments, **options)
    assert out.to_numpy().tolist() == [3.0 * options.get("scale", 2.0)]
    assert out.backend is arguments[0].backend
    out.backward()
    assert all(x.grad is not None for x in arguments)


@pytest.mark.parametrize("first", [QUICK, REFERENCE])
def test_tensors_on_different_backends_are_an_error(first: Reference) -> None:
    second = REFERENCE if first is QUICK else QUICK
    with runs_fused(False), pytest.raises(TypeError, match="are on different backends"):
        scaled_sum(leaf(1.0, backend=first), leaf(2.0, backend=second))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((leaf(1.0),), {}),
        ((leaf(1.0), leaf(1.0), 1.0, 1.0), {}),
        ((leaf(1.0), leaf(1.0)), {"scales": 1.0}),
        ((leaf(1.0), leaf(1.0), 1.0), {"scale": 1.0}),
    ],
)
def test_a_wrong_call_raises_the_error_of_the_function(arguments: Any, options: Any) -> None:
    with runs_fused(False), pytest.raises(TypeError, match="scaled_sum"):
        scaled_sum(*arguments, **options)


def test_numbers_without_tensors_run_the_body() -> None:
    with runs_fused(False):
        assert scaled_sum(1.0, 2.0) == 6.0  # type: ignore[arg-type]


def test_results_without_a_gradient_are_constants() -> None:
    with runs_fused(True):
        assert scaled_sum(tensor([1.0], QUICK), tensor([1.0], QUICK)).is_constant()
        with no_grad():
            assert scaled_sum(leaf(1.0), leaf(1.0)).is_constant()
    assert ScaledSum.seen[-1] == (False, False)


def test_an_unused_gradient_is_not_computed() -> None:
    a, b = tensor([1.0], QUICK), leaf(2.0)
    out = scaled_sum(a, b)
    assert out.parents == [a, b]
    assert [node for node, _ in out.chain_rule(tensor([1.0], QUICK).data)] == [b]


def test_the_result_has_the_class_of_the_first_tensor() -> None:
    class Course(Tensor):
        _default_backend = QUICK

    course = Course(QUICK.full((1,), 1.0))
    with runs_fused(True):
        assert type(scaled_sum(course, leaf(1.0))) is Course
        assert type(scaled_sum(leaf(1.0), course)) is Tensor


def test_history_and_function_have_names() -> None:
    out = scaled_sum(leaf(1.0), leaf(1.0))
    assert repr(out.history) == "History(scaled_sum)"
    assert scaled_sum.__name__ == "scaled_sum"  # type: ignore[attr-defined]
    assert scaled_sum.__doc__ == "Return scale times the sum."
    assert scaled_sum.operation is SCALED_SUM
    body = scaled_sum.__wrapped__  # type: ignore[attr-defined]
    with runs_fused(False):
        assert body(leaf(1.0), leaf(1.0)).to_numpy().tolist() == [4.0]


def test_profiles_count_the_result_without_saved_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forward = ScaledSum.forward

    def keep_operands(backend: Any, needs_grad: Any, a: TensorData, b: TensorData, c: float) -> Any:
        answer = forward(backend, needs_grad, a, b, c)
        return answer and (answer[0], (*answer[1], a, b))

    monkeypatch.setattr(ScaledSum, "forward", keep_operands)
    with profile(show=False) as watched:
        scaled_sum(leaf(1.0, 2.0), leaf(1.0, 2.0))
        scaled_sum(leaf(1.0, 2.0), leaf(1.0, 2.0), -1.0)
    sizes = [(event.name, event.size) for event in watched.events]
    assert sizes[:2] == [("scaled_sum", 2 * 8), ("scaled_sum", 0)]
    assert [name for name, _ in sizes[2:]] == ["Add", "Mul"]


def test_backends_have_no_forms_by_default() -> None:
    assert REFERENCE.fused(SCALED_SUM) is None
    assert QUICK.fused(FusedOperation("scaled_sum")) is None


def test_a_graph_of_fused_and_other_functions() -> None:
    x = leaf(1.0, 2.0)
    y = scaled_sum(x * x, x) * x  # 2 (x^3 + x^2)
    y.backward(tensor([1.0, 1.0], QUICK))
    assert x.grad is not None
    assert x.grad.to_numpy().tolist() == [10.0, 32.0]
