"""The command line: `python -m mt_models train mnist` and the other commands."""

import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from mt_models.backends import BACKENDS, BackendNotAvailableError, default_dtype
from mt_models.cli.training import resume, start
from mt_models.datasets import DATASETS, LABEL_COLUMNS, TEXT_COLUMNS, DataError
from mt_models.pictures import confusion_matrix
from mt_models.prediction import evaluate as judge
from mt_models.prediction import predict as ask
from mt_models.problems import Evaluation
from mt_models.recipes import DigitsRecipe, PointsRecipe, Recipe, SentimentRecipe
from mt_models.training import DivergedError, Settings
from mt_nn import CheckpointError

Command = TypeVar("Command", bound=Callable[..., None])

SIZE = click.IntRange(min=1)
EXPECTED = (
    BackendNotAvailableError,
    DataError,
    CheckpointError,
    DivergedError,
    ImportError,
    NotImplementedError,  # An exercise of the course: the message names the task.
    OSError,
    ValueError,
)
"""Expected errors: the command prints their message without a traceback."""


class ErrorsAsMessages(click.Group):
    """A group of commands that print expected errors in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=ErrorsAsMessages, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
def main(debug: bool) -> None:
    """Train the networks of the course, and run trained ones."""
    # Characters that the terminal cannot show are escaped instead of raising an error.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@main.group(context_settings={"max_content_width": 100})
def train() -> None:
    """Train a network on real data.

    Each run has its own folder with the log as text and as JSON lines, checkpoints and
    pictures. Ctrl-C stops it between two steps; --resume continues with the same result, also
    after a power failure.
    """


def _rate(defaults: dict[str, float]) -> Callable[..., float]:
    """Return a callback that sets the default learning rate of the optimiser."""

    def fill(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float:
        return defaults[ctx.params["optimizer"]] if value is None else value

    return fill


def _dtype(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Set the default dtype of the backend."""
    return default_dtype(ctx.params["backend"]) if value is None else value


