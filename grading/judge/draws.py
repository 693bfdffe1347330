"""Hypothesis inputs that depend on the seed only.

Hypothesis also draws constants from the sources of imported modules. The set of these modules
differs between processes and grows during a run. With it, two submissions of a class, or two runs
of a check, would receive different inputs for the same seed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


@contextmanager
def draws_from_seed_only() -> Iterator[None]:
    """Disable constants from imported modules, for which hypothesis has no setting."""
    collect = providers._get_local_constants
    providers.CONSTANTS_CACHE.cache.clear()
    providers._get_local_constants = Constants
    try:
        yield
    finally:
        providers._get_local_constants = collect
        providers.CONSTANTS_CACHE.cache.clear()
