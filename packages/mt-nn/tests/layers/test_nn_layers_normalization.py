"""Batch normalisation, compared with NumPy and finite differences."""

from typing import Any

import numpy as np
import pytest

from mt_autodiff import grad_check, ones, rand, tensor
from mt_nn import BatchNorm1d, BatchNorm2d, standardize
from mt_tensor import Reference, ShapeError

CASES: list[tuple[Any, tuple[int, ...]]] = [
    (BatchNorm1d, (5, 3)),
    (BatchNorm1d, (4, 3, 6)),
    (BatchNorm2d, (2, 3, 4, 5)),
]
cases = pytest.mark.parametrize(("kind", "shape"), CASES)


@cases
@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_training_and_evaluation_agree_with_numpy(
    kind: Any, shape: tuple[int, ...], momentum: float | None
) -> None:
    rng = np.random.default_rng(0)
    layer = kind(3, momentum=momentum, eps=1e-3)
    scale, shift = rng.normal(size=3), rng.normal(size=3)
    layer.weight.update(tensor(scale))
    layer.bias.update(tensor(shift))
    channel = (1, 3, *(1,) * (len(shape) - 2))
    dims = tuple(d for d in range(len(shape)) if d != 1)
    mean, var = np.zeros(3), np.ones(3)
    for batch in range(1, 4):
        x = rng.normal(size=shape)
        standard = (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + 1e-3)
        expected = standard * scale.reshape(channel) + shift.reshape(channel)
        np.testing.assert_allclose(layer(tensor(x)).detach(), expected, rtol=1e-9, atol=1e-12)
        share = 1 / batch if momentum is None else momentum
        mean = (1 - share) * mean + share * x.mean(dims)
        var = (1 - share) * var + share * x.var(dims, ddof=1)
        np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_var, var, rtol=1e-12)
        assert layer.num_batches_tracked == batch
    x = rng.normal(size=shape)
    standard = (x - mean.reshape(channel)) / np.sqrt(var.reshape(channel) + 1e-3)
    expected = standard * scale.reshape(channel) + shift.reshape(channel)
    np.testing.assert_allclose(layer.eval()(tensor(x)).detach(), expected, rtol=1e-9, atol=1e-12)
    assert layer.num_batches_tracked == 3


@cases
@pytest.mark.parametrize("training", [True, False])
def test_gradients_of_normalisation(kind: Any, shape: tuple[int, ...], training: bool) -> None:
    layer = kind(3, momentum=0.0).train(training)
    grad_check(lambda x: layer(x * x), rand(shape, 0))
    x = rand(shape, 1)

    def of_parameters(weight: Any, bias: Any) -> Any:
        layer.weight.value, layer.bias.value = weight, bias
        return layer(x)

    grad_check(of_parameters, rand((3,), 2), rand((3,), 3))


def test_a_layer_without_parameters_or_running_means() -> None:
    layer = BatchNorm1d(2, affine=False, track_running_stats=False)
    assert (layer.parameters(), layer.state_dict()) == ([], {})
    x = rand((4, 2), 0)
    expected = standardize(x, 0)[0].to_numpy()
    np.testing.assert_array_equal(layer(x), expected)
    np.testing.assert_array_equal(layer.eval()(x), expected)
    assert repr(layer) == "BatchNorm1d(2, affine=False, track_running_stats=False)"
    assert (
        repr(BatchNorm2d(2, eps=1e-3, momentum=None)) == "BatchNorm2d(2, eps=0.001, momentum=None)"
    )


def test_single_precision_and_state() -> None:
    backend = Reference(np.float32)
    layer, other = BatchNorm1d(2, backend=backend), BatchNorm1d(2, backend=backend)
    x = rand((4, 2), 0, backend)
    assert layer(x).dtype == np.float32
    other.load_state_dict(layer.state_dict())
    assert other.num_batches_tracked == 1
    np.testing.assert_array_equal(layer.eval()(x).detach(), other.eval()(x).detach())
    layer.to(Reference())
    assert [getattr(b, "dtype", int) for b in layer.buffers()] == [np.float64, np.float64, int]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            BatchNorm1d(3),
            (2, 4),
            r"BatchNorm1d\(3\): input of shape \(2, 4\); expected \(batch, ",
        ),
        (BatchNorm1d(3), (2, 3, 4, 4), r"or \(batch, channels, width\) with 3 channels"),
        (BatchNorm2d(3), (2, 3), r"expected \(batch, channels, height, width\) with 3 channels"),
        (BatchNorm1d(3), (1, 3), "has 1 elements in each channel; training needs 2 or more"),
    ],
)
def test_inputs_that_do_not_fit(layer: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        layer(ones(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 0}, "BatchNorm1d: channels 0 must be"),
        ({"eps": 0.0}, "BatchNorm1d: eps 0.0 must be above 0"),
        ({"momentum": 1.5}, "BatchNorm1d: momentum 1.5 must be from 0 to 1, or None"),
    ],
)
def test_settings_of_normalisation(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchNorm1d(**{"channels": 2} | settings)
