"""Trains the networks that the app comes with: `python -m tools.pretrain`, three minutes.

The runs are those of the command line. What is kept of each is the network and how it was made;
what only resuming needs is left out, and so are the word vectors, which are among the package's
data.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from mt_models.datasets import Vocabulary, load_glove
from mt_models.recipes import DigitsRecipe, SentimentRecipe, recipe_of
from mt_models.training import BEST
from mt_nn import Module, load_checkpoint, save_checkpoint
from mt_tensor import Reference
from tools.workspace import ROOT

TARGET = ROOT / "packages/mt-app/src/mt_app/pretrained"
COMMANDS = {
    "digits": ("mnist", "--train-size", "60000"),
    "sentiment": ("sentiment",),
}


@click.command()
@click.option(
    "--runs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the runs `mnist-1` and `sentiment-1` of this folder instead of training.",
)
def main(runs: Path | None) -> None:
    """Train the networks that the app comes with, and put them into the package."""
    with tempfile.TemporaryDirectory() as folder:
        for name, command in COMMANDS.items():
            run = Path(folder) / name if runs is None else runs / f"{command[0]}-1"
            if runs is None:
                train = [sys.executable, "-m", "mt_models", "train", *command, "--out", str(run)]
                subprocess.run(train, check=True)
            keep(run / BEST, TARGET / f"{name}.safetensors")


def keep(source: Path, target: Path) -> None:
    """Copy what predicting needs of a run's checkpoint."""
    checkpoint = load_checkpoint(source)
    recipe = recipe_of(checkpoint)
    backend = Reference(np.float32)
    network: Module
    if isinstance(recipe, DigitsRecipe):
        network = recipe.build_network(backend)
        checkpoint.restore(network)
    else:
        assert isinstance(recipe, SentimentRecipe)
        kim = recipe.build_network(Vocabulary(load_glove()), backend)
        checkpoint.restore(kim)
        del kim.embedding
        network = kim
    save_checkpoint(target, model=network, step=checkpoint.step, meta=checkpoint.meta)
    click.echo(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
