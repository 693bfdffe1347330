"""Trained language models, with their tokenizers."""

from dataclasses import dataclass
from pathlib import Path

from mt_models.networks import GPT
from mt_models.recipes import TextRecipe
from mt_models.tokenizers import Tokenizer, tokenizer_from_json
from mt_nn import Checkpoint, CheckpointError

PRETRAINED_TEXT = Path(__file__).parents[1] / "pretrained" / "text.safetensors"
"""A network that the package contains: `train text` with its defaults."""


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """A trained network in evaluation mode, and its tokenizer.

    Attributes:
        path: The path of the checkpoint.
        network: The network.
        tokenizer: The tokenizer of its training text.
    """

    path: Path
    network: GPT
    tokenizer: Tokenizer


def language_model(checkpoint: Checkpoint, recipe: TextRecipe) -> LanguageModel:
    """Restore the network and the tokenizer of a checkpoint.

    Raises:
        CheckpointError: The checkpoint contains no tokenizer, or other parameters.
        ImportError: The tokenizer needs a package that is not installed.
    """
    if "tokenizer" not in checkpoint.meta:
        raise CheckpointError(
            checkpoint.path, "it contains no tokenizer", "pass a run of `train text`"
        )
    tokenizer = tokenizer_from_json(checkpoint.meta["tokenizer"])
    network = recipe.build_network(len(tokenizer))
    checkpoint.restore(network)
    network.eval()
    return LanguageModel(checkpoint.path, network, tokenizer)
