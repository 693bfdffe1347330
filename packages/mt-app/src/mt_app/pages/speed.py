"""The page that compares the speed of the CPU backends on this machine."""

import html
import math
from pathlib import Path

import streamlit as st

from mt_app.jobs.processes import python_command
from mt_app.jobs.speed import (
    EXAMPLE,
    NAMES,
    WORKLOADS,
    machine,
    read_conditions,
    read_timings,
)
from mt_app.shared import job_queue
from mt_app.style import page_head
from mt_models.cli.folders import RUNS

FOLDER = RUNS / "app" / "speed"
SHORTEST = 1e-6
"""The time with a bar of length 0, in seconds."""
WORKER = "mt_app.jobs.speed"


def render() -> None:
    """Draw the page."""
    page_head(
        "Speed",
        "The same workloads on three backends: plain Python loops, the same loops compiled, and "
        "kernels tuned for these networks. The results are equal up to rounding; the times differ.",
        ["Measure, and guess before you look: is the gap larger for a sum or for a convolution?"],
    )
    folder = FOLDER.resolve()
    running = job_queue().state(folder) != "ended"

    @st.fragment(run_every=1.0 if running else None)
    def panel() -> None:
        state = job_queue().state(folder)
        if running and state == "ended":
            st.rerun()
        _buttons(folder, state)
        if state == "ended" and not read_timings(folder):
            st.info(
                f"This machine ({machine()}) is not measured yet. Below are the times of another "
                "machine.",
                icon=":material/info:",
            )
            _results(EXAMPLE)
        else:
            _results(folder)

    panel()


def _buttons(folder: Path, state: str) -> None:
    """Show the button that starts or stops the benchmark."""
    if state == "ended":
        if st.button("Measure this machine", type="primary", icon=":material/timer:"):
            folder.mkdir(parents=True, exist_ok=True)
            job_queue().submit(folder, python_command(WORKER, str(folder)))
            st.rerun()
        return
    done, total = len(read_timings(folder)), len(WORKLOADS) * len(NAMES)
    waits = "waits for another job" if state == "queued" else f"{done} of {total} measured"
    st.progress(0.0 if state == "queued" else min(1.0, done / total), text=waits)
    if st.button("Stop", icon=":material/stop:"):
        job_queue().stop(folder)


def _results(folder: Path) -> None:
    """Show a block of bars for each workload, all on one logarithmic scale, and the conditions."""
    timings = read_timings(folder)
    slowest = max((timing.seconds for timing in timings), default=1.0)
    for work in WORKLOADS:
        found = {t.backend: t.seconds for t in timings if t.workload == work.name}
        if not found:
            continue
        rows = []
        for name in NAMES:
            if name not in found:
                continue
            seconds = found[name]
            gain = found["reference"] / seconds if "reference" in found else None
            faster = "" if gain is None or name == "reference" else f" · {_rounded(gain)} ×"
            rows.append(
                f'<div class="mt-bar mt-winner"><span>{name}</span>'
                f'<div><i style="width: {_length(seconds, slowest):.1f}%"></i></div>'
                f"<b>{_time(seconds)}{faster}</b></div>"
            )
        st.html(
            f'<div class="mt-layer"><b>{html.escape(work.name)}</b> '
            f'<span>{html.escape(work.size)}</span></div><div class="mt-bars">{"".join(rows)}</div>'
        )
    conditions = read_conditions(folder)
    measured = (
        "" if conditions is None else f"Measured on {conditions.date}: {conditions.machine}. "
    )
    st.caption(
        f"{measured}Bars are logarithmic: each factor of ten adds the same length. Each number is "
        "the fastest of several calls, after one that compiles. Other programs that run at the "
        "same time make all of them slower."
    )


def _length(seconds: float, slowest: float) -> float:
    """Return the length of a bar in percent, on a logarithmic scale."""
    return max(
        1.0, 100 * math.log(max(seconds, SHORTEST) / SHORTEST) / math.log(slowest / SHORTEST)
    )


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{_rounded(seconds * factor)} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _rounded(number: float) -> str:
    """Return a number with three digits."""
    return f"{float(f'{number:.3g}'):,.0f}" if number >= 100 else f"{number:.3g}"
