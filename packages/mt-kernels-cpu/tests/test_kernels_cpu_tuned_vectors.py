"""Vectors inside of kernels against NumPy, and the fingerprints of what is made with them."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numpy as np
import pytest
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic

from mt_kernels_cpu import tuned
from mt_kernels_cpu.disk_cache import DiskCache
from mt_kernels_cpu.fingerprint import fingerprint
from mt_kernels_cpu.jit import released
from mt_kernels_cpu.tuned import vectors
from mt_kernels_cpu.tuned.pooling import average_kernels, maximum_kernel
from mt_kernels_cpu.tuned.vectors import (
    add_outer_product,
    add_totals,
    any_nan,
    beats,
    copy_transposed,
    deal,
    exceeds,
    first_numbers,
    index_of,
    lanes,
    lanes_of,
    larger,
    largest,
    load,
    load_each,
    multiply_add,
    positive_block,
    repeat,
    repeat_each,
    store,
    store_block,
    store_integers,
    total,
    where_positive,
)

EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5, 3.0]
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def all_pairs(dtype: Any) -> tuple[Any, Any]:
    a, b = np.meshgrid(EDGES, EDGES)
    return a.ravel().astype(dtype), b.ravel().astype(dtype)


@released
def apply_all(out: Any, a: Any, b: Any, width: int) -> None:
    """Write what each function makes of two arrays into a row of its own."""
    for i in range(0, len(a), width):
        x, y = load(a, i), load(b, i)
        store(out[0], i, multiply_add(x, y, repeat(b, 5)))
        store(out[1], i, positive_block((x,))[0])
        store(out[2], i, where_positive(x, y))
        store(out[3], i, larger(x, y))
        store(out[4], i, beats(x, y, x, x, x, y))
        # The place of the first argument comes first, so it stands in case of a tie.
        store(out[5], i, beats(x, y, repeat(b, 0), repeat(b, 1), repeat(b, 0), repeat(b, 1)))
        store(out[6], i, first_numbers(y, i // width + 1))
        store(out[7], i, exceeds(x, y, x, y))
        # Of equal numbers the first argument's does not exceed the other.
        store(out[8], i, exceeds(x, y, repeat(b, 0), repeat(b, 1)))


@released
def fold_all(out: Any, a: Any) -> None:
    """Write the sum and the largest number of one vector."""
    out[0] = total(load(a, 0))
    out[1] = largest(load(a, 0))


@dtypes
def test_of_each_number(dtype: Any) -> None:
    a, b = all_pairs(dtype)
    b[:2] = -7.0, -6.0
    out = np.empty((9, len(a)), dtype)
    apply_all(out, a, b, lanes(dtype))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(out[0], a * b + b[5])
    np.testing.assert_array_equal(out[1], np.where(a <= 0, 0, a))
    np.testing.assert_array_equal(out[2], np.where(a > 0, b, 0))
    numbers = ~np.isnan(a) & ~np.isnan(b)
    np.testing.assert_array_equal(out[3][numbers], np.maximum(a, b)[numbers])
    np.testing.assert_array_equal(out[4], np.maximum(a, b))
    first = (a >= b) | np.isnan(a)
    np.testing.assert_array_equal(out[5], np.where(first, -7.0, -6.0))
    steps = np.arange(len(a)) // lanes(dtype) + 1
    at = np.arange(len(a)) % lanes(dtype)
    np.testing.assert_array_equal(out[6], np.where(at < steps, b, 0))
    np.testing.assert_array_equal(out[7], np.maximum(a, b))
    exceeding = (a > b) | (np.isnan(a) & ~np.isnan(b))
    np.testing.assert_array_equal(out[8], np.where(exceeding, -7.0, -6.0))


@released
def write_integers(out: Any, a: Any, steps: Any) -> None:
    """Write the whole numbers of an array as integers, a vector at a time."""
    for i in range(0, len(a), lanes_of(a)):
        store_integers(out, i, load(a, i))
        steps[i] = 1


@dtypes
def test_integers(dtype: Any) -> None:
    a = np.arange(2 * lanes(dtype), dtype=dtype) * 1001
    out, steps = np.zeros(len(a), np.int32), np.zeros(len(a), np.int32)
    write_integers(out, a, steps)
    np.testing.assert_array_equal(out, a)
    assert steps.nonzero()[0].tolist() == [0, lanes(dtype)]


@released
def deal_three(out: Any, a: Any, width: int) -> None:
    """Write each vector of three to which the numbers behind the first are dealt."""
    for hand in range(3):
        store(out, hand * width, deal(a, 1, 3)[hand])


@released
def transpose(out: Any, a: Any, out_step: int, a_step: int) -> None:
    """Write a square block, that of a from position 2 on, transposed to position 1."""
    copy_transposed(out, 1, out_step, a, 2, a_step)


@dtypes
def test_transposing(dtype: Any) -> None:
    width = lanes(dtype)
    a, out = np.arange(width * (width + 3.0), dtype=dtype), np.zeros(width * (width + 2), dtype)
    transpose(out, a, width + 2, width + 3)
    written = out.reshape(width, width + 2)
    np.testing.assert_array_equal(written[:, 1:-1], a.reshape(width, width + 3)[:, 2:-1].T)
    np.testing.assert_array_equal(written[:, [0, -1]], 0)


@released
def find_one(out: Any, a: Any, number: Any, width: int) -> None:
    """Write where a number stands in two vectors, and whether NaN does in the first one."""
    out[0] = index_of(load_each(a, (0, width), 0), number[0])
    out[1] = any_nan(load(a, 0))


@dtypes
def test_finding(dtype: Any) -> None:
    width = lanes(dtype)
    both = 2 * width
    a, out = np.arange(both, dtype=dtype), np.empty(2, np.int64)
    a[-1] = a[1]
    places = (0, 1, width - 1, width, both - 2)
    for number, place in (*zip(places, places, strict=True), (both, both), (np.nan, both)):
        find_one(out, a, np.array([number], dtype), width)
        assert out.tolist() == [place, 0]
    a[2] = np.nan
    find_one(out, a, np.array([3], dtype), width)
    assert out.tolist() == [3, 1]


@dtypes
def test_dealing(dtype: Any) -> None:
    width = lanes(dtype)
    a, out = np.arange(3 * width + 1, dtype=dtype), np.empty(3 * width, dtype)
    deal_three(out, a, width)
    np.testing.assert_array_equal(out.reshape(3, width), a[1:].reshape(width, 3).T)


@released
def apply_blocks(out: Any, a: Any, b: Any, width: int) -> None:
    """Write an outer product of two vectors and three to a block, then what is positive of it."""
    rows, columns = (0, 3 * width), (0, width, 2 * width)
    block = load_each(out[0], (0, width, 2 * width, 3 * width, 4 * width, 5 * width), 0)
    column, row = load_each(a, (0, width), 1), repeat_each(b, (4, 2, 0), 1)
    block = add_outer_product(block, column, row)
    store_block(out[1], rows, columns, block)
    store_block(out[2], rows, columns, positive_block(block))
    # Three columns of four vectors: as many as fit into 16 bytes, or twice as many.
    places = (0, width, 1, 1, 1 + width, 2, 1, 1 + width, 2, 0, width, 1)
    add_totals(out[3], (1, 5, 12), load_each(a, places, 0))


@dtypes
def test_of_blocks(dtype: Any) -> None:
    width = lanes(dtype)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=2 * width + 2).astype(dtype), rng.normal(size=6).astype(dtype)
    out = np.zeros((4, 6 * width), dtype)
    out[3] = 2.0
    out[0] = rng.normal(size=6 * width)
    apply_blocks(out, a, b, width)
    outer = a[1:-1].reshape(2, 1, width) * b[[5, 3, 1]].reshape(1, 3, 1)
    expected = out[0] + outer.reshape(-1)
    np.testing.assert_allclose(out[1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[2], np.maximum(out[1], 0))
    starts = [row + column for column in (0, width, 1) for row in (0, 1, 1, 0)]
    expected = np.full(6 * width, 2.0)
    expected[[*range(1, 9), *range(12, 16)]] += [a[start : start + width].sum() for start in starts]
    np.testing.assert_allclose(out[3], expected, rtol=1e-5, atol=1e-5)


@dtypes
def test_of_one_vector(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, out = rng.normal(size=lanes(dtype)).astype(dtype), np.empty(2, dtype)
    fold_all(out, a)
    np.testing.assert_allclose(out, [a.sum(), a.max()], rtol=1e-5)


def test_what_is_made_of_vectors_is_kept_on_disk() -> None:
    for name in (
        "load",
        "store",
        "repeat_each",
        "add_outer_product",
        "positive_block",
        "beats",
        "deal",
    ):
        used = getattr(vectors, name)
        assert fingerprint(_using(used), {}) is not None, name


def test_another_intrinsic_has_another_fingerprint() -> None:
    def made(step: int) -> Any:
        @intrinsic
        def shifted(typing, number):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
                return builder.add(arguments[0], context.get_constant(types.intp, step))

            return number(number), generate

        return shifted

    one, again, other = (fingerprint(_using(made(step)), {}) for step in (1, 1, 2))
    assert one == again
    assert one != other


def test_what_an_intrinsic_calls_is_part_of_its_fingerprint() -> None:
    def made(step: int) -> Any:
        def further(context: Any, builder: Any, number: Any) -> Any:
            return builder.add(number, context.get_constant(types.intp, step))

        @intrinsic
        def shifted(typing, number):  # type: ignore[no-untyped-def]
            def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
                return further(context, builder, arguments[0])

            return number(number), generate

        return shifted

    one, again, other = (fingerprint(_using(made(step)), {}) for step in (1, 1, 2))
    assert one is not None
    assert one == again
    assert one != other


def test_every_kernel_is_kept_on_disk() -> None:
    """One that names a helper of further down in its file would not be."""
    kernels: list[Any] = []
    for info in pkgutil.iter_modules(tuned.__path__, f"{tuned.__name__}."):
        found = vars(importlib.import_module(info.name)).values()
        kernels += [each for each in found if isinstance(each, Dispatcher)]
    kernels += [*average_kernels(2, 3), maximum_kernel(2, 3)]
    kept = [kernel for kernel in kernels if isinstance(kernel._cache, DiskCache)]
    assert {"slide", "slide_back", "slide_and_find", "pool"} <= {k.__name__ for k in kept}
    assert [kernel.__name__ for kernel in kept if not kernel._cache.can_be_kept()] == []


SOME_WIDTH = """
import sys
import pytest
from mt_kernels_cpu import jit
compiles_for = jit.compiles_for
jit.compiles_for = lambda feature: compiles_for(feature) == {own}
sys.exit(pytest.main(sys.argv[1:]))
"""


def pass_tests(own: bool, *options: Path | str) -> None:
    """Run tests in a process with vectors of the processor's own width, or of the other one."""
    code = SOME_WIDTH.format(own=own)
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-m", "not slow and not oracle", *map(str, options)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.slow
def test_vectors_of_the_other_width() -> None:
    """The compiler puts a vector into two registers where one does not hold it."""
    files = [
        *Path(__file__).parent.glob("test_kernels_cpu_tuned_*.py"),
        *Path(__file__).parents[2].glob("mt-nn/tests/test_nn_layers_*.py"),
        *Path(__file__).parents[2].glob("mt-nn/tests/functional/test_nn_functional_pooling.py"),
    ]
    pass_tests(False, *files)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="protects pages as Linux does")
@pytest.mark.parametrize("own", [True, False], ids=["own width", "other width"])
def test_no_kernel_reaches_beyond_its_arrays(own: bool) -> None:
    # Nothing is captured, so that what a process that was stopped has printed is there.
    pass_tests(own, "-s", Path(__file__).with_name("guarded.py"))


def _using(function: Any) -> FunctionType:
    def use(x: Any) -> Any:
        return function(x)

    return cast(FunctionType, use)
