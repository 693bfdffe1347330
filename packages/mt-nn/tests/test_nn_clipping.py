"""Clipping by the global norm and by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Scalar, Tensor, ones, tensor, zeros
from mt_kernels_cpu import Tuned
from mt_nn import SGD, Linear, Parameter, capture, clip_grad_norm, clip_grad_value
from mt_tensor import Backend, Reference

numbers = st.floats(-1e3, 1e3)
vectors = st.lists(numbers, min_size=1, max_size=5)


def with_gradient(gradient: list[float]) -> Parameter:
    parameter = Parameter(zeros((len(gradient),)))
    parameter.value.grad = tensor(gradient)
    return parameter


def scalar_with(derivative: float) -> Parameter:
    parameter = Parameter(Scalar(0.0))
    parameter.value.derivative = derivative
    return parameter


@given(st.lists(vectors, min_size=1, max_size=3), numbers, st.floats(1e-3, 1e3))
def test_the_global_norm_is_limited(
    gradients: list[list[float]], derivative: float, max_norm: float
) -> None:
    tensors, scalar = [with_gradient(g) for g in gradients], scalar_with(derivative)
    before = np.concatenate([*gradients, [derivative]])
    norm = clip_grad_norm([*tensors, scalar], max_norm)
    assert float(norm) == pytest.approx(np.linalg.norm(before))
    after = np.concatenate([*(p.value.grad.to_numpy() for p in tensors), [scalar.value.derivative]])
    scale = min(1.0, max_norm / float(norm)) if float(norm) else 1.0
    np.testing.assert_allclose(after, before * scale, rtol=1e-12)
    if float(norm) <= max_norm:
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_changes_nothing(bad: float) -> None:
    parameter = with_gradient([3.0, bad])
    norm = clip_grad_norm([parameter, scalar_with(1.0)], 1.0)
    assert not math.isfinite(norm)
    np.testing.assert_array_equal(parameter.value.grad.to_numpy(), [3.0, bad])


@given(st.lists(st.floats(width=32), min_size=1, max_size=6), st.floats(0.125, 8.0, width=32))
def test_each_element_is_clamped_exactly(gradient: list[float], limit: float) -> None:
    for dtype in (np.float32, np.float64):
        parameter = Parameter(zeros((len(gradient),), backend=Reference(dtype)))
        parameter.value.grad = tensor(gradient, Reference(dtype))
        clip_grad_value([parameter], limit)
        clipped = parameter.value.grad.to_numpy()
        assert clipped.dtype == dtype
        np.testing.assert_array_equal(clipped, np.clip(gradient, -limit, limit).astype(dtype))


@given(st.floats(allow_nan=False), st.floats(0.1, 10.0))
def test_a_scalar_is_clamped_like_a_tensor(derivative: float, limit: float) -> None:
    parameter = scalar_with(derivative)
    clip_grad_value([parameter], limit)
    assert parameter.value.derivative == min(max(derivative, -limit), limit)


@pytest.mark.parametrize("backend", [Reference(), Reference(np.float32), Tuned(), Tuned(float)])
@pytest.mark.parametrize("numbers", [[3.0, -4.0], [0.5, 0.0], [3.0, math.nan], [-math.inf, 1.0]])
def test_the_norm_on_every_backend(backend: Backend, numbers: list[float]) -> None:
    shapes: list[tuple[int, ...]] = [(2,), (), (1, 0), (2, 1)]
    parameters = [Parameter(zeros(shape, backend)) for shape in shapes]
    for parameter in parameters:
        values = np.resize(numbers, parameter.value.shape)
        parameter.value.grad = tensor(values, backend)
    before = [p.value.grad.to_numpy().copy() for p in parameters]
    norm = clip_grad_norm(parameters, 2.0)
    everything = np.concatenate([each.reshape(-1) for each in before])
    assert norm.item() == pytest.approx(np.linalg.norm(everything), nan_ok=True)
    factor = 2.0 / norm.item() if 2.0 < norm.item() < math.inf else 1.0
    for parameter, old in zip(parameters, before, strict=True):
        new = parameter.value.grad
        assert new.shape == old.shape
        np.testing.assert_allclose(new, old * factor, rtol=1e-6)
        assert (new.backend, new.requires_grad()) == (backend, False)


def test_a_step_that_clips_is_captured() -> None:
    backend = Tuned()
    layer, x = Linear(3, 2, rng=0, backend=backend), ones((4, 3), backend=backend)
    optimizer = SGD(layer.parameters(), lr=0.1)

    @capture
    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        (layer(x) * 3.0).square().sum().backward()
        norm = clip_grad_norm(layer.parameters(), 1.0)
        optimizer.step()
        return norm

    norms = [step(x).item() for _ in range(5)]
    assert step.repetitions == 2
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < norms[0]


def test_a_tensor_without_dimensions_is_clamped() -> None:
    parameter = Parameter(tensor(0.0))
    parameter.value.grad = tensor(-5.0)
    clip_grad_value([parameter], 2.0)
    assert (parameter.value.grad.shape, parameter.value.grad.item()) == ((), -2.0)


def test_parameters_without_a_gradient_are_ignored() -> None:
    layer = Linear(2, 2, rng=0)
    assert float(clip_grad_norm(layer.parameters(), 1.0)) == 0.0
    clip_grad_value(layer.parameters(), 1.0)
    assert [p.value.grad for p in layer.parameters()] == [None, None]


def test_a_repeated_parameter_counts_once() -> None:
    parameter = with_gradient([3.0, 4.0])
    assert clip_grad_norm((p for p in [parameter, parameter]), 1.0).item() == 5.0
    np.testing.assert_allclose(parameter.value.grad, [0.6, 0.8])


def test_the_gradient_stays_a_constant_tensor() -> None:
    parameter = with_gradient([3.0, 4.0])
    clip_grad_norm([parameter], 1.0)
    assert isinstance(parameter.value.grad, Tensor)
    assert not parameter.value.grad.requires_grad()


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_limits_must_be_positive(limit: float) -> None:
    with pytest.raises(ValueError, match=f"max_norm {limit} must be above 0"):
        clip_grad_norm([with_gradient([1.0])], limit)
    with pytest.raises(ValueError, match=f"limit {limit} must be above 0"):
        clip_grad_value([with_gradient([1.0])], limit)


def test_named_parameters_are_not_accepted() -> None:
    layer = Linear(2, 2, rng=0)
    with pytest.raises(TypeError, match=r"clip_grad_norm.*not model.named_parameters\(\)"):
        clip_grad_norm(layer.named_parameters(), 1.0)  # type: ignore[arg-type]
