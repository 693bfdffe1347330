"""Functions of tensors that users write in the course's form."""

from typing import Any

import pytest

import minitorch
from minitorch import Context, Tensor, tensor


class Scale(minitorch.Function):
    """Multiply by a tensor that broadcasts; gradients have the shape of the result."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(x, factor)
        return x.f.mul_zip(x, factor)

    @staticmethod
    def backward(ctx: Context, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x, factor = ctx.saved_values
        f = grad_output.f
        return f.mul_zip(factor, grad_output), f.mul_zip(x, grad_output)


class SumAlong(minitorch.Function):
    """A function whose dimension is a tensor with the gradient 0.0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: Tensor) -> Tensor:
        ctx.save_for_backward(x.shape, dim)
        return x.f.add_reduce(x, int(dim.item()))

    @staticmethod
    def backward(ctx: Context, grad_output: Tensor) -> tuple[Tensor, float]:
        return grad_output, 0.0


class Double(minitorch.Function):
    """A function of one argument that returns one gradient and uses `saved_tensors`."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        assert x.is_constant()
        ctx.save_for_backward(x)
        return x + x

    @staticmethod
    def backward(ctx: Context, grad_output: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad_output * 2 + x.zeros()


def test_own_function_with_output_shaped_gradients(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend)
    minitorch.grad_check(Scale.apply, x, minitorch.rand((3,), backend=backend))
    minitorch.grad_check(Scale.apply, x, minitorch.rand((2, 1), backend=backend))
    result = Scale.apply(x.requires_grad_(True), x._ensure_tensor(2))
    assert type(result) is Tensor and result.history.last_fn.__name__ == "Scale"


def test_own_function_with_a_dimension_as_a_tensor(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend)
    minitorch.grad_check(lambda a: SumAlong.apply(a, a._ensure_tensor(1)), x)
    minitorch.grad_check(lambda a: SumAlong.apply(a, 1), x)
    dim = x._ensure_tensor(1).requires_grad_(True)
    SumAlong.apply(x, dim).sum().backward()
    assert dim.grad.to_numpy().tolist() == [0.0]


def test_own_function_with_one_gradient(backend: minitorch.TensorBackend) -> None:
    minitorch.grad_check(Double.apply, minitorch.rand((2,), backend=backend))


def test_own_function_of_constants_keeps_nothing() -> None:
    assert Double.apply(minitorch.rand((2,))).is_constant()
    assert Double.apply(3.0).item() == 6.0


def test_own_function_on_the_library_functions() -> None:
    class Through(minitorch.Function):
        @staticmethod
        def forward(ctx: Context, x: Tensor) -> Tensor:
            return minitorch.Sigmoid.forward(ctx, x)

        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Any:
            return minitorch.Sigmoid.backward(ctx, grad_output)

    minitorch.grad_check(Through.apply, minitorch.rand((2, 2)))


def test_own_function_that_returns_no_tensor_raises() -> None:
    class Broken(minitorch.Function):
        @staticmethod
        def forward(ctx: Context, x: Tensor) -> Any:
            return x if x.item() > 0 else 1.0

        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Any:
            return "gradient"

    with pytest.raises(TypeError, match=r"Broken.forward returned float"):
        Broken.apply(tensor([-1.0]))
    with pytest.raises(TypeError, match=r"Broken.backward returned str"):
        Broken.apply(tensor([1.0], requires_grad=True)).backward()


def test_a_wrong_gradient_is_found() -> None:
    class Wrong(Double):
        @staticmethod
        def backward(ctx: Context, grad_output: Tensor) -> Tensor:
            return grad_output

    def wrong(x: Tensor) -> Any:
        return Wrong.apply(x)

    with pytest.raises(AssertionError, match=r"wrong, argument 0 .* index \(0, 0\): expected 2"):
        minitorch.grad_check(wrong, minitorch.rand((1, 2)))
