"""Corrections of errors in the course's published code, one test for each.

Reductions on the GPU are in `facade_on_device`.
"""

import math
import random

import numpy as np
import pytest

import minitorch
from minitorch import Context, Tensor, TensorBackend, operators, tensor


def test_gradients_can_be_switched_off() -> None:
    x = minitorch.rand((2,), requires_grad=True)
    x.requires_grad_(False)
    assert not x.requires_grad() and x.is_constant() and (x * 2).is_constant()
    assert minitorch.rand((2,), requires_grad=False).is_constant()


def test_an_operand_is_moved_and_not_mutated() -> None:
    fast = TensorBackend(minitorch.FastOps)
    x, y = minitorch.rand((2,), backend=fast), minitorch.rand((2,))
    before = y._tensor
    for _ in (x + y, x * y, x < y, x == y, x.is_close(y), x._ensure_tensor(y)):
        assert y.backend is minitorch.SimpleBackend and y._tensor is before


def test_a_missing_attribute_of_a_module_raises() -> None:
    module = minitorch.Module()
    with pytest.raises(AttributeError, match="missing"):
        module.missing  # noqa: B018
    assert not hasattr(module, "missing")


def test_the_identity_of_max_is_minus_infinity(backend: TensorBackend) -> None:
    x = tensor([[-1e12, -2e12], [-math.inf, -math.inf]], backend=backend)
    assert minitorch.max_reduce(x, 1).to_numpy().tolist() == [[-1e12], [-math.inf]]
    assert minitorch.max(x, 1).to_numpy().tolist() == [[-1e12], [-math.inf]]
    assert minitorch.Max.apply(x, 1).to_numpy().tolist() == [[-1e12], [-math.inf]]


def test_the_gradient_of_view_respects_strides(backend: TensorBackend) -> None:
    x = minitorch.rand((6,), backend=backend, requires_grad=True)
    upstream = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], backend=backend)
    x.view(2, 3).permute(1, 0).backward(upstream)
    assert x.grad.to_numpy().tolist() == [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]

    ctx = Context()
    minitorch.View.forward(ctx, x, tensor([2, 3]))
    by_hand, _ = minitorch.View.backward(ctx, upstream.permute(1, 0))
    assert by_hand.to_numpy().tolist() == [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]


def test_grad_check_compares_every_index() -> None:
    class WrongAtOne(minitorch.Function):
        """The gradient of the last of twelve elements is wrong."""

        @staticmethod
        def forward(ctx: Context, x: Tensor) -> Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Tensor:
            grad = grad_output * 1
            grad[2, 3] = 0.0
            return grad

    with pytest.raises(AssertionError, match=r"index \(2, 3\)"):
        minitorch.grad_check(WrongAtOne.apply, minitorch.rand((3, 4)))


def test_grad_check_does_not_reseed() -> None:
    state = random.getstate()
    minitorch.grad_check(lambda x: x * x, tensor([1.0]))
    assert random.getstate() == state


@pytest.mark.parametrize("pool", [False, True])
def test_the_gradient_of_max_goes_to_the_first_exactly_once(
    backend: TensorBackend, pool: bool
) -> None:
    x = tensor([[2.0, 7.0, 7.0, 7.0]], backend=backend, requires_grad=True)
    out = minitorch.maxpool2d(x.view(1, 1, 2, 2), (2, 2)) if pool else minitorch.max(x, 1)
    out.backward(out._ensure_tensor(3.0).view(*(1,) * out.dims))
    assert x.grad.to_numpy().tolist() == [[0.0, 3.0, 0.0, 0.0]]


def test_maxima_and_relu_pass_nan_on(backend: TensorBackend) -> None:
    for numbers in ([math.nan, 1.0], [1.0, math.nan]):
        x = tensor([numbers], backend=backend)
        assert math.isnan(minitorch.max(x, 1).item())
        assert math.isnan(minitorch.max_reduce(x, 1).item())
        assert math.isnan(x.relu().sum().item())
    assert math.isnan(operators.relu(math.nan)) and math.isnan(operators.max(math.nan, 1.0))


