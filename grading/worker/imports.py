"""Where the worker finds modules: the submission's from the submission, libraries from libraries.

A submission is searched before installed libraries, and only as source: a compiled file beside a
source could do something else than the source says. What the grader itself relies on is never
taken from a submission, and the packages of this repository never from anywhere else.
"""

import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

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


class Rules(MetaPathFinder):
    """The first finder that is asked: decides which folders are searched for a name."""

    def __init__(self, settings: Settings) -> None:
        self.submission = list(settings.submission)
        self.third_party = list(settings.third_party)

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
            return PathFinder.find_spec(fullname, self.third_party, target)
        if fullname.startswith(ONLY_FROM_SUBMISSION):
            spec = PathFinder.find_spec(fullname, self.submission, target)
            if spec is None or spec.origin is None:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
            return spec
        return None


def install(settings: Settings) -> None:
    """Set up the search: built-in modules, the rules, the standard library, the rest in order."""
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
    sys.meta_path.insert(place, Rules(settings))
    sys.dont_write_bytecode = True
