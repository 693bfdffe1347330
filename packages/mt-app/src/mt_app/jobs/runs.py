"""Training runs of the app: requests, states, results."""

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
"""The name of the file with the request: problem, recipe and settings."""
WORKER = "mt_app.jobs.worker"


@dataclass(frozen=True, slots=True)
class RunView:
    """The state of a training run, read from its folder.

    Attributes:
        folder: The folder of the run.
        problem: The name of the problem.
        options: The recipe's values.
        settings: The values of the settings.
        state: "queued", "running" or "ended".
        live: The live state; None before the start.
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
        """The name of the run."""
        return self.folder.name

    @property
    def failed(self) -> str:
        """The error message, or an empty text."""
        if self.state != "ended":
            return ""
        if self.live is not None and self.live.phase == "failed":
            return self.live.message
        return ""

    @property
    def finished(self) -> bool:
        """True if all epochs are done."""
        return self.live is not None and self.live.phase == "finished"

    @property
    def can_go_on(self) -> bool:
        """True if the run ended early and can be resumed."""
        return self.state == "ended" and not self.finished and (self.folder / LAST).is_file()

    @property
    def has_network(self) -> bool:
        """True if there is a checkpoint of a network."""
        return (self.folder / BEST).is_file()

    def curve(self) -> list[CurvePoint]:
        """Return the points of loss and accuracy so far."""
        return read_curve(self.folder)

    def evaluation(self) -> Evaluation | None:
        """Return the evaluation on the validation examples after the last epoch."""
        return read_evaluation(self.folder)

    def output(self) -> str:
        """Return the end of the process's output."""
        try:
            return (self.folder / OUTPUT).read_text("utf-8", errors="replace")[-4000:]
        except OSError:
            return ""


def start_training(queue: ProcessQueue, recipe: Recipe, settings: Settings) -> Path:
    """Submit a training run; return its folder."""
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
    """Submit a run that ended early, to continue from its last checkpoint.

    Raises:
        ValueError: The run has not ended.
    """
    if is_alive(folder):
        raise ValueError(f"the training in {folder} has not ended; stop it first")
    queue.submit(folder, python_command(WORKER, str(folder)))


def read_run(queue: ProcessQueue, folder: Path) -> RunView | None:
    """Return a run; None if its folder has no readable request of the app."""
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
    """Return the app's runs of a problem, the latest first."""
    requests = RUNS.resolve().glob(f"{problem}-*/{REQUEST}")
    views = [read_run(queue, path.parent) for path in sorted(requests, key=_begun, reverse=True)]
    return [view for view in views if view is not None]


def _begun(request: Path) -> float:
    try:
        return request.stat().st_mtime
    except OSError:
        return 0.0


def _records(path: Path) -> tuple[EpochRecord, ...]:
    """Read the JSON lines of the log, which is replaced atomically."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return tuple(EpochRecord(**json.loads(line)) for line in lines)
    except (OSError, ValueError, TypeError):
        return ()
