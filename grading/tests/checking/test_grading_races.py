"""Data races in `prange` loops are found by running a kernel's source under a recorder."""

import operator
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba as _numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import prange

from grading.checking.compare import MismatchError
from grading.checking.races import Race, check_accesses, describe, find_race
from grading.checking.sources import check_iterations, programs
from grading.diagnosis import Answers, diagnose
from grading.driver.in_process import InProcessSubject
from grading.driver.recording import Recording, UnrecordableError
from grading.driver.sources import record
from grading.protocol.messages import Array, Plain, Request, Response, SubjectError

numba: Any = _numba
njit: Any = numba.njit
STYLES = Path(__file__).parents[1] / "styles"


def race_of(kernel: Any, *arguments: Any) -> Race | None:
    """Return a race between iterations of a kernel."""
    return find_race(record(kernel, arguments).accesses)


def sentence_of(kernel: Any, *arguments: Any) -> str:
    """Return the description of a race of a kernel; empty if there is none."""
    found = record(kernel, arguments)
    race = find_race(found.accesses)
    plain = {"loops": found.loops, "arrays": found.arrays}
    return "" if race is None else describe(race, Response(Request(""), plain=plain))


# Kernels that are right.


@njit(inline="always")
def write_index(ordinal, shape, index):  # type: ignore[no-untyped-def]
    rest = ordinal
    for dim in range(len(shape) - 1, -1, -1):
        index[dim] = rest % shape[dim]
        rest = rest // shape[dim]


@njit
def set_row(row, value):  # type: ignore[no-untyped-def]
    row[:] = value


@njit(parallel=True)
def sums_into_a_number(out, x):  # type: ignore[no-untyped-def]
    total = 0.0
    largest = 0.0
    for i in prange(len(x)):
        total += x[i]
        largest = max(largest, x[i])
    out[0] = total + largest


@njit(parallel=True)
def a_sum_for_each_result(out, x):  # type: ignore[no-untyped-def]
    for j in range(len(out)):
        total = 0.0
        for i in prange(len(x)):
            total += x[i] * j
        out[j] = total


@njit(parallel=True)
def sums_into_an_array(out, x):  # type: ignore[no-untyped-def]
    total = np.zeros(len(out))
    for i in prange(len(x)):
        total += x[i] * np.ones(len(out))
    out[:] = total


