"""Tests of maxima."""

import random

import pytest

import minitorch


@pytest.mark.task4_4
def test_max():
    for seed in range(3):
        random.seed(seed)
        t = minitorch.rand((2, 3, 4))
        for dim in range(3):
            top = minitorch.max(t, dim)
            for i, j, k in t._tensor.indices():
                at = [int(i), int(j), int(k)]
                at[dim] = 0
                row = []
                for other in range(t.shape[dim]):
                    place = list(at)
                    place[dim] = other
                    row.append(t[tuple(place)])
                assert top[tuple(at)] == max(row)


@pytest.mark.task4_4
def test_max_of_negative_elements():
    t = minitorch.tensor([[-3.0, -1.0, -2.0]])
    assert minitorch.max(t, 1)[0, 0] == -1.0
