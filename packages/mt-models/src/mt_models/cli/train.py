"""The commands `train mnist`, `train sentiment`, `train text` and `train points`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mt_models.backends import BACKENDS, default_dtype
from mt_models.cli.examples import CommandWithExamples
from mt_models.cli.folders import GivenPath, complete_run
from mt_models.cli.launch import launch
from mt_models.cli.ranks import joined
from mt_models.cli.training import resume, start
from mt_models.datasets import DATASETS, LABEL_COLUMNS, TEXT_COLUMNS
from mt_models.recipes import DigitsRecipe, PointsRecipe, Recipe, SentimentRecipe, TextRecipe
from mt_models.tokenizers import BYTES, VOCABULARY
from mt_models.training import Settings
from mt_nn.distributed import LIMIT, Communicator, launched

Command = TypeVar("Command", bound=Callable[..., None])

SIZE = click.IntRange(min=1)


@click.group(context_settings={"max_content_width": 100})
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
    clip: float | None = None,
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
            type=click.Choice(["sgd", "adam", "adamw"]),
            is_eager=True,  # The default learning rate depends on it.
            default=optimizer,
            show_default=True,
            help="The optimiser: stochastic gradient descent, Adam, or Adam with decoupled decay.",
        ),
        click.option(
            "--lr",
            type=click.FloatRange(min=0, min_open=True),
            default=None,
            callback=_rate({"sgd": sgd_lr, "adam": adam_lr, "adamw": adam_lr}),
            help=f"The learning rate.  [default: {sgd_lr} with sgd, else {adam_lr}]",
        ),
        click.option(
            "--weight-decay",
            type=click.FloatRange(min=0),
            default=weight_decay,
            show_default=True,
            help="The coefficient of the L2 penalty, or of the decay of adamw.",
        ),
        click.option(
            "--clip",
            type=click.FloatRange(min=0, min_open=True),
            default=clip,
            show_default=clip is not None,
            help="The largest norm of all gradients together; larger ones are scaled down.",
        ),
        click.option(
            "--schedule",
            type=click.Choice(["constant", "cosine"]),
            default=schedule,
            show_default=True,
            help="A constant learning rate, or cosine decay to zero (of texts to a tenth).",
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
            help="Stop after this number of epochs without a better validation accuracy (of "
            "texts: loss).",
        ),
        click.option(
            "--out",
            type=GivenPath(file_okay=False, path_type=Path),
            default=None,
            shell_complete=complete_run,
            help="The run's folder.  [default: the next runs/NAME-N]",
        ),
        click.option(
            "--resume",
            "resumed",
            is_flag=True,
            help="Continue the run in --out, or the unfinished run that was saved last. More "
            "--epochs stretch the cosine.",
        ),
        click.option(
            "--ranks",
            type=SIZE,
            default=None,
            help="Train on this number of processes, each with its part of every batch; the result "
            "is that of one process. Needs an MPI library and mpi4py.  [default: 1, or what "
            "mpiexec started]",
        ),
        click.option(
            "--rank-limit",
            type=click.FloatRange(min=0, min_open=True),
            default=LIMIT,
            show_default=True,
            help="The seconds after which a rank that does not answer is an error.",
        ),
        click.option(
            "--traffic",
            is_flag=True,
            help="Print how long each of several ranks exchanged numbers and waited.",
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
    cls=CommandWithExamples,
    epilog="The whole set:   {program} train mnist --train-size 60000\n"
    "LeNet-5, whole:  {program} train mnist --network lenet5 --train-size 60000 --epochs 5 "
    "--lr 0.1\n"
    "Smaller, faster: {program} train mnist --train-size 1000 --validation-size 500 --epochs 2\n"
    "Own pictures:    {program} train mnist --data pictures  (pictures/CLASS/*.png)",
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
    type=GivenPath(exists=True, resolve_path=True),
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
    if options["data"] is not None and not _is_typed(ctx, "train_size"):
        options["train_size"] = None
    _run(ctx, DigitsRecipe, options)


@train.command(
    cls=CommandWithExamples,
    epilog="The course's small setting: {program} train sentiment --train-size 450 "
    "--validation-size 100\n"
    "Word vectors, too:          {program} train sentiment --trainable --lr 0.002 "
    "--weight-decay 0.0003\n"
    "Own texts:                  {program} train sentiment --data reviews.csv",
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
    type=GivenPath(exists=True, resolve_path=True),
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
    """Train a sentiment classifier: a CNN on SST-2 or own texts.

    The word vectors are GloVe's. The validation set is the 872 development sentences. After the
    last epoch the network of the best epoch is evaluated on the test sentences.
    """
    for name in ("data", "train_set", "text_column", "label_column"):
        if options["hub"] is not None and _is_typed(ctx, name):
            raise click.UsageError(
                f"--hub and --{name.replace('_', '-')} exclude each other; pass one of them"
            )
    _run(ctx, SentimentRecipe, options)


@train.command(
    cls=CommandWithExamples,
    epilog="Shorter:         {program} train text --epochs 2\n"
    "Own text:        {program} train text --data book.txt\n"
    "Pieces of words: {program} train text --tokenizer bpe --vocabulary 1000\n"
    'Then:            {program} generate "ROMEO:"',
)
@click.option(
    "--data",
    type=GivenPath(exists=True, resolve_path=True),
    default=None,
    help="A text file in UTF-8.  [default: the embedded tiny Shakespeare]",
)
@click.option(
    "--tokenizer",
    type=click.Choice(["characters", "bpe"]),
    default="characters",
    show_default=True,
    help="The tokens: characters, or byte-pair encoding (needs the package tokenizers).",
)
@click.option(
    "--vocabulary",
    type=click.IntRange(min=BYTES),
    default=None,
    help=f"The largest number of tokens of byte-pair encoding.  [default: {VOCABULARY}]",
)
@click.option(
    "--layers", type=SIZE, default=4, show_default=True, help="The number of transformer blocks."
)
@click.option(
    "--heads",
    type=SIZE,
    default=4,
    show_default=True,
    help="The number of heads, a divisor of the width.",
)
@click.option(
    "--width", type=SIZE, default=128, show_default=True, help="The length of a token's vector."
)
@click.option(
    "--context",
    type=SIZE,
    default=64,
    show_default=True,
    help="The number of tokens of a sequence.",
)
@click.option(
    "--dropout",
    type=click.FloatRange(min=0, max=1, max_open=True),
    default=0.0,
    show_default=True,
    help="The probability of dropout.",
)
@click.option("--bias", is_flag=True, help="Give linear maps and normalisations a bias.")
@click.option(
    "--epoch-size",
    type=SIZE,
    default=3000,
    show_default=True,
    help="The number of random sequences of an epoch, after which the loss is validated.",
)
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="The number of steps in which the learning rate rises.",
)
@common_options(
    epochs=8,
    batch_size=12,
    sgd_lr=0.1,
    adam_lr=0.001,
    optimizer="adamw",
    weight_decay=0.1,
    clip=1.0,
)
@click.pass_context
def text(ctx: click.Context, /, **options: Any) -> None:
    """Train a language model: a GPT on tiny Shakespeare or own text.

    The network continues a text. The defaults are nanoGPT's for characters on a CPU: 2,000 steps,
    8 epochs of 250. The last tenth of the text is for validation; the loss of a character after the
    last epoch is about 1.9.
    """
    if options["tokenizer"] == "bpe":
        options["vocabulary"] = options["vocabulary"] or VOCABULARY
    elif options["vocabulary"] is not None and not options["resumed"]:
        raise click.UsageError(
            "--vocabulary is the number of tokens of --tokenizer bpe; add --tokenizer bpe, or "
            "leave it out"
        )
    _run(ctx, TextRecipe, options)


@train.command(
    cls=CommandWithExamples,
    epilog="Module 1: {program} train points --model scalar\n"
    "Module 2: {program} train points --backend reference\n"
    "Module 3: {program} train points --backend fast",
)
@click.option(
    "--dataset",
    type=click.Choice(list(DATASETS), case_sensitive=False),
    default="Xor",
    show_default="xor",
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
    """Train a classifier of points: a network of modules 1 to 3."""
    for name in ("backend", "dtype"):
        if options["model"] == "scalar" and _is_typed(ctx, name):
            raise click.UsageError(
                f"--model scalar and --{name} exclude each other, because a network of scalars "
                "uses no backend; leave one of them out"
            )
    _run(ctx, PointsRecipe, options)


def _is_typed(ctx: click.Context, name: str) -> bool:
    """Return whether the user typed an option."""
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _run(ctx: click.Context, kind: type[Recipe], options: dict[str, Any]) -> None:
    """Start a run, or resume one, on one process or on several."""
    ranks, limit = options.pop("ranks"), options.pop("rank_limit")
    started = launched()
    if started == 1 and ranks is not None and ranks > 1:
        launch(ranks)
    if ranks is not None and ranks != started:
        raise click.UsageError(
            f"--ranks is {ranks}, and an MPI launcher has started {started} processes; leave the "
            "option out, or start the command without the launcher"
        )
    with joined(limit, options.pop("traffic")) as communicator:
        _run_on(ctx, kind, options, communicator)


def _run_on(
    ctx: click.Context, kind: type[Recipe], options: dict[str, Any], communicator: Communicator
) -> None:
    """Start a run, or resume one, on all ranks of a communicator."""
    out, resumed = options.pop("out"), options.pop("resumed")
    if resumed:
        typed = {name: value for name, value in options.items() if _is_typed(ctx, name)}
        resume(kind.problem, out, typed, communicator)
        return
    names = ("epochs", "batch_size", "patience", "clip")
    settings = Settings(**{name: options.pop(name) for name in names}, seed=options["seed"])
    strict = _is_typed(ctx, "batch_size")
    start(kind(**options), settings, out, strict_batches=strict, communicator=communicator)
