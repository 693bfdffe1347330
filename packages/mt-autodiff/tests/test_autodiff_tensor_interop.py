"""Other libraries and other processes: NumPy's protocols, DLPack, copies and pickles."""

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import History, Tensor, from_dlpack, no_grad, tensor
from mt_tensor import REFERENCE, Reference
from tools.layouts import LAYOUTS

SINGLE = Reference(np.float32)
layouts = pytest.mark.parametrize("layout", LAYOUTS)


def arranged(layout: str, *shape: int, backend: Reference = REFERENCE) -> Tensor:
    """Return a constant in a memory layout."""
    array = np.arange(float(np.prod(shape))).reshape(shape)
    return Tensor(LAYOUTS[layout](backend, array), backend=backend)


# Arrays


@layouts
def test_arrays_are_views(layout: str) -> None:
    x = arranged(layout, 2, 3)
    for array in (x.to_numpy(), np.asarray(x), np.asarray(x, np.float64), np.array(x, copy=None)):
        assert np.shares_memory(array, x.data.storage)
        assert [[x[i, j] for j in range(3)] for i in range(2)] == array.tolist()
    if layout != "expanded":
        np.asarray(x)[1, 2] = -1.0
        assert x[1, 2] == -1.0


def test_expanded_tensors_are_read_only_arrays() -> None:
    array = np.asarray(tensor([1.0]).expand(3))
    assert array.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2.0


def test_copy_argument_of_array() -> None:
    x = tensor([1.0, 2.0])
    memory = x.to_numpy()
    assert not np.shares_memory(np.array(x), memory)
    assert not np.shares_memory(np.array(x, copy=True), memory)
    assert np.shares_memory(np.asarray(x, copy=False), memory)
    converted = np.asarray(x, np.float32)
    assert converted.dtype == np.float32
    assert np.asarray(x, int).tolist() == [1, 2]
    with pytest.raises(ValueError, match="from float64 to float32 needs a copy"):
        np.asarray(x, np.float32, copy=False)
    assert np.array(x, np.float32, copy=True).tolist() == [1.0, 2.0]


def test_numpy_functions_take_tensors() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.linalg.det(x) == pytest.approx(-2.0)
    assert np.concatenate([x, x]).shape == (4, 2)
    assert np.array_equal(np.stack([x, x])[0], x)
    np.testing.assert_allclose(x, [[1.0, 2.0], [3.0, 4.0]])


def test_numpy_operators_defer_to_tensors() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    array = np.array([3.0, 4.0])
    for result in (array * x, array + x, array - x, array / x, np.float64(3) * x, array < x):
        assert isinstance(result, Tensor)
        assert result.requires_grad()
    (array * x).sum().backward()
    assert x.grad.to_numpy().tolist() == [3.0, 4.0]
    with pytest.raises(RuntimeError, match=r"numpy\.add: .*; write `x = array \+ x` to get a tens"):
        array += x


FUNCTIONS: dict[Callable[..., Any], str] = {
    np.mean: r"numpy\.mean: .* write x\.mean\(\), which keeps it, or numpy\.mean\(x\.detach",
    np.sum: r"numpy\.sum: .* write x\.sum\(\), which",
    np.max: r"numpy\.max: .* write x\.max\(\), which",
    np.std: r"numpy\.std: .* write x\.std\(\), which",
    np.cumsum: r"numpy\.cumsum: .* write x\.cumsum\(\), which",
    np.ravel: r"numpy\.ravel: .* write x\.flatten\(\), which",
    np.argmax: r"numpy\.argmax: .* write x\.argmax\(\), which",
    np.linalg.det: r"numpy\.linalg\.det: .* write numpy\.linalg\.det\(x\.detach\(\)\)",
    np.exp: r"numpy\.exp: .* write x\.exp\(\), which",
    np.log: r"numpy\.log: .* write x\.ln\(\), which",
    np.negative: r"numpy\.negative: .* write -x, which",
    np.arctan: r"numpy\.arctan: .* write numpy\.arctan\(x\.detach\(\)\) for an array",
    np.add.reduce: r"numpy\.add\.reduce: .* write numpy\.add\.reduce\(x\.detach\(\)\)",
    np.asarray: r"numpy\.asarray: .* write x\.to_numpy\(\)",
    np.array: r"numpy\.asarray: .* write x\.to_numpy\(\)",
}
"""Functions of NumPy, and the error for a tensor that requires a gradient."""

SEVERAL: dict[Callable[[Any], Any], str] = {
    lambda x: np.stack([x, x]): r"numpy\.stack: .* write mt_autodiff\.stack, which keeps it",
    lambda x: np.where(np.eye(2), np.eye(2), x): r"numpy\.where: .* write mt_autodiff\.where",
    lambda x: np.quantile(
        x, 0.5
    ): r"numpy\.quantile: .* write numpy\.quantile\(x\.detach\(\)\) for",
    lambda x: np.array([x, x]): r"numpy\.asarray: ",
    lambda x: np.clip(np.eye(2), a_min=x, a_max=None): r"numpy\.clip: ",
}


