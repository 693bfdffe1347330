"""The embedding layer: lookup, gradients of rows, the padding row."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, grad_check, randn, tensor
from mt_nn import SGD, Embedding
from mt_tensor import Reference, ShapeError

ROWS = 5
numbers = st.lists(st.integers(0, ROWS - 1), max_size=8)


@given(numbers)
def test_vectors_are_rows_of_the_table(indices: list[int]) -> None:
    layer = Embedding(ROWS, 3, rng=0)
    table = layer.weight.value.to_numpy()
    expected = np.array([table[i] for i in indices]).reshape(-1, 3)
    np.testing.assert_array_equal(layer(indices).detach(), expected)


def test_indices_may_have_any_shape() -> None:
    layer = Embedding(ROWS, 3, padding_row=0, rng=0)
    assert layer(np.zeros((2, 0, 4), int)).shape == (2, 0, 4, 3)
    assert layer(2).shape == (3,)
    assert layer([[1, 2], [0, 0]]).shape == (2, 2, 3)


@pytest.mark.parametrize("padding_row", [None, 1])
def test_gradients_reach_the_rows_that_were_looked_up(padding_row: int | None) -> None:
    layer = Embedding(ROWS, 2, padding_row=padding_row, rng=0)

    def f(table: Tensor) -> Any:
        layer.weight.value = table
        return layer([[4, 1], [4, 0]])

    grad_check(f, randn((ROWS, 2), rng=1))


@given(numbers, st.integers(0, ROWS - 1))
def test_the_padding_row_stays_zero(indices: list[int], padding_row: int) -> None:
    layer = Embedding(ROWS, 3, padding_row=padding_row, rng=0)
    optimizer = SGD(layer.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = layer.weight.value.to_numpy()
    for _ in range(2):
        layer(indices).sum().backward()
        optimizer.step()
    after = layer.weight.value.to_numpy()
    assert (before[padding_row] == 0.0).all()
    assert (after[padding_row] == 0.0).all()
    for row in set(indices) - {padding_row}:
        assert (after[row] != before[row]).all()


def test_the_default_initialiser_is_uniform() -> None:
    table = Embedding(1_000, 20, rng=0).weight.value.to_numpy()
    assert abs(table).max() < 0.25
    assert table.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.02)


def test_a_pretrained_table_is_copied_and_frozen() -> None:
    table = np.arange(6.0).reshape(3, 2)
    layer = Embedding.from_pretrained(table, backend=Reference(np.float32))
    table[:] = 0.0
    assert layer.weight.value.dtype == np.float32
    assert (layer.rows, layer.width, layer.trainable) == (3, 2, False)
    vectors = layer([2, 0])
    assert vectors.to_numpy().tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert vectors.is_constant()


def test_a_frozen_table_is_saved_and_not_trained() -> None:
    layer = Embedding.from_pretrained([[1.0], [2.0]])
    SGD(layer.parameters(), lr=1.0, weight_decay=0.5).step()
    state = layer.state_dict()
    assert state["weight"].tolist() == [[1.0], [2.0]]
    other = Embedding.from_pretrained([[8.0], [9.0]])
    other.load_state_dict(state)
    assert other([0, 1]).to_numpy().tolist() == [[1.0], [2.0]]
    assert not other.trainable


def test_a_pretrained_table_may_be_trained() -> None:
    layer = Embedding.from_pretrained([[1.0], [2.0], [3.0]], trainable=True, padding_row=2)
    layer([0, 0, 1, 2]).sum().backward()
    assert layer.weight.value.grad.to_numpy().tolist() == [[2.0], [1.0], [0.0]]
    assert layer.weight.value.to_numpy().tolist() == [[1.0], [2.0], [0.0]]


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_pretrained_tables_of_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Embedding\.from_pretrained: shape .* is not a table"):
        Embedding.from_pretrained(np.zeros(shape))


@pytest.mark.parametrize("padding_row", [None, 0])
def test_indices_in_a_tensor(padding_row: int | None) -> None:
    layer = Embedding(ROWS, 3, padding_row=padding_row, rng=0)
    assert np.array_equal(layer(tensor([1, 0])).to_numpy(), layer([1, 0]).to_numpy())


def test_invalid_indices() -> None:
    layer = Embedding(ROWS, 3, rng=0)
    with pytest.raises(IndexError, match="the table has rows 0 to 4"):
        layer([0, 5])
    with pytest.raises(IndexError, match="from -1 to -1"):
        layer([-1])
    with pytest.raises(TypeError, match="must be integers"):
        layer([0.5])


@pytest.mark.parametrize("padding_row", [-1, ROWS])
def test_padding_rows_out_of_range(padding_row: int) -> None:
    with pytest.raises(ValueError, match=f"padding_row {padding_row} is out of range"):
        Embedding(ROWS, 3, padding_row=padding_row)


def test_sizes_are_positive() -> None:
    with pytest.raises(ValueError, match="Embedding: rows 0 must be"):
        Embedding(0, 3)
    with pytest.raises(ValueError, match="Embedding: width 0 must be"):
        Embedding(3, 0)


def test_repr_shows_the_settings() -> None:
    assert repr(Embedding(3, 2)) == "Embedding(3, 2)"
    frozen = Embedding.from_pretrained([[1.0, 2.0]], padding_row=0)
    assert repr(frozen) == "Embedding(1, 2, padding_row=0, trainable=False)"
