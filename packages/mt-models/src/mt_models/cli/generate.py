"""The command `generate`."""

import sys
from pathlib import Path

import click

from mt_models.backends import BACKENDS
from mt_models.cli.examples import CommandWithExamples
from mt_models.cli.folders import RunPath
from mt_models.generation import generate as continued
from mt_models.prediction import PRETRAINED_TEXT, load_language_model
from mt_models.recipes import TextRecipe
from mt_models.runs import find_runs


@click.command(
    cls=CommandWithExamples,
    context_settings={"max_content_width": 100},
    epilog='{program} generate "ROMEO:"\n'
    '{program} generate "ROMEO:" --temperature 0.5 --seed 1 --length 1000\n'
    '{program} generate "JULIET:" --stop "ROMEO:"\n'
    '{program} generate "To be" --run runs/text-1 --top-k 5\n'
    "{program} generate - < beginning.txt",
)
@click.argument("prompt", default="")
@click.option(
    "--run",
    type=RunPath(),
    default=None,
    help="The name or the folder of a run, or a checkpoint.  [default: the run of `train text` "
    "that was saved last, or the network of the package]",
)
@click.option(
    "--length",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="The largest number of tokens.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    default=0.8,
    show_default=True,
    help="The divisor of the logits: small for likely tokens, 0 for the most likely ones.",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    default=None,
    help="Draw from this number of most likely tokens only.  [default: all]",
)
@click.option(
    "--top-p",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=1.0,
    show_default=True,
    help="Draw from the most likely tokens that have this probability together.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=None,
    help="The seed of the draws: equal seeds give equal texts.  [default: another text each time]",
)
@click.option(
    "--stop",
    multiple=True,
    metavar="TEXT",
    help="Stop before this text. The option can be repeated.",
)
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=None,
    help="The backend.  [default: the backend of the training run]",
)
def generate(
    prompt: str,
    run: str | None,
    length: int,
    temperature: float,
    top_k: int | None,
    top_p: float,
    seed: int | None,
    stop: tuple[str, ...],
    backend: str | None,
) -> None:
    """Continue a text with a language model.

    The text is printed token by token. PROMPT is the beginning; - reads it from standard input.
    Without one, the text begins after a line end. Ctrl-C ends the text.
    """
    if prompt == "-":
        # Line ends of Windows, as in files for training.
        prompt = sys.stdin.read().replace("\r\n", "\n").removesuffix("\n")
    path = _default_run() if run is None else Path(run)
    if run is None:
        # The text alone is on standard output.
        click.echo(f"network: {_name(path)}", err=True)
    model = load_language_model(path, backend)
    tokens = len(model.tokenizer.tokens)
    if top_k is not None and top_k > tokens:
        raise click.UsageError(
            f"--top-k is {top_k:,}, and the network has {tokens:,} tokens; pass at most {tokens:,}"
        )
    pieces = continued(
        model.network,
        model.tokenizer,
        prompt,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        stop=stop,
    )
    click.echo(prompt, nl=False)
    try:
        for piece in pieces:
            click.echo(piece, nl=False)
            sys.stdout.flush()
    finally:
        click.echo()


def _default_run() -> Path:
    """Return the folder of the language model that was saved last, or the package's network."""
    runs = [run for run in find_runs()[0] if run.recipe.problem == TextRecipe.problem]
    return runs[-1].folder if runs else PRETRAINED_TEXT


def _name(path: Path) -> str:
    return "that of the package" if path == PRETRAINED_TEXT else str(path)
