"""Training without output, for timing and for accuracy checks."""

from mt_models.recipes import Recipe
from mt_models.training import Settings, train
from mt_models.training.records import EpochRecord


def one_epoch(recipe: Recipe, batch_size: int = 16) -> EpochRecord:
    """Train the network of a recipe for one epoch and return its record."""
    return train_silently(recipe, Settings(1, batch_size))


def train_silently(recipe: Recipe, settings: Settings) -> EpochRecord:
    """Train the network of a recipe and return the record of the last epoch."""
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    schedule = recipe.make_schedule(settings.steps(len(problem.train)))
    progress = train(problem, optimizer, settings, _SilentObserver(), schedule=schedule)
    return progress.records[-1]


class _SilentObserver:
    """An observer that ignores every event."""

    def on_step(self, progress: object) -> None:
        """Ignore the event."""

    def on_epoch(self, progress: object, evaluation: object) -> None:
        """Ignore the event."""

    def should_stop(self) -> bool:
        """Return False, so that training continues."""
        return False
