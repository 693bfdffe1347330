"""Where the worker finds modules: the submission's from the submission, libraries from libraries.

A submission is searched before installed libraries, and only as source: a compiled file beside a
source could do something else than the source says. What the grader itself relies on is never
taken from a submission, and the packages of this repository never from anywhere else.
"""

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from grading.worker.settings import Settings

RELIED_ON = frozenset(
    {"numpy", "numba", "llvmlite", "greenlet", "hypothesis", "pytest", "_pytest", "pluggy"}
)
"""Libraries that come from the installed ones, whatever a submission brings along."""

ONLY_FROM_SUBMISSION = ("minitorch", "mt_")
"""How the names of modules begin that may stand in a submission only."""

REFUSED = frozenset(
    {"torch", "tensorflow", "jax", "jaxlib", "cupy", "scipy", "sklearn", "autograd"}
)
"""Libraries that do the course's work. No task needs one."""


class FromSource(SourceFileLoader):
    """Loads a module from its source, and never from compiled files beside it."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the source."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Announcing(Loader):
    """A loader that calls a function when it has loaded a module.

    Args:
        loader: Loads the module.
        done: The function.
    """

    def __init__(self, loader: Loader, done: Callable[[], None]) -> None:
        self._loader = loader
        self._done = done

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to the loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module."""
        self._loader.exec_module(module)
        self._done()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class Rules(MetaPathFinder):
    """The first finder that is asked: decides which folders are searched for a name.

    Args:
        settings: The folders.
        compiler_is_there: Called when numba has been imported.
    """

    def __init__(self, settings: Settings, compiler_is_there: Callable[[], None]) -> None:
        self.submission = list(settings.submission)
        self.third_party = list(settings.third_party)
        self.compiler_is_there = compiler_is_there

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module at the top; modules in packages are found where the package is."""
        if path is not None:
            return None
        if fullname in REFUSED:
            raise ModuleNotFoundError(f"{fullname} may not be used here", name=fullname)
        if fullname in RELIED_ON:
            spec = PathFinder.find_spec(fullname, self.third_party, target)
            if fullname == "numba" and spec is not None and spec.loader is not None:
                spec.loader = Announcing(spec.loader, self.compiler_is_there)
            return spec
        if fullname.startswith(ONLY_FROM_SUBMISSION):
            spec = PathFinder.find_spec(fullname, self.submission, target)
            if spec is None or spec.origin is None:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
            return spec
        return None


def install(settings: Settings, compiler_is_there: Callable[[], None] = lambda: None) -> None:
    """Set up the search: built-in modules, the rules, the standard library, the rest in order.

    Args:
        settings: The folders.
        compiler_is_there: Called when numba has been imported.
    """
    folders = tuple(settings.submission)

    def source_only(path: str) -> FileFinder:
        if not any(path == folder or path.startswith(folder + "/") for folder in folders):
            raise ImportError
        return FileFinder(path, (FromSource, importlib.machinery.SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, source_only)
    sys.path += [*settings.submission, *settings.third_party]
    place = 1 + max(
        (i for i, finder in enumerate(sys.meta_path) if finder is not PathFinder), default=-1
    )
    sys.meta_path.insert(place, Rules(settings, compiler_is_there))
    sys.dont_write_bytecode = True
