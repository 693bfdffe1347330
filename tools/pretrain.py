"""Training of the networks that the app contains: `python -m tools.pretrain` (three minutes).

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
    help="Use the runs `mnist-1` and `sentiment-1` in this folder instead of training.",
)
def main(runs: Path | None) -> None:
    """Train the networks that the app contains, and write them into its package."""
    with tempfile.TemporaryDirectory() as folder:
        for name, command in COMMANDS.items():
            run = Path(folder) / name if runs is None else runs / f"{command[0]}-1"
            if runs is None:
                train = [sys.executable, "-m", "mt_models", "train", *command, "--out", str(run)]
                subprocess.run(train, check=True)
            keep(run / BEST, TARGET / f"{name}.safetensors")


def keep(source: Path, target: Path) -> None:
    """Copy the part of a checkpoint that prediction needs."""
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
