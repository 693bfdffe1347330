"""A class graded by two Dask workers gets the same results as one that is graded here."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from grading.batch.cluster import connected
from grading.batch.find import BatchError
from grading.cli import main
from grading.paths import ROOT
from grading.tests.batch.test_grading_batch import Class

pytestmark = pytest.mark.cluster


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A scheduler and two workers, each a process of its own, on the loopback."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    common = ("--no-dashboard", "--host", "127.0.0.1")
    work = ("--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / "dask"))
    commands = [
        ("distributed.cli.dask_scheduler", "--port", port, *common),
        ("distributed.cli.dask_worker", address, *common, *work),
        ("distributed.cli.dask_worker", address, *common, *work),
    ]
    # As the guide says: a call is not made again where it brought a machine down.
    variables = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "dask.log").open("wb"))
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=variables,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield address


def wait_for_workers(address: str, number: int) -> None:
    import distributed

    with distributed.Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(number, timeout=60)


def test_cluster_results_equal_local_results(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_workers(scheduler, 2)
    tables = []
    for name, where in (("here", None), ("there", scheduler)):
        (tmp_path / name).mkdir()
        course = Class(tmp_path / name)
        for each in ("anna", "ben", "carl", "dora"):
            course.add(each)
        course.add("emil", test_mul="6.0")
        course.add("fay", test_mul="6.0")
        course.add("crash", "crash")
        assert course.grade(scheduler=where) == 3
        rows = course.rows()
        for row in rows.values():
            del row["seconds"]
        files = {
            str(path.relative_to(course.out)): path.read_bytes()
            for path in sorted(course.out.glob("*/report.*"))
        }
        tables.append((rows, files, (course.out / "same-failures.txt").read_text()))
    assert tables[0] == tables[1]


def test_a_job_runs_as_a_process_of_its_machine(scheduler: str, tmp_path: Path) -> None:
    from grading.batch.job import Job

    wait_for_workers(scheduler, 2)
    # A job waits for one on the other machine: no machine can do all of them.
    met = tmp_path / "met"
    met.mkdir()
    program = (
        "import os, time; from pathlib import Path\n"
        f"met = Path({str(met)!r}); (met / str(os.getppid())).touch()\n"
        "while len(list(met.iterdir())) < 2: time.sleep(0.02)\n"
        "print(os.getppid())"
    )
    job = Job((sys.executable, "-c", program), str(tmp_path), 120.0, ())
    with connected(scheduler) as cluster:
        assert cluster.machines == 2
        futures = [cluster.submit(job) for _ in range(4)]
        parents = {int(future.result().text) for future in futures}
    assert len(parents) == 2
    assert os.getpid() not in parents


def test_a_lost_machine_affects_only_its_submission(scheduler: str, tmp_path: Path) -> None:
    wait_for_workers(scheduler, 2)
    course = Class(tmp_path)
    course.add("anna", "kill parent")
    course.add("ben")
    course.add("carl")
    assert course.grade(scheduler=scheduler) == 3
    rows = course.rows()
    assert rows["anna"]["outcome"] == "grader failed"
    assert "lost" in rows["anna"]["reason"]
    assert rows["ben"]["outcome"] == rows["carl"]["outcome"] == "graded"


def test_an_unreachable_scheduler_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.batch.cluster.CONNECT_SECONDS", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(BatchError, match="no Dask scheduler answers"), connected(address):
        pass
    (tmp_path / "class/anna").mkdir(parents=True)
    assert main(["grade", "--batch", str(tmp_path / "class"), "--scheduler", "nonsense"]) == 2
