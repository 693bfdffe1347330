"""Training of the networks that the packages contain: `python -m tools.pretrain` (ten minutes).

The script runs the training commands and keeps the weights and the settings of each network. It
leaves out the state that only a resumed run needs, and the word vectors, which are in the package's
data.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from mt_models.datasets import Vocabulary, load_glove
from mt_models.prediction import PRETRAINED_TEXT
from mt_models.prediction.texts import language_model
from mt_models.recipes import DigitsRecipe, PointsRecipe, SentimentRecipe, TextRecipe, recipe_of
from mt_models.training import BEST
from mt_nn import Module, load_checkpoint, save_checkpoint
from mt_tensor import Reference
from tools.workspace import ROOT

TARGET = ROOT / "packages/mt-app/src/mt_app/pretrained"
COMMANDS = {
    "digits": ("mnist", "--train-size", "60000"),
    "sentiment": ("sentiment",),
    # The settings with which the app's page Points starts.
    "points": ("points", "--optimizer", "adam", "--lr", "0.01", "--epochs", "200"),
    "text": ("text",),
}


@click.command()
@click.option(
    "--runs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Use the runs `mnist-1`, `sentiment-1`, `points-1` and `text-1` in this folder instead of "
    "training.",
)
@click.option(
    "--only", type=click.Choice(list(COMMANDS)), help="Write this network only.  [default: all]"
)
def main(runs: Path | None, only: str | None) -> None:
    """Train the networks that the packages contain, and write them."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COMMANDS if only is None else (only,):
            command = COMMANDS[name]
            run = Path(folder) / name if runs is None else runs / f"{command[0]}-1"
            if runs is None:
                train = [sys.executable, "-m", "mt_models", "train", *command, "--out", str(run)]
                subprocess.run(train, check=True)
            target = PRETRAINED_TEXT if name == "text" else TARGET / f"{name}.safetensors"
            keep(run / BEST, target)


def keep(source: Path, target: Path) -> None:
    """Copy the part of a checkpoint that prediction needs."""
    checkpoint = load_checkpoint(source)
    recipe = recipe_of(checkpoint)
    backend = Reference(np.float32)
    network: Module
    dtype = None
    if isinstance(recipe, DigitsRecipe):
        network = recipe.build_network(backend)
        checkpoint.restore(network)
    elif isinstance(recipe, PointsRecipe):
        network = recipe.build().network
        checkpoint.restore(network)
    elif isinstance(recipe, TextRecipe):
        network = language_model(checkpoint, recipe).network
        # Half of the bytes of single precision.
        dtype = np.float16
    else:
        assert isinstance(recipe, SentimentRecipe)
        kim = recipe.build_network(Vocabulary(load_glove()), backend)
        checkpoint.restore(kim)
        del kim.embedding
        network = kim
    step, meta = checkpoint.step, checkpoint.meta
    save_checkpoint(target, model=network, step=step, meta=meta, dtype=dtype)
    click.echo(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
