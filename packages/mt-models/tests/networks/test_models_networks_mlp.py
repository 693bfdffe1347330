"""The small networks on points."""

from __future__ import annotations

import numpy as np

from mt_autodiff import tensor
from mt_models.networks import ScalarMLP, TensorMLP
from mt_tensor import REFERENCE


def test_mlps_return_a_probability_for_each_point() -> None:
    points = np.random.default_rng(0).random((4, 2))
    tensors = TensorMLP(5, np.random.default_rng(0), REFERENCE)
    scalars = ScalarMLP(5, np.random.default_rng(0))
    p = tensors(tensor(points))
    q = [scalar.data for scalar in scalars(points)]
    assert p.shape == (4,)
    assert len(q) == 4
    assert all(0 < value < 1 for value in [*q, *p.to_numpy()])
