"""Lookup of contenders by name.

A contender is imported only when it is needed, because its framework may not be installed.
"""

from asv_benchmarks.contenders.contender import Absent, Contender
from asv_benchmarks.contenders.names import AS_INSTALLED, NAIVE, NAMES, ONE_THREAD, OURS
from asv_benchmarks.contenders.settings import options_of, rival_of


def load(name: str) -> Contender:
    """Return a contender; its name may contain options, as in ``torch+fused``.

    The environment variables of the options are not set; see `settings.variables`.

    Raises:
        Absent: Its framework is not installed.
        ValueError: No contender has this name, or the framework lacks an option.
    """
    if rival_of(name) not in NAMES:
        raise ValueError(f"contender {name!r} does not exist; choose one of {', '.join(NAMES)}")
    try:
        return _make(rival_of(name), frozenset(option.name for option in options_of(name)))
    except ModuleNotFoundError as error:
        raise Absent(f"{name}: {error.name} is not installed") from error


def _make(name: str, options: frozenset[str]) -> Contender:
    """Import and build a contender, without the frameworks of the others."""
    if name in (*OURS, AS_INSTALLED, ONE_THREAD, NAIVE):
        from asv_benchmarks.contenders.ours import Ours

        return Ours("tuned" if name in (AS_INSTALLED, ONE_THREAD) else name)
    if name == "numpy":
        from asv_benchmarks.contenders.with_numpy import WithNumPy

        return WithNumPy()
    if name in ("torch", "torch-compile"):
        from asv_benchmarks.contenders.with_torch import WithTorch

        return WithTorch(name == "torch-compile", options)
    if name == "jax":
        from asv_benchmarks.contenders.with_jax import WithJax

        return WithJax(options)
    from asv_benchmarks.contenders.with_tinygrad import WithTinygrad

    return WithTinygrad()
