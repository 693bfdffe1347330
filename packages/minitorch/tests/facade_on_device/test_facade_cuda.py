"""Tensors, operations and functions in the memory of the GPU, under the course's names."""

import itertools
from typing import Any

import numpy as np
import pytest
from numba import cuda

import minitorch
from minitorch import CudaOps, Tensor, TensorBackend, TensorData, TensorOps, operators, tensor
from mt_autodiff import ImplicitCopyWarning

GPU = TensorBackend(CudaOps)


class UserOps(TensorOps):
    """A user's class for the GPU that launches kernels."""

    cuda = True

    @staticmethod
    def map(fn: Any) -> Any:
        kernel = minitorch.cuda_ops.tensor_map(cuda.jit(device=True)(fn))

        def apply(a: Tensor, out: Tensor | None = None) -> Tensor:
            out = a.zeros(a.shape) if out is None else out
            kernel[out.size // 8 + 1, 8](*out.tuple(), out.size, *a.tuple())
            return out

        return apply

    @staticmethod
    def zip(fn: Any) -> Any:
        kernel = minitorch.cuda_ops.tensor_zip(cuda.jit(device=True)(fn))

        def apply(a: Tensor, b: Tensor) -> Tensor:
            out = a.zeros(minitorch.shape_broadcast(a.shape, b.shape))
            kernel[out.size // 8 + 1, 8](*out.tuple(), out.size, *a.tuple(), *b.tuple())
            return out

        return apply

    reduce = CudaOps.reduce
    matrix_multiply = CudaOps.matrix_multiply


USER = TensorBackend(UserOps)

pytestmark = pytest.mark.filterwarnings(
    # Launches of users are small, and copy shapes and strides.
    "ignore:Grid size",
    "ignore:Host array used in CUDA kernel",
)


@pytest.fixture(params=[GPU, USER], ids=["library", "own"])
def backend(request: pytest.FixtureRequest) -> TensorBackend:
    """The library's operations, and those of a course's class."""
    chosen: TensorBackend = request.param
    return chosen


def test_tensors_are_made_on_the_device(backend: TensorBackend) -> None:
    turned = TensorData([1.0, 2.0, 3.0, 4.0], (2, 2), (1, 2))
    made = [
        tensor([[1.0, 3.0], [2.0, 4.0]], backend=backend),
        Tensor(turned, backend=backend),
        Tensor.make([1.0, 2.0, 3.0, 4.0], (2, 2), (1, 2), backend=backend),
    ]
    for x in made:
        assert not isinstance(x._tensor._storage, np.ndarray)
        assert x.to_numpy().tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert made[1]._tensor.strides == (1, 2)
    assert isinstance(turned._storage, np.ndarray)
    x = tensor([[1.0, 3.0]])
    x._type_(backend)
    assert x.backend is backend and x[0, 1] == 3.0


def test_arithmetic_and_gradients(backend: TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend) + 0.5
    w = minitorch.rand((3, 2), backend=backend)
    assert x.backend.cuda
    minitorch.grad_check(lambda a, b: (a @ b).sigmoid().log().sum(1), x, w)
    minitorch.grad_check(lambda a: (a / a.exp()).mean(0).permute(1, 0).contiguous().view(3), x)
    minitorch.grad_check(lambda a: minitorch.max(a, 1), x)
    minitorch.grad_check(minitorch.conv1d, x.view(1, 2, 3), w.view(1, 2, 3))
    minitorch.grad_check(lambda a: minitorch.Max.apply(a, a._ensure_tensor(1)), x)


def test_indexing_and_assignment(backend: TensorBackend) -> None:
    x = minitorch.zeros((2, 3), backend=backend)
    x[0, 1] = 5.0
    x[1:, :] = 2.0
    assert x[0, 1] == 5.0 and x[1, 2] == 2.0 and x.sum().item() == 11.0
    assert minitorch.rand((2,), backend=backend).dims == 1


def test_a_gradient_returns_to_where_its_tensor_is(backend: TensorBackend) -> None:
    x = tensor([1.0, 2.0], backend=backend, requires_grad=True)
    y = tensor([3.0, 4.0], requires_grad=True)
    with pytest.warns(ImplicitCopyWarning):
        (x * y).sum().backward()
    assert x.grad.backend == backend and y.grad.backend is minitorch.SimpleBackend
    assert y.grad.to_numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("form", [lambda fn: fn, cuda.jit(device=True)], ids=["plain", "compiled"])
def test_operations_take_plain_and_compiled_functions(form: Any) -> None:
    x = tensor([[1.0, 2.0]], backend=GPU)
    assert CudaOps.cuda
    assert CudaOps.map(form(operators.neg))(x).to_numpy().tolist() == [[-1.0, -2.0]]
    assert CudaOps.zip(form(operators.mul))(x, x).to_numpy().tolist() == [[1.0, 4.0]]
    assert CudaOps.reduce(form(operators.add), 1.0)(x, 1).to_numpy().tolist() == [[4.0]]


def test_a_reduction_of_more_than_1024_elements_is_complete() -> None:
    x = tensor([[float(i) for i in range(1500)]], backend=GPU)
    assert x.sum(1).item() == sum(range(1500))


@pytest.mark.parametrize("size", [3, 16, 40])
def test_sum_practice(size: int) -> None:
    x = minitorch.rand((size,), backend=GPU)
    out = minitorch.sum_practice(x)
    assert isinstance(out, TensorData)
    total = out._storage[0] + out._storage[1]
    assert total == pytest.approx(x.to_numpy().sum())


@pytest.mark.parametrize("size", [2, 5])
def test_mm_practice(size: int) -> None:
    x, y = minitorch.rand((size, size), backend=GPU), minitorch.rand((size, size), backend=GPU)
    out = minitorch.mm_practice(x, y)
    assert isinstance(out, TensorData)
    expected = x.to_numpy() @ y.to_numpy()
    for i, j in itertools.product(range(size), repeat=2):
        assert out._storage[size * i + j] == pytest.approx(expected[i, j])


def test_practice_takes_tensors_from_anywhere() -> None:
    x = minitorch.rand((4,))
    assert minitorch.sum_practice(x)._storage[0] == pytest.approx(x.to_numpy().sum())
    assert minitorch.THREADS_PER_BLOCK == 32


@pytest.mark.parametrize("home", [minitorch.SimpleBackend, GPU], ids=["host", "device"])
def test_convolutions_on_the_gpu(home: TensorBackend) -> None:
    x = minitorch.rand((1, 1, 4), backend=home, requires_grad=True)
    w = minitorch.rand((2, 1, 2), backend=home, requires_grad=True)
    out = minitorch.cuda_conv.conv1d(x, w)
    assert out.backend == home and out.history.last_fn.__name__ == "Conv1dCudaFun"
    expected = minitorch.conv1d(tensor(x), tensor(w)).to_numpy()
    np.testing.assert_allclose(out.to_numpy(), expected)
    out.sum().backward()
    assert x.grad.backend == home and w.grad.backend == home
    minitorch.grad_check(minitorch.Conv1dCudaFun.apply, x.detach(), w.detach())

    image, kernel = x.detach().view(1, 1, 2, 2), w.detach().view(1, 1, 2, 2)
    out = minitorch.cuda_conv.conv2d(image, kernel)
    expected = minitorch.conv2d(tensor(image), tensor(kernel)).to_numpy()
    np.testing.assert_allclose(out.to_numpy(), expected)
    minitorch.grad_check(minitorch.Conv2dCudaFun.apply, image, kernel)
