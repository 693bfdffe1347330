"""Task 3.1: map, zip and reduce, compiled and in parallel."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect_array
from grading.checking.elementwise import (
    check_elementwise_gradients,
    check_map,
    check_sum,
    check_zip,
    one_tensor,
    reductions,
    two_tensors,
)
from grading.checking.kernels import (
    LAYOUTS,
    check_map_kernel,
    check_races,
    check_reduce_continues,
    check_reduce_kernel,
    check_zip_kernel,
    map_kernels,
    zip_kernels,
)
from grading.checking.sources import check_is_called, check_is_parallel, check_needs_no_indexing
from grading.checking.strategies import arrays, shapes
from grading.checking.textbook import shuffled
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task3_1

FAST = {"backend": "fast"}


@pytest.mark.parametrize("name", ["neg", "relu", "sigmoid", "exp", "log"])
@given(data=st.data())
def test_map(subject: Subject, name: str, data: st.DataObject) -> None:
    x, _ = data.draw(one_tensor(name))
    check_map(subject, name, x, FAST)


@pytest.mark.parametrize("name", ["add", "mul", "lt", "eq"])
@given(data=st.data())
def test_zip(subject: Subject, name: str, data: st.DataObject) -> None:
    a, b, _ = data.draw(two_tensors(name))
    check_zip(subject, name, a, b, FAST)


@given(case=reductions())
def test_reduce_by_sum(subject: Subject, case: tuple[Array, int, Array]) -> None:
    x, dim, _ = case
    check_sum(subject, x, dim, FAST)


TRUTHS = (0.0, 1.0, 1.0, 1.0)


@given(x=shapes().flatmap(lambda shape: arrays(shape, TRUTHS, permuted=False)))
def test_reduce_by_product(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.all", [x], FAST), [float(x.all())])


@given(x=shapes().flatmap(lambda shape: arrays(shape, TRUTHS)))
def test_all_of_a_permuted_tensor(subject: Subject, x: Array) -> None:
    expect_array(subject.call("tensor.all", [x], FAST), [float(x.all())])


@pytest.mark.parametrize("name", ["relu", "sigmoid", "log"])
@given(data=st.data())
def test_gradients_of_map(subject: Subject, name: str, data: st.DataObject) -> None:
    x, upstream = data.draw(one_tensor(name))
    check_elementwise_gradients(subject, name, [x], upstream, FAST)


@pytest.mark.parametrize("name", ["add", "mul"])
@given(data=st.data())
def test_gradients_of_zip(subject: Subject, name: str, data: st.DataObject) -> None:
    a, b, upstream = data.draw(two_tensors(name))
    check_elementwise_gradients(subject, name, [a, b], upstream, FAST)


@given(case=map_kernels())
def test_output_of_the_map_kernel(subject: Subject, case: tuple[Array, Array]) -> None:
    check_map_kernel(subject, "fast_ops", case)


@given(case=zip_kernels())
def test_output_of_the_zip_kernel(subject: Subject, case: tuple[Array, Array, Array]) -> None:
    check_zip_kernel(subject, "fast_ops", case)


@given(case=reductions())
def test_output_of_the_reduce_kernel(subject: Subject, case: tuple[Array, int, Array]) -> None:
    check_reduce_kernel(subject, "fast_ops", case)


@given(case=reductions())
def test_initial_value_of_the_reduce_kernel(
    subject: Subject, case: tuple[Array, int, Array]
) -> None:
    check_reduce_continues(subject, "fast_ops", case)


@pytest.mark.parametrize("kernel", ["map", "zip", "reduce"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("shape", [(500, 300), (3, 50_000)])
def test_large_tensors(
    subject: Subject, shape: tuple[int, ...], order: tuple[int, ...], kernel: str
) -> None:
    """Check sizes for which all threads have work."""
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 8, shape).astype(float).transpose(order)
    y = rng.integers(-8, 8, x.shape).astype(float)
    if kernel == "map":
        expect_array(subject.call("tensor.neg", [x], FAST), -x)
    elif kernel == "zip":
        expect_array(subject.call("tensor.mul", [x, y], FAST), x * y)
    else:
        for dim in range(x.ndim):
            check_sum(subject, x, dim, FAST)


MAP = {"module": "fast_ops", "kernel": "tensor_map", "fn": "neg"}
ZIP = {"module": "fast_ops", "kernel": "tensor_zip", "fn": "mul"}
REDUCE = {"module": "fast_ops", "kernel": "tensor_reduce", "fn": "add"}


@pytest.mark.parametrize("kernel", ["map", "zip", "reduce"])
@pytest.mark.parametrize(("shape", "times"), [((3, 5), 1000), ((60, 500), 10)])
def test_data_races(subject: Subject, shape: tuple[int, int], times: int, kernel: str) -> None:
    """Check that iterations of small calls write disjoint elements; repeat large calls."""
    rng = np.random.default_rng(0)
    x = shuffled(rng, shape[::-1]).T
    y = shuffled(rng, shape[1:])
    junk, aligned = np.full(shape, 99.0), np.ascontiguousarray(x)
    if kernel == "map":
        check_races(subject, MAP, junk, [x], -x, times)
        check_races(subject, MAP, junk, [aligned], -x, times // 10)
    elif kernel == "zip":
        check_races(subject, ZIP, junk, [x, y], x * y, times)
        check_races(subject, ZIP, junk, [aligned, aligned], x * x, times // 10)
    else:
        for dim in (0, 1):
            total = x.sum(axis=dim, keepdims=True)
            options = {**REDUCE, "more": [dim]}
            check_races(subject, options, np.zeros(total.shape), [x], total, times)


@pytest.mark.parametrize("kernel", ["map", "zip", "reduce"])
def test_parallel_main_loops(subject: Subject, kernel: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 8, (2000, 4)).astype(float).T
    junk = np.full(x.shape, 99.0)
    if kernel == "map":
        check_is_parallel(subject, MAP, junk, [x], -x)
    elif kernel == "zip":
        check_is_parallel(subject, ZIP, junk, [x, x[:1]], x * x[:1])
    else:
        y = rng.integers(-8, 8, (5, 40, 50)).astype(float).transpose(1, 0, 2)
        total = y.sum(axis=2, keepdims=True)
        check_is_parallel(subject, {**REDUCE, "more": [2]}, np.zeros(total.shape), [y], total)


@pytest.mark.parametrize("kernel", ["map", "zip", "reduce"])
def test_calls_of_the_kernel(subject: Subject, kernel: str) -> None:
    x = np.arange(-6.0, 6.0).reshape(4, 3).T
    junk = np.full(x.shape, 99.0)
    if kernel == "map":
        check_is_called(subject, MAP, junk, [x], -x)
    elif kernel == "zip":
        check_is_called(subject, ZIP, junk, [x, x[:1]], x * x[:1])
    else:
        total = x.sum(axis=1, keepdims=True)
        check_is_called(subject, {**REDUCE, "more": [1]}, np.zeros(total.shape), [x], total)


def test_aligned_tensors_without_indexing(subject: Subject) -> None:
    x = np.arange(6.0).reshape(2, 3)
    check_needs_no_indexing(subject, MAP, np.zeros((2, 3)), [x], -x)
    check_needs_no_indexing(subject, ZIP, np.zeros((2, 3)), [x, x], x * x)


@example(**LAYOUTS)
@given(one=map_kernels(any_layout=True), two=zip_kernels(any_layout=True))
def test_output_in_any_layout(
    subject: Subject, one: tuple[Array, Array], two: tuple[Array, Array, Array]
) -> None:
    check_map_kernel(subject, "fast_ops", one)
    check_zip_kernel(subject, "fast_ops", two)


def test_empty_tensors(subject: Subject) -> None:
    expect_array(subject.call("tensor.neg", [np.zeros((2, 0))], FAST), np.zeros((2, 0)))
    options = {**FAST, "dim": 1}
    expect_array(subject.call("tensor.sum", [np.zeros((2, 0))], options), np.zeros((2, 1)))
