"""Trains what a folder's request asks for: `python -m mt_app.jobs.worker FOLDER`.

The run is the same as that of `python -m mt_models train`, with the same files, and can be resumed
by it; besides, it tells where it stands. It stops when its standard input ends.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mt_app.jobs.live import LiveDisplay
from mt_app.jobs.runs import REQUEST
from mt_app.jobs.watch import Watch
from mt_models.cli.main import EXPECTED
from mt_models.problems import Evaluation
from mt_models.recipes import recipe_from_json
from mt_models.training import (
    LAST,
    Progress,
    Run,
    Settings,
    finished,
    last_checkpoint,
    train,
)

STOPPED = 130


class Interruptible:
    """An `Observer` that keeps a run, and lets its evaluations be interrupted but nothing else."""

    def __init__(self, run: Run, watch: Watch) -> None:
        self.run = run
        self.watch = watch
        self.examples = len(run.problem.train)
        self.evaluating = False

    def on_step(self, progress: Progress) -> None:
        """A batch was learnt; after the last one of an epoch comes the evaluation."""
        self.run.on_step(progress)
        self.evaluating = progress.examples_seen == self.examples

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """An epoch was finished."""
        self.watch.interruptible = self.evaluating = False
        self.run.on_epoch(progress, evaluation)

    def should_stop(self) -> bool:
        """Return whether to stop; asked right before a step or an evaluation."""
        if self.watch():
            return True
        self.watch.interruptible = self.evaluating
        return False


def main(folder: Path) -> int:
    """Train; return 0 if all epochs were learnt, 130 after a stop, 1 if something was wrong."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    settings = Settings(**request["settings"])
    with Watch(folder) as watch:
        display = LiveDisplay(folder, settings)
        try:
            # Nothing is lost if loading is interrupted.
            watch.interruptible = True
            done = _train(request, settings, watch, display)
        except KeyboardInterrupt:
            done = False
        except EXPECTED as error:
            display.end("failed", str(error))
            print(error, file=sys.stderr)
            return 1
        display.end("finished" if done else "stopped")
        return 0 if done else STOPPED


def _train(
    request: Mapping[str, Any], settings: Settings, watch: Watch, display: LiveDisplay
) -> bool:
    """Train until the end or a stop; return whether it was the end."""
    recipe = recipe_from_json(request["problem"], request["options"])
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    header = recipe.header(problem, settings)
    run = Run(watch.folder, problem, optimizer, settings, recipe.to_json(), header, display)
    progress = Progress()
    if (watch.folder / LAST).is_file():
        progress = run.resume(last_checkpoint(watch.folder))
    observer = Interruptible(run, watch)
    observer.evaluating = progress.examples_seen == observer.examples
    display.begin(progress, observer.examples)
    watch.interruptible = False
    schedule = recipe.make_schedule(settings.steps(observer.examples))
    try:
        train(problem, optimizer, settings, observer, progress, schedule)
    except KeyboardInterrupt:
        run.save(progress)
        raise
    if finished(progress, settings):
        return True
    run.save(progress)
    return False


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
