"""Functions of networks, under the course's names."""

import random
from typing import Any

import numpy as np
import pytest

import minitorch
from minitorch import TensorBackend, tensor


def test_tile(backend: TensorBackend) -> None:
    x = minitorch.rand((2, 3, 4, 6), backend=backend)
    windows, height, width = minitorch.tile(x, kernel=(2, 3))
    assert (windows.shape, height, width) == ((2, 3, 2, 2, 6), 2, 2)
    corner = x.to_numpy()[1, 2, 2:, 3:].reshape(-1)
    assert sorted(windows.to_numpy()[1, 2, 1, 1]) == sorted(corner)


@pytest.mark.parametrize("pool", [minitorch.avgpool2d, minitorch.maxpool2d])
def test_pooling(backend: TensorBackend, pool: Any) -> None:
    x = minitorch.rand((1, 2, 4, 4), backend=backend)
    out = pool(x, (2, 4))
    combine = np.mean if pool is minitorch.avgpool2d else np.max
    expected = combine(x.to_numpy().reshape(1, 2, 2, 8), axis=3)
    np.testing.assert_allclose(out.to_numpy(), expected[..., None])
    minitorch.grad_check(lambda t: pool(t, (2, 4)), x)


def test_maxima(backend: TensorBackend) -> None:
    x = tensor([[3.0, 5.0, 4.0], [2.0, 1.0, 0.0]], backend=backend)
    assert minitorch.max(x, 1).to_numpy().tolist() == [[5.0], [2.0]]
    assert minitorch.max(x, dim=0).shape == (1, 3)
    assert minitorch.max_reduce(x, 1).to_numpy().tolist() == [[5.0], [2.0]]
    assert minitorch.argmax(x, 1).to_numpy().tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    assert minitorch.Max.apply(x, x._ensure_tensor(1)).to_numpy().tolist() == [[5.0], [2.0]]
    minitorch.grad_check(lambda t: minitorch.max(t, 1), x)
    minitorch.grad_check(lambda t: minitorch.Max.apply(t, t._ensure_tensor(0)), x)


def test_softmax(backend: TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend)
    powers = np.exp(x.to_numpy())
    expected = powers / powers.sum(1, keepdims=True)
    np.testing.assert_allclose(minitorch.softmax(x, 1).to_numpy(), expected)
    np.testing.assert_allclose(minitorch.logsoftmax(x, dim=1).to_numpy(), np.log(expected))
    minitorch.grad_check(lambda t: minitorch.softmax(t, 0), x)
    minitorch.grad_check(lambda t: minitorch.logsoftmax(t, 1), x)


def test_dropout_zeroes_without_rescaling(backend: TensorBackend) -> None:
    x = minitorch.rand((1000,), backend=backend) + 1.0
    out = minitorch.dropout(x, 0.25).to_numpy()
    kept = out != 0.0
    assert 650 < kept.sum() < 850
    assert out[kept].tolist() == x.to_numpy()[kept].tolist()
    assert minitorch.dropout(x, 0.0).to_numpy().tolist() == x.to_numpy().tolist()
    assert not minitorch.dropout(x, rate=1.0).to_numpy().any()
    assert minitorch.dropout(x, 1.0, True).to_numpy().tolist() == x.to_numpy().tolist()
    assert minitorch.dropout(x, 1.0, ignore=True).to_numpy().tolist() == x.to_numpy().tolist()


def test_dropout_draws_from_pythons_random() -> None:
    x = minitorch.rand((100,)) + 1.0
    random.seed(7)
    first, second = minitorch.dropout(x, 0.5), minitorch.dropout(x, 0.5)
    random.seed(7)
    again = minitorch.dropout(x, 0.5)
    assert first.to_numpy().tolist() == again.to_numpy().tolist() != second.to_numpy().tolist()


def test_loaded_parameters_stay_tensors_of_the_course(backend: TensorBackend) -> None:
    module = minitorch.Module()
    module.weight = minitorch.Parameter(minitorch.rand((2,), backend=backend))
    state = module.state_dict()
    module.weight.update(minitorch.zeros((2,), backend=backend))
    module.load_state_dict(state)
    value = module.weight.value
    assert type(value) is minitorch.Tensor and value.backend == backend
    assert value.to_numpy().tolist() == state["weight"].tolist()
