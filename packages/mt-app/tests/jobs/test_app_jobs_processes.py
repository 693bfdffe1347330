"""The queue of processes: order, stopping, errors."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mt_app.jobs.processes import OUTPUT, ProcessQueue

LISTENS = "import sys; print('up', flush=True); sys.stdin.read(); print('asked', flush=True)"
DEAF = "import time\nprint('up', flush=True)\nwhile True: time.sleep(60)"
LONG = 300.0


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.fixture
def queue() -> ProcessQueue:
    return ProcessQueue()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    return make


def output(folder: Path) -> str:
    return (folder / OUTPUT).read_text("utf-8").replace("\r", "")


def wait_until_up(folder: Path) -> None:
    import time

    deadline = time.monotonic() + LONG
    while not (folder / OUTPUT).is_file() or "up" not in output(folder):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_jobs_run_one_after_the_other_in_order(
    queue: ProcessQueue, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    code = "import sys\nwith open(sys.argv[1], 'a') as f: f.write('<'); f.flush(); f.write('>')"
    folders = [folder(str(i)) for i in range(4)]
    for each in folders:
        queue.submit(each, (*python(code), str(log)))
    assert all(queue.wait(each, LONG) for each in folders)
    assert log.read_text() == "<>" * 4
    assert not queue.busy


def test_a_job_that_reads_its_input_ends_when_stopped(
    queue: ProcessQueue, folder: Callable[[str], Path]
) -> None:
    job = folder("a")
    queue.submit(job, python(LISTENS))
    wait_until_up(job)
    assert queue.state(job) == "running"
    queue.stop(job)
    assert queue.wait(job, LONG)
    assert output(job).split() == ["up", "asked"]
    assert queue.state(job) == "ended"


def test_a_job_that_ignores_stop_is_killed_with_its_children(
    queue: ProcessQueue, folder: Callable[[str], Path]
) -> None:
    job = folder("a")
    queue.submit(job, python(DEAF))
    wait_until_up(job)
    queue.stop(job)
    queue.stop(job)  # Twice does no harm.
    assert queue.wait(job, LONG)


def test_a_waiting_job_that_is_stopped_never_starts(
    queue: ProcessQueue, folder: Callable[[str], Path]
) -> None:
    first, second, third = folder("a"), folder("b"), folder("c")
    queue.submit(first, python(LISTENS))
    queue.submit(second, python("print('never')"))
    queue.submit(third, python("print('third')"))
    assert [queue.position(each) for each in (first, second, third)] == [0, 1, 2]
    assert queue.state(second) == "queued"
    queue.stop(second)
    assert queue.state(second) == "ended"
    assert queue.position(third) == 1
    wait_until_up(first)
    queue.stop(first)
    assert queue.wait(third, LONG)
    assert output(third).split() == ["third"]
    assert not (second / OUTPUT).exists()


def test_a_folder_has_one_job_at_a_time(queue: ProcessQueue, folder: Callable[[str], Path]) -> None:
    job = folder("a")
    queue.submit(job, python(LISTENS))
    with pytest.raises(ValueError, match="has not ended; stop it first"):
        queue.submit(job, python("pass"))
    wait_until_up(job)
    queue.stop(job)
    assert queue.wait(job, LONG)
    queue.submit(job, python("print('again')"))
    assert queue.wait(job, LONG)
    assert output(job).split() == ["up", "asked", "again"]


def test_an_unknown_command_does_not_block_the_queue(
    queue: ProcessQueue, folder: Callable[[str], Path], tmp_path: Path
) -> None:
    bad, ended, good = folder("a"), tmp_path / "gone", folder("c")
    queue.submit(bad, ("/no/such/program",))
    queue.submit(ended, python("pass"))
    queue.submit(good, python("print('good')"))
    assert queue.wait(good, LONG)
    assert output(good).split() == ["good"]


def test_an_unknown_folder_has_ended(queue: ProcessQueue, tmp_path: Path) -> None:
    assert queue.state(tmp_path) == "ended"
    assert queue.wait(tmp_path, 0)
    queue.stop(tmp_path)


def test_a_job_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    """The job also ends if that process is killed."""
    import subprocess
    import time

    job = tmp_path / "job"
    job.mkdir()
    code = (
        "import sys, time; from pathlib import Path\n"
        "from mt_app.jobs.processes import ProcessQueue\n"
        "queue = ProcessQueue()\n"
        "queue.submit(Path(sys.argv[1]), (sys.executable, '-c', sys.argv[2]))\n"
        "time.sleep(600)"
    )
    asker = subprocess.Popen((*python(code), str(job), LISTENS))
    try:
        wait_until_up(job)
    finally:
        asker.kill()
        asker.wait()
    deadline = time.monotonic() + LONG
    while "asked" not in output(job):
        assert time.monotonic() < deadline
        time.sleep(0.02)
