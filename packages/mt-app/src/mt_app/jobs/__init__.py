"""Long-running jobs: processes that run one after the other, with their state on disk.

The package does not use Streamlit. A page submits jobs and reads files; it never blocks.
"""

from mt_app.jobs.processes import ProcessQueue, State
from mt_app.jobs.runs import RunView, find_runs, go_on, read_run, shipped_run, start_training

__all__ = [
    "ProcessQueue",
    "RunView",
    "State",
    "find_runs",
    "go_on",
    "read_run",
    "shipped_run",
    "start_training",
]
