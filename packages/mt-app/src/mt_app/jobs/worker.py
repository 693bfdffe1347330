"""The training process of the app: `python -m mt_app.jobs.worker FOLDER`.

The run has the same result and files as `python -m mt_models train`, which can resume it. In
addition it writes its live state. It stops when its standard input ends.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mt_app.jobs.live import LiveDisplay
from mt_app.jobs.runs import REQUEST
from mt_app.jobs.watch import Watch
from mt_models.cli.errors import EXPECTED
from mt_models.problems import Evaluation
from mt_models.recipes import recipe_from_json
from mt_models.training import (
    LAST,
    Progress,
    Run,
    Settings,
    finished,
    last_checkpoint,
    run_lock,
    train,
)

STOPPED = 130


class Interruptible:
    """An `Observer` that saves a run, and makes only its evaluations interruptible."""

    def __init__(self, run: Run, watch: Watch) -> None:
        self.run = run
        self.watch = watch
        self.examples = run.problem.epoch_size
        self.evaluating = False

    def on_step(self, progress: Progress) -> None:
        """Handle the end of a step; the evaluation follows after the last step of an epoch."""
        self.run.on_step(progress)
        self.evaluating = progress.examples_seen == self.examples

    def on_epoch(self, progress: Progress, evaluation: Evaluation) -> None:
        """Handle the end of an epoch."""
        self.watch.interruptible = self.evaluating = False
        self.run.on_epoch(progress, evaluation)

    def should_stop(self) -> bool:
        """Return whether to stop before the next step or evaluation."""
        if self.watch():
            return True
        self.watch.interruptible = self.evaluating
        return False


def main(folder: Path) -> int:
    """Train; return 0 if all epochs are done, 130 after a stop, 1 after an error."""
    request = json.loads((folder / REQUEST).read_text("utf-8"))
    settings = Settings(**request["settings"])
    with Watch(folder) as watch:
        display = LiveDisplay(folder, settings)
        try:
            # Loading can be interrupted without loss.
            watch.interruptible = True
            with run_lock(folder):
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
    """Train until the end or a stop; return whether all epochs are done."""
    recipe = recipe_from_json(request["problem"], request["options"])
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    header = recipe.header(problem, settings)
    run = Run(watch.folder, problem, optimizer, settings, recipe.to_json(), header, display)
    progress = Progress(metric=problem.metric)
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
