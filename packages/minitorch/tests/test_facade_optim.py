"""Optimisers, under the course's names."""

import minitorch
from minitorch import Scalar, tensor


def test_sgd_updates_tensors_and_scalars_and_removes_gradients() -> None:
    weight = minitorch.Parameter(tensor([1.0, 2.0]))
    scale = minitorch.Parameter(Scalar(3.0))
    unused = minitorch.Parameter(tensor([5.0]))
    optimizer = minitorch.SGD([weight, scale, unused], lr=0.5)
    (weight.value * weight.value).sum().backward()
    (scale.value * scale.value).backward()
    optimizer.step()
    assert weight.value.to_numpy().tolist() == [0.0, 0.0]
    assert scale.value.data == 0.0
    assert unused.value.item() == 5.0
    assert weight.value.grad is None and scale.value.derivative is None
    assert weight.value.is_leaf() and scale.value.is_leaf()
    assert type(weight.value) is minitorch.Tensor


def test_sgd_defaults_to_a_rate_of_one() -> None:
    weight = minitorch.Parameter(tensor([1.0]))
    (weight.value * 0.25).sum().backward()
    minitorch.SGD([weight]).step()
    assert weight.value.item() == 0.75


def test_zero_grad_removes_gradients() -> None:
    weight, scale = minitorch.Parameter(tensor([1.0])), minitorch.Parameter(Scalar(1.0))
    optimizer = minitorch.SGD([weight, scale])
    (weight.value * 2).sum().backward()
    (scale.value * 2).backward()
    optimizer.zero_grad()
    assert weight.value.grad is None and scale.value.derivative is None
    assert isinstance(optimizer, minitorch.Optimizer)
