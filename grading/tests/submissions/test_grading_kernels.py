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
def test_an_honest_kernel_is_extracted(tmp_path: Path, kernel: str) -> None:
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
def test_small_expressions_are_evaluated_silently(
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
