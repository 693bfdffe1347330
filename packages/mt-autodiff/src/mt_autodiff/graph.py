"""Backpropagation over a graph of variables.

The algorithms do not depend on the data of a variable. They work for scalars, tensors and classes
of the user that implement `Variable` and whose derivatives can be added.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Variable(Protocol):
    """A node of the graph.

    A variable is a *leaf*, which the user made and which accumulates a derivative; or the *result*
    of a function of other variables; or a *constant*, which has no derivative.
    """

    @property
    def unique_id(self) -> int:
        """A number that no other living variable has."""

    @property
    def parents(self) -> Iterable["Variable"]:
        """The inputs of the function that made this result, constants included; () for a leaf."""

    def is_leaf(self) -> bool:
        """Return whether the user made this variable and it accumulates a derivative."""

    def is_constant(self) -> bool:
        """Return whether this variable has no derivative."""

    def accumulate_derivative(self, x: Any) -> None:
        """Add x to the derivative of this leaf."""

    def chain_rule(self, d_output: Any) -> Iterable[tuple["Variable", Any]]:
        """Return each input of the function that made this result, with its derivative.

        Args:
            d_output: The derivative of the root with respect to this result.

        Returns:
            One pair for each input, in order, constants included: the input, and the derivative of
            the root with respect to it through this function.
        """


@dataclass(slots=True, eq=False)
class Context:
    """The values that the forward pass of a function saves for its backward pass.

    Attributes:
        no_grad: True if no backward pass follows; `save_for_backward` then saves nothing.
        saved_values: The arguments of the last call of `save_for_backward`.
    """

    no_grad: bool = False
    saved_values: tuple[Any, ...] = ()

    def save_for_backward(self, *values: Any) -> None:
        """Save values for the backward pass, in place of those saved before."""
        if not self.no_grad:
            self.saved_values = values

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The saved values, under the course's second name."""
        return self.saved_values


def topological_sort(variable: Variable) -> list[Variable]:
    """Return the variables of a graph in topological order: results before their inputs.

    Every variable that is not a constant occurs once; the root is the first. The depth-first
    search uses its own stack instead of recursion, so that the depth of the graph is not limited.

    Args:
        variable: The root, such as a loss.

    Returns:
        The variables in the order in which backpropagation completes their derivatives; an empty
        list if the root is a constant.
    """
    return _visit(variable).order


class _Graph(NamedTuple):
    """The result of a search over the graph of a variable.

    Attributes:
        order: Results before their inputs; see `topological_sort`.
        leaves: The ids of all leaves.
        constants: The ids of all constants.
    """

    order: list[Variable]
    leaves: set[int]
    constants: set[int]


_SEQUENCES = (list, tuple)


def _visit(root: Variable) -> _Graph:
    """Visit every variable of a graph once and classify it."""
    finished: list[Any] = []
    leaves: set[int] = set()
    constants: set[int] = set()
    visited: set[int] = set()
    # Results whose inputs are being visited, each with an iterator over the remaining inputs. The
    # root is the only input of a sentinel.
    stack: list[tuple[Any, Iterator[Variable]]] = [(None, iter((root,)))]
    while stack:
        current, inputs = stack[-1]
        for variable in inputs:
            key = variable.unique_id
            if key in visited:
                continue
            visited.add(key)
            if variable.is_constant():
                constants.add(key)
                continue
            parents = variable.parents
            # Most variables are results with a sequence of inputs: they need no call of `is_leaf`.
            if not (isinstance(parents, _SEQUENCES) and parents) and variable.is_leaf():
                leaves.add(key)
                finished.append(variable)
            else:
                stack.append((variable, iter(parents)))
                break
        else:
            # All its inputs are visited.
            finished.append(current)
            stack.pop()
    finished.pop()  # The sentinel.
    finished.reverse()
    return _Graph(finished, leaves, constants)


def _sum(variable: Variable, a: Any, b: Any) -> Any:
    """Add two derivatives of a variable with ``+``."""
    return a + b


def backpropagate(
    variable: Variable, deriv: Any, add: Callable[[Any, Any, Any], Any] = _sum
) -> None:
    """Compute the derivative of a variable with respect to every leaf of its graph.

    `accumulate_derivative` adds the derivative of each leaf to its present one. A variable's
    derivative is passed on only after all its uses have contributed to it, so that every function
    is differentiated once, even if several paths lead through it.

    Args:
        variable: The root, such as a loss.
        deriv: The upstream derivative: 1 for the derivatives of the root itself.
        add: A function that adds two derivatives of a variable, called with the variable and both.

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
        # Removed from the dict, so that its memory is freed after it has been passed on.
        derivative = pending.pop(key, None)
        if derivative is None:
            continue  # No function passes a derivative to this variable.
        if key in leaves:
            current.accumulate_derivative(derivative)
            continue
        for parent, contribution in current.chain_rule(derivative):
            key = parent.unique_id
            if contribution is None or key in constants:
                continue
            # Not in place: other code may hold a reference to an earlier contribution.
            if key in pending:
                contribution = add(parent, pending[key], contribution)
            pending[key] = contribution
