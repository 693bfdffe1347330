"""Tensors, under the course's names and with the course's meaning."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minitorch
from minitorch import Tensor, TensorData, tensor

ONE, TWO, RED = minitorch.MathTestVariable._comp_testing()

numbers = st.floats(-100.0, 100.0)

shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)


@st.composite
def tensor_datas(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> TensorData:
    """Draw data of a shape with strides in any order, as the course's tests do."""
    shape = draw(shapes) if shape is None else shape
    order = draw(st.permutations(range(len(shape))))
    size = int(minitorch.prod(shape))
    storage = draw(st.lists(numbers, min_size=size, max_size=size))
    data = TensorData(storage, tuple(shape[i] for i in order))
    data = data.permute(*np.argsort(order).tolist())
    assert data.shape == shape
    return data


# tensor: description
def test_tensor_attributes(backend: minitorch.TensorBackend) -> None:
    data = TensorData([1.0, 2.0], (2, 1))
    x = Tensor(data, backend=backend)
    assert x._tensor is data and x.tuple() == data.tuple()
    assert x.f is x.backend is backend
    assert (x.shape, x.size, x.dims) == ((2, 1), 2, 2)
    assert x.history is None and x.grad is None and x.is_constant()
    assert x.name == str(x.unique_id) != Tensor(data).name
    assert Tensor(data, name="x").name == "x"
    assert Tensor(data).backend is minitorch.SimpleBackend
    leaf = Tensor(data, back=minitorch.History())
    assert leaf.is_leaf() and leaf.requires_grad() and list(leaf.parents) == []


def test_make_takes_storage_shape_strides(backend: minitorch.TensorBackend) -> None:
    x = Tensor.make([1.0, 2.0, 3.0, 4.0], (2, 2), (1, 2), backend=backend)
    assert x.to_numpy().tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert x.backend is backend


def test_tensor_function_takes_lists_and_numbers(backend: minitorch.TensorBackend) -> None:
    x = tensor([[1, 2], [3, 4]], backend=backend, requires_grad=True)
    assert x.shape == (2, 2) and x.is_leaf() and x.backend is backend
    assert tensor(5).item() == 5.0
    assert tensor([]).shape == (0,)


def test_results_stay_tensors_of_the_course(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend, requires_grad=True)
    results = [
        x + 1,
        1 - x,
        x < 0.5,
        -x,
        x @ x.permute(1, 0),
        x.sum(),
        x.mean(1),
        x.view(6),
        x.permute(1, 0).contiguous(),
        x[1],
        x.detach(),
        x.zeros(),
        minitorch.softmax(x, 1),
        minitorch.logsoftmax(x, 1),
        minitorch.max(x, 0),
        minitorch.argmax(x, 0),
        minitorch.max_reduce(x, 0),
        minitorch.dropout(x, 0.5),
        minitorch.avgpool2d(x.view(1, 1, 2, 3), (2, 3)),
        minitorch.conv1d(x.view(1, 2, 3), x.view(1, 2, 3)),
    ]
    assert all(type(result) is Tensor and result.backend == backend for result in results)
    (x * x).sum().backward()
    assert type(x.grad) is Tensor and x.grad.backend == backend


# tensor: arithmetic
@given(data=st.data())
@pytest.mark.parametrize(("name", "plain", "twin"), ONE, ids=[case[0] for case in ONE])
def test_functions_of_one(data: Any, name: str, plain: Any, twin: Any) -> None:
    x = Tensor(data.draw(tensor_datas()))
    assume(name != "inv" or not np.any(x.to_numpy() == -3.5))
    y = twin(x)
    for index in x._tensor.indices():
        assert y[index] == pytest.approx(plain(x[index]))


@given(data=st.data())
@pytest.mark.parametrize(("name", "plain", "twin"), TWO, ids=[case[0] for case in TWO])
def test_functions_of_two_broadcast(data: Any, name: str, plain: Any, twin: Any) -> None:
    x = Tensor(data.draw(tensor_datas()))
    other = tuple(data.draw(st.sampled_from([1, n])) for n in x.shape)[
        data.draw(st.integers(0, 1)) :
    ]
    y = Tensor(data.draw(tensor_datas(other)))
    assume(name != "div2" or not np.any(y.to_numpy() == -5.5))
    z = twin(x, y)
    a, b = np.broadcast_arrays(x.to_numpy(), y.to_numpy())
    for index in z._tensor.indices():
        assert z[index] == pytest.approx(plain(a[index], b[index]))


