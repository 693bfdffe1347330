"""Fused steps: shapes that do not fit are declined."""

from collections.abc import Sequence

import pytest

from mt_tensor import REFERENCE, Backend, FusedStep, Parts, TensorData


class Descent(FusedStep[Backend]):
    """A step that returns what it was given."""

    @classmethod
    def step(
        cls, backend: Backend, parts: Sequence[Parts], settings: tuple[float, ...]
    ) -> list[list[TensorData]]:
        values, _, *slots = parts
        return [list(values), *map(list, slots)]


def zeros(*shapes: tuple[int, ...]) -> list[TensorData]:
    return [REFERENCE.zeros(shape) for shape in shapes]


def test_a_step_gets_parameters_gradients_and_slots_of_the_same_shapes() -> None:
    values, slot = zeros((2, 3), ()), zeros((2, 3), ())
    grads = zeros((2, 3), ())
    assert Descent.forward(REFERENCE, (), values, grads, [slot], (0.1,)) == [values, slot]


@pytest.mark.parametrize(
    ("grads", "slot"), [([(3, 2)], [(2, 3)]), ([(2, 3)], [(2, 1)]), ([(2, 3)], [])]
)
def test_other_shapes_are_declined(
    grads: list[tuple[int, ...]], slot: list[tuple[int, ...]]
) -> None:
    values = zeros((2, 3))
    assert Descent.forward(REFERENCE, (), values, zeros(*grads), [zeros(*slot)], ()) is None
