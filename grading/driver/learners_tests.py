"""Runs of the tests that a learner has written, on the learner's code.

The judge also requests them for copies of the submission with one wrong function. This module does
not distinguish the two.
"""

import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, settings

import minitorch
from grading.driver.family import Family
from grading.protocol.messages import Request, Response

family = Family()

PASSED = "passed"
"""Outcome of a test without an exception."""


@family.operation
def run(request: Request) -> Response:
    """Run the tests of a file that have a marker.

    Options: `file`, its name in the folder ``tests``; `marker`; `examples`, the number of examples
    that hypothesis draws for a test; `names`, the tests to run until one fails, or None to run all;
    and `watched`, functions as "module:name", of which at least one exists.

    Returns:
        "outcomes": for each test that ran "passed", or the name and the message of the exception
        that it raised; "calls": for each watched function the tests that call it. None if there is
        no such file.
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
        # Messages are shown only if all tests run; otherwise the search for a small example of a
        # failure would take most of the time.
        phases=list(Phase) if options["names"] is None else [Phase.explicit, Phase.generate],
    )
    settings.load_profile("learner")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes: dict[str, str] = {}
        calls: dict[str, list[str]] = {function: [] for function in options["watched"]}
        for name, test, arguments in _tests(_import(path), options["marker"]):
            if options["names"] is not None and name not in options["names"]:
                continue
            with _calls_of(options["watched"]) as called:
                outcomes[name] = _outcome(test, arguments)
            for function in called:
                calls[function].append(name)
            if options["names"] is not None and outcomes[name] != PASSED:
                break
    return Response(request, plain={"outcomes": outcomes, "calls": calls})


@contextmanager
def _calls_of(functions: Sequence[str]) -> Iterator[set[str]]:
    """Collect those of some functions that a block calls.

    Functions without Python code, which cannot be observed, count as called.
    """
    codes: dict[CodeType, str] = {}
    called: set[str] = set()
    for function in functions:
        module, _, name = function.partition(":")
        if module not in sys.modules:
            continue
        code = getattr(getattr(sys.modules[module], name, None), "__code__", None)
        if isinstance(code, CodeType):
            codes[code] = function
        else:
            called.add(function)
    if not codes:
        yield called
        return

    def observe(frame: FrameType, event: str, argument: object) -> None:
        found = codes.get(frame.f_code) if event == "call" else None
        if found is not None:
            called.add(found)
            if called.issuperset(codes.values()):
                sys.setprofile(None)

    sys.setprofile(observe)
    try:
        yield called
    finally:
        sys.setprofile(None)


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
    return PASSED


__all__ = ["family"]
