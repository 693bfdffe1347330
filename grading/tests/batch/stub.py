"""Stands in for the grader: what a submission says in a file `act`, it does.

    python stub.py ARGUMENTS --submission PATH --seed N --json FILE --html FILE

It imports nothing of the grader, so that it starts in no time: the report that it writes lies in
the submission.
"""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path


def main() -> int:
    """Do as the submission says."""
    option = dict(pairwise(sys.argv[1:]))
    submission = Path(option["--submission"])
    act = (submission / "act").read_text(encoding="utf-8")
    report = (submission / "report").read_bytes()
    with (submission.parent.parent / "graded.log").open("a", encoding="utf-8") as log:
        log.write(ascii(submission.name) + "\n")
    if act == "hang":
        # With a child that goes on when only its parent is ended.
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (submission.parent.parent / "child.pid").write_text(str(child.pid))
        time.sleep(600)
    if act == "kill parent":
        os.kill(os.getppid(), signal.SIGKILL)
    if act == "crash":
        os.abort()
    if act == "flood":
        for _ in range(3000):
            print("x" * 1000)
    if act == "none":
        print("Error: this is not a submission")
        return 2
    if act == "fail":
        return 3
    if act == "garbage":
        report = b"{"
    if act != "nothing":
        Path(option["--json"]).write_bytes(report)
        Path(option["--html"]).write_text(f"seed {option['--seed']}", encoding="utf-8")
    return 1 if act == "wrong" else 0


if __name__ == "__main__":
    sys.exit(main())
