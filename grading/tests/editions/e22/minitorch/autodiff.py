"""Derivatives by differences, and backpropagation."""

from dataclasses import dataclass
from typing import Protocol


def central_difference(f, *vals, arg=0, epsilon=1e-6):
    above, below = list(vals), list(vals)
    above[arg] = above[arg] + epsilon
    below[arg] = below[arg] - epsilon
    return (f(*above) - f(*below)) / (2 * epsilon)


class Variable(Protocol):
    def accumulate_derivative(self, x): ...

    @property
    def unique_id(self): ...

    def is_leaf(self): ...

    def is_constant(self): ...

    @property
    def parents(self): ...

    def chain_rule(self, d_output): ...


def topological_sort(variable):
    order, seen = [], set()

    def visit(v):
        if v.unique_id in seen or v.is_constant():
            return
        seen.add(v.unique_id)
        if not v.is_leaf():
            for parent in v.parents:
                visit(parent)
        order.insert(0, v)

    visit(variable)
    return order


def backpropagate(variable, deriv):
    derivatives = {variable.unique_id: deriv}
    for v in topological_sort(variable):
        d = derivatives.get(v.unique_id)
        if d is None:
            continue
        if v.is_leaf():
            v.accumulate_derivative(d)
            continue
        for parent, part in v.chain_rule(d):
            if parent.is_constant():
                continue
            known = derivatives.get(parent.unique_id)
            derivatives[parent.unique_id] = part if known is None else known + part


@dataclass
class Context:
    no_grad: bool = False
    saved_values: tuple = ()

    def save_for_backward(self, *values):
        if not self.no_grad:
            self.saved_values = values

    @property
    def saved_tensors(self):
        return self.saved_values