@given(data=tensor_datas((3, 2)))
@pytest.mark.parametrize(("name", "plain", "twin"), RED, ids=[case[0] for case in RED])
def test_functions_of_lists(data: TensorData, name: str, plain: Any, twin: Any) -> None:
    x = Tensor(data)
    result = twin(x)
    if name == "mean_full_red":
        assert result.shape == (1,)
        assert result[0] == pytest.approx(plain(x.to_numpy().reshape(-1).tolist()), abs=1e-12)
    else:
        assert result.shape == (1, 2)
        for column in range(2):
            expected = plain([x[row, column] for row in range(3)])
            assert result[0, column] == pytest.approx(expected, abs=1e-12)


def test_numbers_on_both_sides(backend: minitorch.TensorBackend) -> None:
    x = tensor([4.0], backend=backend)
    results = [x + 1, 1 + x, x - 1, 1 - x, x * 2, 2 * x, x / 2, 2 / x, -x, x < 5, x > 5, x == 4]
    expected = [5.0, 5.0, 3.0, -3.0, 8.0, 8.0, 2.0, 0.5, -4.0, 1.0, 0.0, 1.0]
    assert [r.item() for r in results] == pytest.approx(expected)
    assert x.is_close(4.001).item() == 1.0


def test_matrices_multiply(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 1, 3, 4), backend=backend)
    y = minitorch.rand((5, 4, 2), backend=backend)
    np.testing.assert_allclose((x @ y).to_numpy(), x.to_numpy() @ y.to_numpy())


def test_elementwise_methods(backend: minitorch.TensorBackend) -> None:
    x = tensor([-1.0, 2.0], backend=backend)
    assert x.sigmoid()[1] == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert x.relu().to_numpy().tolist() == [0.0, 2.0]
    assert x.log()[1] == pytest.approx(math.log(2.0 + 1e-6))
    assert x.exp()[0] == pytest.approx(math.exp(-1.0))


@given(data=tensor_datas((2, 3)))
def test_reductions_keep_the_dimension(data: TensorData) -> None:
    x = Tensor(data)
    assert x.sum(1).shape == x.mean(1).shape == (2, 1)
    assert x.sum().shape == x.mean().shape == x.all().shape == (1,)
    np.testing.assert_allclose(x.sum(0).to_numpy(), x.to_numpy().sum(0, keepdims=True))
    np.testing.assert_allclose(x.mean().to_numpy(), [x.to_numpy().mean()], atol=1e-12)
    truth = x < 0.0
    assert truth.all(1).to_numpy().tolist() == truth.to_numpy().min(1, keepdims=True).tolist()


# tensor: shape and elements
@given(data=tensor_datas((2, 3)))
def test_permute_view_contiguous(data: TensorData) -> None:
    x = Tensor(data)
    turned = x.permute(1, 0)
    assert turned[2, 1] == x[1, 2]
    flat = turned.contiguous().view(6)
    assert flat.to_numpy().tolist() == x.to_numpy().T.reshape(-1).tolist()
    assert flat.view(3, 2)[1, 0] == turned[1, 0]


def test_view_of_a_non_contiguous_tensor_raises() -> None:
    with pytest.raises(minitorch.IndexingError, match="contiguous"):
        minitorch.rand((2, 3)).permute(1, 0).view(6)


def test_a_full_index_reads_and_assigns_a_number(backend: minitorch.TensorBackend) -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]], backend=backend)
    assert type(x[1, 0]) is float and x[1, 0] == 3.0
    assert x[np.int64(1), np.int32(1)] == 4.0
    x[0, 1] = 9.0
    x[np.int64(1), 0] = 8.0
    assert x.to_numpy().tolist() == [[1.0, 9.0], [8.0, 4.0]]
    assert tensor([5.0])[0] == 5.0
    assert tensor([[7.0]]).item() == 7.0


def test_zeros(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 3), backend=backend)
    assert x.zeros().shape == (2, 3) and x.zeros((4,)).shape == (4,)
    assert x.zeros().backend is backend and x.zeros().sum().item() == 0.0
    made = minitorch.zeros((2, 2), backend=backend)
    assert made.shape == (2, 2) and made.backend is backend
    assert minitorch.zeros((1,)).backend is minitorch.SimpleBackend


