"""The submission's backends by name."""

from typing import Any

from grading.driver import editions, numpy_loops, repairs, simulated

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
        return editions.make_backend(editions.submodule("fast_ops").FastOps)
    if name == "cuda":
        loops = editions.submodule("cuda_ops").CudaOps
        # The import of the submission's files may change the simulator, so this comes after it.
        simulated.prepare()
        repairs.repair_reduce(loops)
        return editions.make_backend(loops, is_cuda=True)
    if name == "layers":
        return numpy_loops.backend()
    raise KeyError(f"no backend {name!r}")