@njit(parallel=True)
def buffer_of_an_iteration(out, x):  # type: ignore[no-untyped-def]
    shape = np.array([2, len(x) // 2])
    for i in numba.prange(len(x)):
        index = np.empty(2, np.int64)
        write_index(i, shape, index)
        out[index[0] * shape[1] + index[1]] = x[i]


@njit(parallel=True)
def one_loop_after_the_other(out, x):  # type: ignore[no-untyped-def]
    half = np.empty(len(x))
    for i in prange(len(x)):
        half[i] = x[i] / 2
    for i in prange(len(x)):
        out[i] = half[len(x) - 1 - i]


@njit(parallel=True)
def a_loop_in_a_loop(out, x):  # type: ignore[no-untyped-def]
    rows = out.reshape(2, -1)
    for i in prange(2):
        for j in prange(len(x)):
            rows[i, 0] += x[j]


@njit(parallel=True)
def every_second_cell(out, x):  # type: ignore[no-untyped-def]
    for i in prange(1, len(out) // 2):
        out[2 * i] = out[2 * i - 1] + x[i]


@njit(parallel=True)
def rows_by_slices(out, x):  # type: ignore[no-untyped-def]
    width = len(out) // 3
    for i in prange(3):
        row = out[i * width : (i + 1) * width]
        set_row(row, 1.0)
        row += x[:width]
        np.add(row, row, row)
        row[0] = row.sum()


@njit(parallel=True)
def all_indices(out, x):  # type: ignore[no-untyped-def]
    square = out.reshape(2, -1)
    for index in numba.pndindex(square.shape):
        square[index] = x[index[1]]


@njit
def not_parallel(out, x):  # type: ignore[no-untyped-def]
    for i in prange(len(x)):
        out[0] += x[i]


@njit
def inner(out, x):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        out[0] += x[i]


def plain_wrapper(out: Array, x: Array) -> None:
    inner(out, x)


RIGHT = [
    sums_into_a_number,
    a_sum_for_each_result,
    sums_into_an_array,
    buffer_of_an_iteration,
    one_loop_after_the_other,
    a_loop_in_a_loop,
    every_second_cell,
    rows_by_slices,
    all_indices,
    plain_wrapper,
]


@pytest.mark.parametrize("kernel", RIGHT, ids=lambda kernel: kernel.__name__)
def test_a_correct_kernel_has_no_race_and_the_same_result(kernel: Any) -> None:
    x = np.arange(1.0, 7.0)
    expected, out = np.zeros(6), np.zeros(6)
    getattr(kernel, "py_func", kernel)(expected, x)
    assert race_of(kernel, out, x) is None
    np.testing.assert_allclose(out, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [sums_into_a_number, sums_into_an_array])
def test_numba_makes_a_reduction_of_an_operator_in_place(kernel: Any) -> None:
    x = np.arange(1.0, 7.0)
    expected, out = np.zeros(6), np.zeros(6)
    getattr(kernel, "py_func", kernel)(expected, x)
    kernel(out, x)
    np.testing.assert_allclose(out, expected)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the compiler's options are unknown")
def test_a_serial_loop_has_no_race() -> None:
    assert race_of(not_parallel, np.zeros(1), np.ones(4)) is None


# Kernels with races.


@njit(parallel=True)
def one_index(out, x):  # type: ignore[no-untyped-def]
    index = np.empty(1, np.int64)
    shape = np.array([len(x)])
    for i in prange(len(x)):
        write_index(i, shape, index)
        out[index[0]] = x[i]


@njit(parallel=True)
def one_result(out, x):  # type: ignore[no-untyped-def]
    for i in prange(len(x)):
        out[i // 4] += x[i]


@njit(parallel=True)
def reads_the_next_element(out, x):  # type: ignore[no-untyped-def]
    for i in prange(len(out) - 1):
        out[i] = out[i + 1] + x[i]


@njit(parallel=True)
def slices_that_overlap(out, x):  # type: ignore[no-untyped-def]
    for i in prange(2):
        out[2 * i : 2 * i + 3] = 1.0


@njit(parallel=True)
def fills_a_view(out, x):  # type: ignore[no-untyped-def]
    square = out.reshape(2, -1).T
    for i in prange(2):
        square[i:].fill(0.0)


@njit(parallel=True)
def writes_by_a_function(out, x):  # type: ignore[no-untyped-def]
    for _ in prange(2):
        np.multiply(x, 2.0, out)


@njit(parallel=True)
def adds_to_a_slice(out, x):  # type: ignore[no-untyped-def]
    for i in prange(len(x)):
        out[:] += x[i]


@njit
def add_to(total, x):  # type: ignore[no-untyped-def]
    total += x


@njit(parallel=True)
def adds_in_a_helper(out, x):  # type: ignore[no-untyped-def]
    for i in prange(len(x)):
        add_to(out, x[i])


LOOP = "of the prange loop in line {line} of test_grading_races.py"

RACING = {
    one_index: f"iterations 0 and 1 {LOOP} both write index[0]; all iterations share this array, "
    "which is created outside the loop",
    one_result: f"iterations 0 and 1 {LOOP} both write out[0]",
    reads_the_next_element: f"iteration 1 {LOOP} writes out[1], and iteration 0 reads it",
    slices_that_overlap: "both write out[2]",
    fills_a_view: "both write out[1]",
    writes_by_a_function: "both write out[0]",
    adds_to_a_slice: "both write out[0]",
    adds_in_a_helper: "both write out[0]",
}


@pytest.mark.parametrize("kernel", RACING, ids=lambda kernel: kernel.__name__)
def test_a_race_is_found_and_described(kernel: Any) -> None:
    source = getattr(kernel, "py_func", kernel)
    loop = next(at for at, line in enumerate(_lines(source)) if "prange" in line)
    line = source.__code__.co_firstlineno + loop
    message = sentence_of(kernel, np.zeros(6), np.arange(1.0, 7.0))
    assert RACING[kernel].format(line=line) in message


def _lines(function: Callable[..., None]) -> Sequence[str]:
    text = Path(function.__code__.co_filename).read_text(encoding="utf-8").splitlines()
    return text[function.__code__.co_firstlineno - 1 :]


def test_kernels_that_are_made_by_functions() -> None:
    def tensor_map(fn: Any) -> Any:
        @njit(parallel=True)
        def kernel(out, x):  # type: ignore[no-untyped-def]
            shared = np.zeros(1)
            for i in prange(len(x)):
                shared[0] = fn(x[i])
                out[i] = shared[0]

        return kernel

    kernel = tensor_map(njit(lambda x: -x))
    assert "shared[0]" in sentence_of(kernel, np.zeros(3), np.ones(3))


# Kernels that cannot be run without the compiler.


@njit(parallel=True)
def buffers_of_threads(out, x):  # type: ignore[no-untyped-def]
    rows = np.zeros((numba.get_num_threads(), 1))
    for i in prange(len(x)):
        row = rows[numba.get_thread_id()]
        row[0] = x[i]
        out[i] = row[0]


@pytest.mark.parametrize("kernel", [buffers_of_threads, len, object()])
def test_a_kernel_that_cannot_be_recorded(kernel: Any) -> None:
    with pytest.raises(UnrecordableError):
        record(kernel, [np.zeros(3), np.ones(3)])


def reply(accesses: Plain, plain: Plain) -> Response:
    """Return a response with accesses."""
    arrays = np.zeros(3), np.array(accesses, np.int64)
    return Response(Request("source.accesses"), arrays, plain=plain)


class Unrecordable(InProcessSubject):
    """Subject that cannot run kernels without numba."""

    def answer(self, request: Request) -> Response:
        raise SubjectError(["UnrecordableError"], "", request)


NO_ACCESSES = np.zeros((0, 5), np.int64)
PLAIN = {"loops": [["a.py", 3]], "arrays": [["out", 6, True]]}


def test_accesses_beyond_the_limit_are_not_charged() -> None:
    options = {"module": "fast_ops", "kernel": "tensor_map", "fn": "neg"}
    check_iterations(Unrecordable(), options, np.zeros(3), [np.ones(3)], np.zeros(3))


@pytest.mark.parametrize(
    ("accesses", "plain"),
    [
        ([[1, 0, 0, 0, 1]], PLAIN),
        ([[0, 0, -1, 0, 1]], PLAIN),
        ([[0, 0, 0, 0]], PLAIN),
        (NO_ACCESSES, None),
        (NO_ACCESSES, {**PLAIN, "loops": [["a.py", "3"]]}),
        (NO_ACCESSES, {**PLAIN, "arrays": [["out", 6]]}),
    ],
)
def test_invalid_accesses_are_refused(accesses: Plain, plain: Plain) -> None:
    with pytest.raises(MismatchError, match="are malformed"):
        check_accesses(reply(accesses, plain))


@pytest.mark.parametrize(
    ("argument", "cause"), [(True, "one element of the result"), (False, "threads share an array")]
)
def test_the_cause_is_named(argument: bool, cause: str) -> None:
    accesses = [[0, 0, 0, 2, 1], [0, 1, 0, 2, 1]]
    with pytest.raises(MismatchError) as caught:
        check_accesses(reply(accesses, {**PLAIN, "arrays": [["out", 6, argument]]}))
    for task in ("3.1", "3.2", "4.1", "4.2"):
        (found,) = diagnose(task, [Answers("races", (caught.value.finding,))])
        assert cause in found.cause


# Right solutions.

KERNELS = {
    "tensor_matrix_multiply": ((2, 2, 4), (2, 2, 3), (2, 3, 4)),
    "tensor_conv1d": ((2, 2, 4), (2, 3, 4), (2, 3, 2)),
    "tensor_conv2d": ((2, 2, 3, 4), (2, 3, 3, 4), (2, 3, 2, 3)),
}
STYLE_FILES = sorted(
    path for path in STYLES.glob("*.py") if path.stem.startswith(("conv", "matmul", "loops"))
)


@pytest.mark.parametrize("path", STYLE_FILES, ids=lambda path: path.stem)
def test_no_style_has_a_race(path: Path) -> None:
    names = runpy.run_path(str(path))
    found = {name: names[name] for name in names if name.startswith("tensor_")}
    for name, kernel in found.items():
        for reverse in (False, True):
            recording = record(*_call(name, kernel, reverse))
            assert find_race(recording.accesses) is None
            assert len(set(recording.accesses[:, 1].tolist())) > 1, "several iterations write"


def _call(name: str, kernel: Any, reverse: bool) -> tuple[Any, list[Any]]:
    """Return a kernel, with a scalar function if it needs one, and its arguments."""
    rng = np.random.default_rng(0)
    if name in ("tensor_map", "tensor_zip"):
        number = 2 if name == "tensor_map" else 3
        kernel = kernel(operator.neg if number == 2 else operator.mul)
        parts = [np.zeros((3, 4)), *[rng.random((4, 3)).T for _ in range(number - 1)]]
        return kernel, [each for part in parts for each in _tuple(part)]
    if name == "tensor_reduce":
        parts = [np.zeros((3, 1)), rng.random((4, 3)).T]
        return kernel(operator.add), [*[each for part in parts for each in _tuple(part)], 1]
    out, a, b = KERNELS[name]
    more = [] if name == "tensor_matrix_multiply" else [reverse]
    size = [int(np.prod(out))] if more else []
    operands = [*_tuple(rng.random(a)), *_tuple(rng.random(b))]
    return kernel, [*_tuple(np.zeros(out)), *size, *operands, *more]


def _tuple(array: Array) -> tuple[Array, Array, Array]:
    strides = [stride // array.itemsize for stride in array.strides]
    storage = array.T.ravel() if array.flags.f_contiguous else array.ravel()
    return storage.copy(), np.array(array.shape), np.array(strides)


def test_kernels_of_the_packages_can_be_recorded() -> None:
    subject, x, out = InProcessSubject(), np.arange(15.0).reshape(5, 3).T, np.zeros((3, 5))
    options = {"module": "fast_ops", "kernel": "tensor_map", "fn": "neg"}
    (program,) = programs(subject, options, out, [x])
    response = subject.call("source.accesses", [out, x], {**options, "functions": program.plain()})
    np.testing.assert_array_equal(response.arrays[0], -x)
    assert sorted(response.arrays[1][:, 3].tolist()) == list(range(15))
    assert set(response.arrays[1][:, 4].tolist()) == {1}


# Any loop: the recorder and a naive oracle agree.


@st.composite
def views(draw: st.DrawFn) -> tuple[str, tuple[Any, ...]]:
    """Draw the operations that create a view of 12 elements."""
    return draw(
        st.sampled_from(
            [
                ("whole", ()),
                ("slice", (draw(st.integers(0, 5)), draw(st.integers(6, 12)))),
                ("step", (draw(st.integers(1, 4)),)),
                ("rows", (draw(st.sampled_from([2, 3, 4, 6])),)),
                ("turned", (draw(st.sampled_from([2, 3, 4, 6])),)),
                ("back", ()),
                ("bytes", ()),
            ]
        )
    )


def look(array: Any, view: tuple[str, tuple[Any, ...]]) -> Any:
    """Return a view of an array."""
    kind, numbers = view
    if kind == "slice":
        return array[numbers[0] : numbers[1]]
    if kind == "step":
        return array[:: numbers[0]]
    if kind == "rows":
        return array.reshape(numbers[0], -1)
    if kind == "turned":
        return array.reshape(numbers[0], -1).T
    if kind == "back":
        return array[::-1]
    return array.view(np.int64) if kind == "bytes" else array


def read_cell(array: Any, at: int) -> None:
    index = np.unravel_index(at % array.size, array.shape)
    array[tuple(map(int, index))]


def write_cell(array: Any, at: int) -> None:
    index = np.unravel_index(at % array.size, array.shape)
    array[tuple(map(int, index))] = 1


def write_first(array: Any, at: int) -> None:
    array[: at % 3] = 0


def add_to_row(array: Any, at: int) -> None:
    row = array[at % len(array) :]
    row += 1


def write_some(array: Any, at: int) -> None:
    array[np.array([at % len(array), 0])] = 1


def read_all(array: Any, at: int) -> None:
    array.sum()


def double(array: Any, at: int) -> None:
    np.add(array, array, out=array)


DEEDS: dict[str, tuple[Callable[[Any, int], None], Callable[[Any, int], tuple[Any, Any]]]] = {
    # What an iteration does, and the cells that it reads and writes.
    "read a cell": (read_cell, lambda cells, at: (cells.ravel()[at % cells.size], [])),
    "write a cell": (write_cell, lambda cells, at: ([], cells.ravel()[at % cells.size])),
    "write the first": (write_first, lambda cells, at: ([], cells[: at % 3])),
    "add to a row": (
        add_to_row,
        lambda cells, at: (cells[at % len(cells) :], cells[at % len(cells) :]),
    ),
    "write some": (write_some, lambda cells, at: ([], cells[[at % len(cells), 0]])),
    "read all": (read_all, lambda cells, at: (cells, [])),
    "double": (double, lambda cells, at: (cells, cells)),
    "nothing": (lambda array, at: None, lambda cells, at: ([], [])),
}

Deed = tuple[int, tuple[str, tuple[Any, ...]], str, int]
DEED = st.tuples(st.integers(0, 2), views(), st.sampled_from(sorted(DEEDS)), st.integers(0, 20))
LOOPS = st.lists(
    st.lists(st.lists(DEED, max_size=2), min_size=1, max_size=4), min_size=1, max_size=2
)


@given(loops=LOOPS)
def test_accesses_equal_those_of_a_naive_oracle(loops: list[list[list[Deed]]]) -> None:
    @njit(parallel=True)
    def kernel(first, second):  # type: ignore[no-untyped-def]
        third = np.zeros(12)
        arrays = (first, second, third)
        for iterations in loops:
            for i in prange(len(iterations)):
                for which, view, deed, at in iterations[i]:
                    DEEDS[deed][0](look(arrays[which], view), at)

    expected: set[tuple[int, int, int, int, int]] = set()
    for loop, iterations in enumerate(loops):
        rows = set()
        for i, deeds in enumerate(iterations):
            for which, view, deed, at in deeds:
                touched = DEEDS[deed][1](look(np.arange(12), view), at)
                for write, cells in enumerate(touched):
                    rows |= {(loop, i, which, int(cell), write) for cell in np.ravel(cells)}
        written = {which for _, _, which, _, write in rows if write}
        expected |= {row for row in rows if row[2] in written}

    found: Recording = record(kernel, [np.zeros(12), np.zeros(12)])
    assert set(map(tuple, found.accesses.tolist())) == expected
    race = find_race(found.accesses)
    racing = {
        (a[0], a[2], a[3])
        for a in expected
        for b in expected
        if a[0] == b[0] and a[2:4] == b[2:4] and a[1] != b[1] and a[4] == 1
    }
    assert (race is None) == (not racing)
    if race is not None:
        assert (race.loop, race.array, race.cell) in racing
