"""The page that runs the grader on a folder and shows its report."""

import json
import shutil
import tomllib
from pathlib import Path

import streamlit as st

from mt_app.jobs.processes import OUTPUT, python_command
from mt_app.shared import checkout, job_queue
from mt_app.style import page_head
from mt_models.cli.folders import RUNS

FOLDER = RUNS / "app" / "grade"
JSON, PAGE = "report.json", "report.html"


def render() -> None:
    """Draw the page."""
    page_head(
        "Grade",
        "The grader judges solutions of the course's tasks: it compares them with independent "
        "results on many small inputs, and shows the smallest one that fails. The "
        "judged code runs in a separate process, in a sandbox where the system has one.",
        ["Judge this repository's own solution of task 0.1 first: it takes a few seconds."],
    )
    root = checkout()
    if root is None:
        st.info(
            "The grader belongs to the repository and is not part of an installed package. "
            "Clone the repository, and start the app there with `hatch run app`.",
            icon=":material/info:",
        )
        return
    folder = FOLDER.resolve()
    running = job_queue().state(folder) != "ended"
    if not running:
        _form(root, folder)

    @st.fragment(run_every=1.0 if running else None)
    def panel() -> None:
        state = job_queue().state(folder)
        if running and state == "ended":
            st.rerun()
        if running:
            _busy(folder, state)
        else:
            _report(folder)

    panel()


def _form(root: Path, results: Path) -> None:
    """Let the user choose task and folder.

    Args:
        root: The repository.
        results: The folder of the last report, which a new run replaces.
    """
    names = _names(root)
    left, right = st.columns([1, 2])
    chosen = left.selectbox("What", list(names), format_func=names.__getitem__, key="grade what")
    entered = right.text_input(
        "Folder of the submission",
        str(root),
        key="grade folder",
        help="In this repository's layout or the course's.",
    )
    speed = st.toggle("Measure its speed, too", key="grade speed")
    if not st.button("Judge it", type="primary", icon=":material/gavel:"):
        return
    submission = Path(entered).expanduser()
    if not submission.is_dir():
        st.error(f"{entered or 'An empty text'} is not a folder. Enter the path of the submission.")
        return
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    command = python_command(
        *("grading", "grade", chosen, "--submission", str(submission.resolve())),
        *("--json", str(results / JSON), "--html", str(results / PAGE)),
        *(() if speed else ("--no-speed",)),
    )
    job_queue().submit(results, command, cwd=root)
    st.rerun()


def _names(root: Path) -> dict[str, str]:
    """Return tasks and modules with their titles, by their names on the command line."""
    table = tomllib.loads((root / "grading" / "tasks.toml").read_text("utf-8"))
    names = {
        f"task{task['id'].replace('.', '_')}": f"Task {task['id']}: {task['title']}"
        for task in table["task"]
    }
    names |= {
        f"module{module['number']}": f"Module {module['number']}: {module['title']}"
        for module in table["module"]
    }
    return names


def _busy(folder: Path, state: str) -> None:
    """Show the state and the output of the grader."""
    if state == "queued":
        st.info("Waiting for another job.", icon=":material/hourglass_top:")
    else:
        st.info("The grader is running.", icon=":material/hourglass_top:")
    if st.button("Stop", icon=":material/stop:"):
        job_queue().stop(folder)
    if output := _output(folder):
        st.code(output, language=None)


def _report(folder: Path) -> None:
    """Show the last report, or the reason why there is none."""
    try:
        result = json.loads((folder / JSON).read_text("utf-8"))
        page = (folder / PAGE).read_text("utf-8")
    except (OSError, ValueError):
        if output := _output(folder):
            st.warning("The grader ended without a report. This is what it printed:")
            st.code(output, language=None)
        return
    st.subheader(f"Report on {result['submission']['name']}")
    st.iframe(page, height=640, alt="The report")
    st.download_button(
        "Download the report", page, "report.html", "text/html", icon=":material/download:"
    )


def _output(folder: Path) -> str:
    try:
        return (folder / OUTPUT).read_text("utf-8", errors="replace")[-6000:].strip()
    except OSError:
        return ""
