"""Whole processes are measured: their time, their memory, what they print."""

from dataclasses import replace

from asv_benchmarks.peers.processes import ProcessRow, measure_processes, run_process
from asv_benchmarks.peers.rows import Target


def test_processes_are_measured_and_what_they_print_is_kept() -> None:
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
    # It sleeps at least as long as it was asked to, and a sleep is no work.
    assert timings["tuned"].wall[0] >= 0.3
    seen = run_process(sleeping.commands["tuned"], threads=1)
    assert seen.wall >= seen.cpu + 0.3
    assert timings["limit"].cpu == (10.0,)
    assert notes == ["sleep, tuned: slept"]
    hungry = replace(
        sleeping, quantity="memory", commands={"tuned": ("-c", "bytearray(300 * 2**20)")}
    )
    ballast = bytearray(800 * 2**20)
    timings, _ = measure_processes(hungry, threads=1, rounds=1)
    assert len(ballast) > 0
    assert 300.0 < timings["tuned"].cpu[0] < 400.0, "what this process holds does not count"
