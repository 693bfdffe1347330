"""Examples and evaluations of a problem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.problems import Answer, Examples, Points
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
        def answer(self, batch: Examples) -> Answer:
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
