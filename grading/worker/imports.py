"""Import rules of the worker.

A submission is searched before installed libraries. Only its sources are imported: a compiled file
could do something else than the source beside it. Libraries that the grader uses are never imported
from a submission, and the packages of this repository only from there.
"""

import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from grading.worker.settings import Settings

TRUSTED_LIBRARIES = frozenset(
    {"numpy", "numba", "llvmlite", "greenlet", "hypothesis", "pytest", "_pytest", "pluggy"}
)
"""Libraries that are always imported from the installed ones, never from a submission."""

ONLY_FROM_SUBMISSION = ("minitorch", "mt_")
"""Prefixes of modules that are imported from a submission only."""

REFUSED = frozenset(
    {"torch", "tensorflow", "jax", "jaxlib", "cupy", "scipy", "sklearn", "autograd"}
)
"""Libraries that replace the work of the course; no task needs one."""


class FromSource(SourceFileLoader):
    """Loader of modules from their sources, never from compiled files beside them."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the source.

        Raises:
            SyntaxError: It is not valid Python; the error names the file in every case.
        """
        path = self.get_filename(fullname)
        data = self.get_data(path)
        try:
            return self.source_to_code(data, path)
        except (SyntaxError, ValueError) as error:
            if isinstance(error, SyntaxError) and error.filename:
                raise
            # For zero bytes, Python names neither file nor line.
            line = data.partition(b"\0")[0].count(b"\n") + 1
            raise SyntaxError(str(error), (path, line, None, None)) from None


class NotifyingLoader(Loader):
    """A loader that calls a function when it has loaded a module.

    Args:
        loader: Loads the module.
        done: Called after each module is loaded.
    """

    def __init__(self, loader: Loader, done: Callable[[], None]) -> None:
        self._loader = loader
        self._done = done

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module with the wrapped loader."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, and call the function."""
        self._loader.exec_module(module)
        self._done()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class Rules(MetaPathFinder):
    """The first finder of the search: selects the folders for a module.

    Args:
        settings: The folders.
        on_numba_import: Called after numba is imported.
    """

    def __init__(self, settings: Settings, on_numba_import: Callable[[], None]) -> None:
        self.submission = list(settings.submission)
        self.third_party = list(settings.third_party)
        self.on_numba_import = on_numba_import

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a top-level module; submodules are found in the folder of their package."""
        if path is not None:
            return None
        if fullname in REFUSED:
            raise ModuleNotFoundError(f"{fullname} may not be used here", name=fullname)
        if fullname in TRUSTED_LIBRARIES:
            spec = PathFinder.find_spec(fullname, self.third_party, target)
            if fullname == "numba" and spec is not None and spec.loader is not None:
                spec.loader = NotifyingLoader(spec.loader, self.on_numba_import)
            return spec
        if fullname.startswith(ONLY_FROM_SUBMISSION):
            spec = PathFinder.find_spec(fullname, self.submission, target)
            if spec is None or spec.origin is None:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
            return spec
        return None


def install(
    settings: Settings,
    on_numba_import: Callable[[], None],
    importing: Callable[[str], AbstractContextManager[None]],
) -> None:
    """Install the search order: built-in modules, the rules, the standard library, the folders.

    Args:
        settings: The folders.
        on_numba_import: Called after numba is imported.
        importing: Returns a context manager for the import of a file of the submission.
    """
    folders = tuple(settings.submission)

    class ReportingLoader(FromSource):
        """A loader that reports which file it imports."""

        def exec_module(self, module: ModuleType) -> None:
            with importing(self.path):
                super().exec_module(module)

    def source_only(path: str) -> FileFinder:
        if not any(path == folder or path.startswith(folder + "/") for folder in folders):
            raise ImportError
        return FileFinder(path, (ReportingLoader, importlib.machinery.SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, source_only)
    sys.path += [*settings.submission, *settings.third_party]
    position = 1 + max(
        (i for i, finder in enumerate(sys.meta_path) if finder is not PathFinder), default=-1
    )
    sys.meta_path.insert(position, Rules(settings, on_numba_import))
    sys.dont_write_bytecode = True
