"""Accuracy after a fixed amount of training, to detect optimisations that reduce it."""

from asv_benchmarks.learning import one_epoch
from mt_models.backends import BACKENDS
from mt_models.recipes import DigitsRecipe, Recipe, SentimentRecipe


class Accuracy:
    """The percentage of correctly classified validation examples after one epoch."""

    params = (["tuned", "fast"],)
    param_names = ("backend",)
    unit = "%"
    timeout = 600.0

    def setup(self, backend: str) -> None:
        """Raise NotImplementedError if the commit lacks the backend."""
        if backend not in BACKENDS:
            raise NotImplementedError(f"the installed packages have no backend {backend}")

    def track_digits(self, backend: str) -> float:
        """Train the course's LeNet on 2,000 images and classify 1,000 others."""
        return _after_an_epoch(
            DigitsRecipe(backend=backend, dtype="float32", train_size=2000, validation_size=1000)
        )

    def track_sentiment(self, backend: str) -> float:
        """Train the sentence network on 2,000 sentences and classify 872 others."""
        return _after_an_epoch(
            SentimentRecipe(backend=backend, dtype="float32", train_size=2000, lr=0.25)
        )


def _after_an_epoch(recipe: Recipe) -> float:
    record = one_epoch(recipe)
    return 100.0 * record.validation_right / record.validation_total
