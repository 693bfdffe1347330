"""Submissions in the course's own layout: one package, up to a module, of one edition or more.

The solved trees are in the folder `editions`. That of 2022 is whole; those of 2021 and of 2024 hold
the files in which they differ from it. The edition of 2023 differs in its requirements alone.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

Edition: TypeAlias = Literal["2021", "2022", "2023", "2024"]
Change: TypeAlias = tuple[str, str, str]
"""A rewrite of a file: path, old text, new text."""

EDITIONS: tuple[Edition, ...] = ("2021", "2022", "2024")
"""The editions whose code differs."""

HERE = Path(__file__).with_name("editions")

FOLDERS: dict[Edition, tuple[str, ...]] = {
    "2021": ("e21", "e22"),
    "2022": ("e22",),
    "2023": ("e22",),
    "2024": ("e24", "e22"),
}
"""The folders that hold the files of an edition; the first one with a file counts."""

REQUIREMENTS: dict[Edition, str] = {
    "2021": "numba == 0.49\nnumpy == 1.19.1\n",
    "2022": "numba == 0.56\nnumpy == 1.22\n",
    "2023": "numba == 0.58\nnumpy == 1.24.1\n",
    "2024": "numba == 0.60\nnumpy == 2.0.0\n",
}

FILES: dict[int, tuple[str, ...]] = {
    0: ("operators", "module", "datasets"),
    1: ("autodiff", "scalar_functions", "scalar", "optim"),
    2: ("tensor_data", "tensor_ops", "tensor_functions", "tensor"),
    3: ("fast_ops",),
    4: ("fast_conv", "nn"),
}
"""The files of `minitorch/` that each module adds; that of 2021 has no `scalar_functions`."""

CUDA_FILES: dict[int, tuple[str, ...]] = {3: ("cuda_ops",), 4: ("cuda_conv",)}
"""The files for a GPU that each module adds."""

SCRIPTS: dict[int, tuple[str, ...]] = {
    1: ("run_scalar",),
    2: ("run_tensor",),
    3: ("run_fast_tensor",),
    4: ("run_mnist_multiclass", "run_sentiment"),
}
"""The files of `project/` that each module adds. The edition of 2021 has `datasets` there, too."""

TESTS: dict[int, tuple[str, ...]] = {0: ("test_operators",), 4: ("test_nn",)}
"""The files of tests that the learner writes."""

FLAT: dict[int, tuple[str, ...]] = {
    0: ("module", "datasets"),
    1: ("autodiff", "scalar", "optim"),
    2: ("tensor_data", "tensor", "tensor_ops", "tensor_functions"),
    3: ("fast_ops",),
    4: ("fast_conv", "nn"),
}
"""The files whose names `minitorch/__init__.py` hands on."""

WITHOUT_SCALARS = ("minitorch/scalar.py", "minitorch/scalar_functions.py", "project/run_scalar.py")
"""Files that a starter of module 2, 3 or 4 lacks, if nobody copies earlier work into it."""

ITEM: Change = (
    "minitorch/tensor.py",
    "        assert self.size == 1\n        return self._tensor._storage[0]\n",
    "        return self[0]\n",
)
"""`Tensor.item` as module 2 of 2022 gives it."""


def _list_functions(**bodies: str) -> tuple[Change, ...]:
    """Return the changes that give the list functions of 2024 other signatures."""
    given = (HERE / "e24" / "minitorch" / "operators.py").read_text(encoding="utf-8")
    _, marker, rest = given.partition("def map(")
    return (("minitorch/operators.py", marker + rest, "\n\n".join(bodies.values()) + "\n"),)


_CURRIED = {
    "map": "def map(fn):\n    return lambda ls: [fn(x) for x in ls]\n",
    "zip": (
        "def zipWith(fn):\n"
        "    return lambda ls1, ls2: [fn(x, y) for x, y in zip(ls1, ls2, strict=False)]\n"
    ),
    "neg": "def negList(ls):\n    return map(neg)(ls)\n",
    "add": "def addLists(ls1, ls2):\n    return zipWith(add)(ls1, ls2)\n",
}

_UNCURRIED = {
    "map": "def map(fn, *lists):\n    return [fn(*row) for row in zip(*lists, strict=False)]\n",
    "zip": "def zipWith(fn, first, second):\n    return map(fn, first, second)\n",
    "neg": "def negList(ls):\n    return map(neg, ls)\n",
    "add": "def addLists(ls1, ls2):\n    return zipWith(add, ls1, ls2)\n",
}

SIGNATURES: dict[str, tuple[Change, ...]] = {
    "curried, with a start": _list_functions(
        **_CURRIED,
        reduce="""
def reduce(fn, start):
    def fold(ls):
        total = start
        for x in ls:
            total = fn(x, total)
        return total

    return fold
""",
        sum="def sum(ls):\n    return reduce(add, 0.0)(ls)\n",
        prod="def prod(ls):\n    return reduce(mul, 1.0)(ls)\n",
    ),
    "curried, without a start": _list_functions(
        **_CURRIED,
        reduce="""
