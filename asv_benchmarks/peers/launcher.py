"""Starts one process, waits for it and writes down what it took.

A process inherits the peak memory of the one that starts it: the system counts it from before the
program was loaded. So what is measured is started from here, from an interpreter that has imported
next to nothing. Run as a script: ``python -I -S launcher.py REPORT COMMAND ...``.
"""

import json
import os
import sys
import time


def main(report: str, *command: str) -> int:
    """Run a command and write its seconds and megabytes as JSON; return its exit code."""
    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begin
    seen = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": wall,
        "memory": usage.ru_maxrss / 1024,
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib is not small
        json.dump(seen, file)
    return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
