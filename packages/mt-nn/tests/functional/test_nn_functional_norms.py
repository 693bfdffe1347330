"""Normalisation of rows, compared with NumPy, with PyTorch and with central differences."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mt_autodiff import from_numpy, grad_check, randn, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_nn import layer_norm, rms_norm
from mt_tensor import Reference, ShapeError

BACKENDS = [Reference(), Fast(np.float32), Tuned(np.float64), Tuned()]
backends = pytest.mark.parametrize("backend", BACKENDS, ids=repr)


@given(
    x=arrays(
        np.float64, array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.floats(-9, 9)
    ),
    eps=st.floats(1e-3, 1.0),
)
def test_rows_have_mean_0_and_their_variance_over_itself_plus_eps(x: Any, eps: float) -> None:
    found = layer_norm(tensor(x), eps=eps).to_numpy()
    np.testing.assert_allclose(found.mean(-1), 0.0, atol=1e-9)
    np.testing.assert_allclose(found.var(-1), x.var(-1) / (x.var(-1) + eps), atol=1e-9)
    square = (x * x).mean(-1)
    found = rms_norm(tensor(x), eps=eps).to_numpy()
    np.testing.assert_allclose((found * found).mean(-1), square / (square + eps), atol=1e-9)


@given(shift=st.floats(-5, 5), factor=st.floats(0.5, 4), seed=st.integers(0, 9))
def test_invariance(shift: float, factor: float, seed: int) -> None:
    x = randn((3, 4), rng=seed)
    expected = layer_norm(x, eps=1e-12)
    np.testing.assert_allclose(layer_norm(x * factor + shift, eps=1e-12), expected, atol=1e-8)
    np.testing.assert_allclose(rms_norm(x * factor, eps=1e-12), rms_norm(x, eps=1e-12), atol=1e-8)


@pytest.mark.parametrize("backend", [Reference(), Tuned(np.float64)], ids=repr)
def test_gradients_at_every_index(backend: Any) -> None:
    x, w, b = (randn(shape, rng=1, backend=backend) for shape in ((2, 3), (3,), (3,)))
    grad_check(lambda x, w, b: layer_norm(x, w, b, 0.1), x, w, b)
    grad_check(lambda x: layer_norm(x, eps=0.1), x)
    grad_check(lambda x, w: rms_norm(x, w, 0.1), x, w)


@pytest.mark.oracle
@backends
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 8), (3, 1)])
def test_agreement_with_pytorch(backend: Any, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    functional, size = torch.nn.functional, shape[-1:]
    tolerance = 2e-5 if backend.dtype == np.float32 else 1e-11
    options: Any = {"rtol": tolerance, "atol": tolerance}
    cases: Any = (
        (layer_norm, lambda x, w, b: functional.layer_norm(x, size, w, b), 3),
        (rms_norm, lambda x, w: functional.rms_norm(x, size, w, eps=1e-5), 2),
    )
    for ours, theirs, count in cases:
        shapes = (shape, size, size)[:count]
        mine = [randn(each, rng=2, backend=backend, requires_grad=True) for each in shapes]
        other = [torch.tensor(each.to_numpy(), requires_grad=True) for each in mine]
        found, expected = ours(*mine), theirs(*other)
        np.testing.assert_allclose(found.detach(), expected.detach().numpy(), **options)
        upstream = np.random.default_rng(1).uniform(0.5, 1.5, shape).astype(backend.dtype)
        found.backward(from_numpy(upstream, backend))
        expected.backward(torch.tensor(upstream))
        for a, b in zip(mine, other, strict=True):
            np.testing.assert_allclose(a.grad, b.grad.numpy(), **options)


@backends
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_row_with_a_number_that_is_not_finite_becomes_nan(backend: Any, number: float) -> None:
    x = np.ones((2, 3))
    x[0, 1] = number
    with np.errstate(invalid="ignore"):
        found = layer_norm(tensor(x, backend)).to_numpy()
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [0.0, 0.0, 0.0]


@backends
def test_rows_of_one_element_and_no_rows(backend: Any) -> None:
    assert layer_norm(tensor([[5.0], [7.0]], backend)).to_numpy().tolist() == [[0.0], [0.0]]
    assert layer_norm(tensor(np.zeros((0, 3)), backend)).shape == (0, 3)
    assert rms_norm(tensor(np.zeros((2, 0, 3)), backend)).shape == (2, 0, 3)


@backends
def test_errors(backend: Any) -> None:
    x, w = tensor(np.zeros((2, 3)), backend), tensor(np.zeros(2), backend)
    with pytest.raises(ShapeError, match=r"layer_norm: bias of shape \(2,\).*expected \(3,\)"):
        layer_norm(x, None, w)
    with pytest.raises(ShapeError, match="rms_norm: weight of shape"):
        rms_norm(x, w)
    with pytest.raises(ShapeError, match="no rows with elements"):
        layer_norm(tensor(np.zeros((2, 0)), backend))
