"""The smallest GPT: it learns names, and the same program runs on four engines.

`mt_models.names.model` is the model, written once on the functions of an `Engine`. The module
`scalars` computes them with lists of `Scalar`, the module `tensors` with tensors of any backend.
`mt_models.names.learning` trains the model and invents names. Sizes and recipe are those of
microgpt by Andrej Karpathy (2026).
"""

from mt_models.names.learning import ENGINES, Learner, make_engine
from mt_models.names.model import Engine, initial_weights, logits, probabilities
from mt_models.names.scalars import Scalars
from mt_models.names.tensors import Tensors

__all__ = [
    "ENGINES",
    "Engine",
    "Learner",
    "Scalars",
    "Tensors",
    "initial_weights",
    "logits",
    "make_engine",
    "probabilities",
]
