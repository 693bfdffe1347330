"""Time, memory and output of whole processes are measured."""

from dataclasses import replace

from asv_benchmarks.peers.processes import ProcessRow, measure_processes, run_process
from asv_benchmarks.peers.rows import Target
from tools.workspace import ROOT


def test_time_memory_and_output_of_a_process_are_recorded() -> None:
    sleeping = ProcessRow(
        "sleep",
        "",
        "",
        "wall",
        {"tuned": ("-c", "import time; time.sleep(0.3); print('slept')")},
        {"limit": Target(1.0)},
        limits={"limit": 10.0},
        rounds=1,
    )
    timings, notes = measure_processes(sleeping, threads=1, rounds=1)
    # A sleeping process takes wall time and no processor time.
    assert timings["tuned"].wall[0] >= 0.3
    usage = run_process(sleeping.commands["tuned"], threads=1)
    assert usage.wall >= usage.cpu + 0.3
    assert timings["limit"].cpu == (10.0,)
    assert notes == ["sleep, tuned: slept"]
    hungry = replace(
        sleeping, quantity="memory", commands={"tuned": ("-c", "bytearray(300 * 2**20)")}
    )
    ballast = bytearray(800 * 2**20)
    timings, _ = measure_processes(hungry, threads=1, rounds=1)
    assert len(ballast) > 0
    assert 300.0 < timings["tuned"].cpu[0] < 400.0, (
        "the memory of the parent process must not count"
    )


def test_a_process_runs_with_the_packages_of_an_older_commit() -> None:
    row = ProcessRow(
        "where",
        "",
        "",
        "wall",
        {"tuned": ("-c", "import mt_tensor; print(mt_tensor.__file__)")},
        {"commit HEAD": Target()},
        rounds=1,
        commits={"commit HEAD": "HEAD"},
    )
    timings, notes = measure_processes(row, threads=1, rounds=1)
    assert timings.keys() == {"tuned", "commit HEAD"}
    ours, older = sorted(notes, key=lambda note: "commit HEAD" in note)
    assert str(ROOT) in ours
    assert str(ROOT) not in older
    assert "peers-" in older
    unknown = replace(row, commits={"commit HEAD": "no-such-commit"})
    timings, (message, _) = measure_processes(unknown, threads=1, rounds=1)
    assert timings.keys() == {"tuned"}
    assert "no-such-commit" in message
