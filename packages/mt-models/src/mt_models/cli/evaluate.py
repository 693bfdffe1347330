"""The command `evaluate`."""

import json
import math
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from mt_models.backends import BACKENDS
from mt_models.cli.examples import CommandWithExamples
from mt_models.cli.folders import RunPath
from mt_models.cli.train import column_options
from mt_models.pictures import confusion_matrix
from mt_models.prediction import evaluate as judge
from mt_models.problems import Evaluation, TextEvaluation


@click.command(
    cls=CommandWithExamples,
    context_settings={"max_content_width": 100},
    epilog="{program} evaluate runs/mnist-1 pictures     (pictures/CLASS/*.png, or IDX files)\n"
    "{program} evaluate runs/sentiment-1 reviews.csv\n"
    "{program} evaluate runs/sentiment-1 reviews.csv --json > result.json\n"
    "{program} evaluate runs/text-1 book.txt",
)
@click.argument("run", type=RunPath())
@click.argument("data", type=click.Path(exists=True))
@column_options
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=None,
    help="The backend.  [default: the backend of the training run]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evaluate(run: str, data: str, as_json: bool, **options: str | None) -> None:
    """Evaluate a trained network on other data.

    RUN is the name or the folder of a run, or a checkpoint. DATA is a folder of pictures with a
    folder for each class, or a folder of IDX files; or a CSV file of texts and labels, or a folder
    with test.csv; or a text file for a language model, whose loss is that of a token.
    The columns of a CSV file are those of the training run, unless options choose others.
    """
    evaluation = judge(run, data, **options)
    if isinstance(evaluation, TextEvaluation):
        _show_text(run, data, evaluation, as_json)
        return
    counts = confusion_matrix(evaluation, len(evaluation.classes))
    if as_json:
        click.echo(json.dumps(_as_json(run, data, evaluation, counts.tolist()), indent=2))
        return
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
    console.print(
        f"accuracy {evaluation.accuracy:.2%}: {int(evaluation.right.sum()):,} of "
        f"{len(evaluation.labels):,} right, loss {evaluation.loss:.4f}",
        style="bold",
    )
    for note in evaluation.notes:
        console.print(note)
    table = Table("class", "examples", "right", "most frequent error", box=None)
    for at, (name, row) in enumerate(zip(evaluation.classes, counts, strict=True)):
        right, wrong = int(row[at]), row.copy()
        wrong[at] = 0
        error = f"{evaluation.classes[wrong.argmax()]} ({wrong.max()})" if wrong.any() else ""
        share = f"{right} ({right / row.sum():.1%})" if row.any() else ""
        table.add_row(name, str(row.sum()), share, error)
    console.print(table)


def _show_text(run: str, data: str, evaluation: TextEvaluation, as_json: bool) -> None:
    """Print the evaluation of a language model."""
    tokens, right = len(evaluation.labels), int(evaluation.right.sum())
    try:
        perplexity = math.exp(evaluation.loss)
    except OverflowError:
        perplexity = math.inf
    if as_json:
        values = {
            "run": run,
            "data": data,
            "tokens": tokens,
            "right": right,
            "accuracy": evaluation.accuracy,
            "loss": _finite(evaluation.loss),
            "perplexity": _finite(perplexity),
        }
        click.echo(json.dumps(values, indent=2))
        return
    click.echo(
        f"loss {evaluation.loss:.4f} per token (perplexity {perplexity:.2f}), accuracy "
        f"{evaluation.accuracy:.2%}: {right:,} of {tokens:,} next tokens right"
    )


def _as_json(
    run: str, data: str, evaluation: Evaluation, confusion: list[list[int]]
) -> dict[str, Any]:
    """Return the JSON values of an evaluation."""
    return {
        "run": run,
        "data": data,
        "examples": len(evaluation.labels),
        "right": int(evaluation.right.sum()),
        "accuracy": evaluation.accuracy,
        "loss": _finite(evaluation.loss),
        "classes": list(evaluation.classes),
        # Rows are true classes, columns predicted ones.
        "confusion": confusion,
        "notes": list(evaluation.notes),
    }


def _finite(value: float) -> float | None:
    """Return a number for JSON, which has no infinity and no NaN: None instead of these."""
    return value if math.isfinite(value) else None
