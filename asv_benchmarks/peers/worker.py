"""The process in which a contender runs.

It reads requests from its standard input, one JSON object a line, and answers likewise:

- ``{"prepare": workload}``: make the call ready and warm → ``{"seconds": …}`` of one call;
- ``{"run": calls}``: run it so often → ``{"wall": …, "cpu": …}``, seconds for each call;
- ``{"limits": true}`` → what the machine can do (see `asv_benchmarks.peers.roofline`).

Its first answer says what the contender runs on, ``{"versions": …}``.

An answer ``{"absent": reason}`` declines; ``{"failed": message}`` says what went wrong.
"""

import gc
import json
import os
import sys
import time
import traceback
from dataclasses import asdict
from typing import Any, TextIO

from asv_benchmarks import conditions
from asv_benchmarks.contenders import Absent, Call, Contender, load
from asv_benchmarks.peers.roofline import Limits
from asv_benchmarks.workloads import Workload

WARM_SECONDS = 0.3
"""How long a call is repeated before it counts as warm."""

SPREAD_SECONDS = 0.3
"""How long a call on several threads is repeated at the beginning of each turn.

Systems keep a process that was idle on one core for tens of milliseconds, however many threads it
has, before they spread it again.
"""


def main() -> None:
    """Answer requests until there are no more."""
    name, threads = sys.argv[1], int(sys.argv[2])
    conditions.pin(threads)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # Whatever a framework prints must not look like an answer.
    os.dup2(2, 1)
    try:
        contender = load(name)
        contender.set_threads(threads)
    except Absent as error:
        _answer(answers, {"absent": str(error)})
        return
    _answer(answers, {"versions": contender.versions()})
    _serve(contender, threads, answers)


def _serve(contender: Contender, threads: int, answers: TextIO) -> None:
    call: Call = _nothing
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                # What the case before left behind goes before memory is needed again.
                call = _nothing
                gc.collect()
                call = contender.prepare(workload_from_json(request["prepare"]))
                _answer(answers, {"seconds": _warm_up(call)})
            elif "limits" in request:
                _answer(answers, asdict(Limits.measure(threads)))
            else:
                if threads > 1:
                    _repeat(call, SPREAD_SECONDS)
                _answer(answers, _timed(call, request["run"]))
        except Absent as error:
            _answer(answers, {"absent": str(error)})
        except Exception as error:
            # One case that fails leaves the others to be measured.
            traceback.print_exc()
            _answer(answers, {"failed": f"{type(error).__name__}: {error}"})


def _nothing() -> None:
    """Stand for no case at all."""


def _warm_up(call: Call) -> float:
    """Call until it is warm and return how long a call takes then."""
    call()
    return _repeat(call, WARM_SECONDS)


def _repeat(call: Call, duration: float) -> float:
    """Call for so many seconds, a thousand times at most; return how long the fastest call took.

    Any single call may be interrupted, as by Python when it collects what a compiler left behind.
    """
    begin = last = time.perf_counter()
    fastest = float("inf")
    for _ in range(1000):
        call()
        now = time.perf_counter()
        fastest, last = min(fastest, now - last), now
        if now - begin > duration:
            break
    return fastest


def _timed(call: Call, calls: int) -> dict[str, float]:
    """Return how long one of so many calls takes, on the clock and of the processor's time."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall / calls, "cpu": cpu / calls}


def workload_from_json(values: dict[str, Any]) -> Workload:
    """Return a workload from its attributes as JSON has them."""
    shapes = tuple(tuple(shape) for shape in values["shapes"])
    domain = tuple(values["domain"])
    return Workload(**values | {"shapes": shapes, "domain": domain})


def _answer(answers: TextIO, values: dict[str, Any]) -> None:
    answers.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
