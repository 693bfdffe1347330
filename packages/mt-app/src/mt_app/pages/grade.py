"""The page that runs the grader on a folder and shows its report."""

import json
import shutil
import time
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st

from mt_app.document_frame import document_frame
from mt_app.jobs.processes import OUTPUT, python_command
from mt_app.shared import checkout, job_queue
from mt_app.style import page_head
from mt_models.cli.folders import RUNS

FOLDER = RUNS / "app" / "grade"
EXAMPLE = Path(__file__).parents[1] / "examples" / "report.html"
"""The report on a wrong solution, which the page shows before the first run."""
ASKED, PROGRESS, JSON, PAGE = "asked.json", "progress.json", "report.json", "report.html"


def render() -> None:
    """Draw the page."""
    page_head(
        "Grade",
        "The grader judges solutions of the course's tasks: it compares them with independent "
        "results on many small inputs, and shows a small one that fails. The "
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
        _example()
        return
    folder = FOLDER.resolve()
    running = job_queue().state(folder) != "ended"
    names = _names(root)
    if not running:
        _form(root, folder, names)

    @st.fragment(run_every=1.0 if running else None)
    def panel() -> None:
        state = job_queue().state(folder)
        if running and state == "ended":
            st.rerun()
        if running:
            _busy(folder, state, names)
        else:
            _report(folder, names)

    panel()


def _form(root: Path, results: Path, names: dict[str, str]) -> None:
    """Let the user choose task and folder; the last choice is the default.

    Args:
        root: The repository.
        results: The folder of the last report, which a new run replaces.
        names: The titles of tasks and modules by their names.
    """
    before = _read(results / ASKED)
    left, right = st.columns([1, 2])
    what = before.get("what")
    chosen = left.selectbox(
        "What",
        list(names),
        index=list(names).index(what) if what in names else 0,
        format_func=names.__getitem__,
        key="grade.what",
        bind="query-params",
    )
    entered = right.text_input(
        "Folder of the submission",
        str(before.get("folder", root)),
        key="grade.folder",
        help="In this repository's layout or the course's.",
        bind="query-params",
    )
    speed = st.toggle("Measure its speed, too", key="grade.speed", bind="query-params")
    if not st.button("Judge it", type="primary", icon=":material/gavel:"):
        return
    submission = Path(entered).expanduser()
    if not submission.is_dir():
        st.error(f"{entered or 'An empty text'} is not a folder. Enter the path of the submission.")
        return
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    asked = {"what": chosen, "folder": str(submission.resolve()), "began": time.time()}
    (results / ASKED).write_text(json.dumps(asked), "utf-8")
    command = python_command(
        *("grading", "grade", chosen, "--submission", str(submission.resolve())),
        *("--json", str(results / JSON), "--html", str(results / PAGE)),
        *("--progress", str(results / PROGRESS)),
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


def _busy(folder: Path, state: str, names: dict[str, str]) -> None:
    """Show the request, and the current task and check."""
    asked, now = _read(folder / ASKED), _read(folder / PROGRESS)
    lines = [f"**{names.get(asked.get('what', ''), '')}** in `{asked.get('folder', '')}`"]
    if state == "queued":
        lines.append("Waiting for another job.")
    else:
        seconds = max(0, round(time.time() - float(asked.get("began", time.time()))))
        step = f"{now['task']}: `{now['check']}`" if now.get("check") else "Starting"
        lines.append(f"{step} · {seconds} s")
    st.info("  \n".join(lines), icon=":material/hourglass_top:")
    if st.button("Stop", icon=":material/stop:"):
        job_queue().stop(folder)
    if output := _output(folder):
        st.code(output, language=None)


def _report(folder: Path, names: dict[str, str]) -> None:
    """Show the last report, or the reason why there is none."""
    asked = _read(folder / ASKED)
    try:
        result = json.loads((folder / JSON).read_text("utf-8"))
        page = (folder / PAGE).read_text("utf-8")
    except (OSError, ValueError):
        if output := _output(folder):
            st.warning("The grader ended without a report. This is what it printed:")
            st.code(output, language=None)
        else:
            _example()
        return
    st.header(f"Report on {result['submission']['name']}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{names.get(asked.get('what', ''), '')}, judged at {result['created']}")
        st.download_button(
            "Download the report", page, "report.html", "text/html", icon=":material/download:"
        )
    document_frame(page, "The report", "grade.report")


def _example() -> None:
    """Show the report on a solution with a known mistake."""
    st.header("Example of a report")
    st.caption(
        "In this example, the derivative of 1 / x has the wrong sign in a solution of task 0.1. "
        "The report on your solution replaces it."
    )
    document_frame(EXAMPLE.read_text("utf-8"), "The example of a report", "grade.example")


def _read(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one if it is missing or incomplete."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _output(folder: Path) -> str:
    try:
        return (folder / OUTPUT).read_text("utf-8", errors="replace")[-6000:].strip()
    except OSError:
        return ""
