"""The extraction of a kernel from the source of a submission."""

import ast
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from grading.submissions.kernels import Program, UnreadableError, program_of
from grading.submissions.kernels.loops import serial_output
from grading.submissions.submission import Submission

NUMBA = "import numba\nimport numpy as np\nfrom numba import prange\n\n\n"

FIRST = "out[0] = 1.0\n"


def programs(
    folder: Path, text: str, others: Mapping[str, str] | None = None
) -> tuple[Program, ...]:
    """Return the programs of the function `kernel` in a module with a text."""
    (folder / "minitorch").mkdir(exist_ok=True)
    for name, content in {"__init__": "", "fast": text, **(others or {})}.items():
        encoding = "latin-1" if "latin-1" in content else "utf-8"
        (folder / "minitorch" / f"{name}.py").write_text(content, encoding)
    return program_of(Submission.at(folder), "minitorch.fast", "kernel", of_formula=False)


def is_refused(folder: Path, text: str, others: Mapping[str, str] | None = None) -> str:
    """Return the reason why a kernel cannot be extracted."""
    with pytest.raises(UnreadableError) as caught:
        programs(folder, text, others)
    return str(caught.value)


@pytest.mark.parametrize(
    "kernel",
    [
        "@numba.njit(parallel=True)\ndef kernel(out):\n    out[0] = 1.0\n",
        "def kernel(out: np.ndarray, n: np.intp = 1) -> np.typing.NDArray:\n    out[0] = 1.0\n",
        "def kernel(out):\n    out[np.newaxis][0] = 1.0\n",
    ],
    ids=["decorator", "annotations", "newaxis"],
)
def test_a_valid_kernel_is_extracted(tmp_path: Path, kernel: str) -> None:
    (program,) = programs(tmp_path, NUMBA + kernel)
    assert program.location.startswith("minitorch/fast.py:")


def test_a_body_may_not_use_unknown_attributes(tmp_path: Path) -> None:
    kernel = "@numba.njit\ndef kernel(out):\n    numba.njit(out)\n    out.ctypes\n"
    assert "the attribute ctypes" in is_refused(tmp_path, NUMBA + kernel)


@pytest.mark.parametrize(
    "text",
    [
        f"def kernel(out): \\\n    {FIRST}",
        f"def kernel(out): {FIRST}",
        f"def kernel(out): out[0] = 2.0; {FIRST}",
        f"def kernel(out):\n    '''Fill.\n\n    out: the output'''\n    {FIRST}",
        f"def kernel(out):\n    (out\n    [0]) = 1.0\n    {FIRST}",
        "def same(function):\n    return function\n\n\ndef kernel(out):\n"
        f"    @same\n    @same\n    def inner():\n        {FIRST}    inner()\n",
        "def fill(out):\n    out[0] = 1.0\n\n\nkernel = lambda out: (\n    fill(out)\n)\n",
        f"# coding: latin-1\nclass É: 'é'\n\n\ndef kernel(out):\n    'é'; {FIRST}",
        f"def kernel(out):\n\tfor i in range(1):\n\t\t{FIRST}",
        f"def kernel(out):\n    match 1:\n        case _:\n            {FIRST}",
    ],
)
def test_the_copy_with_an_empty_kernel_runs(tmp_path: Path, text: str) -> None:
    """A copy that does not run would count as a copy with a wrong result."""
    (program,) = programs(tmp_path, text)
    name, emptied = program.emptied()
    assert name == "minitorch/fast.py"
    scope: dict[str, Any] = {}
    exec(compile(emptied.encode(), name, "exec"), scope)
    out = [0.0]
    scope["kernel"](out)
    assert out == [0.0]
    name, raising = program.emptied("a message")
    exec(compile(raising.encode(), name, "exec"), scope)
    with pytest.raises((AssertionError, KeyError), match="a message"):
        scope["kernel"](out)
    assert out == [0.0]


@pytest.mark.parametrize(
    "expression",
    [
        "'a' * 100000000000000",
        "'%1000000d' % 1",
        "18446744073709551615 * 18446744073709551615 * 3",
        "max('a', 'b')",
    ],
)
def test_expressions_with_large_results_are_not_evaluated(tmp_path: Path, expression: str) -> None:
    text = f"LARGE = {expression}\n\n\ndef kernel(out):\n    out[0] = LARGE\n"
    assert "does not determine what LARGE is" in is_refused(tmp_path, text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("np.float64(1) / 0", float("inf")),
        ("float('-inf')", -float("inf")),
        ("-(2**3 if False else 5) if False else -5 + 2 * 3", None),
        ("18446744073709551615 // 3", 18446744073709551615 // 3),
    ],
)
def test_small_expressions_are_evaluated_without_warnings(
    tmp_path: Path, expression: str, value: float | None
) -> None:
    text = NUMBA + f"N = {expression}\n\n\ndef kernel(out):\n    out[0] = N\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if value is None:
            assert "does not determine what N is" in is_refused(tmp_path, text)
            return
        (program,) = programs(tmp_path, text)
    assert program.functions[0].names["N"] == ("constant", value)