def common_options(
    *,
    epochs: int,
    batch_size: int,
    sgd_lr: float,
    adam_lr: float,
    optimizer: str = "sgd",
    schedule: str = "cosine",
    weight_decay: float = 0.0,
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of all `train` commands."""
    options = [
        click.option(
            "--backend",
            type=click.Choice(BACKENDS),
            is_eager=True,  # The default dtype depends on it.
            default="tuned",
            show_default=True,
            help="The backend: plain Python loops, the same loops compiled, kernels tuned for "
            "these networks; on the GPU the course's loops (cuda) or tuned kernels (cuda-tuned).",
        ),
        click.option(
            "--dtype",
            type=click.Choice(["float64", "float32"]),
            default=None,
            callback=_dtype,
            help="The dtype.  [default: float32 with tuned kernels, else float64]",
        ),
        click.option(
            "--epochs",
            type=SIZE,
            default=epochs,
            show_default=True,
            help="The number of epochs.",
        ),
        click.option(
            "--batch-size",
            type=SIZE,
            default=batch_size,
            show_default=True,
            help="The number of examples in each step.",
        ),
        click.option(
            "--optimizer",
            type=click.Choice(["sgd", "adam"]),
            is_eager=True,  # The default learning rate depends on it.
            default=optimizer,
            show_default=True,
            help="The optimiser: stochastic gradient descent, or Adam.",
        ),
        click.option(
            "--lr",
            type=click.FloatRange(min=0, min_open=True),
            default=None,
            callback=_rate({"sgd": sgd_lr, "adam": adam_lr}),
            help=f"The learning rate.  [default: {sgd_lr} with sgd, {adam_lr} with adam]",
        ),
        click.option(
            "--weight-decay",
            type=click.FloatRange(min=0),
            default=weight_decay,
            show_default=True,
            help="The coefficient of the L2 penalty.",
        ),
        click.option(
            "--schedule",
            type=click.Choice(["constant", "cosine"]),
            default=schedule,
            show_default=True,
            help="A constant learning rate, or cosine decay to zero.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="The seed of weights, dropout and order: equal seeds give equal runs.",
        ),
        click.option(
            "--patience",
            type=SIZE,
            default=None,
            help="Stop after this number of epochs without a better validation accuracy.",
        ),
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            default=None,
            help="The run's folder.  [default: the next free runs/NAME-N]",
        ),
        click.option(
            "--resume",
            "resumed",
            is_flag=True,
            help="Continue the run in --out, or the latest run. More --epochs stretch the cosine.",
        ),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def size_options(
    examples: str, *, train_size: int | None, of: str = ""
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options for the numbers of examples.

    Args:
        examples: The word for examples in the help.
        train_size: The default number of training examples of the data set `of`; None for all.
        of: The name of the data set. The default of other data is all.
    """

    def decorate(command: Command) -> Command:
        command = click.option(
            "--validation-size",
            type=SIZE,
            default=None,
            help=f"The number of {examples} for validation, from the first.  [default: all]",
        )(command)
        return click.option(
            "--train-size",
            type=SIZE,
            default=train_size,
            help=f"The number of {examples} for training, from the first.  [default: "
            + (f"{train_size} of {of}, all of other data]" if train_size else "all]"),
        )(command)

    return decorate


def column_options(command: Command) -> Command:
    """Add the options for the columns of a CSV file."""
    for kind, names in (("label", LABEL_COLUMNS), ("text", TEXT_COLUMNS)):
        command = click.option(
            f"--{kind}-column",
            default=None,
            help=f"The column of {kind}s in a CSV file.  [default: {', '.join(names)}]",
        )(command)
    return command


@train.command(
    epilog="\b\nThe whole set:   train mnist --train-size 60000\n"
    "LeNet-5, whole:  train mnist --network lenet5 --train-size 60000 --epochs 5 --lr 0.1\n"
    "Smaller, faster: train mnist --train-size 1000 --validation-size 500 --epochs 2\n"
    "Own pictures:    train mnist --data pictures  (pictures/CLASS/*.png)"
)
@click.option(
    "--network",
    type=click.Choice(["course", "lenet5"]),
    default="course",
    show_default=True,
    help="The course's network, or LeNet-5.",
)
@size_options("images", train_size=5000, of="MNIST")
@click.option(
    "--data",
    type=click.Path(exists=True, resolve_path=True),
    default=None,
    help="A folder of pictures with a folder for each class, or of IDX files.  "
    "[default: the embedded MNIST]",
)
@common_options(epochs=3, batch_size=16, sgd_lr=0.25, adam_lr=0.003)
@click.pass_context
def mnist(ctx: click.Context, /, **options: Any) -> None:
    """Train a digit classifier: LeNet on MNIST or on own pictures.

    The defaults are the course's small setting: 5,000 training images in batches of 16. The
    validation set is all 10,000 test images; the accuracy after the last epoch is about 95 %.
    """
    default = click.core.ParameterSource.DEFAULT
    if options["data"] is not None and ctx.get_parameter_source("train_size") is default:
        options["train_size"] = None
    _run(ctx, DigitsRecipe, options)


@train.command(
    epilog="\b\n"
    "The course's small setting: train sentiment --train-size 450 --validation-size 100\n"
    "Word vectors, too:          train sentiment --trainable --lr 0.002 --weight-decay 0.0003\n"
    "Own texts:                  train sentiment --data reviews.csv"
)
@click.option(
    "--preset",
    type=click.Choice(["course", "kim2014"]),
    default="course",
    show_default=True,
    help="The features of the course, or those of the paper.",
)
@click.option("--trainable", is_flag=True, help="Train the word vectors, too (non-static).")
@click.option(
    "--train-set",
    type=click.Choice(["sentences", "phrases"]),
    default="sentences",
    show_default=True,
    help="6,920 whole sentences, or their 67,349 phrases.",
)
@size_options("sentences", train_size=None)
@click.option(
    "--data",
    type=click.Path(exists=True, resolve_path=True),
    default=None,
    help="A CSV file of texts and labels, or a folder of CSV or TSV files.  "
    "[default: the embedded SST-2]",
)
@column_options
@click.option(
    "--hub",
    default=None,
    help="Read SST-2 with Hugging Face datasets: a name on the hub, or a folder.",
)
@common_options(
    epochs=8, batch_size=50, sgd_lr=0.1, adam_lr=0.005, optimizer="adam", weight_decay=0.001
)
@click.pass_context
def sentiment(ctx: click.Context, /, **options: Any) -> None:
    """Train a sentiment classifier: a sentence CNN on SST-2 or on own texts.

    The word vectors are GloVe's. The validation set is the 872 development sentences. After the
    last epoch the network of the best epoch is evaluated on the test sentences.
    """
    default = click.core.ParameterSource.DEFAULT
    for name in ("data", "train_set", "text_column", "label_column"):
        if options["hub"] is not None and ctx.get_parameter_source(name) is not default:
            raise click.UsageError(
                f"--hub and --{name.replace('_', '-')} exclude each other; pass one of them"
            )
    _run(ctx, SentimentRecipe, options)


@train.command(
    epilog="\b\nModule 1: train points --model scalar\n"
    "Module 2: train points --backend reference\n"
    "Module 3: train points --backend fast"
)
@click.option(
    "--dataset",
    type=click.Choice(list(DATASETS), case_sensitive=False),
    default="Xor",
    show_default=True,
    help="The data set.",
)
@click.option(
    "--model",
    type=click.Choice(["scalar", "tensor"]),
    default="tensor",
    show_default=True,
    help="A network of single scalars, or of tensors.",
)
@click.option("--n", type=SIZE, default=50, show_default=True, help="The number of points.")
@click.option(
    "--hidden",
    type=SIZE,
    default=10,
    show_default=True,
    help="The number of units in each of the two hidden layers.",
)
@common_options(epochs=200, batch_size=10, sgd_lr=0.1, adam_lr=0.01, schedule="constant")
@click.pass_context
def points(ctx: click.Context, /, **options: Any) -> None:
    """Train a classifier of points: the small networks of modules 1 to 3."""
    _run(ctx, PointsRecipe, options)


def _run(ctx: click.Context, kind: type[Recipe], options: dict[str, Any]) -> None:
    """Start a run, or resume one."""
    out, resumed = options.pop("out"), options.pop("resumed")
    if resumed:
        default = click.core.ParameterSource.DEFAULT
        explicit = {n: v for n, v in options.items() if ctx.get_parameter_source(n) is not default}
        resume(kind.problem, out, explicit)
        return
    names = ("epochs", "batch_size", "patience")
    settings = Settings(**{name: options.pop(name) for name in names}, seed=options["seed"])
    start(kind(**options), settings, out)


@main.command(
    epilog="\b\npredict runs/mnist-1 seven.png\n"
    'predict runs/sentiment-1 "A film that nobody will forget."'
)
@click.argument("run", type=click.Path(exists=True))
@click.argument("question")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=None,
    help="The backend.  [default: the backend of the training run]",
)
def predict(run: str, question: str, backend: str | None) -> None:
    """Run a trained network.

    RUN is a run's folder or a checkpoint. QUESTION is the path of an image of a digit, of any
    size, dark on bright or bright on dark; or a sentence in quotation marks.
    """
    prediction = ask(run, question, backend)
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(prediction.answer, style="bold")
    block = "#" if console.options.ascii_only else "█"
    table = Table("", "probability", show_header=True, box=None)
    for name, probability in zip(
        prediction.classes, prediction.probabilities.tolist(), strict=True
    ):
        table.add_row(name, f"{probability:7.2%}  {block * round(30 * probability)}")
    console.print(table)
    if prediction.unknown:
        console.print(f"unknown words: {', '.join(prediction.unknown)}")


