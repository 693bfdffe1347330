"""Creation of tensors: data, dtype, shared memory, random numbers."""

import array as arrays
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import (
    Tensor,
    arange,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    meshgrid,
    no_grad,
    one_hot,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from mt_tensor import REFERENCE, IndexingError, Reference, ShapeError

SINGLE = Reference(np.float32)
makers = pytest.mark.parametrize(
    "make",
    [
        lambda **kw: tensor([[1.0, 2.0]], **kw),
        lambda **kw: zeros((1, 2), **kw),
        lambda **kw: ones((1, 2), **kw),
        lambda **kw: full((1, 2), 3.0, **kw),
        lambda **kw: rand((1, 2), **kw),
        lambda **kw: randn((1, 2), **kw),
    ],
    ids=["tensor", "zeros", "ones", "full", "rand", "randn"],
)


@makers
def test_backend_and_gradient_can_be_chosen(make: Callable[..., Tensor]) -> None:
    plain = make()
    assert plain.backend is REFERENCE
    assert plain.is_constant()
    chosen = make(backend=SINGLE, requires_grad=True)
    assert chosen.backend is SINGLE
    assert chosen.data.storage.dtype == np.float32
    assert chosen.is_leaf()
    for x in (plain, chosen):
        assert x.shape == (1, 2)
        assert x.data.is_contiguous()
        assert x.data.storage.flags.writeable


# Numbers


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (3, 3.0),
        (2.5, 2.5),
        (True, 1.0),
        ([], []),
        ([[]], [[]]),
        ([1, 2.5, True], [1.0, 2.5, 1.0]),
        ([(1, 2), [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
        (range(3), [0.0, 1.0, 2.0]),
        (arrays.array("d", [1.0, 2.0]), [1.0, 2.0]),
        (np.float32(0.5), 0.5),
        (np.arange(4, dtype=np.uint8).reshape(2, 2), [[0.0, 1.0], [2.0, 3.0]]),
        (np.array([1.0, 2.0], ">f4"), [1.0, 2.0]),
        ([np.array([1, 2]), [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
        (tensor([1.0, 2.0]), [1.0, 2.0]),
        ([tensor([1.0, 2.0]), tensor([3.0, 4.0])], [[1.0, 2.0], [3.0, 4.0]]),
        ([tensor(1.0), 2.0], [1.0, 2.0]),
        ([np.inf, -np.inf], [np.inf, -np.inf]),
    ],
)
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_data_of_tensors(data: Any, expected: Any, backend: Reference) -> None:
    x = tensor(data, backend)
    assert x.to_numpy().tolist() == expected
    assert x.to_numpy().dtype == backend.dtype


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([[1.0], [2.0, 3.0]], ValueError, "tensor: nested lists must have equal lengths"),
        ([1.0, [2.0]], ValueError, "equal lengths"),
        ("1.0", TypeError, "tensor: expected real numbers, got an array of <U3"),
        (["1"], TypeError, "real numbers"),
        (None, TypeError, "real numbers, got an array of object"),
        ([1.0, None], TypeError, "real numbers"),
        (1j, TypeError, "real numbers, got an array of complex128"),
        (np.datetime64("2024"), TypeError, "real numbers"),
        ({1.0}, TypeError, "real numbers"),
        (np.ones((1,) * 33), IndexingError, "33 dimensions; a tensor has at most 32"),
    ],
)
def test_invalid_data(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tensor(data)


def test_tensor_copies_and_from_numpy_shares() -> None:
    array = np.ones((2, 3))
    assert not np.shares_memory(tensor(array).to_numpy(), array)
    assert not np.shares_memory(tensor(tensor(array)).to_numpy(), array)
    shared = from_numpy(array)
    assert np.shares_memory(shared.to_numpy(), array)
    assert shared.is_constant()
    assert not np.shares_memory(from_numpy(array, SINGLE).to_numpy(), array)
    assert from_numpy(array, SINGLE).backend is SINGLE
    frozen = np.ones(2)
    frozen.flags.writeable = False
    from_numpy(frozen)[0] = 5.0
    assert frozen.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "data",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0).reshape(2, 6)[:, ::2],
        np.arange(6.0).reshape(2, 3)[::-1],
        np.broadcast_to(np.arange(3.0), (2, 3)),
        tensor(np.arange(6.0).reshape(3, 2)).permute(1, 0),
        tensor([[1.0], [2.0]]).expand(2, 3),
    ],
)
def test_tensors_are_contiguous_for_all_data(data: Any) -> None:
    x = tensor(data)
    assert x.data.is_contiguous()
    assert np.array_equal(x.to_numpy(), np.asarray(data))
    assert x.view(6).shape == (6,)


# Tensors of tensors


def test_a_tensor_of_tensors_passes_gradients_on() -> None:
    x, y = tensor([1.0, 2.0], requires_grad=True), tensor(3.0, SINGLE, requires_grad=True)
    both = tensor([[x * x, x], [[y * 1, 5.0], np.array([6.0, 7.0])]])
    assert both.to_numpy().tolist() == [[[1, 4], [1, 2]], [[3, 5], [6, 7]]]
    both.backward(np.arange(8.0).reshape(2, 2, 2))
    assert x.grad.to_numpy().tolist() == [0 * 2 + 2, 1 * 4 + 3]
    assert y.grad.item() == 4.0
    assert y.grad.backend is SINGLE


def test_a_tensor_of_one_tensor_is_a_copy_with_gradients() -> None:
    x = tensor([[1.0, 2.0]], requires_grad=True)
    for data in (x, x.permute(1, 0)):
        copy = tensor(data, SINGLE)
        assert copy.backend is SINGLE
        assert copy.data.is_contiguous()
        assert not np.shares_memory(tensor(data).to_numpy(), x.to_numpy())
        copy.sum().backward()
    assert x.grad.to_numpy().tolist() == [[2.0, 2.0]]


def test_a_tensor_of_constants_is_a_constant() -> None:
    x = tensor([1.0], requires_grad=True)
    assert tensor([x.detach(), 2 * x.detach()]).is_constant()
    with no_grad():
        assert tensor([x, x]).is_constant()
        assert tensor(x, requires_grad=True).is_leaf
    assert tensor(x.detach(), requires_grad=True).is_leaf


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: tensor(x, requires_grad=True), "requires_grad=True makes a leaf"),
        (lambda x: tensor([1.0, x], requires_grad=True), "requires_grad=True makes a leaf"),
        (lambda x: tensor([x, [x, x]]), r"equal shapes; received items of shapes \[\(\), \(2,\)\]"),
        (lambda x: full((2,), x), "full: .* would be lost; pass its detach"),
        (from_numpy, "from_numpy: .* would be lost; pass its detach"),
        (from_dlpack, "from_dlpack: .* would be lost; pass its detach"),
    ],
)
def test_a_gradient_that_would_be_lost(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(tensor(1.0, requires_grad=True))


# Shapes


@given(st.lists(st.integers(0, 3), max_size=4))
def test_any_shape(shape: list[int]) -> None:
    for make, value in ((zeros, 0.0), (ones, 1.0)):
        x = make(shape)
        assert np.array_equal(x.to_numpy(), np.full(shape, value))
        assert x.shape == tuple(shape)
    assert np.array_equal(full(shape, -2.5).to_numpy(), np.full(shape, -2.5))
    assert rand(shape, rng=0).shape == randn(shape, rng=0).shape == tuple(shape)
    for maker in (zeros, ones, rand, randn):
        assert not shape or maker(*shape).shape == tuple(shape)


@pytest.mark.parametrize("make", [zeros, ones, lambda s: full(s, 1.0)])
def test_invalid_shapes(make: Callable[[Any], Tensor]) -> None:
    for shape in (2.5, (2.5,), "23", None, SINGLE):
        with pytest.raises(TypeError, match="sequence of integers"):
            make(shape)
    with pytest.raises(IndexingError, match="negative size"):
        make((2, -1))


# Random numbers


@pytest.mark.parametrize("make", [rand, randn])
def test_equal_seeds_give_equal_numbers(make: Callable[..., Tensor]) -> None:
    first = make((2, 3), rng=7).to_numpy()
    assert np.array_equal(first, make((2, 3), rng=7).to_numpy())
    assert np.array_equal(first, make((2, 3), rng=np.random.default_rng(7)).to_numpy())
    assert not np.array_equal(first, make((2, 3), rng=8).to_numpy())
    assert not np.array_equal(make((2, 3)).to_numpy(), make((2, 3)).to_numpy())
    np.testing.assert_allclose(make((2, 3), rng=7, backend=SINGLE).to_numpy(), first, rtol=1e-6)


@pytest.mark.parametrize("make", [rand, randn])
def test_draws_advance_the_generator_and_no_global_state(make: Callable[..., Tensor]) -> None:
    rng = np.random.default_rng(7)
    before = global_states()
    assert not np.array_equal(make((2,), rng=rng).to_numpy(), make((2,), rng=rng).to_numpy())
    make((2,))
    assert global_states() == before


def global_states() -> tuple[Any, str]:
    """Return the states of Python's and NumPy's global generators."""
    return random.getstate(), repr(np.random.get_state())  # noqa: NPY002


def test_distributions() -> None:
    uniform, normal = rand((50_000,), rng=0).to_numpy(), randn((50_000,), rng=0).to_numpy()
    assert 0.0 <= uniform.min() < 0.001 < 0.999 < uniform.max() < 1.0
    assert uniform.mean() == pytest.approx(0.5, abs=0.01)
    assert uniform.var() == pytest.approx(1 / 12, abs=0.002)
    assert normal.mean() == pytest.approx(0.0, abs=0.02)
    assert normal.var() == pytest.approx(1.0, abs=0.03)
    assert (normal < 0).mean() == pytest.approx(0.5, abs=0.01)


class Largest(np.random.Generator):
    """A generator that draws the largest double below 1."""

    def random(self, size: Any = None) -> Any:  # type: ignore[override]
        return np.full(size, np.nextafter(1.0, 0.0))


def test_uniform_numbers_are_below_1_in_float32() -> None:
    # Plain conversion to float32 rounds about one double in 30 million to 1.
    largest = rand((2,), rng=Largest(np.random.PCG64(0)), backend=SINGLE).to_numpy()
    assert (largest < 1.0).all()
    assert (largest == np.nextafter(np.float32(1), np.float32(0))).all()


# Other creation functions, compared with NumPy


@given(st.integers(0, 4), st.integers(-3, 3), st.sampled_from([1, 2, -1, 0.5]))
def test_ranges(count: int, start: int, step: float) -> None:
    assert arange(count).tolist() == np.arange(count).tolist()
    assert arange(start, start + count, step).tolist() == list(
        np.arange(start, start + count, step)
    )
    assert linspace(start, count, 5).tolist() == np.linspace(start, count, 5).tolist()
    assert eye(count, 2).tolist() == np.eye(count, 2).tolist()
    assert arange(3).kind == "positions"
    with pytest.raises(ValueError, match="arange: step 0"):
        arange(0, 1, 0)


def test_tensors_like_another() -> None:
    x = zeros((2, 3), backend=SINGLE)
    for like in (zeros_like(x), ones_like(x), full_like(x, 7.0), rand_like(x), randn_like(x)):
        assert (like.shape, like.backend) == ((2, 3), SINGLE)
    assert (ones_like(x)[0, 0], full_like(x, 7.0)[0, 0]) == (1.0, 7.0)
    assert rand_like(x, rng=1).tolist() == rand((2, 3), rng=1, backend=SINGLE).tolist()
    assert ones_like(x, requires_grad=True).is_leaf


def test_random_whole_numbers() -> None:
    draws = randint(2, 5, (200,), rng=0)
    assert sorted(set(draws.tolist())) == [2.0, 3.0, 4.0]
    order = randperm(10, rng=0)
    assert sorted(order.tolist()) == list(range(10))
    assert order.tolist() != list(range(10))
    assert draws.kind == order.kind == "positions"


def test_grids() -> None:
    x, y = meshgrid(tensor([1.0, 2.0]), arange(3))
    expected = np.meshgrid([1.0, 2.0], range(3), indexing="ij")
    assert [x.tolist(), y.tolist()] == [each.tolist() for each in expected]
    with pytest.raises(ShapeError, match=r"meshgrid: shapes \[\(1, 1\)\]; pass vectors"):
        meshgrid(zeros(1, 1))


def test_one_hot_rows() -> None:
    index = np.array([[2, 0], [1, 1]])
    assert np.array_equal(one_hot(index, 4).to_numpy(), np.eye(4)[index])
    assert one_hot(tensor([0, 2], SINGLE)).backend is SINGLE
    assert one_hot([0, 2]).shape == (2, 3)
    assert one_hot([], 3).shape == (0, 3)
    for bad, message in [([3], "from 3 to 3; .* from 0 to 2"), ([-1], "from -1 to -1")]:
        with pytest.raises(IndexError, match=f"one_hot: positions {message}"):
            one_hot(bad, 3)
    with pytest.raises(TypeError, match="one_hot: indices of bool"):
        one_hot([True])
    with pytest.raises(TypeError, match="one_hot: indices of float64"):
        one_hot([0.5])


def test_a_copy_of_truth_values_keeps_the_kind() -> None:
    mask = tensor([True, False])
    assert mask.kind == tensor(mask).kind == mask.clone().kind == "truth"
    assert from_numpy(np.array([1, 0])).kind == "positions"
    assert tensor([1.0, 0.0]).kind is None


@pytest.mark.parametrize("name", ["dtype", "device"])
@pytest.mark.parametrize(
    "make", [tensor, zeros, ones, full, eye, arange, linspace, rand, randn, randint, randperm]
)
def test_options_of_pytorch_name_ours(make: Any, name: str) -> None:
    message = f"{make.__name__}: '{name}' is no argument of the function; use backend"
    with pytest.raises(TypeError, match=message):
        make(1, **{name: None})


@pytest.mark.parametrize("make", [rand, randn, randint, randperm])
def test_generators_of_pytorch_name_ours(make: Any) -> None:
    with pytest.raises(TypeError, match="'generator' is no argument of the function; use rng"):
        make(1, generator=None)
