"""The process in which a contender runs.

It reads requests from standard input, one JSON object per line, and writes one response for each:

- ``{"prepare": workload, "warm": seconds}``: prepare a call and warm it up, `WARM_SECONDS` long by
  default → ``{"seconds": …}`` of one call;
- ``{"run": calls}``: run a number of calls → ``{"wall": …, "cpu": …}``, seconds of one call, or
  of one step where a call has several;
- ``{"limits": true}`` → the peaks of the machine (see `asv_benchmarks.peers.roofline`).

Before the first request it writes the versions of its libraries, ``{"versions": …}``. The response
``{"absent": reason}`` means that the contender cannot run the case, ``{"failed": message}`` that an
exception was raised.
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
"""Seconds for which a call is repeated to warm up. With less, compilation and cold caches are
measured."""

SPREAD_SECONDS = 0.3
"""Seconds for which a call on several threads is repeated at the beginning of each turn.

After an idle period the system keeps all threads of a process on one core for tens of milliseconds.
With less repetition, that period is measured.
"""


def main() -> None:
    """Respond to requests until standard input ends."""
    name, threads = sys.argv[1], int(sys.argv[2])
    conditions.pin(threads)
    responses = os.fdopen(os.dup(1), "w", buffering=1)
    # Output of a framework must not be read as a response.
    os.dup2(2, 1)
    try:
        contender = load(name)
        contender.set_threads(threads)
    except Absent as error:
        _respond(responses, {"absent": str(error)})
        return
    _respond(responses, {"versions": contender.versions()})
    _serve(contender, threads, responses)


def _serve(contender: Contender, threads: int, responses: TextIO) -> None:
    call: Call = _nothing
    steps = 1
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                # Free the memory of the previous case first.
                call = _nothing
                gc.collect()
                workload = Workload.from_json(request["prepare"])
                call, steps = contender.prepare(workload), contender.steps_per_call(workload)
                _respond(responses, {"seconds": _warm_up(call, request.get("warm"))})
            elif "limits" in request:
                _respond(responses, asdict(Limits.measure(threads)))
            else:
                if threads > 1:
                    _repeat(call, SPREAD_SECONDS)
                _respond(responses, _timed(call, request["run"], steps))
        except Absent as error:
            _respond(responses, {"absent": str(error)})
        except Exception as error:
            # Other cases can still be measured after a failure.
            traceback.print_exc()
            _respond(responses, {"failed": f"{type(error).__name__}: {error}"})


def _nothing() -> None:
    """Do nothing; the call before the first request."""


def _warm_up(call: Call, duration: float | None) -> float:
    """Call for some seconds, by default `WARM_SECONDS`; return those of the fastest call."""
    call()
    return _repeat(call, WARM_SECONDS if duration is None else duration)


def _repeat(call: Call, duration: float) -> float:
    """Call for `duration` seconds, at most 1000 times; return the seconds of the fastest call.

    Single calls may be interrupted, for example by Python's garbage collection.
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


def _timed(call: Call, calls: int, steps: int) -> dict[str, float]:
    """Run calls of some steps each; return wall time and processor time of one step, in seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = calls * steps
    return {"wall": wall / count, "cpu": cpu / count}


def _respond(responses: TextIO, values: dict[str, Any]) -> None:
    responses.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main()
