"""Recording is on by default and off within `no_grad`, for this thread and this task only."""

import asyncio
import threading

import pytest

from mt_autodiff.modes import grad_enabled, no_grad


def test_blocks_nest() -> None:
    assert grad_enabled()
    with no_grad():
        with no_grad():
            assert not grad_enabled()
        assert not grad_enabled()
    assert grad_enabled()


def test_an_exception_restores_recording() -> None:
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert grad_enabled()


def test_decorates_a_function_that_calls_itself() -> None:
    @no_grad()
    def states(depth: int) -> list[bool]:
        return [grad_enabled()] + (states(depth - 1) if depth else [])

    assert states(2) == [False, False, False]
    assert grad_enabled()


def test_other_threads_continue_recording() -> None:
    seen: list[bool] = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_other_tasks_continue_recording() -> None:
    async def without(entered: asyncio.Event, leave: asyncio.Event) -> bool:
        with no_grad():
            entered.set()
            await leave.wait()
            return grad_enabled()

    async def main() -> tuple[bool, bool]:
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(without(entered, leave))
        await entered.wait()
        here = grad_enabled()
        leave.set()
        return here, await task

    assert asyncio.run(main()) == (True, False)
