"""Convolution layers compared with loops over padded arrays, for strides and paddings."""

import itertools
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, ones, randn, tensor
from mt_nn import Conv1d, Conv2d, MaxOverTimeConv1d, max
from mt_tensor import Reference, ShapeError

Array = npt.NDArray[Any]
Layer = Conv1d | Conv2d


def by_loops(
    x: Array,
    weight: Array,
    bias: Array,
    stride: tuple[int, ...],
    padding: tuple[int, ...] | Literal["trailing"],
) -> Array:
    """Convolve by the definition: pad the array, then take a window for each output."""
    kernel = weight.shape[2:]
    trailing = [(0, k - 1) for k in kernel]
    sides = trailing if padding == "trailing" else [(p, p) for p in padding]
    padded = np.pad(x, [(0, 0), (0, 0), *sides])
    starts = [
        range(0, size - k + 1, s)
        for size, k, s in zip(padded.shape[2:], kernel, stride, strict=True)
    ]
    out = np.zeros((len(x), len(weight), *map(len, starts)))
    for at in itertools.product(*(range(len(axis)) for axis in starts)):
        begin = [axis[i] for axis, i in zip(starts, at, strict=True)]
        spans = [slice(b, b + k) for b, k in zip(begin, kernel, strict=True)]
        window = padded[:, :, *spans]
        for n, o in itertools.product(range(len(x)), range(len(weight))):
            out[(n, o, *at)] = (window[n] * weight[o]).sum() + bias[o]
    return out


def with_bias(layer: Layer) -> Layer:
    assert layer.bias is not None
    layer.bias.update(randn(layer.bias.value.shape, rng=9))
    return layer


@st.composite
def cases(draw: st.DrawFn) -> tuple[Layer, Tensor]:
    n = draw(st.integers(1, 2))
    several = st.tuples(*[st.integers(1, 3)] * n)
    kernel, stride = draw(several), draw(several)
    padding = draw(st.one_of(st.just("trailing"), st.tuples(*[st.integers(0, 3)] * n)))
    channels, out_channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    sizes = draw(st.tuples(*[st.integers(1, 5)] * n))
    for size, k, zeros in zip(sizes, kernel, padding, strict=False):
        assume(padding == "trailing" or size + 2 * zeros >= k)
    layer = (Conv1d if n == 1 else Conv2d)(
        channels, out_channels, kernel, stride=stride, padding=padding, rng=0
    )
    return with_bias(layer), randn((draw(st.integers(0, 2)), channels, *sizes), rng=1)


@given(cases(), st.booleans())
def test_outputs_agree_with_loops(case: tuple[Layer, Tensor], permuted: bool) -> None:
    layer, x = case
    if permuted:  # The same elements in column-major memory.
        order = tuple(reversed(range(x.dims)))
        x = tensor(x.to_numpy().transpose(order).copy()).permute(*order)
        assert x.shape == case[1].shape
    out = layer(x)
    assert layer.bias is not None
    expected = by_loops(
        x.to_numpy(),
        layer.weight.value.to_numpy(),
        layer.bias.value.to_numpy(),
        layer.stride,
        layer.padding,
    )
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.detach(), expected, atol=1e-12)
    assert out.data.is_contiguous()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, "trailing"])
@pytest.mark.parametrize("n", [1, 2])
def test_gradients_reach_input_weight_and_bias(n: int, padding: Any, stride: int) -> None:
    layer = (Conv1d if n == 1 else Conv2d)(2, 2, 2, stride=stride, padding=padding, rng=0)

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Any:
        assert layer.bias is not None
        layer.weight.value, layer.bias.value = weight, bias
        return layer(x)

    x = randn((2, 2, *(4, 3)[:n]), rng=1)
    grad_check(f, x, randn(layer.weight.value.shape, rng=2), randn((2,), rng=3))


