"""The calls in which a worker ended or was stopped, as Python's faulthandler writes them.

A submission can forge these texts, so they only show where a fault is, and change no verdict.
"""

import re
from pathlib import Path

from grading.worker.last_calls import SIGNAL

CRASH = re.compile(
    r"^Fatal Python error: .*?\(most recent call first\):\n(?P<calls>(?:  File .*\n)*)[\s\S]*",
    re.MULTILINE | re.DOTALL,
)
"""Pattern of the text that faulthandler writes at a crash, up to the end of the output."""

CALL = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)')

HEAD = "(most recent call first):\n"
"""End of the first line of a stack."""

Call = tuple[str, int, str]
"""File, line and function of a call."""


def split_crash(text: str) -> tuple[str, list[Call]]:
    """Split an output at the text of a crash.

    Returns:
        The output before it, and its calls, outermost first.
    """
    found = CRASH.search(text)
    if found is None:
        return text, []
    return text[: found.start()], _calls(found["calls"])


def last_calls(text: str) -> list[Call]:
    """Return the calls of the last stack in a text, outermost first; empty if there is none."""
    return _calls(text.rpartition(HEAD)[2])


def catches_signal(pid: int) -> bool:
    """Return whether a process has a handler of the signal at which a worker writes its calls.

    A process without one would end. Source: proc_pid_status(5), for the mask of caught signals.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return False
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (SIGNAL - 1) & 1)


def _calls(text: str) -> list[Call]:
    return [(c["file"], int(c["line"]), c["function"]) for c in CALL.finditer(text)][::-1]
