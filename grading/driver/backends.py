"""The submission's backends by name."""

from typing import Any

from grading.driver import editions, repairs, simulated

_made: dict[str, Any] = {}


def backend(name: str) -> Any:
    """Return a backend, made once: "simple", "fast" or "cuda".

    Only the files that it needs are imported: a submission may end before the others.
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
        # The submission's own files come first: what they do to the simulator is done again.
        simulated.prepare()
        repairs.repair_reduce(loops)
        return editions.make_backend(loops, is_cuda=True)
    raise KeyError(f"no backend {name!r}")
