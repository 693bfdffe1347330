"""Every operation on every backend and in every memory layout agrees with the reference.

The catalogue of mt-autodiff lists the operations. To test a new backend, add it to `BACKENDS`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import Tensor, from_numpy, take, zeros
from mt_autodiff.catalog import OPS, Op
from mt_kernels_cpu import Fast
from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cuda import Cuda, TunedCuda, is_usable
from mt_nn import mse_loss
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
# `Cuda` has no kernel for `take`, which copies through the host and warns.
@pytest.mark.filterwarnings("ignore:take. elements were copied::")
def test_operations_agree_in_every_layout(op: Op, layout: str, backend: Backend) -> None:
    operands = [LAYOUTS[layout](backend, array) for array in op.draw(np.random.default_rng(0))]
    assert_agree(op, operands, backend)


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
