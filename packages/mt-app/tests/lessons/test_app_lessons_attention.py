"""The lesson on attention: the terms of its steps give the library's results and gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_app.figures.attention_steps import draw_step, step_in_words
from mt_app.lessons.attention import PHASES, Attention, Phase, attend


@st.composite
def lessons(draw: st.DrawFn) -> Attention:
    length, size, columns = (draw(st.integers(1, 4)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    q, k = rng.normal(size=(2, length, size))
    v, g = rng.normal(size=(2, length, columns))
    return attend(q, k, v, g, causal=draw(st.booleans()))


@given(lessons())
@settings(max_examples=20, deadline=None)
def test_terms_give_the_result_of_each_phase(lesson: Attention) -> None:
    for phase in PHASES:
        result = lesson.arrays[phase]
        steps = lesson.steps(phase)
        assert [step.out for step in steps] == list(np.ndindex(result.shape))
        values = np.array([lesson.value(phase, step) for step in steps]).reshape(result.shape)
        np.testing.assert_allclose(values, result, atol=1e-9, err_msg=phase)


@pytest.mark.parametrize("causal", [True, False])
def test_gradients_are_those_of_central_differences(causal: bool) -> None:
    query, key, value = np.random.default_rng(0).normal(size=(3, 4, 2))
    operands = {"query": query, "key": key, "value": value}
    g = np.random.default_rng(1).normal(size=(4, 2))

    def loss() -> float:
        return float((attend(query, key, value, g, causal=causal).arrays["output"] * g).sum())

    lesson = attend(query, key, value, g, causal=causal)
    for name, changed in operands.items():
        for index in np.ndindex(changed.shape):
            before = changed[index]
            changed[index] = before + 1e-6
            above = loss()
            changed[index] = before - 1e-6
            slope = (above - loss()) / 2e-6
            changed[index] = before
            assert slope == pytest.approx(lesson.arrays[f"{name} gradient"][index], abs=1e-7)


@given(lessons())
@settings(max_examples=20, deadline=None)
def test_rows_of_weights_and_of_score_gradients(lesson: Attention) -> None:
    np.testing.assert_allclose(lesson.arrays["weights"].sum(1), 1.0, atol=1e-9)
    np.testing.assert_allclose(lesson.arrays["score gradient"].sum(1), 0.0, atol=1e-9)
    if lesson.causal:
        for name in ("scores", "weights", "weight gradient", "score gradient"):
            assert not np.triu(lesson.arrays[name], 1).any()


@pytest.mark.parametrize("phase", PHASES)
def test_figures_mark_the_numbers_of_a_step(phase: Phase) -> None:
    x = np.arange(6.0).reshape(3, 2) / 2
    lesson = attend(x, x - 1.0, x, np.ones((3, 2)))
    steps = lesson.steps(phase)
    for at, step in enumerate(steps):
        drawings = draw_step(lesson, phase, at)
        assert len(drawings) == (2 if phase == "weights" else 3)
        framed = [drawing.svg().count('stroke-width="2.5"') for drawing in drawings]
        assert framed == [len(step.terms)] * (len(drawings) - 1) + [1]
        words = step_in_words(lesson, phase, step)
        assert words.startswith(f"[{step.out[0]}, {step.out[1]}] = ")
        assert ("the mask hides" in words) == (not step.terms)


def test_the_words_of_a_step_show_its_computation() -> None:
    q, k = np.array([[2.0], [0.0]]), np.array([[1.0], [-3.0]])
    lesson = attend(q, k, k, q)
    assert step_in_words(lesson, "scores", lesson.steps("scores")[0]) == "[0, 0] = (2·1) / √1 = 2"
    weights = [step_in_words(lesson, "weights", step) for step in lesson.steps("weights")]
    assert weights[0] == "[0, 0] = exp(2) / (exp(2)) = 1"
    assert weights[1] == "[0, 1] = 0: the mask hides key 1 from query 0"
    assert weights[2] == "[1, 0] = exp(0) / (exp(0) + exp(0)) = 0.5"
