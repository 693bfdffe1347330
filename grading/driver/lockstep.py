"""Execution of the threads of one warp in lockstep, on numba's simulator.

The course teaches that the threads of a small block execute each step together, and requires no
barrier there. The simulator runs one thread after the other, so such a kernel reads elements before
they are written. In lockstep, a thread pauses before each access to shared memory until all others
have done the previous step.
"""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

WARP = 32
"""Number of threads that run in lockstep."""


def may_be_in_order(race: Any) -> bool:
    """Return whether lockstep orders the accesses of a race: one warp, in shared memory."""
    first, second = race.first, race.second
    return (
        " in shared memory " in str(race)
        and first.block == second.block
        and max(first.thread[0], second.thread[0]) < WARP
        and first.thread[1:] == second.thread[1:] == (0, 0)
    )


@contextmanager
def lockstep(simulation: Any) -> Iterator[None]:
    """Run the threads of a block in lockstep, without detecting races.

    Args:
        simulation: The package that patches the simulator.
    """
    blocks = importlib.import_module(f"{simulation.__name__}.blocks")
    thread, watched = blocks.SimulatedThread, simulation.Watched
    write, wait = watched.__setitem__, thread.syncthreads

    def step_and_write(self: Any, index: Any, value: Any) -> None:
        if self.shared:
            blocks.current()._switch.back()
        write(self, index, value)

    def wait_for_all(self: Any) -> None:
        self.waiting = True
        while self.waiting:
            self._switch.back()

    class Steps(simulation.Observer):  # type: ignore[misc]
        def on_access(self, array: Any, cell: int, written: float | None) -> None:
            if array.shared and written is None:
                blocks.current()._switch.back()

        def on_barrier(self, block: Sequence[Any]) -> None:
            running = [each for each in block if not each.ended]
            if all(getattr(each, "waiting", False) for each in running):
                for each in running:
                    each.waiting = False

    watched.__setitem__, thread.syncthreads = step_and_write, wait_for_all
    try:
        with simulation.observing(Steps()):
            yield
    finally:
        watched.__setitem__, thread.syncthreads = write, wait