@pytest.mark.parametrize("stride", [1, 2])
def test_results_without_a_bias_are_contiguous(stride: int) -> None:
    layer = Conv2d(1, 2, 3, stride=stride, padding=1, bias=False, rng=0)
    x = randn((2, 1, 4, 5), rng=1)
    out = layer(x)
    assert out.view(-1).size == out.size
    weight = layer.weight.value.to_numpy()
    expected = by_loops(x.to_numpy(), weight, np.zeros(2), (stride, stride), (1, 1))
    np.testing.assert_allclose(out.detach(), expected, atol=1e-12)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_trailing_padding_keeps_the_size(width: int, kernel: int, stride: int) -> None:
    layer = Conv1d(1, 1, kernel, padding="trailing", stride=stride, rng=0)
    assert layer(ones((1, 1, width))).shape == (1, 1, -(-width // stride))


def test_a_kernel_may_be_wider_than_the_input() -> None:
    layer = Conv1d(1, 1, 4, padding="trailing", rng=0)
    layer.weight.update(tensor([[[1.0, 10.0, 100.0, 1000.0]]]))
    assert layer(tensor([[[1.0, 2.0]]])).to_numpy().tolist() == [[[21.0, 2.0]]]


def test_parameters_are_on_the_backend() -> None:
    backend = Reference(np.float32)
    layer = Conv2d(1, 1, 2, padding=1, rng=0, backend=backend)
    assert layer(ones((1, 1, 3, 3), backend=backend)).dtype == np.float32
    assert [p.value.backend for p in layer.parameters()] == [backend, backend]


def test_settings_may_be_numpy_integers() -> None:
    two: Any = np.int64(2)
    layer = Conv2d(1, 1, two, stride=[1, two], rng=0)
    assert layer(ones((1, 1, 3, 4))).shape == (1, 1, 2, 2)


def test_repr_shows_settings_other_than_defaults() -> None:
    assert repr(Conv1d(3, 8, 5)) == "Conv1d(3, 8, kernel=5)"
    assert repr(Conv2d(1, 6, (5, 3), stride=2, padding=(2, 0), bias=False)) == (
        "Conv2d(1, 6, kernel=(5, 3), stride=2, padding=(2, 0), bias=False)"
    )


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Conv1d(2, 1, 3), (1, 3, 9), "expected (batch, 2, width)"),
        (Conv1d(2, 1, 3), (2, 9), "expected (batch, 2, width)"),
        (Conv2d(2, 1, 3), (2, 9, 9), "expected (batch, 2, height, width)"),
        (Conv2d(2, 1, 3), (1, 1, 9, 9), "expected (batch, 2, height, width)"),
    ],
)
def test_inputs_of_other_shapes(layer: Layer, shape: tuple[int, ...], expected: str) -> None:
    with pytest.raises(ShapeError) as caught:
        layer(ones(shape))
    message = str(caught.value)
    assert repr(layer) in message
    assert f"input of shape {shape}" in message
    assert expected in message
    assert "Use view to add or merge dimensions" in message


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv2d(1, 1, 5, padding=1), (1, 1, 9, 2), "4 and 5 in dimension 3. Use a larger input"),
        (Conv1d(1, 1, 3), (1, 1, 2), "2 and 3 in dimension 2"),
        (Conv1d(1, 1, 1, padding="trailing"), (1, 1, 0), "0 and 1 in dimension 2"),
    ],
)
def test_inputs_smaller_than_the_kernel(layer: Layer, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=f"smaller than the kernel, padding included: {message}"):
        layer(ones(shape))


def test_inputs_that_are_not_tensors() -> None:
    with pytest.raises(TypeError, match="the input is of type ndarray"):
        Conv1d(1, 1, 1)(np.zeros((1, 1, 1)))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Conv1d(0, 1, 1), ValueError, "Conv1d: in_channels 0 must be"),
        (lambda: Conv1d(1, 0, 1), ValueError, "Conv1d: out_channels 0 must be"),
        (lambda: Conv2d(1, 1, 0), ValueError, "Conv2d: kernel 0 must be .* or 2 of them, 1 or"),
        (lambda: Conv2d(1, 1, (1, 2, 3)), ValueError, r"Conv2d: kernel \(1, 2, 3\) must be"),
        (lambda: Conv1d(1, 1, 1, stride=0), ValueError, "Conv1d: stride 0 must be"),
        (lambda: Conv1d(1, 1, 1, padding=-1), ValueError, "Conv1d: padding -1 .* 0 or more"),
        (
            lambda: Conv1d(1, 1, 1, padding=cast(Any, "same")),
            ValueError,
            'padding "same" is unknown; pass',
        ),
        (
            lambda: Conv1d(1, 1, cast(Any, 1.5)),
            TypeError,
            "Conv1d: kernel 1.5 must be an integer",
        ),
        (
            lambda: Conv2d(1, 1, cast(Any, (1, 1.5))),
            TypeError,
            "Conv2d: kernel .* must contain integers",
        ),
    ],
)
def test_invalid_settings(build: Callable[[], Layer], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_the_activation_equals_a_call_on_the_result() -> None:
    x = tensor(np.random.default_rng(0).normal(size=(2, 3, 8)))
    plain = Conv1d(3, 4, 3, padding=1, rng=0)
    layer = Conv1d(3, 4, 3, padding=1, activation="relu", rng=0)
    assert np.array_equal(layer(x).to_numpy(), plain(x).relu().to_numpy())
    assert (layer(x).to_numpy() == 0).any()
    assert repr(layer) == "Conv1d(3, 4, kernel=3, padding=1, activation='relu')"


def test_unknown_activation() -> None:
    with pytest.raises(ValueError, match="Conv2d: activation 'tanh' is unknown; allowed: \"relu\""):
        Conv2d(1, 1, 1, activation="tanh")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [{}, {"padding": "trailing"}, {"padding": 2}, {"stride": 3}, {"bias": False}],
    ids=str,
)
def test_max_over_time_is_the_maximum_over_positions(options: dict[str, Any]) -> None:
    x = tensor(np.random.default_rng(0).normal(size=(2, 3, 9)), requires_grad=True)
    gradients = []
    for kind in (MaxOverTimeConv1d, Conv1d):
        layer = kind(3, 4, 3, rng=0, **options)
        x.zero_grad_()
        out = layer(x) if kind is MaxOverTimeConv1d else max(layer(x).relu(), dim=2)
        assert out.shape == (2, 4, 1)
        out.sum().backward()
        grads = [each.grad.to_numpy() for each in (x, layer.weight.value)]
        gradients.append([out.to_numpy(), *grads])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_max_over_time_has_no_other_activation() -> None:
    with pytest.raises(TypeError, match="activation"):
        MaxOverTimeConv1d(1, 1, 1, activation=None)
