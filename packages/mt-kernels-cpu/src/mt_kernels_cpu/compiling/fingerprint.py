"""Digest of a function's meaning: the key of its compiled form on disk.

Machine code from an earlier process may be used only if compiling now would give the same code. The
date of a file is not enough: numba copies constants and helpers into the code, from whichever file
they come. So the fingerprint covers the function's bytecode and, recursively, every value that the
function names. Comments and line numbers do not count.

Bytecode is better than source text: it is what numba compiles, it belongs to the function in memory
even while its file is edited, and functions typed into a notebook have it, too.
"""

import functools
import hashlib
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.dispatcher import Dispatcher
from numba.core.types import Type
from numba.extending import intrinsic

from mt_tensor.outer_values import outer_values

VERSIONS = (sys.version, np.__version__, numba.__version__, llvmlite.__version__)
"""Versions of the interpreter and the libraries that compile. Names in these libraries keep their
meaning as long as the versions stay the same."""

LIBRARIES = ("builtins", "cmath", "llvmlite", "math", "numba", "numpy", "operator")
"""Top-level packages whose functions are identified by their names."""

Intrinsic: Any = type(intrinsic(lambda typing: None))
"""Type of functions that write LLVM instructions instead of being compiled."""

SETTINGS = ("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE")
"""Names of numba's settings that change the generated code. A missing name makes the cache stale
after that setting changes."""


class _NotHashableError(Exception):
    """A function names a value without a digest."""


def fingerprint(fn: FunctionType, options: dict[str, Any]) -> str | None:
    """Return a digest of everything that determines a function's compiled form.

    Args:
        fn: A Python function.
        options: numba's options for it.

    Returns:
        A hexadecimal digest. None if the function names a value whose compiled form is unknown: an
        object of a class, or another Python function, for which numba may have a substitute.

    >>> half = fingerprint(lambda x: x / 2, {})
    >>> half == fingerprint(lambda x: x / 2, {}), half == fingerprint(lambda x: x / 3, {})
    (True, False)
    """
    settings = [repr(getattr(config, name, None)) for name in SETTINGS]
    try:
        return _digest("compiled", *VERSIONS, *settings, _digest_compiled(fn, options, ()))
    except _NotHashableError:
        return None


def _digest(kind: str, *parts: str) -> str:
    """Return the SHA-256 of strings. Their lengths are included, so different lists differ."""
    result = hashlib.sha256()
    for part in (kind, *parts):
        data = part.encode(errors="surrogatepass")
        result.update(len(data).to_bytes(8, "little") + data)
    return result.hexdigest()


def _digest_compiled(
    fn: FunctionType, options: dict[str, Any], callers: tuple[FunctionType, ...]
) -> str:
    """Return the digest of a function that numba compiles. `callers` end recursion."""
    if fn in callers:
        return _digest("recursion", str(callers.index(fn)))
    callers = (*callers, fn)
    references = (_digest(name, _digest_value(value, callers)) for name, value in _references(fn))
    return _digest(
        "function", _digest_value(options, callers), _digest_content(fn, callers), *references
    )


def _digest_generator(fn: FunctionType, callers: tuple[FunctionType, ...]) -> str:
    """Return the digest of a function that Python runs while numba compiles, and of its callees."""
    if fn in callers:
        return _digest("recursion", str(callers.index(fn)))
    callers = (*callers, fn)
    references = (
        _digest(
            name,
            _digest_generator(value, callers)
            if _is_user_function(value)
            else _digest_value(value, callers),
        )
        for name, value in _references(fn)
    )
    return _digest("written", _digest_content(fn, callers), *references)


def _is_user_function(value: Any) -> bool:
    return isinstance(value, FunctionType) and not _is_from_library(value)


def _is_from_library(value: type | FunctionType | BuiltinFunctionType) -> bool:
    return str(value.__module__).split(".")[0] in LIBRARIES


def _digest_content(fn: FunctionType, callers: tuple[FunctionType, ...]) -> str:
    """Return the digest of a function's code and defaults, without the values that it names."""
    return _digest(
        "content",
        _digest_value(fn.__defaults__, callers),
        _digest_value(fn.__kwdefaults__, callers),
        _digest_value(fn.__code__, callers),
    )


def _digest_value(value: Any, callers: tuple[FunctionType, ...]) -> str:
    """Return the digest of a value that compiled code contains."""
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return _digest(type(value).__name__, repr(value))
        case tuple():
            return _digest("tuple", *(_digest_value(item, callers) for item in value))
        case set() | frozenset():
            return _digest("set", *sorted(_digest_value(item, callers) for item in value))
        case dict():
            return _digest("dict", *sorted(_digest_value(item, callers) for item in value.items()))
        case np.generic():
            return _digest(value.dtype.str, value.tobytes().hex())
        case np.ndarray() if not value.dtype.hasobject:
            layout = (value.dtype.str, value.shape, value.flags.c_contiguous)
            return _digest("array", repr(layout), value.tobytes().hex())
        case CodeType():
            return _digest_code(value)
        case Dispatcher() if getattr(value, "_can_compile", False) and not value.locals:
            # A dispatcher with explicit types converts its arguments, which no digest here covers.
            return _digest_compiled(value.py_func, value.targetoptions, callers)
        case Intrinsic():
            return _digest_generator(value._defn, callers)
        case np.ufunc():
            return _digest("ufunc", value.__name__)
        case Type() if type(value).__module__.split(".")[0] == "numba":
            return _digest("type of numba", str(value))
        case type() if issubclass(value, Type) and value.__module__.split(".")[0] != "numba":
            methods = (item for item in vars(value).values() if isinstance(item, FunctionType))
            return _digest("type", *(_digest_compiled(method, {}, callers) for method in methods))
        case type() | FunctionType() | BuiltinFunctionType():
            if _is_from_library(value):
                return _digest("library", value.__module__, value.__qualname__)
    raise _NotHashableError


# Many kernels share helpers, and a code object never changes.
@functools.lru_cache(maxsize=2048)
def _digest_code(code: CodeType) -> str:
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return _digest(
        "code",
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        repr((names, counts)),
        _digest_value(code.co_consts, ()),  # Constants name no functions.
    )


def _references(fn: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the outer names that a function uses, such as ``math.exp``, with their values."""
    for name, read in outer_values(fn):
        try:
            value = read()
        except ValueError:  # A variable of an enclosing function has no value yet.
            raise _NotHashableError from None
        except AttributeError:  # A module has no such name.
            value = None
        yield name, value
