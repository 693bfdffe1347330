"""Lookup of contenders by name.

A contender is imported only when it is needed, because its framework may not be installed.
"""

from asv_benchmarks.contenders.contender import Absent, Contender
from asv_benchmarks.contenders.names import AS_INSTALLED, NAIVE, NAMES, OURS


def load(name: str) -> Contender:
    """Return a contender.

    Raises:
        Absent: Its framework is not installed.
        ValueError: No contender has this name.
    """
    if name not in NAMES:
        raise ValueError(f"contender {name!r} does not exist; choose one of {', '.join(NAMES)}")
    try:
        return _make(name)
    except ModuleNotFoundError as error:
        raise Absent(f"{name}: {error.name} is not installed") from error


def _make(name: str) -> Contender:
    """Import and build a contender, without the frameworks of the others."""
    if name in (*OURS, AS_INSTALLED, NAIVE):
        from asv_benchmarks.contenders.ours import Ours

        return Ours("tuned" if name == AS_INSTALLED else name)
    if name == "numpy":
        from asv_benchmarks.contenders.with_numpy import WithNumPy

        return WithNumPy()
    if name in ("torch", "torch-compile"):
        from asv_benchmarks.contenders.with_torch import WithTorch

        return WithTorch(compiled=name == "torch-compile")
    if name == "jax":
        from asv_benchmarks.contenders.with_jax import WithJax

        return WithJax()
    from asv_benchmarks.contenders.with_tinygrad import WithTinygrad

    return WithTinygrad()
