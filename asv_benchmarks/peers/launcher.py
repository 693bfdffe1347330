"""Launcher of one process, which records its time and peak memory.

A new process inherits the peak memory of its parent, because the system starts counting before it
loads the program. So the measured process is started by this script, whose interpreter has imported
very little. Run it as ``python -I -S launcher.py REPORT COMMAND ...``.
"""

import json
import os
import sys
import time


def main(report: str, *command: str) -> int:
    """Run a command, write its times (s) and peak memory (MB) as JSON, and return its exit code."""
    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - begin
    usage = {
        "cpu": used.ru_utime + used.ru_stime,
        "wall": wall,
        "memory": used.ru_maxrss / 1024,
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 -- importing pathlib takes memory
        json.dump(usage, file)
    return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