def test_star_imports_that_multiply_are_too_complex(tmp_path: Path) -> None:
    depth = 18
    twice = "from .m{0} import *\nfrom .m{0} import *\n"
    others = {f"m{i}": twice.format(i + 1) for i in range(depth)} | {f"m{depth}": ""}
    assert "too complex" in is_refused(tmp_path, twice.format(0), others)


SERIAL = "for i in range(len(out)):\n                out[i] = 1.0\n"


@pytest.mark.parametrize(
    "block",
    [
        f"    try:\n        n = 1\n    except Exception:\n            {SERIAL}",
        f"    match len(out):\n        case _:\n            {SERIAL}",
    ],
    ids=["except", "match"],
)
def test_serial_loops_in_all_blocks_are_found(tmp_path: Path, block: str) -> None:
    head = f"{NUMBA}@numba.njit(parallel=True)\ndef kernel(out):\n"
    loop = "    for i in prange(len(out)):\n        out[i] = 0.0\n"
    (program,) = programs(tmp_path, head + loop)
    assert serial_output(program) == ""
    (program,) = programs(tmp_path, head + loop + block)
    assert serial_output(program) == "the output is written in a loop without `prange`"


@pytest.mark.parametrize("head", ["match 1:\n    case _:\n", "if len('a'):\n    if True:\n"])
def test_definitions_in_all_blocks_are_found(tmp_path: Path, head: str) -> None:
    kernel = "def kernel(out):\n    out[0] = 1.0\n"
    again = "".join(f"        {line}\n" for line in kernel.splitlines())
    assert len(programs(tmp_path, f"{kernel}\n\n{head}{again}")) == 2


def test_the_text_of_a_kernel_is_valid(tmp_path: Path) -> None:
    (program,) = programs(tmp_path, "if True:\n    def kernel(out):\n        out[0] = 1.0\n")
    assert ast.parse(program.functions[0].text)


def test_the_scalar_function_is_no_kernel(tmp_path: Path) -> None:
    programs(tmp_path, "def kernel(out):\n    out[0] = 1.0\n")
    text = "import numba\n\n\ndef kernel(fn):\n    return numba.njit(fn)\n"
    (tmp_path / "minitorch" / "fast.py").write_text(text, "utf-8")
    with pytest.raises(UnreadableError, match="the scalar function itself"):
        program_of(Submission.at(tmp_path), "minitorch.fast", "kernel", of_formula=True)


HONEST = "def kernel(out):\n    out[0] = 1.0\n\n\ndef other(out):\n    out[0] = 2.0\n\n\n"