def test_log_keeps_its_epsilon_and_logsoftmax_is_exact(backend: TensorBackend) -> None:
    assert operators.log(0.0) == tensor([0.0], backend=backend).log().item()
    assert operators.log(0.0) == pytest.approx(math.log(1e-6))
    out = minitorch.logsoftmax(tensor([[0.0, -1000.0]], backend=backend), 1)
    assert out.to_numpy().tolist() == [[0.0, -1000.0]]


def test_softmax_does_not_overflow(backend: TensorBackend) -> None:
    out = minitorch.softmax(tensor([[1e4, -1e4]], backend=backend), 1)
    assert out.to_numpy().tolist() == [[1.0, 0.0]]


def test_the_gradient_of_a_moved_operand_is_on_the_original() -> None:
    fast = TensorBackend(minitorch.FastOps)
    x = tensor([2.0], backend=fast, requires_grad=True)
    y = tensor([3.0], requires_grad=True)
    (x * y).sum().backward()
    assert y.grad.item() == 2.0 and y.grad.backend is minitorch.SimpleBackend
    assert x.grad.item() == 3.0 and x.grad.backend is fast


def test_random_numbers_come_from_pythons_random() -> None:
    random.seed(11)
    drawn = minitorch.rand((3,)).to_numpy()
    np.random.seed(11)  # noqa: NPY002
    random.seed(11)
    assert drawn.tolist() == minitorch.rand((3,)).to_numpy().tolist()


# Gradients that would be lost or wrong


def test_a_tensor_of_tensors_passes_gradients_on(backend: TensorBackend) -> None:
    x = minitorch.rand((2,), backend=backend, requires_grad=True)
    both = tensor([x * x, x], backend=backend)
    assert isinstance(both, Tensor) and both.backend is backend
    both.sum().backward()
    np.testing.assert_allclose(x.grad.to_numpy(), 2 * x.to_numpy() + 1)
    assert tensor([x.detach(), x.detach()], backend=backend).is_constant()
    assert tensor(x.detach(), backend=backend, requires_grad=True).is_leaf()
    with pytest.raises(ValueError, match="requires_grad=True makes a leaf"):
        tensor(x, backend=backend, requires_grad=True)


def test_a_write_between_an_operation_and_its_gradient_raises(backend: TensorBackend) -> None:
    class Square(minitorch.Function):
        """A function in the course's form, which saves a tensor."""

        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            ctx.save_for_backward(a)
            return a * a  # type: ignore[return-value]

        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Tensor:
            (a,) = ctx.saved_values
            return grad_output * a * 2.0  # type: ignore[return-value]

    for function in (lambda x: x * x, Square.apply, lambda x: minitorch.Mul.apply(x, x)):
        x = tensor([3.0], backend=backend, requires_grad=True)
        right, wrong = function(x), function(x)
        right.backward()
        assert x.grad.item() == 6.0
        x[0] = 5.0
        with pytest.raises(RuntimeError, match=r"x\[0\] = …, with x of shape \(1,\)"):
            wrong.backward()


def test_a_function_without_backward_is_named() -> None:
    class Half(minitorch.Function):
        @staticmethod
        def forward(ctx: Context, a: Tensor) -> Tensor:
            return a * 0.5  # type: ignore[return-value]

    with pytest.raises(NotImplementedError, match="Half has no method backward, so it has no grad"):
        Half.apply(tensor([1.0], requires_grad=True)).backward()
    with pytest.raises(NotImplementedError, match="Empty has no method forward"):
        type("Empty", (minitorch.Function,), {}).apply(tensor([1.0]))  # type: ignore[attr-defined]


def test_flags_may_be_read_or_called() -> None:
    x = tensor([1.0], requires_grad=True)
    assert x.requires_grad and x.requires_grad() is True and x.is_leaf and x.is_leaf() is True
    assert not tensor([1.0]).requires_grad and not (x * 2).is_leaf
    assert minitorch.Scalar(1.0).is_leaf and minitorch.Scalar(1.0).is_leaf() is True