@main.command(
    context_settings={"max_content_width": 100},
    epilog="\b\nevaluate runs/mnist-1 pictures     (pictures/CLASS/*.png, or IDX files)\n"
    "evaluate runs/sentiment-1 reviews.csv\n"
    "evaluate runs/sentiment-1 reviews.csv --json > result.json",
)
@click.argument("run", type=click.Path(exists=True))
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

    RUN is a run's folder or a checkpoint. DATA is a folder of pictures with a folder for each
    class, or a folder of IDX files; or a CSV file of texts and labels, or a folder with test.csv.
    The columns of a CSV file are those of the training run, unless options choose others.
    """
    evaluation = judge(run, data, **options)
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
    for name, row in zip(evaluation.classes, counts, strict=True):
        right = int(row[evaluation.classes.index(name)])
        wrong = row.copy()
        wrong[evaluation.classes.index(name)] = 0
        error = f"{evaluation.classes[wrong.argmax()]} ({wrong.max()})" if wrong.any() else ""
        share = f"{right} ({right / row.sum():.1%})" if row.any() else ""
        table.add_row(name, str(row.sum()), share, error)
    console.print(table)


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
        # JSON has no infinity.
        "loss": evaluation.loss if math.isfinite(evaluation.loss) else None,
        "classes": list(evaluation.classes),
        # Rows are true classes, columns predicted ones.
        "confusion": confusion,
        "notes": list(evaluation.notes),
    }
