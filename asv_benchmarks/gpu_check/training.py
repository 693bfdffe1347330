"""Training of the networks on a GPU to the accuracy that the processor reaches."""

import time
from dataclasses import dataclass

from asv_benchmarks.learning import train_silently
from mt_models.recipes import DigitsRecipe, Recipe, SentimentRecipe
from mt_models.training import Settings

RUNS: dict[str, tuple[Recipe, Settings, float]] = {
    # The settings of the commands, and the required accuracy on validation examples. The processor
    # reaches 95.4 % and 78.0 %: see docs/results.
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
class TrainingResult:
    """The result of a training run.

    Attributes:
        command: The command with the same settings.
        seconds: The duration in seconds, compilation included.
        accuracy: The share of correctly classified validation examples, 0 to 1.
        required: The least accuracy that passes.
    """

    command: str
    seconds: float
    accuracy: float
    required: float

    @property
    def passed(self) -> bool:
        """True if the required accuracy is reached."""
        return self.accuracy >= self.required


def train_run(command: str) -> TrainingResult:
    """Train one of the `RUNS` and return its result."""
    recipe, settings, required = RUNS[command]
    begin = time.perf_counter()
    last = train_silently(recipe, settings)
    accuracy = last.validation_right / last.validation_total
    return TrainingResult(command, time.perf_counter() - begin, accuracy, required)
