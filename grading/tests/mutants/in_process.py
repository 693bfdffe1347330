"""Mutants of modules 5 and 6 that run in this process, so that no worker starts.

A mutant replaces modules of the facade in `sys.modules`. The driver imports these modules in each
call, so that it calls the mutant.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import minitorch
from grading.driver.in_process import InProcessSubject
from grading.protocol.messages import Subject
from grading.tests.mutants.rewriting import Rewrite, changed_sources

FILES = ("nn", "modules_basic", "transformer", "distributed")
"""The files of modules 5 and 6, each one after those that it imports."""


@contextmanager
def mutated(rewrites: Sequence[Rewrite]) -> Iterator[Subject]:
    """Return the packages with some of these files changed, for trusted code only."""
    changed = {path.stem: source for path, source in changed_sources(rewrites).items()}
    before = {name: importlib.import_module(f"minitorch.{name}") for name in FILES}
    try:
        for name in FILES:
            file = str(before[name].__file__)
            source = changed.get(name) or Path(file).read_text(encoding="utf-8")
            module = ModuleType(f"minitorch.{name}")
            module.__file__ = file
            module.__spec__ = before[name].__spec__
            _set(name, module)
            exec(compile(source, file, "exec"), vars(module))
        yield InProcessSubject()
    finally:
        for name, module in before.items():
            _set(name, module)


def _set(name: str, module: ModuleType) -> None:
    sys.modules[f"minitorch.{name}"] = module
    setattr(minitorch, name, module)
