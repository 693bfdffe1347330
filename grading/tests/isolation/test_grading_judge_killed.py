"""Workers end when the judge is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grading.isolation.levels import best_level
from grading.isolation.plain import Plain
from grading.paths import ROOT
from grading.tests.attacks.trees import write_tree
from grading.tests.waiting import wait_until

JUDGE = """
import sys
import numpy as np
from grading.isolation import IsolatedSubject
with IsolatedSubject(sys.argv[1]) as subject:
    one = np.ones(1)
    subject.call("operators.each", [one], {"formula": "neg"})
    print("ready", flush=True)
    subject.call("operators.each", [one, one], {"formula": "mul"})
"""


@pytest.mark.slow
def test_workers_end_with_their_judge(tmp_path: Path) -> None:
    if isinstance(best_level("best"), Plain):
        pytest.skip("this machine offers no sandbox")
    marker = f"worker-of-{os.getpid()}-{time.monotonic_ns()}"
    waits = f"""
        def mul(x, y):
            import os
            if not os.fork():
                os.setsid()
                os.execv("/bin/sleep", ["{marker}", "600"])
            while True:
                pass
        """
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE, str(write_tree(tmp_path, waits))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    with judge:
        assert judge.stdout is not None
        assert judge.stdout.readline() == b"ready\n"
        assert wait_until(lambda: is_running(marker))
        judge.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not is_running(marker))


def is_running(marker: str) -> bool:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in file.read_text(errors="replace").split("\0"):
                return True
        except OSError:
            continue
    return False
