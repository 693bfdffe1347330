"""Every operation on every backend and in every memory layout agrees with the reference.

The catalogue of mt-autodiff lists the operations. To test a new backend, add it to `BACKENDS`.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import Tensor, from_numpy, no_grad, take, zeros
from mt_autodiff.catalog import COMPOSED, OPS, Op
from mt_kernels_cpu import Fast
from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cuda import Cuda, TunedCuda, is_usable
from mt_nn import mse_loss
from mt_nn.functional.linear import linear
from mt_tensor import REFERENCE, Backend, Reference, TensorData
from tools.layouts import LAYOUTS

BACKENDS: list[Backend] = [
    Reference(np.float32),
    Fast(np.float64),
    Fast(np.float32),
    Tuned(np.float64),
    Tuned(np.float32),
]
if is_usable():
    BACKENDS += [Cuda(np.float64), Cuda(np.float32), TunedCuda(np.float64), TunedCuda(np.float32)]

Array = npt.NDArray[np.float64]

backends = pytest.mark.parametrize("backend", BACKENDS, ids=repr)
# Only a contiguous tensor can be viewed.
CASES = [
    pytest.param(op, layout, id=f"{op.name}-{layout}")
    for op in OPS
    for layout in LAYOUTS
    if op.name != "view" or layout == "contiguous"
]


def results(op: Op, operands: Sequence[TensorData], backend: Backend) -> list[Array]:
    """Return the value of an operation and the gradients of its operands."""
    tensors = [Tensor(data, backend=backend).requires_grad_() for data in operands]
    value = op.call(*tensors)
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, value.shape)
    value.backward(from_numpy(upstream, backend))
    found = [value.detach(), *(tensor.grad for tensor in tensors)]
    return [np.asarray(each.to_numpy(), np.float64) for each in found]


def assert_agree(op: Op, operands: Sequence[TensorData], backend: Backend) -> None:
    numbers = [np.array(backend.to_numpy(data), np.float64) for data in operands]
    expected = results(op, [REFERENCE.from_numpy(array) for array in numbers], REFERENCE)
    received = results(op, operands, backend)
    # The tolerance suffices for sums of a few dozen terms around 1.
    few = 100 * float(np.finfo(backend.dtype).eps)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=few, atol=few, strict=True)


@backends
@pytest.mark.parametrize(("op", "layout"), CASES)
# Operations on positions, and `take` on `Cuda`, copy through the host and warn.
@pytest.mark.filterwarnings("ignore:.* elements were copied::")
def test_operations_agree_in_every_layout(op: Op, layout: str, backend: Backend) -> None:
    operands = [LAYOUTS[layout](backend, array) for array in op.draw(np.random.default_rng(0))]
    assert_agree(op, operands, backend)


@backends
@pytest.mark.parametrize("op", COMPOSED, ids=lambda op: op.name)
@pytest.mark.filterwarnings("ignore:.* elements were copied::")
def test_composed_operations_agree(op: Op, backend: Backend) -> None:
    arrays = op.draw(np.random.default_rng(0))
    assert_agree(op, [LAYOUTS["permuted"](backend, array) for array in arrays], backend)


@backends
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (3, 1, 2)], ids=str)
@pytest.mark.parametrize("op", [op for op in OPS if op.elementwise], ids=lambda op: op.name)
def test_operations_agree_for_sizes_0_and_1(
    op: Op, shape: tuple[int, ...], backend: Backend
) -> None:
    arrays = op.draw(np.random.default_rng(0), [shape] * op.arity)
    assert_agree(op, [backend.from_numpy(array) for array in arrays], backend)


MANY = 2**19
"""Equal numbers whose sum in single precision, one after another, has an error of some 10^-3."""


@pytest.mark.parametrize("backend", [Fast(np.float32), Tuned(np.float32)], ids=repr)
def test_long_sums_in_single_precision(backend: Backend) -> None:
    column = np.full((MANY, 1), 0.7, np.float32)
    number = float(column[0, 0])
    x = from_numpy(column, backend)
    bias, table = (zeros(shape, backend).requires_grad_() for shape in ((1,), (1, 1)))
    (x + bias).backward(x)
    take(table, np.zeros(MANY, np.int64)).backward(x)
    received = [
        x.sum().item() / MANY,
        x.mean().item(),
        x.permute(1, 0).mean(1).item(),
        mse_loss(x, zeros((MANY, 1), backend)).item() / number,
        bias.grad.item() / MANY,
        table.grad.item() / MANY,
    ]
    np.testing.assert_allclose(received, number, rtol=4 * 2.0**-24)


@backends
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
# On a GPU, these operations copy through the host and warn.
@pytest.mark.filterwarnings("ignore:(take|index|prod|cumsum). elements were copied::")
def test_a_write_is_an_error_or_changes_no_gradient(op: Op, backend: Backend) -> None:
    """Compare the gradients with those of the same operation without a write."""
    arrays = op.draw(np.random.default_rng(0))
    for at in range(op.arity):
        calls = []
        for _ in range(2):
            tensors = [from_numpy(np.array(a), backend).requires_grad_() for a in arrays]
            calls.append((tensors, op.call(*tensors).sum()))
        (expected, without), (tensors, value) = calls
        without.backward()
        tensors[at].detach()[...] = 0.75
        try:
            value.backward()
        except RuntimeError as error:
            assert "was overwritten after the operation" in str(error)
            continue
        for one, other in zip(tensors, expected, strict=True):
            np.testing.assert_array_equal(one.grad.to_numpy(), other.grad.to_numpy())


@backends
def test_a_write_between_an_operation_and_its_gradient(backend: Backend) -> None:
    w = from_numpy(np.array([3.0, 4.0]), backend).requires_grad_()
    same, memory = w, w.data.storage
    product, exponential = (w * w).sum(), w.exp().sum()
    with no_grad():
        w -= 0.5
    with pytest.raises(RuntimeError, match=r"^Mul\.backward: .*The write is x -= …, with x of"):
        product.backward()
    # It saved its result, which has other memory.
    exponential.backward()
    np.testing.assert_allclose(w.grad.to_numpy(), np.exp([3.0, 4.0]), rtol=1e-6)
    assert w is same
    assert w.data.storage is memory
    assert w.to_numpy().tolist() == [2.5, 3.5]


@backends
def test_a_write_to_an_operand_of_a_fused_form(backend: Backend) -> None:
    x = from_numpy(np.array([[1.0, 2.0], [3.0, 4.0]]), backend)
    w = from_numpy(np.array([[1.0], [2.0]]), backend).requires_grad_()
    y = linear(x, w).sum()
    x[0, 0] = 9.0
    with pytest.raises(RuntimeError, match=r"x\[\(?0, 0\)?\] = …"):
        y.backward()


# Functions of the user

RATE = 2.0


def scaled(x: float) -> float:
    return RATE * x if x > 0 else clipped(x)


def clipped(x: float) -> float:
    """Return a number that depends on a constant, through a plain Python function."""
    return max(x, -RATE)


def at_least(x: float, y: float) -> float:
    """Return the largest of two numbers and a constant, in any order of a fold."""
    return max(x, max(y, RATE))


def discounted(x: float, y: float) -> float:
    return x + y / RATE


# Every change is compiled, so few backends and operations are compared.
@pytest.mark.parametrize("backend", [REFERENCE, *BACKENDS[1::3]], ids=repr)
def test_constants_of_a_function_may_change(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.array([[1.0, -9.0, 3.0], [-1.0, 5.0, -6.0]])
    a, row = backend.from_numpy(array), backend.from_numpy(array[:1])
    for rate in (2.0, 4.0):
        monkeypatch.setitem(globals(), "RATE", rate)
        received = backend.to_numpy(backend.map(scaled, a))
        expected = np.where(array > 0, rate * array, np.maximum(array, -rate))
        np.testing.assert_array_equal(received, expected)
        received = backend.to_numpy(backend.zip(discounted, a, row))
        np.testing.assert_array_equal(received, array + array[:1] / rate)
        received = backend.to_numpy(backend.reduce(at_least, a, 0, 1.0))
        np.testing.assert_array_equal(received, np.maximum(array.max(0, keepdims=True), rate))


@pytest.mark.parametrize("backend", [Fast(np.float64), Tuned(np.float32)], ids=repr)
def test_a_function_that_cannot_be_compiled(backend: Backend) -> None:
    def total(x: float) -> float:
        return math.fsum([x])

    a = backend.from_numpy(np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"^total \(.*test_backends\.py, line \d+\) cannot be"):
        backend.map(total, a)
    assert REFERENCE.map(total, REFERENCE.from_numpy(np.ones(2))).get(0) == 1.0
