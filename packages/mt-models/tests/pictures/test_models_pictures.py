"""The data of pictures. The tests of the command line check that pictures are drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from mt_models.pictures import (
    confusion,
    confusion_matrix,
    curves,
    regions,
    worst_errors,
    worst_sentences,
)
from mt_models.problems import Evaluation, Points
from mt_models.training import EpochRecord
from mt_tensor import REFERENCE


def evaluation(labels: list[int], predictions: list[int], sure: list[float]) -> Evaluation:
    probabilities = np.full((len(labels), 3), 0.0)
    for row, prediction, p in zip(probabilities, predictions, sure, strict=True):
        row[:] = (1 - p) / 2
        row[prediction] = p
    return Evaluation(0.0, probabilities, np.array(labels, np.int64))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30))
def test_confusion_counts_each_pair(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = [a for a, _ in pairs], [b for _, b in pairs]
    counts = confusion_matrix(evaluation(labels, predictions, [0.9] * len(pairs)), 3)
    for true in range(3):
        for output in range(3):
            assert counts[true, output] == pairs.count((true, output))


def test_worst_errors_are_wrong_and_the_most_confident_first() -> None:
    judged = evaluation([0, 1, 2, 0, 1], [0, 2, 0, 1, 1], [0.99, 0.6, 0.9, 0.7, 0.5])
    assert worst_errors(judged, 2).tolist() == [2, 3]
    assert worst_errors(judged, 10).tolist() == [2, 3, 1]


def test_drawing_with_no_errors_and_no_examples() -> None:
    no_mistakes = evaluation([0, 1], [0, 1], [0.9, 0.9])
    assert worst_sentences(["a", "b"], no_mistakes).axes
    assert confusion(no_mistakes, ["no", "yes", "maybe"]).axes
    record = EpochRecord(1, 0.5, 0.5, float("nan"), 0, 0, 0, 0, 1.0, 1.0)
    assert len(curves([record]).axes) == 2


def test_sentences_of_three_classes_begin_with_true_and_predicted_class() -> None:
    wrong = evaluation([0, 2, 1], [1, 2, 0], [0.9, 0.9, 0.6])
    axes = worst_sentences(["x", "y", "z"], wrong, ["no", "yes", "maybe"]).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["no as yes: x", "yes as no: z"]
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == [0.9, 0.6]


def test_a_confusion_matrix_of_many_classes_stays_small() -> None:
    labels = list(range(200))
    many = Evaluation(0.0, np.eye(200), np.array(labels))
    figure = confusion(many, [f"class {label}" for label in labels])
    assert max(figure.get_size_inches()) < 20
    assert not figure.axes[0].texts
    figure.savefig(io.BytesIO())


def test_dollar_signs_are_text() -> None:
    wrong = evaluation([0], [1], [0.9])
    figure = worst_sentences([r"$ 8 and a \popcorn for $ 20"], wrong)
    figure.savefig(io.BytesIO())
    assert [label.get_parse_math() for label in figure.axes[0].get_yticklabels()] == [False]


@pytest.mark.parametrize("count", [1, 2, 30, 200])
@pytest.mark.parametrize("best", [0.501, 0.97])
def test_curves_have_distinct_ticks_at_whole_epochs(count: int, best: float) -> None:
    shares = np.linspace(0.5, best, count).tolist()
    records = [
        EpochRecord(i + 1, 0.5, share, 0.5, round(1000 * share), 1000, 0, 16, 1.0, 1.0)
        for i, share in enumerate(shares)
    ]
    figure = curves(records)
    figure.savefig(io.BytesIO())
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low <= 1 <= count <= high
        epochs = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert epochs
        assert all(tick == round(tick) for tick in epochs)
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert len(set(names)) == len(names) > 2
        markers = {line.get_marker() for line in axes.lines}
        assert markers == ({"o"} if count <= 30 else {"None"})
    # The marker of a single epoch is in the middle.
    if count == 1:
        assert sum(figure.axes[0].get_xlim()) == 2.0


def test_regions_are_those_of_the_network() -> None:
    problem = Points("Xor", REFERENCE, n=12, hidden=3, seed=0)
    figure = regions(problem)
    figure.savefig(io.BytesIO())
    axes = figure.axes[0]
    shares = np.asarray(axes.images[0].get_array())
    side = len(shares)
    low, high, _, _ = axes.images[0].get_extent()
    grid = np.linspace(low, high, side)
    expected = problem.probabilities(np.array([[grid[3], grid[7]]]))[0, 1]
    assert shares[7, 3] == pytest.approx(expected)
    parts = [np.asarray(each.get_offsets()) for each in axes.collections]
    offsets = np.concatenate([part for part in parts if len(part) > 1])
    drawn = {tuple(point) for point in offsets.tolist()}
    assert drawn >= {tuple(point) for point in problem.train.inputs.tolist()}
    right = (problem.evaluate(problem.train)).right.sum()
    assert axes.get_title() == f"{right} of 12 points right"
