"""A single run of benchmarks, to test that they work: ``python -m asv_benchmarks.try_out PATTERN``.

The name of a benchmark consists of module, class and method, followed by its parameters:
``kernels.Kernels.time_kernel matmul-64 numpy``. PATTERN is a regular expression; every benchmark
whose name contains a match runs. One that raises NotImplementedError counts as skipped.
"""

import importlib
import inspect
import itertools
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from asv_benchmarks import benchmarks

METHOD = re.compile(r"(time|peakmem|track)_")


def all_benchmarks() -> Iterator[tuple[str, type, str, tuple[Any, ...]]]:
    """Yield the name, class, method and parameters of every benchmark."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        members = vars(importlib.import_module(f"{benchmarks.__name__}.{module.name}"))
        for kind in members.values():
            if not inspect.isclass(kind) or not kind.__module__.endswith(module.name):
                continue
            for method in filter(METHOD.match, dir(kind)):
                for values in itertools.product(*kind.params):  # type: ignore[attr-defined]
                    name = f"{module.name}.{kind.__name__}.{method} {' '.join(values)}"
                    yield name, kind, method, values


def main(pattern: str) -> int:
    """Run the matching benchmarks and return the number of failures; 1 if none matches."""
    ran = failed = 0
    for name, kind, method, values in all_benchmarks():
        if not re.search(pattern, name):
            continue
        ran += 1
        benchmark = kind()
        try:
            getattr(benchmark, "setup", lambda *_: None)(*values)
            answer = getattr(benchmark, method)(*values)
        except NotImplementedError as reason:
            print(f"skipped {name}: {reason}")
        except Exception:
            failed += 1
            print(f"failed {name}")
            traceback.print_exc()
        else:
            print(f"ran {name}" + ("" if answer is None else f": {answer:g}"), flush=True)
    print(f"{ran} benchmarks, {failed} failed")
    return failed if ran else 1


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
