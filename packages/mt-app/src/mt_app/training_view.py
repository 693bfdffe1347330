"""The training part of a page: start, progress, stop, resume, results.

All content is read from the run's folder, so a reloaded page shows the same.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from mt_app.charts import training_curves
from mt_app.jobs import RunView, find_runs, go_on, shipped_run, start_training
from mt_app.shared import job_queue
from mt_models.backends import Dtype, default_dtype
from mt_models.problems import Metric
from mt_models.recipes import Recipe
from mt_models.training import EpochRecord, Settings

BACKENDS = {
    "tuned": "kernels tuned for these networks",
    "fast": "the course's loops, compiled",
    "reference": "plain Python, thousands of times slower",
}
PHASES = {
    "preparing": "loading data and compiling",
    "learning": "learning",
    "validating": "validating",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
}


def choose_part(parts: Sequence[str], key: str) -> str:
    """Let the user choose a part of a page, the first one at first."""
    part: str = st.segmented_control(
        "Part",
        parts,
        default=parts[0],
        key=key,
        label_visibility="collapsed",
        bind="query-params",
        required=True,
    )
    return part


def choose_backend(key: str) -> tuple[str, Dtype]:
    """Let the user choose a backend; return its name and its dtype."""
    explained = "\n".join(f"- **{name}**: {description}" for name, description in BACKENDS.items())
    name = st.selectbox("Backend", list(BACKENDS), key=key, help=explained, bind="query-params")
    return name, default_dtype(name)


def choose_data(label: str, key: str, explained: str) -> str | None:
    """Let the user enter a path of own data; return it, or None for the embedded data."""
    entered = st.text_input(label, key=key, help=explained, placeholder="path", bind="query-params")
    if not entered.strip():
        return None
    path = Path(entered.strip()).expanduser().resolve()
    if not path.exists():
        st.error(f"{path} does not exist. Enter the path of your data, or nothing.")
    return str(path)


def choose_size(
    label: str, sizes: Sequence[int], default: int, key: str, data: str | None
) -> int | None:
    """Let the user choose a number of embedded examples; return None for own data.

    Args:
        label: The label.
        sizes: The numbers.
        default: The chosen number at first.
        key: The unique key of the slider, and its name in the address.
        data: The path of own data.
    """
    size = st.select_slider(
        label, sizes, default, key=key, bind="query-params", disabled=data is not None
    )
    return None if data else int(size)


def start_button(recipe: Recipe, settings: Settings, key: str) -> None:
    """Show the button that starts a training."""
    data = recipe.to_json().get("data")
    missing = data is not None and not Path(data).exists()
    icon = ":material/play_arrow:"
    if not st.button("Start training", type="primary", icon=icon, key=key, disabled=missing):
        return
    try:
        folder = start_training(job_queue(), recipe, settings)
    except OSError as error:
        st.error(
            f"The run cannot be saved here: {error.strerror}. Start the app in another folder."
        )
        return
    st.session_state[f"{recipe.problem} run"] = folder.name


def show_pictures(run: RunView) -> None:
    """Show the pictures that the command `train` draws at the end of a run."""
    for column, name in zip(st.columns(2), ("confusion", "errors"), strict=True):
        path = run.folder / f"{name}.png"
        if path.is_file():
            column.image(path.read_bytes(), caption=f"{name}.png", width="stretch")


def training_panel(
    problem: str,
    details: Callable[[RunView], None],
    *,
    judged_by: str = "validation examples",
    details_first: bool = False,
    shipped: Path | None = None,
) -> None:
    """Show the active runs of a problem, and one run in detail.

    Args:
        problem: The name of the problem.
        details: A function that shows details of the chosen run.
        judged_by: The description of the validation examples.
        details_first: True shows the details above the curves.
        shipped: The checkpoint of the network that comes with the app. Its run is the last in the
            list, so that the page shows curves before the first own run.
    """
    active = any(run.state != "ended" for run in find_runs(job_queue(), problem))

    @st.fragment(run_every=1.0 if active else None)
    def panel() -> None:
        runs = find_runs(job_queue(), problem)
        for run in runs:
            if run.state != "ended":
                _active_run(run)
        if active and all(run.state == "ended" for run in runs):
            st.rerun()  # The whole page, without the timer.
        if shipped is not None:
            runs.append(shipped_run(problem, shipped))
        if runs:
            _chosen_run(problem, runs, details, judged_by, details_first)
        else:
            st.caption(
                "No run yet. Each run has its own folder in `runs/`; those of the command `train` "
                "appear here, too."
            )

    panel()


def _active_run(run: RunView) -> None:
    """Show the progress of a run, and the button that stops it."""
    with st.container(border=True):
        text, button = st.columns([4, 1], vertical_alignment="center")
        live = run.live
        if run.state == "queued":
            before = job_queue().position(run.folder)
            text.markdown(f"**{run.name}** waits for {before} other run{'s' if before > 1 else ''}")
        elif live is None and not run.stoppable:
            epoch, epochs = len(run.records) + 1, int(run.settings["epochs"])
            text.markdown(f"**{run.name}** · epoch {epoch} of {epochs} · runs in a terminal")
        elif live is None:
            text.markdown(f"**{run.name}** · starting")
        else:
            text.markdown(
                f"**{run.name}** · epoch {min(live.epoch, live.epochs)} of {live.epochs} · "
                f"{PHASES[live.phase]}"
            )
        if run.stoppable and button.button(
            "Stop", icon=":material/stop:", key=f"stop {run.name}", width="stretch"
        ):
            job_queue().stop(run.folder)
        if live is None or run.state == "queued":
            return
        left = "" if live.left is None else f"about {_duration(live.left)} left"
        st.progress(live.share, text=left or None)
        if live.loss is not None and live.accuracy is not None and live.speed is not None:
            st.markdown(
                f"loss **{live.loss:.4f}** · accuracy **{live.accuracy:.1%}** · "
                f"**{live.speed:,.0f}** examples/s"
            )


def _chosen_run(
    problem: str,
    runs: list[RunView],
    details: Callable[[RunView], None],
    judged_by: str,
    details_first: bool,
) -> None:
    """Let the user choose a run, and show its results."""
    names = [run.name for run in runs]
    requested = st.session_state.pop(f"{problem} run", None)
    key = f"{problem}.run"
    if requested in names:
        st.session_state[key] = requested
    left, right = st.columns(2)
    chosen = left.selectbox("Run", names, key=key, bind="query-params")
    run = runs[names.index(chosen)]
    others = [name for name in names if name != run.name]
    other = right.selectbox(
        "Compare with",
        others,
        index=None,
        placeholder="no other run",
        key=f"{problem}.other",
        bind="query-params",
        disabled=not others,
    )
    _ending(run, judged_by)
    if details_first:
        details(run)
    compared = [run] if other is None else [run, runs[names.index(other)]]
    if any(each.curve() for each in compared):
        training_curves(compared, judged_by)
    if len(compared) == 2:
        _differences(*compared)
    if not details_first:
        details(run)
    if run.shipped is None:
        st.caption(f"All files are in `{_short(run.folder)}`, as those of the command `train`.")


def _differences(run: RunView, other: RunView) -> None:
    """Show the options in which two runs differ, and their results."""
    values = [
        {**each.options, **each.settings, f"best validation {run.metric}": _best(each)}
        for each in (run, other)
    ]
    rows = [name for name in values[0] if values[0][name] != values[1].get(name)]
    st.table(
        {
            "option": rows,
            run.name: [str(values[0][name]) for name in rows],
            other.name: [str(values[1].get(name)) for name in rows],
        },
        hide_index=True,
    )


def _best(run: RunView) -> str:
    if run.best is None:
        return "none"
    return f"{_score(run.best, run.metric)} (epoch {run.best.epoch})"


def _score(record: EpochRecord, metric: Metric) -> str:
    """Return the validation metric of an epoch as a text."""
    if metric == "loss":
        return f"{record.validation_loss:.4f}"
    return f"{record.validation_accuracy:.2%}"


def _ending(run: RunView, judged_by: str) -> None:
    """Show how a run ended, and a button to resume it."""
    if run.state != "ended":
        return
    if run.best is not None:
        last, best = run.records[-1], run.best
        loss = f"Loss **{last.validation_loss:.4f}**, " if run.metric == "loss" else ""
        st.markdown(
            f"{loss}**{last.validation_accuracy:.2%}** of {last.validation_total:,} {judged_by} "
            f"right after epoch {last.epoch}; the best was epoch {best.epoch} with "
            f"{_score(best, run.metric)}."
        )
    if run.shipped is not None:
        st.caption(
            "This network comes with the app; its run ends at its best epoch. Start a training "
            "above, and compare your run with it."
        )
        return
    if run.failed:
        st.error(run.failed, icon=":material/error:")
    elif not run.finished:
        st.info("Stopped before its last epoch.", icon=":material/pause_circle:")
        output = run.output().strip()
        if output:
            with st.expander("Output of the process"):
                st.code(output, language=None)
    if run.can_go_on and st.button("Go on", icon=":material/resume:", key=f"go on {run.name}"):
        go_on(job_queue(), run.folder)
        st.rerun()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _short(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
