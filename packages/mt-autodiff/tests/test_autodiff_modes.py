"""Recording is on by default and off within `no_grad`, for this thread and this task only."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

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


@pytest.mark.parametrize("decorator", [no_grad, no_grad()], ids=["bare", "called"])
def test_decorates_a_function_that_calls_itself(decorator: Any) -> None:
    @decorator  # type: ignore[untyped-decorator]
    def states(depth: int) -> list[bool]:
        return [grad_enabled()] + (states(depth - 1) if depth else [])

    assert states(2) == [False, False, False]
    assert states.__name__ == "states"
    assert grad_enabled()


def test_one_object_can_be_entered_several_times() -> None:
    block = no_grad()
    with block, no_grad():
        with block:
            pass
        assert not grad_enabled()
    assert grad_enabled()


@pytest.mark.parametrize("value", [5, int, [lambda: None]])
def test_what_cannot_be_decorated(value: Any) -> None:
    with pytest.raises(TypeError, match="is not a function; decorate a function or a method with"):
        no_grad(value)


# Generators and coroutines


def in_block() -> Iterator[bool]:
    with no_grad():
        yield grad_enabled()
        yield grad_enabled()
    yield grad_enabled()


def in_exit_stack() -> Iterator[bool]:
    with ExitStack() as stack:
        stack.enter_context(no_grad())
        yield grad_enabled()
        yield grad_enabled()
    yield grad_enabled()


def delegated() -> Iterator[bool]:
    yield from in_block()


@pytest.mark.parametrize("generator", [in_block, in_exit_stack, delegated])
def test_a_block_in_a_generator_ends_at_its_yields(generator: Callable[[], Iterator[bool]]) -> None:
    inside, outside = [], []
    for state in generator():
        inside.append(state)
        outside.append(grad_enabled())
    assert inside == [False, False, True]
    assert outside == [True, True, True]


def test_generators_and_blocks_end_in_any_order() -> None:
    first, second = in_block(), in_block()
    assert not next(first)
    with no_grad():
        assert not next(second)
        assert list(first) == [False, False], "the block around the loop still applies"
        assert not grad_enabled()
        second.close()  # type: ignore[attr-defined]
        assert not grad_enabled()
    assert grad_enabled()
    abandoned = in_block()
    next(abandoned)
    del abandoned
    gc.collect()
    assert grad_enabled()


def test_a_generator_that_another_thread_continues() -> None:
    generator = in_block()
    next(generator)
    thread = threading.Thread(target=list, args=(generator,))
    thread.start()
    thread.join()
    assert grad_enabled()


def test_a_decorated_generator() -> None:
    @no_grad
    def states() -> Iterator[bool]:
        received = yield grad_enabled()
        assert received == "sent"
        yield grad_enabled()

    generator: Any = states()
    assert [next(generator), grad_enabled(), generator.send("sent"), grad_enabled()] == [
        False,
        True,
        False,
        True,
    ]


def test_a_context_manager_of_a_generator_applies_to_its_block() -> None:
    @contextmanager
    def evaluation() -> Iterator[None]:
        with no_grad():
            yield

    def states() -> Iterator[bool]:
        with evaluation():
            yield grad_enabled()

    with evaluation():
        assert not grad_enabled()
    assert grad_enabled()
    assert [(inside, grad_enabled()) for inside in states()] == [(False, True)]


def test_coroutines_and_asynchronous_generators() -> None:
    @no_grad
    async def decorated() -> bool:
        await asyncio.sleep(0)
        return grad_enabled()

    @no_grad
    async def items() -> AsyncIterator[bool]:
        yield grad_enabled()
        await asyncio.sleep(0)
        yield grad_enabled()

    async def main() -> list[bool]:
        states = [await decorated(), grad_enabled()]
        async for state in items():
            states += [state, grad_enabled()]
        return states

    assert asyncio.run(main()) == [False, True] * 3


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
