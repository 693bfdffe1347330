"""What a worker had of the processors, as seen from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grading.isolation import CpuTime, IsolatedSubject
from grading.tests.attacks.trees import write_tree

COMPUTES = """
    import time

    def mul(x, y):
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        return x * y
    """

ASLEEP = 5.0
"""Seconds that the code sleeps: more than it waits for a processor to begin and to end."""

SLEEPS = f"""
    import time

    def mul(x, y):
        time.sleep({ASLEEP})
        return x * y
    """


@pytest.fixture
def crowd() -> Iterator[None]:
    """Let all processes that are started share one processor with three that never rest."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    # Linux may share a processor out among sessions first.
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", "print(flush=True)\nwhile True: pass"],
            start_new_session=True,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for each in crowd:
        assert each.stdout is not None
        assert each.stdout.readline() == b"\n", "it runs"
    yield
    for each in crowd:
        each.kill()
        each.communicate()
    os.sched_setaffinity(0, processors)


def of_a_product(subject: IsolatedSubject) -> CpuTime:
    """Return what a worker had of the processors while it multiplied."""
    one = np.ones(1)
    subject.call("operators.each", [one], {"formula": "neg"})
    before = subject.cpu_time
    subject.call("operators.each", [one, one], {"formula": "mul"})
    return subject.cpu_time - before


@pytest.mark.slow
@pytest.mark.usefixtures("crowd")
def test_who_computes_in_a_crowd_waits_for_a_processor(tmp_path: Path) -> None:
    with IsolatedSubject(write_tree(tmp_path, COMPUTES)) as subject:
        cpu_time = of_a_product(subject)
        assert cpu_time.run >= 0.5
        assert cpu_time.wait > cpu_time.run
        all_in_all = subject.cpu_time
        subject.end_worker()
        # What a worker had is not forgotten with it.
        assert subject.cpu_time.run >= all_in_all.run


@pytest.mark.slow
@pytest.mark.usefixtures("crowd")
def test_who_sleeps_in_a_crowd_does_not_wait(tmp_path: Path) -> None:
    with IsolatedSubject(write_tree(tmp_path, SLEEPS)) as subject:
        cpu_time = of_a_product(subject)
        assert cpu_time.run + cpu_time.wait < ASLEEP
