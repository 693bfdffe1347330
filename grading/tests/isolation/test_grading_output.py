"""The output of a worker is complete when it is read, and a large output is bounded."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grading.isolation.output import TAIL_SIZE, Output


@contextmanager
def printing() -> Iterator[tuple[Output, int]]:
    """Return the reader of a pipe, and the writable end of the pipe."""
    reading, writing = os.pipe()
    output = Output(reading)
    try:
        yield output, writing
    finally:
        os.close(writing)
        output.finish()


def test_output_is_available_after_it_is_printed() -> None:
    for _ in range(300):
        with printing() as (output, writing):
            os.write(writing, b"one")
            assert output.tail() == "one"
            os.write(writing, b", two")
            assert output.tail() == "one, two"


def test_the_last_characters_are_kept_and_all_are_counted() -> None:
    with printing() as (output, writing):
        for _ in range(50):
            os.write(writing, b"x" * 10_000)
        os.write(writing, "end\xe9".encode())
    assert output.count == 500_005
    assert output.tail().endswith("xend\xe9")
    assert len(output.tail()) <= TAIL_SIZE


def test_the_end_of_endless_output_is_available() -> None:
    stop = threading.Event()

    def flood(writing: int) -> None:
        while not stop.is_set():
            os.write(writing, b"x" * 60_000)

    with printing() as (output, writing):
        flooding = threading.Thread(target=flood, args=(writing,))
        flooding.start()
        try:
            for _ in range(20):
                assert len(output.tail()) <= TAIL_SIZE
        finally:
            stop.set()
            flooding.join()


def test_descriptors_are_closed() -> None:
    before = descriptors()
    for _ in range(50):
        with printing():
            pass
    assert descriptors() <= before


def descriptors() -> int:
    """Return the number of open files of this process, if the system reports it."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
