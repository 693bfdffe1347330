"""Inputs that depend on the seed and on nothing else.

Hypothesis mixes constants into what it draws that it finds in the sources of imported modules.
Which these are differs from process to process, and grows while checks run: two submissions of one
class, or a check and its repetition, would see other inputs from the same seed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


@contextmanager
def draws_from_seed_only() -> Iterator[None]:
    """Keep constants of imported modules out of what hypothesis draws; it has no setting for it."""
    collect = providers._get_local_constants
    providers.CONSTANTS_CACHE.cache.clear()
    providers._get_local_constants = Constants
    try:
        yield
    finally:
        providers._get_local_constants = collect
        providers.CONSTANTS_CACHE.cache.clear()
