"""Measurement of a worker's processor time."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grading.isolation import IsolatedSubject
from grading.isolation.watch import cpu_time
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
"""Seconds for which the code sleeps."""

SLEEPS = f"""
    import time

    def mul(x, y):
        time.sleep({ASLEEP})
        return x * y
    """


@pytest.fixture
def crowd() -> Iterator[None]:
    """Run all child processes on one processor, together with three busy ones."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    # Linux may divide a processor among sessions before processes.
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


def of_a_product(subject: IsolatedSubject) -> float:
    """Return the seconds that a matrix product is charged with."""
    one = np.ones(1)
    subject.call("operators.each", [one], {"formula": "neg"})
    before = subject.seconds
    subject.call("operators.each", [one, one], {"formula": "mul"})
    return subject.seconds - before


@pytest.mark.slow
@pytest.mark.usefixtures("crowd")
def test_waiting_for_a_processor_is_not_charged(tmp_path: Path) -> None:
    """The worker gets 1/4 of a processor: it needs two seconds for half a second of work."""
    with IsolatedSubject(write_tree(tmp_path, COMPUTES)) as subject:
        began = time.monotonic()
        charged = of_a_product(subject)
        assert 0.4 <= charged < (time.monotonic() - began) / 2


@pytest.mark.slow
def test_sleeping_is_charged(tmp_path: Path) -> None:
    with IsolatedSubject(write_tree(tmp_path, SLEEPS)) as subject:
        assert of_a_product(subject) >= ASLEEP / 2


def test_ended_children_count_with_their_parent() -> None:
    before = cpu_time(os.getpid())
    program = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (cpu_time(os.getpid()) - before).run >= 0.25
