"""Runs of the tests that a learner has written, on the learner's code.

The judge also requests them for copies of the submission with one wrong function. This module does
not distinguish the two.
"""

import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, settings

import minitorch
from grading.driver.family import Family
from grading.protocol.messages import Request, Response

family = Family()


@family.operation
def run(request: Request) -> Response:
    """Run the tests of a file that have a marker.

    Options: `file`, its name in the folder ``tests``; `marker`; and `examples`, the number of
    examples that hypothesis draws for a test.

    Returns:
        For each test "passed", or the name and the message of the exception that it raised; None
        if there is no such file.
    """
    options = request.options
    path = _find(options["file"])
    if path is None:
        return Response(request, plain=None)
    settings.register_profile(
        "learner",
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=options["examples"],
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("learner")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = {
            name: _outcome(test, arguments)
            for name, test, arguments in _tests(_import(path), options["marker"])
        }
    return Response(request, plain=outcomes)


def _find(file: str) -> Path | None:
    """Return the path of a test file of the submission; None if there is none."""
    for folder in Path(minitorch.__file__).resolve().parents:
        path = folder / "tests" / file
        if path.is_file():
            return path
    return None


def _import(path: Path) -> ModuleType:
    """Import a test file again, in a package `tests`, so that it can import its neighbours."""
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    package = ModuleType("tests")
    package.__path__ = [str(path.parent)]
    sys.modules["tests"] = package
    spec = importlib.util.spec_from_file_location(f"tests.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _tests(
    module: ModuleType, marker: str
) -> Iterator[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Iterate over the tests with a marker, each with all its sets of parameters."""
    for name, test in list(vars(module).items()):
        marks = getattr(test, "pytestmark", [])
        if not name.startswith("test") or all(mark.name != marker for mark in marks):
            continue
        sets: list[dict[str, Any]] = [{}]
        for mark in marks:
            if mark.name == "parametrize":
                names, values = mark.args[:2]
                sets = [{**one, **_named(names, value)} for one in sets for value in values]
        for number, arguments in enumerate(sets):
            yield name if len(sets) == 1 else f"{name}[{number}]", test, arguments


def _named(names: Any, value: Any) -> dict[str, Any]:
    value = getattr(value, "values", value) if hasattr(value, "marks") else value
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    return {listed[0]: value} if len(listed) == 1 else dict(zip(listed, value, strict=True))


def _outcome(test: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """Run one test and return its outcome."""
    if not hasattr(test, "hypothesis"):
        missing = set(inspect.signature(test).parameters) - set(arguments)
        if missing:
            return f"not run: it needs {', '.join(sorted(missing))}, which only pytest provides"
    try:
        test(**arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]
    return "passed"


__all__ = ["family"]
