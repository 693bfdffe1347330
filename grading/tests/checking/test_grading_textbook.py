"""Textbook examples, drawn by the strategies of the checks and shrunk by hypothesis."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, is_hypothesis_test, settings
from hypothesis import strategies as st

from grading.checking import textbook
from grading.checking.elementwise import one_tensor, two_tensors
from grading.checking.products import convolutions, images, matrices
from grading.checking.strategies import (
    QUARTERS,
    arrays,
    columns,
    distinct,
    positive,
    programs,
    quarters,
    shapes,
    small_floats,
)
from grading.isolation import IsolatedSubject
from grading.paths import ROOT
from grading.protocol.messages import Array
from grading.tasks.table import table
from grading.tests.running import checks_of, failures

ON_PROCESSOR = [task.id for task in table().tasks if task.device == "cpu"]

SETTINGS = settings(max_examples=200, database=None, phases=[Phase.generate, Phase.shrink])

shapes_of_examples = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def arrays_in(value: Any) -> list[Array]:
    """Return the numbers of a drawn value as arrays: its arrays, and its floats."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, float):
        return [np.array([value])]
    if isinstance(value, list | tuple):
        return list(itertools.chain.from_iterable(map(arrays_in, value)))
    return []


@pytest.mark.parametrize(
    "strategy",
    [
        convolutions(dims=1),
        convolutions(dims=2),
        matrices(),
        images(),
        one_tensor("mul"),
        two_tensors("mul"),
        columns(small_floats, 2),
        programs(),
        st.tuples(quarters, positive, small_floats),
    ],
    ids=["conv1d", "conv2d", "matmul", "pool", "map", "zip", "columns", "programs", "numbers"],
)
def test_the_simplest_example_counts_through_all_operands(strategy: st.SearchStrategy[Any]) -> None:
    with textbook.examples():
        drawn = arrays_in(find(strategy, lambda value: True, settings=SETTINGS))
    numbers = np.concatenate([array.ravel() for array in drawn])
    first = numbers[0]
    assert first in (1, 2)
    assert numbers.tolist() == np.arange(first, first + numbers.size).tolist()


@given(shape=shapes_of_examples, data=st.data())
def test_elements_are_integers(shape: tuple[int, ...], data: st.DataObject) -> None:
    with textbook.examples():
        array = data.draw(arrays(shape))
    assert array.shape == shape
    assert np.array_equal(array, np.round(array))
    assert np.abs(array).max() <= array.size


@given(shape=shapes_of_examples, data=st.data())
def test_distinct_elements_remain_distinct(shape: tuple[int, ...], data: st.DataObject) -> None:
    with textbook.examples():
        array = data.draw(distinct(shape))
    assert len(np.unique(array)) == array.size
    assert array.all()


@given(data=st.data(), domain=st.sampled_from([(3.0, -1.0, 0.5), (0.25, 2.0, 0.0, 4.0)]))
def test_elements_are_in_the_domain(data: st.DataObject, domain: tuple[float, ...]) -> None:
    with textbook.examples():
        array = data.draw(arrays((2, 3), domain))
    assert set(array.ravel().tolist()) <= {x for x in domain if x == round(x)}


@given(data=st.data())
def test_a_number_outside_the_domain_is_replaced(data: st.DataObject) -> None:
    with textbook.examples():
        assert data.draw(positive) >= 2


@given(data=st.data(), dims=st.integers(1, 4))
def test_sizes_other_than_1_differ(data: st.DataObject, dims: int) -> None:
    with textbook.examples():
        shape = data.draw(shapes(dims, dims))
    wide = [size for size in shape if size != 1]
    assert len(set(wide)) == len(wide) >= min(2, dims)


@given(data=st.data())
def test_sizes_of_1_can_be_excluded(data: st.DataObject) -> None:
    with textbook.examples():
        assert 1 not in data.draw(shapes(min_side=2))


@pytest.mark.parametrize(
    "needed",
    [
        lambda x: (x == 0).any(),
        lambda x: (x < 0).any(),
        lambda x: len(np.unique(x)) < x.size,
        lambda x: x[0] > x[1],
        lambda x: not x.flags.c_contiguous,
    ],
    ids=["zero", "negative", "equal", "decreasing", "permuted"],
)
def test_what_a_mistake_needs_is_drawn(needed: Any) -> None:
    shape = (2, 3) if "flags" in needed.__code__.co_names else (3,)
    with textbook.examples():
        array = find(arrays(shape), needed, settings=SETTINGS)
    assert needed(array)


@pytest.mark.parametrize("dim", range(4))
def test_sizes_without_need_shrink_to_1(dim: int) -> None:
    with textbook.examples():
        shape = find(shapes(4, 4), lambda shape: shape[dim] > 1, settings=SETTINGS)
    assert sorted(shape) == [1, 1, 2, 3]


@pytest.fixture(scope="session")
def packages() -> Iterator[IsolatedSubject]:
    """The packages in a worker, their kernels without being compiled."""
    with IsolatedSubject(ROOT, environment={"NUMBA_DISABLE_JIT": "1"}) as worker:
        yield worker


@pytest.mark.slow
@pytest.mark.parametrize("task", ON_PROCESSOR)
def test_the_packages_pass_on_textbook_examples(task: str, packages: IsolatedSubject) -> None:
    """Check that a counterexample among them is no false alarm."""
    drawing = [check for check in checks_of(task) if is_hypothesis_test(check)]
    packages.begin_check()
    with textbook.examples():
        for check in drawing:
            assert list(failures(check, packages, examples=8)) == []


def test_other_inputs_remain_as_they_are() -> None:
    with textbook.examples():
        pass
    assert not textbook.is_active()
    assert find(quarters, lambda x: x == 0.25, settings=SETTINGS) == 0.25
    assert find(shapes(2, 2), lambda shape: True, settings=SETTINGS) == (1, 1)
    array = find(arrays((2,)), lambda x: True, settings=SETTINGS)
    assert array.tolist() == list(QUARTERS[:2])