def reduce(fn):
    def fold(ls):
        rest = iter(ls)
        total = next(rest)
        for x in rest:
            total = fn(total, x)
        return total

    return fold
""",
        sum="def sum(ls):\n    return reduce(add)(ls) if ls else 0.0\n",
        prod="def prod(ls):\n    return reduce(mul)(ls) if ls else 1.0\n",
    ),
    "at once, without a start": _list_functions(
        **_UNCURRIED,
        reduce="""
def reduce(fn, ls):
    if not ls:
        return 0.0
    total = ls[0]
    for x in ls[1:]:
        total = fn(total, x)
    return total
""",
        sum="def sum(ls):\n    return reduce(add, ls)\n",
        prod="def prod(ls):\n    return reduce(mul, ls) if ls else 1.0\n",
    ),
    "at once, with a start of a misspelt name": _list_functions(
        **_UNCURRIED,
        reduce="""
def reduce(fn, ls, intial_vlaue):
    return fn(reduce(fn, ls[:-1], intial_vlaue), ls[-1]) if len(ls) else intial_vlaue
""",
        sum="def sum(ls):\n    return reduce(add, list(ls), 0.0)\n",
        prod="def prod(ls):\n    return reduce(mul, list(ls), 1.0)\n",
    ),
    "at once, with the start first": _list_functions(
        **_UNCURRIED,
        reduce="""
def reduce(fn, start, ls):
    if not ls:
        return start
    return reduce(fn, fn(start, ls[0]), ls[1:])
""",
        sum="def sum(ls):\n    return reduce(add, 0.0, list(ls))\n",
        prod="def prod(ls):\n    return reduce(mul, 1.0, list(ls))\n",
    ),
    "at once, with a start that may be left out": _list_functions(
        **_UNCURRIED,
        reduce="""
def reduce(fn, ls, start=None):
    values = iter(ls)
    total = next(values, 0.0) if start is None else start
    for x in values:
        total = fn(total, x)
    return total
""",
        sum="def sum(ls):\n    return reduce(add, ls)\n",
        prod="def prod(ls):\n    return reduce(mul, ls, 1.0)\n",
    ),
}
"""Signatures of the list functions that the edition of 2024 leaves free, as changes of its tree."""


def needing(package: str) -> Change:
    """Return the change by which a tree needs a package of the learner's own requirements."""
    docstring = '"""Modules and parameters."""\n'
    return "minitorch/module.py", docstring, f"{docstring}\nimport {package}\n"


def write_upstream(
    folder: Path,
    edition: Edition,
    module: int,
    changes: Iterable[Change] = (),
    without: Iterable[str] = (),
    cuda: bool = False,
    mixture: Mapping[int, Edition] | None = None,
    files: Mapping[str, Edition] | None = None,
    requirements: Iterable[str] = (),
) -> Path:
    """Write a submission.

    Args:
        folder: The folder to write to.
        edition: The edition of the course.
        module: The last module that is in it.
        changes: Rewrites of the files.
        without: Paths to leave out.
        cuda: Whether the files for a GPU are there, too.
        mixture: The modules of other editions.
        files: The files of other editions, such as "operators" or "run_scalar".
        requirements: The packages that are required beside the edition's.

    Returns:
        The folder.
    """
    mixture, files, absent = mixture or {}, files or {}, set(without)
    texts = {"requirements.txt": REQUIREMENTS[edition] + "".join(f"{r}\n" for r in requirements)}
    for number in range(module + 1):
        of_module = mixture.get(number, edition)
        named = {
            "minitorch": (*FILES[number], *(CUDA_FILES.get(number, ()) if cuda else ())),
            "project": SCRIPTS.get(number, ()),
            "tests": TESTS.get(number, ()),
        }
        if number == 3 and files.get("run_fast_tensor", of_module) == "2021":
            named["project"] = (*named["project"], "datasets")
        for part, names in named.items():
            for name in names:
                source = _source(f"{part}/{name}.py", files.get(name, of_module))
                if source is not None:
                    texts[f"{part}/{name}.py"] = source
    flat = [name for number in range(module + 1) for name in FLAT[number]]
    texts["minitorch/__init__.py"] = "".join(
        f"from .{name} import *\n" for name in flat if f"minitorch/{name}.py" not in absent
    )
    given = [ITEM] if module == 2 and mixture.get(2, edition) in ("2022", "2023") else []
    for path, old, new in (*given, *changes):
        assert texts[path].count(old) == 1, f"{path} has {old!r} {texts[path].count(old)} times"
        texts[path] = texts[path].replace(old, new)
    for path in absent:
        texts.pop(path, None)
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _source(path: str, edition: Edition) -> str | None:
    """Return a file as an edition has it; None if it has no such file."""
    if edition == "2021" and path == "minitorch/scalar_functions.py":
        return None
    for folder in FOLDERS[edition]:
        file = HERE / folder / path
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(path)
