"""The steps of a convolution, compared with the library's results."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.convolution import (
    LAYOUTS,
    PHASES,
    Convolution,
    Layout,
    convolution,
    positions_read,
)
from mt_tensor import TensorData


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    dims = draw(st.integers(1, 2))
    sizes = draw(st.tuples(*[st.integers(1, 4)] * dims))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * dims))
    channels, kernels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return convolution(
        rng.normal(size=(channels, *sizes)),
        rng.normal(size=(kernels, channels, *kernel)),
        rng.normal(size=(kernels, *sizes)),
        reverse=draw(st.booleans()),
        layout=draw(st.sampled_from(LAYOUTS)),
    )


@given(convolutions())
def test_steps_add_up_to_the_result(lesson: Convolution) -> None:
    for phase in PHASES:
        result = lesson.result(phase)
        steps = lesson.steps(phase)
        assert [step.out for step in steps] == list(np.ndindex(result.shape))
        sums = np.array([lesson.sum(phase, step) for step in steps]).reshape(result.shape)
        np.testing.assert_allclose(sums, result, atol=1e-12)


@given(convolutions())
def test_gradients_are_those_of_finite_differences(lesson: Convolution) -> None:
    """The output is linear in each factor, so a difference of any length is exact."""
    x, w, g = map(array, (lesson.input, lesson.weight, lesson.output_gradient))
    for changed, gradient in ((x, lesson.input_gradient), (w, lesson.weight_gradient)):
        at = (-1,) * changed.ndim
        changed[at] += 1.0
        after = convolution(x, w, g, reverse=lesson.reverse)
        changed[at] -= 1.0
        change = ((after.output - lesson.output) * g).sum()
        assert change == pytest.approx(gradient[at], abs=1e-9)


def array(data: TensorData) -> npt.NDArray[np.float64]:
    return np.array([data.get(index) for index in data.indices()]).reshape(data.shape)


@pytest.mark.parametrize("reverse", [False, True])
def test_windows_extend_over_one_edge(reverse: bool) -> None:
    lesson = convolution([[1, 2, 3, 4]], [[[1, 1, 1]]], [[1, 1, 1, 1]], reverse=reverse)
    outside = [sum(not t.inside for t in step.terms) for step in lesson.steps("forward")]
    assert outside == ([2, 1, 0, 0] if reverse else [0, 0, 1, 2])
    # The gradient of the input looks the other way.
    outside = [sum(not t.inside for t in step.terms) for step in lesson.steps("input gradient")]
    assert outside == ([0, 0, 1, 2] if reverse else [2, 1, 0, 0])


def test_layouts_change_positions_and_not_results() -> None:
    x = np.arange(12.0).reshape(2, 2, 3)
    weight, gradient = np.ones((1, 2, 2, 2)), np.ones((1, 2, 3))
    lessons = {layout: convolution(x, weight, gradient, layout=layout) for layout in LAYOUTS}
    indices = list(itertools.product(range(2), range(2), range(3)))
    read: dict[Layout, list[int]] = {}
    for layout, lesson in lessons.items():
        np.testing.assert_array_equal(lesson.output, lessons["row by row"].output)
        read[layout] = positions_read(lesson.input, indices)
        assert sorted(read[layout]) == list(range(12))
        values = [lesson.input.storage[at] for at in read[layout]]
        np.testing.assert_array_equal(values, np.arange(12.0))
    assert read["row by row"] == list(range(12))
    assert lessons["column by column"].input.strides == (6, 1, 2)
    assert lessons["channels last"].input.strides == (1, 6, 2)
