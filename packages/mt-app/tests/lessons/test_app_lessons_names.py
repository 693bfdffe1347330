"""The lesson on names: what the heads compute, and equal results on four engines."""

import numpy as np
import pytest

from mt_app.figures.attention import draw_attention
from mt_app.lessons.names import Head, attention, learn, next_letters, on_four_engines
from mt_models.names import initial_weights


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return attention({name: 4 * each for name, each in initial_weights().items()}, "anna")


def test_scores_weights_and_output_follow_from_query_key_and_value(heads: list[Head]) -> None:
    assert len(heads) == 4
    for head in heads:
        assert head.query.shape == head.key.shape == head.value.shape == (5, 4)
        np.testing.assert_allclose(head.scores, head.query @ head.key.T / 2, atol=1e-12)
        powers = np.tril(np.exp(head.scores))
        expected = powers / powers.sum(1, keepdims=True)
        np.testing.assert_allclose(head.weights, expected, atol=1e-12)
        np.testing.assert_allclose(head.output, expected @ head.value, atol=1e-12)


def test_four_engines_agree() -> None:
    results = on_four_engines(initial_weights(), "ada")
    assert [each.engine for each in results] == ["Scalar", "Reference", "Fast", "Tuned"]
    assert max(abs(each.loss - results[0].loss) for each in results) < 1e-12
    assert max(abs(each.gradient - results[0].gradient) for each in results) < 1e-9
    assert results[0].gradient > 0


def test_training_changes_the_next_letter() -> None:
    before, after = (learn(["ab"], steps) for steps in (0, 60))
    assert len(after.losses) == 60 and before.losses == ()
    assert next_letters(after.weights, "a")[1, 1] > 0.5 > next_letters(before.weights, "a")[1, 1]
    assert np.allclose(next_letters(after.weights, "ab").sum(1), 1)


@pytest.mark.parametrize("at", [0, 4])
def test_figures_hide_later_positions(heads: list[Head], at: int) -> None:
    scores, weights, output = draw_attention(heads[0], ".anna", at)
    assert scores.svg().count("hidden") == 4 - at
    assert weights.svg().count("stroke-dasharray") == 10
    assert "sum" in output.svg()
