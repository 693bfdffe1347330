"""The page that differentiates a formula step by step."""

import streamlit as st

from mt_app.drawing import number
from mt_app.figures.graph import draw_graph
from mt_app.lessons.backpropagation import Graph, graph_of
from mt_app.lessons.expressions import ALLOWED, Formula, FormulaError, read_formula
from mt_app.stepper import stepper
from mt_app.style import figure, page_head
from mt_autodiff import Scalar, central_difference

EXAMPLES = (
    "x * y + relu(x)",
    "sigmoid(w1 * x1 + w2 * x2 + b)",
    "x * x * x",
    "log(1 / (1 + exp(-x)))",
    "(x + y) * (x + y)",
)
START = (2.0, 3.0, 0.5, 1.5, -0.5, -1.0)
"""The initial values of the names of a formula, in order."""


def render() -> None:
    """Draw the page."""
    page_head(
        "Autodiff, step by step",
        "Every result stores the function that made it and its inputs. Backpropagation starts "
        "at the result with the derivative 1 and goes up, from each node to its inputs. Watch the "
        "order: a node passes its derivative on only after all its uses have contributed to it.",
        (
            "In (x + y) * (x + y) the two sums are two nodes. Where do their contributions meet?",
            "Move x below 0 in x * y + relu(x): the derivative through relu is 0.",
        ),
    )
    st.pills("Examples", EXAMPLES, key="autodiff.example", on_change=_take_example)
    text = st.text_input(
        "Formula",
        EXAMPLES[0],
        key="autodiff.formula",
        bind="query-params",
        help=f"Allowed are {ALLOWED}.",
    )
    try:
        formula = read_formula(text)
        values = _choose_values(formula)
        graph = graph_of(formula({name: Scalar(v, name=name) for name, v in values.items()}))
        quotients = _quotients(formula, values)
    except FormulaError as error:
        st.error(str(error), icon=":material/edit:")
        return
    found = graph.derivatives()
    table = {
        "with respect to": list(values),
        "backpropagation": [f"{found.get(name, 0.0):.6g}" for name in values],
        "central difference": [f"{quotients[name]:.6g}" for name in values],
    }
    stepper("autodiff", len(graph.visits) + 1, lambda at: _show(graph, at), name="moment")
    st.header("The derivatives, computed in two ways")
    st.table(table, hide_index=True)


def _take_example() -> None:
    """Copy the chosen example to the input."""
    if example := st.session_state["autodiff.example"]:
        st.session_state["autodiff.formula"] = example


def _choose_values(formula: Formula) -> dict[str, float]:
    columns = st.columns(min(len(formula.names), 4))
    return {
        name: float(
            columns[i % len(columns)].slider(
                name,
                -4.0,
                4.0,
                START[i % len(START)],
                0.1,
                key=f"autodiff.{name}",
                bind="query-params",
            )
        )
        for i, name in enumerate(formula.names)
    }


def _quotients(formula: Formula, values: dict[str, float]) -> dict[str, float]:
    point = list(values.values())
    return {
        name: float(central_difference(formula.value, *point, arg=i))
        for i, name in enumerate(values)
    }


def _show(graph: Graph, at: int) -> None:
    """Draw the graph after a number of steps, with a description of the last one."""
    st.markdown(_in_words(graph, at))
    figure(draw_graph(graph, at).svg(), "The graph of the formula with values and derivatives")


def _in_words(graph: Graph, at: int) -> str:
    if at == 0:
        return (
            "Forward: each value is computed from the values above it. "
            f"The result is **{number(graph.nodes[-1].value)}**."
        )
    visit = graph.visits[at - 1]
    node = graph.nodes[visit.node]
    if node.leaf:
        return (
            f"**{node.label}** is a variable: it stores its derivative, **{visit.derivative:.4g}**."
        )
    shares = ", ".join(
        f"{graph.nodes[position].label} receives {value:.4g}" for position, value in visit.handed
    )
    return f"**{node.label}** has the derivative {visit.derivative:.4g} and passes it on: {shares}."