def test_expand_of_a_gradient_to_the_shape_of_a_tensor() -> None:
    x = minitorch.rand((2, 1))
    same = minitorch.rand((2, 1))
    assert x.expand(same).to_numpy().tolist() == same.to_numpy().tolist()
    summed = x.expand(tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert summed.to_numpy().tolist() == [[3.0], [7.0]]
    repeated = minitorch.rand((2, 2)).expand(tensor([5.0]))
    assert repeated.to_numpy().tolist() == [[5.0, 5.0], [5.0, 5.0]]
    assert minitorch.rand((3,)).expand(minitorch.rand((4, 3))).shape == (3,)


def test_expand_to_sizes_repeats() -> None:
    assert tensor([[1.0], [2.0]]).expand(2, 2).to_numpy().tolist() == [[1.0, 1.0], [2.0, 2.0]]


def test_ensure_tensor(backend: minitorch.TensorBackend) -> None:
    x = minitorch.rand((2, 2), backend=backend)
    one = x._ensure_tensor(1)
    assert one.shape == (1,) and one.item() == 1.0 and one.backend is backend
    assert x._ensure_tensor(x) is x
    other = tensor([3.0])
    assert x._ensure_tensor(other).backend == backend
    assert other.backend is minitorch.SimpleBackend


def test_new_and_type(backend: minitorch.TensorBackend) -> None:
    x = tensor([1.0])
    made = x._new(TensorData([2.0], (1,)))
    assert made.item() == 2.0 and made.backend is x.backend
    x._type_(backend)
    assert x.backend is x.f is backend and x.item() == 1.0


# tensor: gradients
def test_leaves_and_histories() -> None:
    x = minitorch.rand((2,)).requires_grad_(True)
    y = x * 2
    assert x.is_leaf() and not y.is_leaf() and not y.is_constant()
    assert y.history is not None and y.history.last_fn.__name__ == "Mul"
    assert y.parents[0] is x and len(y.parents) == 2
    ((parent, grad),) = y.chain_rule(tensor([1.0, 1.0]))
    assert parent is x and grad.to_numpy().tolist() == [2.0, 2.0]
    x.accumulate_derivative(grad)
    x.accumulate_derivative(grad)
    assert x.grad.to_numpy().tolist() == [4.0, 4.0]
    x.zero_grad_()
    assert x.grad is None
    assert y.detach().is_constant()


def test_backward_takes_a_gradient() -> None:
    x = minitorch.rand((2,), requires_grad=True)
    (x * 3).backward(tensor([1.0, 2.0]))
    assert x.grad.to_numpy().tolist() == [3.0, 6.0]


def test_requires_grad_makes_a_leaf_and_drops_the_history() -> None:
    x = minitorch.rand((2,), requires_grad=True)
    y = (x * 2).requires_grad_(True)
    y.sum().backward()
    assert y.is_leaf() and y.grad is not None and x.grad is None


def test_parameter_update_makes_a_leaf_of_a_tensor_with_a_history() -> None:
    parameter = minitorch.Parameter(minitorch.rand((2,)))
    (parameter.value * parameter.value).sum().backward()
    parameter.update(parameter.value - 0.1 * parameter.value.grad)
    old = parameter.value
    parameter.update(old * 2)
    assert parameter.value.is_leaf() and old.grad is None


@given(data=st.data())
@pytest.mark.parametrize(("name", "plain", "twin"), ONE, ids=[case[0] for case in ONE])
def test_gradients_of_one(data: Any, name: str, plain: Any, twin: Any) -> None:
    x = Tensor(data.draw(tensor_datas((2, 2))))
    kink = {"inv": -3.5, "relu": -5.5, "complex": -0.7}.get(name, math.inf)
    assume(np.all(np.abs(x.to_numpy() - kink) > 0.01))
    minitorch.grad_check(twin, x)


@given(data=st.data())
@pytest.mark.parametrize(("name", "plain", "twin"), TWO, ids=[case[0] for case in TWO])
def test_gradients_of_two(data: Any, name: str, plain: Any, twin: Any) -> None:
    x, y = Tensor(data.draw(tensor_datas((2, 2)))), Tensor(data.draw(tensor_datas((1, 2))))
    assume(np.all(np.abs(y.to_numpy() + 5.5) > 0.01))
    gaps = x.to_numpy() - y.to_numpy()
    assume(np.all(np.abs(gaps + 1.2) > 0.01) and np.all(np.abs(gaps - 5.5) > 0.01))
    minitorch.grad_check(twin, x, y)


@pytest.mark.parametrize(("name", "plain", "twin"), RED, ids=[case[0] for case in RED])
def test_gradients_of_reductions(name: str, plain: Any, twin: Any) -> None:
    minitorch.grad_check(twin, minitorch.rand((3, 2)))
