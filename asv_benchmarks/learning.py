"""Training with nobody watching, to be timed or judged."""

from mt_models.recipes import Recipe
from mt_models.training import Settings, train
from mt_models.training.records import EpochRecord


def one_epoch(recipe: Recipe, batch_size: int = 16) -> EpochRecord:
    """Train what a recipe asks for by one epoch and return its record."""
    return learnt(recipe, Settings(1, batch_size))


def learnt(recipe: Recipe, settings: Settings) -> EpochRecord:
    """Train what a recipe asks for and return the record of the last epoch."""
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    schedule = recipe.make_schedule(settings.steps(len(problem.train)))
    progress = train(problem, optimizer, settings, _Nobody(), schedule=schedule)
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
