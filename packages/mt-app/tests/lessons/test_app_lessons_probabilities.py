"""Softmax and dropout step by step, compared with their formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_app.lessons.probabilities import drop, mean_after, softmax_steps

logits = st.lists(st.floats(-50, 50), min_size=1, max_size=6)


@given(logits, st.data())
def test_softmax_step_by_step(numbers: list[float], data: st.DataObject) -> None:
    label = data.draw(st.integers(0, len(numbers) - 1))
    lesson = softmax_steps(numbers, label)
    p = lesson.probabilities
    assert p.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(p, lesson.exponentials / lesson.exponentials.sum(), rtol=1e-12)
    np.testing.assert_allclose(lesson.jacobian, np.diag(p) - np.outer(p, p), atol=1e-12)
    one_hot = np.eye(len(numbers))[label]
    np.testing.assert_allclose(lesson.loss_gradient, p - one_hot, atol=1e-12)
    assert lesson.loss == pytest.approx(-lesson.log_probabilities[label], abs=1e-12)


def test_large_logits_overflow_only_the_naive_softmax() -> None:
    lesson = softmax_steps([1000.0, 999.0], 0)
    assert np.isinf(lesson.naive).all()
    assert np.isfinite(lesson.probabilities).all()


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_without_a_logit_is_refused(label: int) -> None:
    with pytest.raises(IndexError, match="classes are 0 to 1"):
        softmax_steps([0.0, 1.0], label)


@given(st.floats(0, 1), st.integers(0, 99))
def test_the_layer_and_the_function_drop_the_same(rate: float, seed: int) -> None:
    lesson = drop(np.ones((3, 4)), rate, seed)
    assert set(np.unique(lesson.function)) <= {0.0, 1.0}
    np.testing.assert_array_equal(lesson.gradient, lesson.function)
    np.testing.assert_array_equal(lesson.evaluated, lesson.input)
    scale = 1.0 if rate == 1.0 else 1 / (1 - rate)
    np.testing.assert_allclose(lesson.layer, lesson.function * scale)


def test_only_the_layer_keeps_the_mean() -> None:
    function, layer = mean_after(0.4, 4000, seed=0)
    assert function[-1] == pytest.approx(0.6, abs=0.05)
    assert layer[-1] == pytest.approx(1.0, abs=0.05)
