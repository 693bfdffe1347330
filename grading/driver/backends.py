"""The submission's backends by name."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

from grading.driver import editions, numpy_loops, repairs, simulated
from grading.driver.arrays import use_float32

_made: dict[str, Any] = {}


def backend(name: str) -> Any:
    """Return a backend of the submission, cached by its name: "simple", "fast", "cuda" or "layers".

    Only the files that it needs are imported, because a submission may lack the others.
    """
    if name not in _made:
        _made[name] = _make(name)
    return _made[name]


def _make(name: str) -> Any:
    if name == "simple":
        return editions.simple_backend()
    if name == "fast":
        loops = editions.submodule("fast_ops").FastOps
        share_kernels(loops)
        return editions.make_backend(loops)
    if name == "cuda":
        loops = editions.submodule("cuda_ops").CudaOps
        # The import of the submission's files may change the simulator, so this comes after it.
        simulated.prepare()
        repairs.repair_reduce(loops)
        return editions.make_backend(loops, is_cuda=True)
    if name == "layers":
        return _of_layers()
    raise KeyError(f"no backend {name!r}")


def _of_layers() -> Any:
    """Return the backend of module 5: the tree's own kernels for a GPU, or loops in NumPy."""
    if importlib.util.find_spec("minitorch.cuda_kernel_ops") is None:
        return numpy_loops.backend()
    made = editions.make_backend(editions.submodule("cuda_kernel_ops").CudaKernelOps)
    use_float32(made)
    return made


def share_kernels(loops: Any) -> None:
    """Make a class of loops create each kernel once.

    The course's scripts and learners' tests create a second backend of the same class, which would
    compile all kernels again.
    """
    for name in ("map", "zip", "reduce"):
        create = vars(loops).get(name)
        if isinstance(create, staticmethod):
            setattr(loops, name, staticmethod(_once(create.__func__)))


def _once(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that stores its results for functions and start values."""
    created: dict[Any, Any] = {}

    @functools.wraps(create)
    def create_once(*args: Any, **options: Any) -> Any:
        # An integer as a start value gives another kernel than the equal float.
        key = args, tuple(options.items()), tuple(map(type, (*args, *options.values())))
        try:
            known = key in created
        except TypeError:  # An argument is not hashable.
            return create(*args, **options)
        if not known:
            created[key] = create(*args, **options)
        return created[key]

    return create_once
