"""Functions of several tensors, and of tensors and arrays, compared with NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mt_autodiff import Tensor, concatenate, grad_check, pad, take, tensor
from mt_tensor import REFERENCE, IndexingError, Reference, ShapeError

SINGLE = Reference(np.float32)

sizes = st.integers(0, 3)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Return a constant of normal numbers."""
    return tensor(np.random.default_rng(seed).normal(size=shape))


@given(st.lists(st.integers(0, 2), min_size=1, max_size=3), st.data())
@settings(max_examples=25)
def test_concatenate(shape: list[int], draws: st.DataObject) -> None:
    dim = draws.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for i in range(draws.draw(st.integers(1, 3))):
        own = list(shape)
        own[dim] = draws.draw(st.integers(0, 2))
        parts.append(random(*own, seed=i))
    received = concatenate(parts, dim).to_numpy()
    assert np.array_equal(received, np.concatenate([p.to_numpy() for p in parts], dim))
    grad_check(lambda *parts: concatenate(parts, dim), *parts)


def test_concatenate_of_rows_and_of_several_backends() -> None:
    x = random(2, 3)
    assert np.array_equal(concatenate(x).to_numpy(), x.to_numpy().ravel())  # type: ignore[arg-type]
    single = tensor([1.0], SINGLE, requires_grad=True)
    with pytest.raises(TypeError, match=r"Reference\(float64\) and Reference\(float32\)"):
        concatenate([tensor([2.0]), single, single])
    moved = single.to(REFERENCE)
    concatenate([tensor([2.0]), moved, moved]).backward(np.array([1.0, 10.0, 100.0]))
    assert single.grad.to_numpy().tolist() == [110.0]


@pytest.mark.parametrize(
    ("parts", "dim", "error", "message"),
    [
        ([], 0, ShapeError, "concatenate: the sequence is empty; pass at least one"),
        ([random(2), random(2, 2)], 0, ShapeError, r"shapes \[\(2,\), \(2, 2\)\].*dimension 0"),
        ([random(2, 3), random(2, 4)], 0, ShapeError, "must be equal except in dimension 0"),
        ([random(2)], 1, IndexingError, "concatenate: no dimension 1; allowed: -1 to 0"),
        ([random()], 0, IndexingError, "none: the tensor has no dimensions"),
        (
            [random(2), np.ones(2)],
            0,
            TypeError,
            r"ndarray is not a tensor; make one with .*tensor\(\)",
        ),
        ([1.0], 0, TypeError, "float is not a tensor"),
        (random(2), 0, TypeError, "float is not a tensor"),
    ],
)
def test_concatenate_errors(parts: Any, dim: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        concatenate(parts, dim)


@given(st.lists(st.tuples(sizes, sizes, sizes), max_size=3))
@settings(max_examples=25)
def test_pad(dims: list[tuple[int, int, int]]) -> None:
    x = random(*(n for n, _, _ in dims))
    widths = [(before, after) for _, before, after in dims]
    expected = np.pad(x.to_numpy(), widths) if dims else x.to_numpy()
    assert np.array_equal(pad(x, widths).to_numpy(), expected)
    if x.size <= 8:
        grad_check(lambda x: pad(x, widths), x)


@pytest.mark.parametrize("widths", [[(1, 1)], [(1, 1)] * 3, [(0, 0), (-1, 0)]])
def test_pad_errors(widths: list[tuple[int, int]]) -> None:
    with pytest.raises(ShapeError, match=r"pad: widths .* for shape \(2, 3\); pass one pair"):
        pad(random(2, 3), widths)


@given(st.lists(st.integers(0, 2), max_size=2), st.data())
@settings(max_examples=25)
def test_take(shape: list[int], draws: st.DataObject) -> None:
    count = int(np.prod(shape))
    rows = draws.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    indices = np.array(rows, draws.draw(st.sampled_from([np.int64, np.uint8]))).reshape(shape)
    table = random(3, 2)
    assert np.array_equal(take(table, indices).to_numpy(), table.to_numpy()[indices])
    grad_check(lambda table: take(table.permute(1, 0).contiguous().permute(1, 0), indices), table)


def test_take_copies_the_indices() -> None:
    table = tensor(np.zeros((3, 1)), requires_grad=True)
    indices = np.array([0, 0, 1])
    rows = take(table, indices)
    indices[:] = 2
    rows.backward(np.array([[1.0], [10.0], [100.0]]))
    assert table.grad.to_numpy().tolist() == [[11.0], [100.0], [0.0]]


@pytest.mark.parametrize("indices", [tensor([2, 0]), tensor([1.0, 0.0]), tensor([[1], [2]])])
def test_take_by_the_whole_numbers_of_a_tensor(indices: Tensor) -> None:
    table = random(3, 2)
    expected = table.to_numpy()[indices.to_numpy().astype(int)]
    assert np.array_equal(take(table, indices).to_numpy(), expected)


def test_take_returns_a_copy() -> None:
    table = random(3, 2)
    for indices in (1, [1], [0, 1, 2], []):
        assert not np.shares_memory(take(table, indices).to_numpy(), table.to_numpy())
    assert take(table, []).shape == (0, 2)


@pytest.mark.parametrize(
    ("table", "indices", "error", "message"),
    [
        (random(3), [0], ShapeError, r"take: shape \(3,\) is not a table"),
        (random(3, 2), [0.0], TypeError, "take: indices of float64; they must be integers"),
        (random(3, 2), [True], TypeError, "take: indices of bool"),
        (random(3, 2), random(2), TypeError, "take: indices of float64"),
        (random(3, 2), tensor([np.inf]), TypeError, "take: indices of float64"),
        (random(3, 2), tensor([1.0]) > 0, TypeError, "take: the indices are truth values"),
        (random(3, 2), [0, 3], IndexError, "indices from 0 to 3; the table has rows 0 to 2"),
        (random(3, 2), [-1], IndexError, "indices from -1 to -1"),
        (random(0, 2), [0], IndexError, "rows 0 to -1"),
    ],
)
def test_take_errors(table: Tensor, indices: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        take(table, indices)
