"""Values from outside of a formula: global constants, variables of enclosing functions, helpers.

A *formula* is a scalar function that a backend applies to elements. Python reads the outer values
at each call. Compilers copy them into the code once, and accept no plain Python function among
them. A backend that compiles therefore calls `current`, which returns a new function object, to be
compiled again, after an outer value has changed, and `with_helpers`, which compiles the helpers.
"""

import builtins
import dis
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from mt_tensor import operators

FORMULAS = 1024
"""Number of formulas, and of their versions, that the caches of this module keep."""


def current(fn: Any) -> Any:
    """Return a function for the present outer values of a formula.

    Equal values give the same function object, so that it is a key of a cache of compiled code.
    A compiler has to read the values before they change again.

    Args:
        fn: The formula. A callable of another class than Python's functions is returned unchanged,
            and so are the formulas of `mt_tensor.operators`, whose constants do not change.
    """
    readers = _readers(fn)
    return fn if not readers else _version(fn, tuple(_key(read) for read in readers))


def with_helpers(
    fn: FunctionType,
    compiled: Callable[[FunctionType], Any],
    callers: tuple[CodeType, ...] = (),
) -> FunctionType:
    """Return a formula whose helpers, plain Python functions, are replaced by compiled ones.

    Args:
        fn: The formula.
        compiled: A function that compiles a helper.
        callers: The code of the functions that call the formula, which are not replaced.
    """
    callers = (*callers, fn.__code__)
    done = {
        name: compiled(with_helpers(value, compiled, callers))
        for name, value in _present(fn)
        if isinstance(value, FunctionType)
        and not _is_from_library(value)
        and value.__code__ not in callers
    }
    if not done:
        return fn
    cells = tuple(
        CellType(done[name]) if name in done else cell
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
    )
    scope = {**fn.__globals__, **done}
    copy = FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__, cells)
    copy.__kwdefaults__ = fn.__kwdefaults__
    return copy


def outer_values(fn: FunctionType) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the outer names that a function uses, such as ``math.exp``, each with its reader.

    The reader returns the present value. It raises ValueError for a variable of an enclosing
    function that has no value, and AttributeError for a missing name of a module. Names without a
    value in the function's own module are left out.
    """
    enclosing = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))
    scopes = ChainMap(fn.__globals__, vars(builtins))
    instructions = _instructions(fn.__code__)
    for at, (operation, name) in enumerate(instructions):
        if operation == "LOAD_GLOBAL" and name in scopes:
            read = _reader_of_item(scopes, name)
            value = scopes[name]
        elif operation == "LOAD_DEREF" and name in enclosing:
            read = _reader_of_attribute(enclosing[name], "cell_contents")
            value = None
        else:
            continue
        for following, attribute in instructions[at + 1 :]:
            if not isinstance(value, ModuleType) or following not in _ATTRIBUTE:
                break
            read = _reader_of_attribute(value, attribute)
            name += "." + attribute
            value = getattr(value, attribute, None)
        yield name, read


_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")

_LIBRARIES = ("builtins", "math", "numba", "numpy", "operator")
"""Packages whose functions compilers know."""


@lru_cache(maxsize=FORMULAS)
def _readers(fn: Any) -> tuple[Callable[[], Any], ...]:
    """Return functions that read the outer values of a formula and of its helpers."""
    return tuple(_all_readers(fn, set()))


def _all_readers(fn: Any, seen: set[int]) -> Iterator[Callable[[], Any]]:
    if not isinstance(fn, FunctionType) or id(fn) in seen or fn.__module__ == operators.__name__:
        return
    seen.add(id(fn))
    for name, read in outer_values(fn):
        if name in fn.__globals__ or name not in vars(builtins):
            yield read
            with suppress(AttributeError, ValueError):  # The name has no value yet.
                yield from _all_readers(read(), seen)


@lru_cache(maxsize=FORMULAS)
def _version(fn: FunctionType, keys: tuple[Any, ...]) -> FunctionType:
    """Return a function object with the code and the scope of another one."""
    copy = FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    copy.__kwdefaults__, copy.__module__ = fn.__kwdefaults__, fn.__module__
    return copy


def _key(read: Callable[[], Any]) -> Any:
    """Return a hashable value that differs if compiled code would differ."""
    try:
        return _key_of(read())
    except (AttributeError, KeyError, ValueError):  # The name was deleted.
        return None


def _key_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_key_of(item) for item in value)
    if isinstance(value, np.ndarray | np.generic):
        return type(value), value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float | complex):
        # 0.0 and -0.0 are equal and have different texts.
        return type(value), repr(value)
    return (type(value), value) if type(value).__hash__ is not None else id(value)


def _present(fn: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the outer names that have a value, with the value."""
    for name, read in outer_values(fn):
        with suppress(AttributeError, ValueError):
            yield name, read()


def _is_from_library(fn: FunctionType) -> bool:
    return str(fn.__module__).split(".")[0] in _LIBRARIES


def _reader_of_item(scope: Any, name: str) -> Callable[[], Any]:
    return lambda: scope[name]


def _reader_of_attribute(owner: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(owner, name)


# Many compiled functions share helpers, and a code object never changes.
@lru_cache(maxsize=2048)
def _instructions(code: CodeType) -> tuple[tuple[str, Any], ...]:
    """Return operation and argument of each instruction of a function and of those inside it."""
    own = (
        (instruction.opname, instruction.argval)
        for instruction in dis.get_instructions(code)
        if instruction.opname != "EXTENDED_ARG"
    )
    inner = (
        _instructions(constant) for constant in code.co_consts if isinstance(constant, CodeType)
    )
    return (*own, *chain.from_iterable(inner))
