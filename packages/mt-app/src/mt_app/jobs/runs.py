"""Training runs as the app sees them: asked for, queued, learning, ended."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mt_app.jobs.live import (
    CurvePoint,
    Live,
    read_curve,
    read_evaluation,
    read_live,
)
from mt_app.jobs.processes import OUTPUT, ProcessQueue, State, python_command
from mt_app.jobs.watch import is_alive
from mt_models.cli.folders import RUNS, new_folder
from mt_models.problems import Evaluation
from mt_models.recipes import Recipe
from mt_models.training import BEST, LAST, EpochRecord, Settings

REQUEST = "job.json"
"""What was asked for: the problem, its recipe, the settings."""
WORKER = "mt_app.jobs.worker"


@dataclass(frozen=True, slots=True)
class RunView:
    """A training run, as far as its folder tells.

    Attributes:
        folder: Where it is.
        problem: What it learns.
        options: The recipe's values.
        settings: The values of the training's settings.
        state: Whether it waits, is being worked on, or has ended.
        live: Where it stands, None if it has not begun.
        records: The finished epochs.
    """

    folder: Path
    problem: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    state: State
    live: Live | None
    records: tuple[EpochRecord, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.name

    @property
    def failed(self) -> str:
        """What went wrong, or nothing."""
        if self.state != "ended":
            return ""
        if self.live is not None and self.live.phase == "failed":
            return self.live.message
        return ""

    @property
    def finished(self) -> bool:
        """Whether it has learnt all that it was asked to."""
        return self.live is not None and self.live.phase == "finished"

    @property
    def can_go_on(self) -> bool:
        """Whether it ended before its time and left a state to take up."""
        return self.state == "ended" and not self.finished and (self.folder / LAST).is_file()

    @property
    def has_network(self) -> bool:
        """Whether there is a network to ask."""
        return (self.folder / BEST).is_file()

    def curve(self) -> list[CurvePoint]:
        """Return the points of loss and accuracy so far."""
        return read_curve(self.folder)

    def evaluation(self) -> Evaluation | None:
        """Return how the network answered the validation examples after the last epoch."""
        return read_evaluation(self.folder)

    def output(self) -> str:
        """Return the end of what the process printed."""
        try:
            return (self.folder / OUTPUT).read_text("utf-8", errors="replace")[-4000:]
        except OSError:
            return ""


def start_training(queue: ProcessQueue, recipe: Recipe, settings: Settings) -> Path:
    """Queue a training; return its folder."""
    folder = new_folder(recipe.problem, None).resolve()
    request = {
        "problem": recipe.problem,
        "options": recipe.to_json(),
        "settings": asdict(settings),
    }
    (folder / REQUEST).write_text(json.dumps(request, indent=2) + "\n", "utf-8")
    queue.submit(folder, python_command(WORKER, str(folder)))
    return folder


def go_on(queue: ProcessQueue, folder: Path) -> None:
    """Queue a training that ended before its time; it goes on where it stood.

    Raises:
        ValueError: It has not ended.
    """
    if is_alive(folder):
        raise ValueError(f"the training in {folder} has not ended; stop it first")
    queue.submit(folder, python_command(WORKER, str(folder)))


def read_run(queue: ProcessQueue, folder: Path) -> RunView | None:
    """Return a run; None if the app did not ask for it or its request cannot be read."""
    try:
        request = json.loads((folder / REQUEST).read_text("utf-8"))
        problem, options, settings = (request[key] for key in ("problem", "options", "settings"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    state = queue.state(folder)
    if state == "ended" and is_alive(folder):
        state = "running"  # In another app.
    records = _records(folder / f"{problem}.jsonl")
    return RunView(folder, problem, options, settings, state, read_live(folder), records)


def find_runs(queue: ProcessQueue, problem: str) -> list[RunView]:
    """Return the runs of a problem that the app asked for, the latest first."""
    requests = RUNS.resolve().glob(f"{problem}-*/{REQUEST}")
    views = [read_run(queue, path.parent) for path in sorted(requests, key=_begun, reverse=True)]
    return [view for view in views if view is not None]


def _begun(request: Path) -> float:
    try:
        return request.stat().st_mtime
    except OSError:
        return 0.0


def _records(path: Path) -> tuple[EpochRecord, ...]:
    """Read the log's JSON lines, which are replaced as a whole and so never half-written."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return tuple(EpochRecord(**json.loads(line)) for line in lines)
    except (OSError, ValueError, TypeError):
        return ()
