"""Task 1.4: backpropagation."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grading.checking.compare import expect, expect_any_array, expect_array, expect_plain
from grading.checking.oracles.graphs import paths_to, reachable
from grading.checking.oracles.programs import SMOOTH, Program, derivative_forms
from grading.checking.strategies import graphs, positive, programs, quarters
from grading.protocol.messages import Plain, Subject

pytestmark = pytest.mark.task1_4

LADDER = {
    # Each of 40 variables uses the previous one twice, so there are 2 ** 40 paths.
    "edges": [[], *([[i, 0.5], [i, 0.5]] for i in range(40))],
    "constants": [],
    "most_visits": 1000,
}

SHORTCUT = {
    # The last variable uses the first one before it uses what was computed from it.
    "edges": [[], [[0, 0.5]], [[0, 0.5], [1, 0.5]]],
    "constants": [],
}


def check_order(subject: Subject, graph: Plain) -> None:
    response = subject.call("autodiff.sort", options={"graph": graph})
    order = response.plain
    expect(len(set(order)) == len(order), "a variable occurs twice", response)
    expect(set(order) == reachable(graph), f"expected the variables {reachable(graph)}", response)
    position = {number: i for i, number in enumerate(order)}
    for number in order:
        for parent, _ in graph["edges"][number]:
            if parent in position:
                message = f"variable {parent} comes before {number}, which was computed from it"
                expect(position[number] < position[parent], message, response)


def check_derivatives(subject: Subject, graph: Plain, deriv: float) -> None:
    response = subject.call("autodiff.backward", options={"graph": graph, "deriv": deriv})
    totals = paths_to(graph, deriv)
    reached = reachable(graph)
    leaf = [not edges and i not in graph["constants"] for i, edges in enumerate(graph["edges"])]
    derivatives = [
        total if is_leaf and i in reached else 0.0
        for i, (total, is_leaf) in enumerate(zip(totals, leaf, strict=True))
    ]
    # A derivative of 0 may be skipped.
    most = max(response.plain["chain rule"])
    expect(most <= 1, f"the chain rule of a function ran {most} times, expected once", response)
    expected = {**response.plain, "derivatives": derivatives}
    expect_plain(response, expected, "the result of `backpropagate`")


@pytest.mark.parametrize("step", SMOOTH)
@given(data=st.data(), d_output=quarters)
def test_derivatives_of_each_function(
    subject: Subject, step: str, data: st.DataObject, d_output: float
) -> None:
    """Check single functions, without sums over paths."""
    arity, fits = SMOOTH[step]
    numbers = st.tuples(*[positive if step in ("log", "div") else quarters] * arity)
    inputs = list(data.draw(numbers.filter(lambda xs: fits(*xs))))
    program: Program = [[step, *range(arity)]]
    if step == "div" and data.draw(st.booleans()):
        # The reciprocal, which may be a function of its own.
        program, inputs = [["div", 1.0, 0]], inputs[1:]
    options = {"program": program, "inputs": inputs, "backward": [d_output]}
    response = subject.call("scalar.program", options=options)
    forms = [np.multiply(form, d_output) for form in derivative_forms(program, inputs)]
    expect_any_array(response, forms, which=1)


@given(graph=graphs())
@example(graph=SHORTCUT)
def test_topological_order(subject: Subject, graph: Plain) -> None:
    check_order(subject, graph)


@given(graph=graphs(), deriv=quarters)
def test_derivatives_over_all_paths(subject: Subject, graph: Plain, deriv: float) -> None:
    check_derivatives(subject, graph, deriv)


@given(x=quarters, d_output=quarters)
def test_a_single_leaf(subject: Subject, x: float, d_output: float) -> None:
    """Check that backpropagation from a leaf adds the derivative to the leaf."""
    check_derivatives(subject, {"edges": [[]], "constants": []}, d_output)
    options = {"program": [], "inputs": [x], "backward": [d_output]}
    response = subject.call("scalar.program", options=options)
    expect_array(response, [d_output], which=1)


def test_exponentially_many_paths(subject: Subject) -> None:
    check_order(subject, LADDER)
    check_derivatives(subject, LADDER, 1.0)


@given(case=programs())
def test_derivatives_of_programs(subject: Subject, case: tuple[Program, list[float]]) -> None:
    program, inputs = case
    options = {"program": program, "inputs": inputs, "backward": [None]}
    response = subject.call("scalar.program", options=options)
    forms = derivative_forms(program, inputs)
    expect_any_array(response, forms, which=1, relative=1e-5, absolute=1e-6)


@given(case=programs(max_steps=4), seeds=st.lists(quarters, min_size=1, max_size=3))
def test_accumulation_over_calls(
    subject: Subject, case: tuple[Program, list[float]], seeds: list[float]
) -> None:
    program, inputs = case
    options = {"program": program, "inputs": inputs, "backward": seeds}
    response = subject.call("scalar.program", options=options)
    forms = [np.multiply(form, sum(seeds)) for form in derivative_forms(program, inputs)]
    expect_any_array(response, forms, which=1, relative=1e-5, absolute=1e-6)


def test_a_graph_300_deep(subject: Subject) -> None:
    """Check a graph as deep as a loss that sums 300 numbers."""
    chain = {"edges": [[], *([[i, 1.0]] for i in range(300))], "constants": []}
    check_order(subject, chain)
    check_derivatives(subject, chain, 3.0)


def test_a_graph_20000_deep(subject: Subject) -> None:
    chain = {
        "edges": [[], *([[i, 1.0]] for i in range(20_000))],
        "constants": [],
        "most_visits": 200_000,
    }
    check_derivatives(subject, chain, 3.0)
