"""Script for a new Python process: import one package and print the changed state of the process.

Usage: python process_probe.py MODULE [OUR OTHER TOP-LEVEL MODULE ...]

Effects of other libraries' own imports do not count. So the package is imported in a forked
process first, which returns the names of the modules that it loads. The modules of others are
imported here, then the state is noted, then the package is imported.
"""

import atexit
import contextlib
import gc
import importlib
import json
import logging
import multiprocessing
import os
import pkgutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

State = dict[str, Any]

LIBRARIES = ("numba", "numpy", "llvmlite", "matplotlib")
"""Libraries whose modules and classes must keep all attributes."""

CACHES = {"__warningregistry__", "__annotations__", "__doc__", "_abc_impl", "__abstractmethods__"}
"""Attributes that Python sets."""


def import_all(name: str) -> None:
    """Import a package and all modules of it whose dependencies are installed."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(module.name)


def modules_loaded(name: str) -> list[str]:
    """Import a package and return the names of all loaded modules, in the order of loading."""
    import_all(name)
    return [*sys.modules]


def in_a_fork(fn: Callable[[], list[str]]) -> list[str]:
    """Call a function in a forked process and return what it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            with os.fdopen(writer, "w") as pipe:
                json.dump(fn(), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        output = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError("the forked process failed")
    returned: list[str] = json.loads(output)
    return returned


def state() -> State:
    """Return the state of this process that a library could change, by name."""
    found: State = {
        "sys.path": tuple(sys.path),
        "sys.meta_path": tuple(sys.meta_path),
        "sys.path_hooks": tuple(sys.path_hooks),
        "sys.excepthook": sys.excepthook,
        "sys.unraisablehook": sys.unraisablehook,
        "sys.displayhook": sys.displayhook,
        "sys.stdout": sys.stdout,
        "sys.stderr": sys.stderr,
        "the recursion limit": sys.getrecursionlimit(),
        "the switch interval": sys.getswitchinterval(),
        "the tracing function": sys.gettrace(),
        "the profiling function": sys.getprofile(),
        "threading.excepthook": threading.excepthook,
        "the running threads": tuple(threading.enumerate()),
        "the garbage collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "the filters of warnings": tuple(warnings.filters),
        "the functions to call at exit": atexit._ncallbacks(),
        "the way to start processes": multiprocessing.get_start_method(allow_none=True),
        "the working directory": os.getcwd(),  # noqa: PTH109
        "logging.disable": logging.root.manager.disable,
        **{f"os.environ[{name!r}]": value for name, value in os.environ.items()},
        **{f"the handler of {each.name}": signal.getsignal(each) for each in signal.Signals},
    }
    if hasattr(os, "sched_getaffinity"):
        found["the processors"] = frozenset(os.sched_getaffinity(0))
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        if isinstance(logger, logging.Logger) and (logger.handlers or logger.level):
            found[f"the logger {logger.name}"] = (logger.level, *logger.handlers, *logger.filters)
    if "numpy" in sys.modules:
        np: Any = sys.modules["numpy"]
        found["numpy.geterr"] = tuple(np.geterr().items())
        found["numpy.get_printoptions"] = str(np.get_printoptions())
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in LIBRARIES and isinstance(module, ModuleType):
            found |= attributes(name, module)
    return found


def attributes(name: str, module: ModuleType) -> State:
    """Return the attributes of a module and of the classes that it defines."""
    found: State = {}
    for key, value in list(vars(module).items()):
        # An import makes a module an attribute of its package.
        if key in CACHES or isinstance(value, ModuleType):
            continue
        found[f"{name}.{key}"] = value
        if isinstance(value, type) and value.__module__ == name:
            for inner, attribute in list(vars(value).items()):
                if inner not in CACHES:
                    found[f"{name}.{key}.{inner}"] = attribute
    return found


def changes(before: State, after: State) -> Iterator[str]:
    """Yield the names of changed values."""
    missing = object()
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, missing), after.get(name, missing)
        if old is not new and not _equal(old, new):
            yield name


def _equal(old: object, new: object) -> bool:
    """Return True if two values are plain and equal; other objects are compared by identity."""
    plain = (str, int, float, bool, tuple, frozenset, type(None))
    return type(old) is type(new) and isinstance(old, plain) and old == new


def main(name: str, ours: Iterable[str]) -> None:
    """Print the changes that importing a package makes, as JSON.

    Changes that it makes later in forked processes are found in a fork.
    """
    for other in in_a_fork(lambda: modules_loaded(name)):
        if other.partition(".")[0] not in {name, *ours}:
            with contextlib.suppress(Exception):
                importlib.import_module(other)
    before = state()
    import_all(name)
    here = [*changes(before, state())]
    later = in_a_fork(lambda: [*changes(before, state())])
    in_libraries = [each for each in later if each.startswith(LIBRARIES) and each not in here]
    print(json.dumps([*here, *(f"{each} after a fork" for each in in_libraries)]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
