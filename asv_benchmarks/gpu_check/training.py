"""The networks, trained on a GPU to what they reach on the processor."""

import time
from dataclasses import dataclass

from asv_benchmarks.learning import learnt
from mt_models.recipes import DigitsRecipe, Recipe, SentimentRecipe
from mt_models.training import Settings

RUNS: dict[str, tuple[Recipe, Settings, float]] = {
    # The commands' own settings, and the share of validation examples that have to be right. The
    # processor reaches 95.4 % and 78.0 %: see docs/results.
    "train mnist": (
        DigitsRecipe(backend="cuda-tuned", lr=0.25, schedule="cosine", train_size=5000),
        Settings(epochs=3, batch_size=16),
        0.94,
    ),
    "train sentiment": (
        SentimentRecipe(
            backend="cuda-tuned", optimizer="adam", lr=0.005, weight_decay=0.001, schedule="cosine"
        ),
        Settings(epochs=8, batch_size=50),
        0.76,
    ),
}


@dataclass(frozen=True)
class Trained:
    """What a network has learnt.

    Attributes:
        command: What trains the same.
        seconds: How long that took, compiling included.
        right: The share of validation examples that it reads right.
        wanted: The least that passes.
    """

    command: str
    seconds: float
    right: float
    wanted: float

    @property
    def passed(self) -> bool:
        """Whether it reads enough of them right."""
        return self.right >= self.wanted


def learn(command: str) -> Trained:
    """Train one of the `RUNS`."""
    recipe, settings, wanted = RUNS[command]
    begin = time.perf_counter()
    last = learnt(recipe, settings)
    right = last.validation_right / last.validation_total
    return Trained(command, time.perf_counter() - begin, right, wanted)