@pytest.mark.parametrize("function", [*FUNCTIONS, *SEVERAL])
def test_functions_of_numpy_compute_with_the_elements(function: Any) -> None:
    x = tensor([[1.0, 2.0], [4.0, 8.0]])
    np.testing.assert_array_equal(function(x), function(x.to_numpy()))
    assert not isinstance(function(x), Tensor)


@pytest.mark.parametrize(("function", "message"), [*FUNCTIONS.items(), *SEVERAL.items()])
def test_functions_of_numpy_do_not_lose_gradients(function: Any, message: str) -> None:
    leaf = tensor([[1.0, 2.0], [4.0, 8.0]], requires_grad=True)
    for x in (leaf, leaf * 1.0):
        with pytest.raises(RuntimeError, match=message):
            function(x)
    with no_grad():
        np.testing.assert_array_equal(function(leaf), function(leaf.to_numpy()))


def test_functions_of_numpy_that_need_no_elements() -> None:
    x: Any = tensor([[1.0, 2.0]], requires_grad=True) * 2.0
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((1, 2), 2, 2)
    assert np.array2string(x) == "[[2. 4.]]"
    assert not np.iscomplexobj(x)


def test_arrays_of_tensors_with_gradients_are_explicit() -> None:
    x = tensor([1.0, 2.0], requires_grad=True) * 3.0
    assert x.to_numpy().tolist() == x.detach().numpy().tolist() == x.tolist() == [3.0, 6.0]
    assert repr(x) == "tensor([3., 6.], history=Mul)"
    assert f"{x.sum():.1f}" == "9.0"
    with pytest.raises(RuntimeError, match=r"numpy: .* write x\.detach\(\)\.numpy\(\), or"):
        x.numpy()
    with pytest.raises(BufferError, match=r"__dlpack__: .* write x\.detach\(\)"):
        np.from_dlpack(x)
    with no_grad():
        assert x.numpy().tolist() == np.from_dlpack(x).tolist() == [3.0, 6.0]


def test_an_array_can_be_changed_by_a_constant() -> None:
    array = np.array([3.0, 4.0])
    array += tensor([1.0, 2.0])
    assert array.tolist() == [4.0, 6.0]


def test_functions_of_numpy_do_not_write_to_tensors() -> None:
    x = tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        np.copyto(x, np.zeros(2))  # type: ignore[arg-type]
    assert x.to_numpy().tolist() == [1.0, 2.0]


def test_float32_arrays() -> None:
    x = tensor([1.0, 2.0], SINGLE)
    assert np.asarray(x).dtype == np.float32
    assert np.shares_memory(np.asarray(x), x.data.storage)


# DLPack


@layouts
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_dlpack_export(layout: str, backend: Reference) -> None:
    x = arranged(layout, 2, 3, backend=backend)
    array = np.from_dlpack(x)
    assert array.dtype == backend.dtype
    assert np.array_equal(array, x.to_numpy())
    assert np.shares_memory(array, x.to_numpy()) == (layout != "expanded")
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_copies() -> None:
    x = tensor([1.0, 2.0])
    assert not np.shares_memory(np.from_dlpack(x, copy=True), x.to_numpy())
    assert np.shares_memory(np.from_dlpack(x, copy=False), x.to_numpy())
    repeated = tensor([1.0]).expand(3)
    assert np.from_dlpack(repeated).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(BufferError, match=r"share memory, .* contiguous\(\) or allow a copy"):
        np.from_dlpack(repeated, copy=False)


@given(st.lists(st.integers(0, 3), max_size=4))
def test_dlpack_of_any_shape(shape: list[int]) -> None:
    x = tensor(np.arange(float(np.prod(shape))).reshape(shape))
    assert np.array_equal(np.from_dlpack(x), x.to_numpy())
    assert np.array_equal(from_dlpack(x).to_numpy(), x.to_numpy())


@pytest.mark.parametrize(
    "arrange", [lambda a: a, lambda a: a.T, lambda a: a[:, ::2], lambda a: a[1:, 1:]]
)
def test_dlpack_import_shares_memory(arrange: Callable[[Any], Any]) -> None:
    array = arrange(np.arange(12.0).reshape(3, 4))
    x = from_dlpack(array)
    assert x.is_constant()
    assert np.array_equal(x.to_numpy(), array)
    assert np.shares_memory(x.to_numpy(), array)
    x[0, 0] = 77.0
    assert array[0, 0] == 77.0
    assert not np.shares_memory(from_dlpack(array, SINGLE).to_numpy(), array)


