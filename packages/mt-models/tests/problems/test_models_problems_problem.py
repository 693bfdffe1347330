"""Examples and evaluations of a problem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_kernels_cpu import Tuned
from mt_models.problems import Examples, Points
from mt_models.problems import problem as problems
from mt_nn import SGD
from mt_tensor import REFERENCE


def xor(n: int = 23, seed: int = 3) -> tuple[Points, SGD]:
    problem = Points("Xor", REFERENCE, n=n, hidden=4, seed=seed)
    return problem, SGD(problem.network.parameters(), lr=0.5)


def test_examples_must_match() -> None:
    with pytest.raises(ValueError, match="3 inputs and 2 labels"):
        Examples(np.zeros(3), np.zeros(2, int))


def test_evaluation_of_no_examples_is_nan() -> None:
    problem, _ = xor()
    evaluation = problem.evaluate(problem.train[:0])
    assert np.isnan(evaluation.loss)
    assert np.isnan(evaluation.accuracy)
    assert evaluation.probabilities.shape == (0, 2)


@given(st.integers(1, 40))
def test_evaluation_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    problem, _ = xor()
    whole = problem.evaluate(problem.train, 1000)
    parts = problem.evaluate(problem.train, batch_size)
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, rtol=1e-12)
    assert parts.loss == pytest.approx(whole.loss)


def test_evaluation_restores_the_mode() -> None:
    class Fails(Points):
        def compute(self, inputs: Any, labels: Any) -> Any:
            raise RuntimeError("no answer")

    problem = Fails("Xor", REFERENCE, n=4)
    problem.network.train()
    with pytest.raises(RuntimeError):
        problem.evaluate(problem.train)
    assert problem.network.training
    good, _ = xor()
    good.network.eval()
    good.evaluate(good.train)
    assert not good.network.training


def test_a_captured_evaluation_equals_that_of_single_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = Points("Xor", Tuned(np.float64), n=43, hidden=4)
    batches: list[int] = []
    compute = problem.compute

    def counted(inputs: Any, labels: Any) -> Any:
        batches.append(len(labels))
        return compute(inputs, labels)

    monkeypatch.setattr(problem, "compute", counted)
    captured = problem.evaluate(problem.train, 4)
    # Two batches and the check of the recording; the last one has another size.
    assert batches == [4, 4, 4, 3]
    monkeypatch.setattr(problems, "CAPTURED_FROM", 100)
    usual = problem.evaluate(problem.train, 4)
    assert captured.loss == usual.loss
    assert captured.probabilities.tobytes() == usual.probabilities.tobytes()
