"""Backpropagation over a graph of variables.

Nothing here knows what a variable holds. Scalars, tensors and variables of the user's own making
are served alike, as long as they answer the questions of `Variable` and their derivatives can be
added.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Variable(Protocol):
    """A node of the graph.

    A variable is a *leaf*, which the user made and which collects a derivative; or the *result* of
    a function of other variables; or a *constant*, which no derivative ever reaches.
    """

    @property
    def unique_id(self) -> int:
        """A number that no other living variable has."""

    @property
    def parents(self) -> Iterable["Variable"]:
        """The inputs of the function that made this result, constants included; none of a leaf."""

    def is_leaf(self) -> bool:
        """Return whether the user made this variable, and no function."""

    def is_constant(self) -> bool:
        """Return whether derivatives end here unused."""

    def accumulate_derivative(self, x: Any) -> None:
        """Add x to the derivative of this leaf."""

    def chain_rule(self, d_output: Any) -> Iterable[tuple["Variable", Any]]:
        """Return each input of the function that made this result, with its derivative.

        Args:
            d_output: The derivative of the root with respect to this result.

        Returns:
            One pair per input, in order, constants included: the input, and the derivative of the
            root with respect to it along this one function.
        """


@dataclass(slots=True, eq=False)
class Context:
    """What the forward pass of a function leaves behind for its backward pass.

    Attributes:
        no_grad: No backward pass follows, so nothing is kept.
        saved_values: What `save_for_backward` was given.
    """

    no_grad: bool = False
    saved_values: tuple[Any, ...] = ()

    def save_for_backward(self, *values: Any) -> None:
        """Keep the values until the backward pass, in place of any that were kept before."""
        if not self.no_grad:
            self.saved_values = values

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The saved values, by their other name."""
        return self.saved_values


def topological_sort(variable: Variable) -> list[Variable]:
    """Return the graph of a variable from the right to the left: results before their inputs.

    Every variable that is not a constant occurs once, the given one first. The search is depth
    first with a stack of its own, so that no graph is too deep for it.

    Args:
        variable: The rightmost variable, such as a loss.

    Returns:
        The variables in the order in which backpropagation completes their derivatives; none if
        the given variable is a constant.
    """
    return _visit(variable).order


class _Graph(NamedTuple):
    """The graph of a variable, before derivatives flow.

    Attributes:
        order: Results before their inputs; see `topological_sort`.
        leaves: The numbers of all leaves.
        constants: The numbers of all constants.
    """

    order: list[Variable]
    leaves: set[int]
    constants: set[int]


def _visit(root: Variable) -> _Graph:
    """Visit every variable of a graph once, as asking it what it is takes time."""
    finished: list[Any] = []
    leaves: set[int] = set()
    constants: set[int] = set()
    visited: set[int] = set()
    # Results whose inputs are being visited, each with those that are left. The root is visited as
    # the only input of a stand-in.
    stack: list[tuple[Any, Iterator[Variable]]] = [(None, iter((root,)))]
    while stack:
        current, inputs = stack[-1]
        for variable in inputs:
            key = variable.unique_id
            if key in visited:
                continue
            visited.add(key)
            if variable.is_leaf():
                leaves.add(key)
                finished.append(variable)
            elif variable.is_constant():
                constants.add(key)
            else:
                stack.append((variable, iter(variable.parents)))
                break
        if stack[-1][0] is current:
            # No input of it is left.
            finished.append(current)
            stack.pop()
    finished.pop()  # The stand-in.
    finished.reverse()
    return _Graph(finished, leaves, constants)


def _sum(variable: Variable, a: Any, b: Any) -> Any:
    """Add two derivatives of a variable that are numbers of some kind."""
    return a + b


def backpropagate(
    variable: Variable, deriv: Any, add: Callable[[Any, Any, Any], Any] = _sum
) -> None:
    """Compute the derivative of a variable with respect to every leaf of its graph.

    Each leaf receives its derivative through `accumulate_derivative`, on top of what it may hold
    already. A variable hands its derivative on only when all its uses have contributed to it, so
    that every function is differentiated once, however many paths lead through it.

    Args:
        variable: The variable whose derivatives are wanted, such as a loss.
        deriv: The derivative to start with: 1 for the derivatives of the variable itself.
        add: How two derivatives of a variable are added: a function of the variable and of both.

    Raises:
        RuntimeError: The variable is a constant.
    """
    order, leaves, constants = _visit(variable)
    if not order:
        raise RuntimeError(
            f"backpropagate: {variable!r} is a constant, so there is nothing to differentiate. "
            "Compute it from a variable that requires a gradient, outside of no_grad()"
        )
    pending = {variable.unique_id: deriv}
    for current in order:
        key = current.unique_id
        # Taken out, so that the memory of a derivative is free again once it is passed on.
        derivative = pending.pop(key, None)
        if derivative is None:
            continue  # No function on the way passes a derivative on.
        if key in leaves:
            current.accumulate_derivative(derivative)
            continue
        for parent, contribution in current.chain_rule(derivative):
            key = parent.unique_id
            if contribution is None or key in constants:
                continue
            # Never in place: an earlier contribution may be an object that others hold, too.
            if key in pending:
                contribution = add(parent, pending[key], contribution)
            pending[key] = contribution
