"""All pictures of a run at once."""

from collections.abc import Sequence
from pathlib import Path

from mt_models.pictures.confusion import confusion
from mt_models.pictures.curves import curves
from mt_models.pictures.images import filters, hidden_states, worst_digits
from mt_models.pictures.regions import regions
from mt_models.pictures.sentences import worst_sentences
from mt_models.pictures.style import save
from mt_models.pictures.texts import attention_maps
from mt_models.problems import Digits, Evaluation, Points, Problem, Sentiment, Text
from mt_models.training.records import EpochRecord


def draw_run(
    folder: Path,
    problem: Problem,
    records: Sequence[EpochRecord],
    evaluation: Evaluation,
) -> list[Path]:
    """Write the pictures of a problem, and return their paths.

    Args:
        folder: The folder of the pictures.
        problem: The trained problem.
        records: The finished epochs.
        evaluation: The evaluation of the network on the validation examples.
    """
    pictures = {"curves": curves(records)}
    if isinstance(problem, Text):
        pictures["attention"] = attention_maps(problem)
    else:
        pictures["confusion"] = confusion(evaluation, problem.classes)
    if isinstance(problem, Digits):
        pictures["filters"] = filters(problem.network)
        pictures["hidden"] = hidden_states(problem)
        pictures["errors"] = worst_digits(problem.validation.inputs, evaluation, problem.classes)
    elif isinstance(problem, Sentiment):
        pictures["errors"] = worst_sentences(problem.validation_texts, evaluation, problem.classes)
    elif isinstance(problem, Points):
        pictures["regions"] = regions(problem)
    return [save(figure, folder / f"{name}.png") for name, figure in pictures.items()]
