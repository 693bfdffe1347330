"""Two backends of one class of loops have the same kernels, and other arguments other kernels."""

from collections.abc import Callable
from typing import Any

from grading.driver.backends import share_kernels


def test_a_kernel_is_created_once_for_each_function_and_start_value() -> None:
    created = []

    class Loops:
        @staticmethod
        def map(fn: Callable[[float], float]) -> object:
            created.append(fn)
            return object()

        @staticmethod
        def reduce(fn: Any, start: float = 0.0) -> object:
            created.append(fn)
            return object()

    class Cuda:
        def map(self, fn: Any) -> object:
            return fn

    before = vars(Cuda)["map"]
    share_kernels(Loops)
    share_kernels(Cuda)
    assert vars(Cuda)["map"] is before
    assert Loops.map(abs) is Loops.map(abs)
    assert Loops.map(abs) is not Loops.map(float)
    assert Loops.reduce(max, 0.0) is Loops.reduce(max, 0.0)
    assert Loops.reduce(max, start=1.0) is not Loops.reduce(max, 0.0)
    assert Loops.reduce(max, 0) is not Loops.reduce(max, 0.0)
    assert len(created) == 5
    # A list is not hashable.
    assert Loops.reduce([], 0.0) is not Loops.reduce([], 0.0)
