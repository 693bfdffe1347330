"""Properties of the functions for networks, in the form that task 4.4 requires."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitorch

numbers = st.lists(st.integers(-20, 20), min_size=24, max_size=24, unique=True)


@pytest.mark.task4_4
@given(numbers)
def test_max(values: list[int]) -> None:
    t = minitorch.Tensor.make([float(value) for value in values], (2, 3, 4)).requires_grad_(True)
    top = minitorch.nn.max(t, 2)
    assert top.shape == (2, 3, 1)
    for i, j in itertools.product(range(2), range(3)):
        assert top[i, j, 0] == max(float(t[i, j, k]) for k in range(4))
    top.sum().backward()
    for index in itertools.product(range(2), range(3), range(4)):
        i, j, _ = index
        assert t.grad[index] == float(t[index] == top[i, j, 0])
