"""Fused optimiser steps: shapes that they accept and decline."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from mt_tensor import REFERENCE, Backend, FusedStep, TensorData, TensorList


class Descent(FusedStep[Backend]):
    """A step that returns its arguments."""

    @classmethod
    def step(
        cls, backend: Backend, parts: Sequence[TensorList], settings: npt.NDArray[np.float64]
    ) -> list[list[TensorData]]:
        values, _, *slots = parts
        return [list(values), *map(list, slots)]


def zeros(*shapes: tuple[int, ...]) -> list[TensorData]:
    return [REFERENCE.zeros(shape) for shape in shapes]


def test_step_receives_parameters_gradients_and_slots_of_equal_shapes() -> None:
    values, slot = zeros((2, 3), ()), zeros((2, 3), ())
    grads = zeros((2, 3), ())
    assert Descent.forward(REFERENCE, (), values, grads, [slot], np.array([0.1])) == [values, slot]


@pytest.mark.parametrize(
    ("grads", "slot"), [([(3, 2)], [(2, 3)]), ([(2, 3)], [(2, 1)]), ([(2, 3)], [])]
)
def test_step_declines_other_shapes(
    grads: list[tuple[int, ...]], slot: list[tuple[int, ...]]
) -> None:
    values = zeros((2, 3))
    assert (
        Descent.forward(REFERENCE, (), values, zeros(*grads), [zeros(*slot)], np.zeros(0)) is None
    )