REBOUND = {
    "assignment": "kernel = other\n",
    "assignment of several names": "_, (*_, kernel) = 1, (2, other)\n",
    "assignment with an annotation": "kernel: object = other\n",
    "assignment with an operator": "kernel += other\n",
    "with": "with manager(other) as kernel:\n    pass\n",
    "with, several names": "with manager(other) as (_, [kernel]):\n    pass\n",
    "an exception": "try:\n    raise E\nexcept E as kernel:\n    pass\n",
    "a group of exceptions": "try:\n    raise E\nexcept* E as kernel:\n    pass\n",
    "match, a name": "match other:\n    case kernel:\n        pass\n",
    "match, a name for a pattern": "match other:\n    case (1 | 2) as kernel:\n        pass\n",
    "match, the rest of a list": "match other:\n    case [1, *kernel]:\n        pass\n",
    "match, the rest of a dict": "match other:\n    case {1: 2, **kernel}:\n        pass\n",
    "match, a guard": "match other:\n    case _ if (kernel := other):\n        pass\n",
    "a named expression": "print(kernel := other)\n",
    "a named expression in a condition": "while not (kernel := other):\n    pass\n",
    "a named expression in a context": "with manager(kernel := other):\n    pass\n",
    "a named expression in a comprehension": "[kernel := each for each in [other]]\n",
    "a named expression in a default": "def f(x=(kernel := other)):\n    pass\n",
    "a named expression in a default of a lambda": "f = lambda x=(kernel := other): x\n",
    "a named expression in a base": "class A(print(kernel := other)):\n    pass\n",
    "a named expression in an exception": "try:\n    1\nexcept (kernel := E):\n    pass\n",
    "for": "for kernel in [other]:\n    pass\n",
    "for, several names": "for _, (kernel, *_) in others:\n    pass\n",
    "for, the else": "for _ in ():\n    pass\nelse:\n    kernel = other\n",
    "del": "del kernel\n",
    "del, several names": "del (other, [kernel])\n",
    "a class": "class kernel:\n    pass\n",
    "import": "import another as kernel\n",
    "import from": "from another import kernel\n",
    "global": "def f():\n    global kernel\n    kernel = other\n\n\nf()\n",
    "global, a loop": "def f():\n    global kernel\n    for kernel in [other]:\n        pass\n",
    "global, a block": "def f():\n    if f:\n        global kernel\n        kernel = other\n",
    "global, del": "def f():\n    global kernel\n    del kernel\n",
    "global, a definition": "def f():\n    global kernel\n    def kernel(out): pass\n",
    "global, a function in a function": (
        "def f():\n    def g():\n        global kernel\n        kernel = other\n"
    ),
    "global, a method": "class A:\n    def f(self):\n        global kernel\n        kernel = 1\n",
    "global, a class": "class A:\n    global kernel\n    kernel = other\n",
    "an earlier iteration": (
        "first = kernel\nfor _ in (1, 2):\n    kernel = first\n    first = other\n"
    ),
    "an earlier iteration of while": (
        "first = kernel\nwhile f():\n    if f():\n        kernel = first\n    first = other\n"
    ),
    "a block that ends early": (
        "kernel = other\nwith quiet:\n    1 / 0\n    from .m import kernel\n"
    ),
    "nonlocal": (
        "def make(made=kernel):\n    made = kernel\n    def f():\n        nonlocal made\n"
        "        made = other\n    f()\n    return made\n\n\nkernel = make()\n"
    ),
}
"""Statements after which the name `kernel` may stand for something else."""

NOT_REBOUND = {
    "a comprehension": "[kernel for kernel in [1]]\n",
    "a dict comprehension": "{kernel: 1 for kernel in ()}\n",
    "a lambda": "f = lambda kernel: (kernel := 1)\n",
    "a local name": "def f():\n    for kernel in [1]:\n        pass\n",
    "a parameter": "def f(kernel):\n    kernel = 1\n",
    "a method": "class A:\n    def kernel(self):\n        pass\n",
    "an attribute": "other.kernel = 1\nwith manager() as other.kernel:\n    pass\n",
    "an element": "table[kernel] = other\n",
    "an annotation": "kernel: object\n",
    "a name that is read": "for _ in [kernel]:\n    print(kernel)\n",
    "a deleted attribute": "del other.kernel, table[kernel]\n",
    "global in a module": "global kernel\n",
    "global that only reads": "def f():\n    global kernel\n    return kernel\n",
    "global of another scope": "def f():\n    global kernel\n\n    def g():\n        kernel = 1\n",
    "nonlocal": (
        "def f():\n    kernel = 1\n\n    def g():\n        nonlocal kernel\n        kernel = 2\n"
    ),
    "match, an attribute": "match other:\n    case other.kernel | A(kernel=1):\n        pass\n",
}
"""Statements after which the name `kernel` is the same function."""


@pytest.mark.parametrize("text", REBOUND.values(), ids=REBOUND)
def test_every_statement_that_binds_a_name_is_seen(tmp_path: Path, text: str) -> None:
    """The source then determines no kernel, or the other function is a possible one."""
    try:
        found = programs(tmp_path, HONEST + text, {"m": HONEST})
    except UnreadableError:
        return
    assert "minitorch/fast.py:5" in {program.location for program in found}


@pytest.mark.parametrize("text", NOT_REBOUND.values(), ids=NOT_REBOUND)
def test_statements_that_bind_other_names_do_not_count(tmp_path: Path, text: str) -> None:
    (program,) = programs(tmp_path, HONEST + text)
    assert program.location == "minitorch/fast.py:1"


def test_a_name_that_is_declared_global_is_that_of_the_module(tmp_path: Path) -> None:
    inner = "    def inner():\n        global other\n        return other\n"
    made = f"def make(other):\n{inner}\n    return inner()\n"
    (program,) = programs(tmp_path, f"{HONEST}{made}\n\nkernel = make(kernel)\n")
    assert program.location == "minitorch/fast.py:5"
