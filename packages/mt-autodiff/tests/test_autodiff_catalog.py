"""The catalogue of operations: completeness, shapes and smooth domains."""

import inspect
import math

import numpy as np
import pytest

from mt_autodiff import Tensor, functions, tensor
from mt_autodiff.catalog import OPS, Op
from mt_autodiff.engine import Node

ops = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)


def graph_of(result: Node) -> set[str]:
    """Return the names of the functions that a result was computed with."""
    names, todo = set(), [result]
    while todo:
        node = todo.pop()
        if node.history is not None and node.history.last_fn is not None:
            names.add(node.history.last_fn.__name__)
            todo.extend(node.parents)
    return names


def operands(op: Op, seed: int = 0) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    return [tensor(array, requires_grad=True) for array in op.draw(rng)]


def test_names_are_unique() -> None:
    names = [op.name for op in OPS]
    assert len(set(names)) == len(names)


def test_every_function_occurs() -> None:
    used = set[str]().union(*(graph_of(op.call(*operands(op))) for op in OPS))
    # `All` reduces truth values and has no gradient to check.
    assert used == set(functions.__all__) - {"All"}


@ops
def test_draws_are_distributed_equally_over_the_domain(op: Op) -> None:
    shapes = [(400,)] * op.arity
    for array, domain in zip(op.draw(np.random.default_rng(0), shapes), op.domains, strict=True):
        assert array.shape == (400,)
        parts = [np.sum((low <= array) & (array < high)) for low, high in domain]
        assert sum(parts) == 400
        assert min(parts) > 400 / len(domain) / 2


@ops
def test_draws_depend_on_the_seed(op: Op) -> None:
    first, again, other = (op.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert [a.shape for a in first] == list(op.shapes)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@ops
def test_the_call_takes_one_tensor_for_each_domain(op: Op) -> None:
    assert op.arity == len(op.domains) == len(op.shapes)
    parameters = inspect.signature(op.call).parameters.values()
    required = [p for p in parameters if p.default is p.empty]
    assert len(required) == op.arity
    assert isinstance(op.call(*operands(op)), Tensor)


@ops
def test_the_domain_contains_no_kinks_or_poles(op: Op) -> None:
    # At a kink or a pole a difference quotient does not converge with the step.
    for seed in range(20):
        xs = operands(op, seed)
        here = op.call(*xs).to_numpy()
        assert np.isfinite(here).all()
        for sign in (1e-4, -1e-4):
            there = op.call(*(x + sign for x in xs)).to_numpy()
            assert np.abs(there - here).max() < 0.05


@ops
def test_elementwise_ops_broadcast_operands(op: Op) -> None:
    if not op.elementwise:
        return
    rng = np.random.default_rng(0)
    for shapes in ([(), ()], [(2, 1), (3,)], [(0,), (1,)], [(1, 1, 1), (2,)]):
        operand_shapes = (shapes * 2)[: op.arity]
        result = op.call(*(tensor(a) for a in op.draw(rng, operand_shapes)))
        assert result.shape == np.broadcast_shapes(*operand_shapes)
        assert result.size == math.prod(result.shape)