def test_dlpack_import_of_other_dtypes() -> None:
    for dtype in (np.float32, np.int64, np.uint8, np.bool_):
        x = from_dlpack(np.array([[0, 1]], dtype))
        assert x.dtype == np.float64
        assert x.to_numpy().tolist() == [[0.0, 1.0]]
    reversed_array = np.arange(3.0)[::-1]
    assert from_dlpack(reversed_array).to_numpy().tolist() == [2.0, 1.0, 0.0]


class Unreadable:
    """A tensor whose elements NumPy does not know, such as bfloat16."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **options: Any) -> Any:
        raise BufferError("bfloat16")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "from_dlpack: int has no methods __dlpack__ and __dlpack_device__; pass the tensor of"),
        ([1.0], "from_dlpack: list has no methods .*tensor makes a tensor of numbers and lists"),
        (None, "from_dlpack: NoneType has no methods"),
        (
            np.array(["a"]),
            r"from_dlpack: the ndarray cannot be read \(.*\); pass a tensor of float32",
        ),
        (np.ones(2, ">f8"), "from_dlpack: the ndarray cannot be read"),
        (np.ones(2, complex), "an array of complex128 cannot become a tensor of float64"),
        (Unreadable(), r"from_dlpack: the Unreadable cannot be read \(bfloat16\)"),
    ],
)
def test_what_dlpack_cannot_import(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        from_dlpack(value)


def test_a_tensor_to_another_backend_by_dlpack() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = from_dlpack((x * 2).detach(), SINGLE)
    assert y.backend is SINGLE
    assert y.is_constant()
    assert y.to_numpy().tolist() == [2.0, 4.0]


# Copies and pickles


def twins(x: Tensor) -> list[Tensor]:
    """Return a deep copy and an unpickled copy."""
    return [copy.deepcopy(x), *(pickle.loads(pickle.dumps(x, p)) for p in (2, 5))]


@layouts
@pytest.mark.parametrize("backend", [REFERENCE, SINGLE], ids=["double", "single"])
def test_copies_are_equal_and_share_no_memory(layout: str, backend: Reference) -> None:
    x = arranged(layout, 2, 3, backend=backend)
    for twin in twins(x):
        assert type(twin) is Tensor
        assert twin.backend == backend
        assert np.array_equal(twin.to_numpy(), x.to_numpy())
        assert not np.shares_memory(twin.to_numpy(), x.to_numpy())
        assert twin.is_constant()


def test_a_copy_of_a_leaf_is_a_leaf_with_its_gradient() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    x.name = "w"
    (x * x).sum().backward()
    for twin in twins(x):
        assert twin.is_leaf()
        assert twin.name == "w"
        assert twin.grad.to_numpy().tolist() == [2.0, 4.0]
        assert not np.shares_memory(twin.grad.to_numpy(), x.grad.to_numpy())
        (twin * 3).sum().backward()
        assert twin.grad.to_numpy().tolist() == [5.0, 7.0]
    assert x.grad.to_numpy().tolist() == [2.0, 4.0]


def test_a_copy_of_a_result_is_a_constant() -> None:
    x = tensor([1.0], requires_grad=True)
    y = x
    for _ in range(5000):
        y = -y
    for twin in twins(y):
        assert twin.is_constant()
        assert twin.item() == 1.0
    y.backward()
    assert x.grad.item() == 1.0


def test_a_shallow_copy_shares_storage() -> None:
    x = tensor([1.0], requires_grad=True)
    twin = copy.copy(x)
    assert np.shares_memory(twin.to_numpy(), x.to_numpy())
    assert twin.is_leaf()
    (twin * 2).backward()
    assert x.grad is None


def test_a_pickle_contains_only_the_elements() -> None:
    big = tensor(np.zeros(100_000))
    assert len(pickle.dumps(big[:3])) < 1000
    assert len(pickle.dumps(big[-3:])) < 1000


def test_a_tensor_used_twice_is_copied_once() -> None:
    x = tensor([1.0])
    first, second = copy.deepcopy([x, x])
    assert first is second


class Named(Tensor):
    """A subclass that a user defines."""

    __slots__ = ()


def test_copies_have_the_same_class() -> None:
    x = Named(tensor([1.0]).data, History())
    assert type(copy.deepcopy(x)) is Named


# Threads


def test_a_constant_may_be_read_by_many_threads() -> None:
    x = tensor(np.arange(6.0).reshape(2, 3))
    totals: list[float] = []

    def work() -> None:
        for _ in range(20):
            y = tensor(np.ones((2, 3)), requires_grad=True)
            (x.permute(1, 0)[1:] @ y).sum().backward()
            totals.append(float(np.asarray(y.grad).sum()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Columns 1 and 2 of x, each used once for each of the three columns of y.
    assert totals == [3 * (1.0 + 2.0 + 4.0 + 5.0)] * 80
