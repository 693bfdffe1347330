"""Training runs of the app and of the command line: requests, states, results.

A run of the app has a file with its request. For a run of the command line, the last checkpoint
contains the same values.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
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
from mt_models.problems import Evaluation, Metric
from mt_models.recipes import RECIPES, Recipe
from mt_models.training import (
    BEST,
    LAST,
    EpochRecord,
    Progress,
    Settings,
    finished,
    is_locked,
)
from mt_nn import CheckpointError, load_checkpoint

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
        live: The live state; None before the start, and for a run of the command line.
        records: The finished epochs.
        stoppable: True if the run is queued or running in this app.
        shipped: The checkpoint of a network that comes with the packages; None for other runs.
    """

    folder: Path
    problem: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    state: State
    live: Live | None
    records: tuple[EpochRecord, ...]
    stoppable: bool
    shipped: Path | None = None

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
        if self.live is not None and self.live.phase == "finished":
            return True
        return finished(Progress(list(self.records)), Settings(**self.settings))

    @property
    def metric(self) -> Metric:
        """The validation metric by which epochs are compared."""
        return RECIPES[self.problem].metric

    @property
    def best(self) -> EpochRecord | None:
        """The best epoch, whose network is kept; None before the end of the first."""
        return Progress(list(self.records), metric=self.metric).best

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; own data have classes of their own."""
        names = _description(self.folder).get("classes", RECIPES[self.problem].classes)
        return tuple(names)

    @property
    def can_go_on(self) -> bool:
        """True if the run ended early and can be resumed."""
        return self.state == "ended" and not self.finished and (self.folder / LAST).is_file()

    @property
    def has_network(self) -> bool:
        """True if there is a checkpoint of a network."""
        return self.shipped is not None or (self.folder / BEST).is_file()

    @property
    def source(self) -> Path:
        """The checkpoint or the folder from which the network is loaded."""
        return self.shipped or self.folder

    def curve(self) -> list[CurvePoint]:
        """Return the points of loss and accuracy so far; without a curve, one for each epoch."""
        return read_curve(self.folder) or [
            CurvePoint(float(record.epoch), record.train_loss, record.train_accuracy)
            for record in self.records
        ]

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
    if is_alive(folder) or is_locked(folder):
        raise ValueError(f"the training in {folder} has not ended; stop it first")
    if not (folder / REQUEST).is_file():
        meta = _description(folder)
        request = {name: meta[name] for name in ("problem", "options", "settings")}
        (folder / REQUEST).write_text(json.dumps(request, indent=2) + "\n", "utf-8")
    queue.submit(folder, python_command(WORKER, str(folder)))


def read_run(queue: ProcessQueue, folder: Path) -> RunView | None:
    """Return a run; None if its folder has neither a request of the app nor a checkpoint."""
    try:
        request = json.loads((folder / REQUEST).read_text("utf-8"))
    except (OSError, ValueError):
        request = _description(folder)
    try:
        problem, options, settings = (request[key] for key in ("problem", "options", "settings"))
    except (KeyError, TypeError):
        return None
    if problem not in RECIPES:
        return None
    state = queue.state(folder)
    records = _records(folder / f"{problem}.jsonl")
    live = read_live(folder)
    run = RunView(folder, problem, options, settings, state, live, records, state != "ended")
    if state == "ended" and is_alive(folder):
        return replace(run, state="running")  # In another app.
    if state == "ended" and is_locked(folder):
        # In a terminal. The live state is that of an earlier run of the app.
        return replace(run, state="running", live=None)
    return run


def shipped_run(problem: str, checkpoint: Path) -> RunView:
    """Return the run of a network that comes with the packages, up to its best epoch."""
    meta = _meta(checkpoint, _time(checkpoint))
    records = tuple(EpochRecord(**record) for record in meta["progress"]["records"])
    options, settings = meta["options"], meta["settings"]
    folder = checkpoint.parent
    return RunView(
        folder, problem, options, settings, "ended", None, records, False, shipped=checkpoint
    )


def find_runs(queue: ProcessQueue, problem: str) -> list[RunView]:
    """Return the runs of a problem in `runs/`, the latest first."""
    folders = {path.parent for name in (REQUEST, LAST) for path in RUNS.resolve().glob(f"*/{name}")}
    views = [read_run(queue, path) for path in sorted(folders, key=_changed, reverse=True)]
    return [view for view in views if view is not None and view.problem == problem]


def _changed(folder: Path) -> float:
    """Return the time of a run's request, or of its last checkpoint."""
    return _time(folder / REQUEST) or _time(folder / LAST)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _description(folder: Path) -> Mapping[str, Any]:
    """Return problem, options, settings and classes of a run's last checkpoint; or nothing."""
    path = folder / LAST
    return _meta(path, _time(path))


@lru_cache(maxsize=64)
def _meta(path: Path, written: float) -> Mapping[str, Any]:
    try:
        return load_checkpoint(path).meta
    except (CheckpointError, OSError):
        return {}


def _records(path: Path) -> tuple[EpochRecord, ...]:
    """Read the JSON lines of the log, which is replaced atomically."""
    try:
        lines = path.read_text("utf-8").splitlines()
        return tuple(EpochRecord(**json.loads(line)) for line in lines)
    except (OSError, ValueError, TypeError):
        return ()
