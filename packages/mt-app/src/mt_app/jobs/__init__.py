"""Work that takes long: in processes of their own, one after the other, with their state on disk.

Nothing here knows Streamlit. A page asks for work and reads files; it never waits.
"""

from mt_app.jobs.processes import ProcessQueue, State
from mt_app.jobs.runs import RunView, find_runs, go_on, read_run, start_training

__all__ = [
    "ProcessQueue",
    "RunView",
    "State",
    "find_runs",
    "go_on",
    "read_run",
    "start_training",
]
