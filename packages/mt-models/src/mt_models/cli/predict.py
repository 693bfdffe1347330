"""The command `predict`."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from mt_models.backends import BACKENDS
from mt_models.cli.errors import EXPECTED, sentence
from mt_models.cli.examples import CommandWithExamples
from mt_models.cli.folders import RunPath
from mt_models.prediction import Prediction, TextPredictor, load_predictor
from mt_models.tokenizers import shown_token

TOKENS = 10
"""The number of tokens that are shown of a language model, if the user chooses none."""


class PredictCommand(CommandWithExamples):
    """The command with a way out for a point that looks like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            click.UsageError: An option is unknown.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.match(r"-[\d.]", error.option_name):
                ctx.fail(
                    f"{error.option_name} begins like an option; write -- before the inputs: "
                    f"{ctx.command_path} RUN -- -0.2,0.8"
                )
            raise


@click.command(
    cls=PredictCommand,
    context_settings={"max_content_width": 100},
    epilog="{program} predict runs/mnist-1 seven.png\n"
    "{program} predict runs/mnist-1 *.png --top 3 --json\n"
    '{program} predict runs/sentiment-1 "A charming and funny film."\n'
    "{program} predict runs/sentiment-1 - < sentences.txt\n"
    "{program} predict runs/points-1 0.2,0.8\n"
    '{program} predict runs/text-1 "ROMEO:"       (the next character)',
)
@click.argument("run", type=RunPath())
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=None,
    help=f"The number of classes.  [default: all; {TOKENS} of the tokens of a text]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each input.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=None,
    help="The backend.  [default: the backend of the training run]",
)
def predict(
    run: str, inputs: tuple[str, ...], top: int | None, as_json: bool, backend: str | None
) -> None:
    """Run a trained network.

    RUN is the name or the folder of a run, or a checkpoint. INPUTS are paths of images of one
    digit, of any size, dark on bright or bright on dark, or folders of such images; or sentences in
    quotation marks; or points such as 0.2,0.8; or texts whose next token is predicted (`generate`
    continues them). The input - reads further inputs from standard input, one per line.
    The exit code is 1 if an input has no answer.
    """
    network = load_predictor(run, backend)
    if top is not None and top > len(network.classes):
        raise click.UsageError(
            f"--top is {top}, and the network has {len(network.classes)} classes; pass at most "
            f"{len(network.classes)}"
        )
    is_text = isinstance(network, TextPredictor)
    most = TOKENS if is_text else len(network.classes)
    console = Console(markup=False, emoji=False, highlight=False)
    failed = False
    questions = list(_expanded(inputs))
    if not questions:
        raise click.UsageError("standard input has no line; write an input on each line")
    for question in questions:
        try:
            prediction = network(question)
        except EXPECTED as error:
            # The other inputs are answered.
            failed = True
            if as_json:
                click.echo(json.dumps({"input": question, "error": sentence(error)}))
            if as_json or len(questions) > 1:
                click.echo(f"Error: {sentence(error)}", err=True)
                continue
            raise
        count = min(len(prediction.classes), most) if top is None else top
        if as_json:
            click.echo(json.dumps(_as_json(question, prediction, count)))
        else:
            if len(questions) > 1:
                console.print(f"{question}: ", end="", soft_wrap=True)
            if is_text:
                names = tuple(map(shown_token, prediction.classes))
                prediction = replace(prediction, classes=names)
            _show(console, prediction, count)
    if failed:
        sys.exit(1)


def _expanded(inputs: tuple[str, ...]) -> Iterator[str]:
    """Yield the inputs, with the files of folders and the lines of standard input."""
    for text in inputs:
        if text == "-":
            yield from filter(None, map(str.strip, sys.stdin.read().split("\n")))
        elif 0 < len(text) < 256 and Path(text).is_dir():
            files = sorted(p for p in Path(text).iterdir() if p.is_file() and p.name[0] != ".")
            if not files:
                raise click.UsageError(f"the folder {text} contains no file; pass pictures")
            yield from map(str, files)
        else:
            yield text


def _show(console: Console, prediction: Prediction, count: int) -> None:
    """Print an answer, and the probabilities of some classes."""
    if prediction.doubt:
        console.print("no answer", style="bold")
        console.print(
            f"The picture does not look like one digit: {prediction.doubt}. A network names a "
            "digit for every picture; for this one it would be:"
        )
    else:
        console.print(prediction.answer, style="bold")
    block = "#" if console.options.ascii_only else "█"
    # On a narrow terminal the bars are shorter.
    longest = max(5, min(30, console.width - max(map(len, prediction.classes)) - 14))
    table = Table("", "probability", show_header=True, box=None)
    shown = prediction.top(count)
    if count == len(prediction.classes):
        shown = list(zip(prediction.classes, prediction.probabilities.tolist(), strict=True))
    for name, probability in shown:
        table.add_row(name, f"{probability:7.2%}  {block * round(longest * probability)}")
    console.print(table)
    if prediction.unknown:
        console.print(f"unknown words: {', '.join(prediction.unknown)}")


def _as_json(question: str, prediction: Prediction, count: int) -> dict[str, Any]:
    """Return the JSON values of a prediction."""
    return {
        "input": question,
        "answer": None if prediction.doubt else prediction.answer,
        "doubt": prediction.doubt or None,
        "probabilities": dict(prediction.top(count)),
        "unknown_words": list(prediction.unknown),
    }
