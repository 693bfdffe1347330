"""The data of pictures. The tests of the command line check that pictures are drawn."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from mt_models.pictures import confusion, confusion_matrix, curves, worst_errors, worst_sentences
from mt_models.problems import Evaluation
from mt_models.training import EpochRecord


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
