"""The problem of language modelling: sequences, the order of an epoch, the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models.datasets import DataError
from mt_models.networks import GPT
from mt_models.problems import Text, sequences
from mt_models.recipes import TextRecipe
from mt_models.tokenizers import CharacterTokenizer
from mt_models.training import BEST, LAST, Display, Progress, Run, Settings, last_checkpoint, train
from mt_nn import load_checkpoint

SMALL = TextRecipe(width=8, heads=2, layers=1, context=8, epoch_size=20, warmup=3)


def text_problem(train: str = "abcd" * 5, validation: str = "abca", context: int = 4) -> Text:
    tokenizer = CharacterTokenizer.of("abcd")
    rng = np.random.default_rng(0)
    network = GPT(4, width=4, heads=1, layers=1, context=context, rng=rng)
    return Text((train, validation), tokenizer, network, rng, epoch_size=50)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(1, 12))
def test_sequences_have_each_label_once(tokens: list[int], context: int) -> None:
    ids = np.array(tokens)
    found = sequences(ids, context)
    counted = found.labels >= 0
    assert found.labels[counted].tolist() == tokens[1:]
    assert found.inputs[counted].tolist() == tokens[:-1]
    assert found.inputs.shape[1] == context
    assert counted.any(axis=1).all()


def test_answers_have_a_probability_for_each_token() -> None:
    problem = text_problem()
    batch = problem.train[[0, 7]]
    answer = problem.answer(batch)
    assert answer.probabilities.shape == (2, 4, 4)
    np.testing.assert_allclose(answer.probabilities.sum(-1), 1.0)
    picked = np.take_along_axis(answer.probabilities, batch.labels[..., None], -1)
    assert float(answer.loss) == pytest.approx(-np.log(picked).mean(), rel=1e-12)
    _, output = problem.compute(batch.inputs, batch.labels)
    np.testing.assert_array_equal(
        problem.hits(output, batch.labels), answer.probabilities.argmax(-1) == batch.labels
    )


def test_an_epoch_draws_places_with_replacement() -> None:
    problem = text_problem()
    order = problem.order(3, 1)
    assert len(order) == problem.epoch_size == 50 > len(problem.train) == 16
    assert set(order.tolist()) <= set(range(16))
    np.testing.assert_array_equal(order, problem.order(3, 1))
    assert order.tolist() != problem.order(3, 2).tolist()
    batch = problem.train[order]
    np.testing.assert_array_equal(batch.inputs[:, 1:], batch.labels[:, :-1])
    assert problem.tokenizer.decode(problem.train[15].labels.tolist()) == "abcd"


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_the_loss_is_the_mean_over_all_tokens(batch_size: int) -> None:
    problem = text_problem(validation="abcdabcadda")
    evaluation = problem.evaluate(problem.validation, batch_size)
    ids = problem.tokenizer.encode("abcdabcadda")
    losses, right = [], []
    for start in range(0, len(ids) - 1, 4):
        part = ids[start : start + 4][: len(ids) - 1 - start]
        scores = problem.network(part[None]).to_numpy()[0]
        for score, label in zip(scores, ids[start + 1 :], strict=False):
            losses.append(np.log(np.exp(score).sum()) - score[label])
            right.append(score.argmax() == label)
    assert evaluation.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert evaluation.right.tolist() == right
    assert evaluation.accuracy == np.mean(right)


def test_the_start_of_a_short_validation_text_has_no_padding() -> None:
    starts = [text_problem(validation="abca").validation_start(count) for count in (2, 4, 9)]
    assert [start.tolist() for start in starts] == [[0, 1], [0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [("abcd", "ab", "4 tokens for training, and the context of 4 tokens"), ("abcda", "a", "has 1")],
)
def test_a_short_text_names_a_solution(train: str, validation: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        text_problem(train, validation)
    assert "pass a longer text" in str(caught.value)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, dropout: float
) -> None:
    """The steps are captured in both, and the run is stopped within an epoch."""
    book = tmp_path / "book.txt"
    book.write_text("To be, or not to be: that is the question. " * 5)
    recipe = replace(SMALL, data=str(book), dropout=dropout)
    settings = Settings(epochs=3, batch_size=4, clip=0.5)

    def run(name: str, stop_after: int | None, *, resumed: bool = False) -> Progress:
        (tmp_path / name).mkdir(exist_ok=True)
        problem = recipe.build()
        optimizer = recipe.make_optimizer(problem.network.parameters())
        steps = iter(range(10**6))
        observer = Run(
            *(tmp_path / name, problem, optimizer, settings, recipe.to_json(), (), Display()),
            stop_requested=lambda: stop_after is not None and next(steps) >= stop_after,
        )
        progress = observer.resume(last_checkpoint(tmp_path / name)) if resumed else None
        schedule = recipe.make_schedule(settings.steps(problem.epoch_size))
        progress = train(problem, optimizer, settings, observer, progress, schedule)
        observer.save(progress)
        return progress

    whole = run("whole", None)
    assert 0 < run("torn", 8).examples_seen < recipe.epoch_size
    torn = run("torn", None, resumed=True)
    losses = [
        [(record.train_loss, record.validation_loss) for record in progress.records]
        for progress in (whole, torn)
    ]
    assert losses[0] == losses[1]
    assert whole.best is not None
    assert whole.best.validation_loss == min(loss for _, loss in losses[0])
    assert load_checkpoint(tmp_path / "whole" / BEST).step == whole.best.epoch
    first, second = (load_checkpoint(tmp_path / name / LAST).model for name in ("whole", "torn"))
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)


def test_only_matrices_decay_and_the_rate_has_a_warmup() -> None:
    recipe = replace(SMALL, lr=1.0, weight_decay=0.1)
    network = recipe.build_network(5)
    optimizer = recipe.make_optimizer(network.parameters())
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    schedule = recipe.make_schedule(13)
    assert [schedule(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedule(13) == pytest.approx(0.1)
    assert replace(recipe, schedule="constant").make_schedule(13)(13) == 1.0
