"""Training with nobody watching, to be timed or judged."""

from mt_models.recipes import Recipe
from mt_models.training import Settings, train
from mt_models.training.records import EpochRecord


def one_epoch(recipe: Recipe, batch_size: int = 16) -> EpochRecord:
    """Train what a recipe asks for by one epoch and return its record."""
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    progress = train(problem, optimizer, Settings(1, batch_size), _Nobody())
    return progress.records[-1]


class _Nobody:
    """An observer that takes no notice."""

    def on_step(self, progress: object) -> None:
        """Ignore it."""

    def on_epoch(self, progress: object, evaluation: object) -> None:
        """Ignore it."""

    def should_stop(self) -> bool:
        """Return that it shall go on."""
        return False
