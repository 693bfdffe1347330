"""Mistakes in scalars, their chain rule and backpropagation: tasks 1.2 to 1.4."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.graphs import paths_to, reachable
from grading.checking.oracles.programs import (
    EPS,
    PARTIALS,
    VALUES,
    Partials,
    Value,
    derivatives_of,
    sigmoid,
    values_of,
)
from grading.diagnosis.mistakes import Mistake, modelled, plain, raising, result, same_values
from grading.protocol.messages import Plain, Request, Response


def value(step: str, cause: str, wrong: Value) -> Mistake:
    """Return a mistake in the value of one function."""

    def model(request: Request) -> Response | None:
        options = request.options
        if not any(name == step for name, *_ in options["program"]):
            return None
        values = values_of(options["program"], options["inputs"], {**VALUES, step: wrong})
        return result(request, np.array(values))

    return modelled(("1.2",), cause, r"scalar\.program", model)


def number_on_the_left(step: str) -> Mistake:
    """Return the mistake of using a plain number on the left as the right operand."""

    def model(request: Request) -> Response | None:
        program = request.options["program"]
        if len(program) != 1 or program[0][0] != step:
            return None
        _, left, right = program[0]
        if isinstance(left, int) or not isinstance(right, int):
            return None
        return result(request, np.array([VALUES[step](request.options["inputs"][right], left)]))

    cause = f"With a plain number on the left of `{step}`, the arguments are exchanged."
    return modelled(("1.2",), cause, r"scalar\.program", model)


def slope(step: str, cause: str, wrong: Partials) -> Mistake:
    """Return a mistake in the derivative of one function."""

    def model(request: Request) -> Response | None:
        options = request.options
        if not any(name == step for name, *_ in options["program"]):
            return None
        seeds = [1.0 if seed is None else seed for seed in options.get("backward", [])]
        partials = {**PARTIALS, step: wrong}
        received = np.array(derivatives_of(options["program"], options["inputs"], partials))
        return Response(request, (np.zeros(0), received * sum(seeds)))

    return modelled(("1.4",), cause, r"scalar\.program", model)


def without_upstream(step: str) -> Mistake:
    """Return the mistake of ignoring the derivative that the backward function of a step gets."""

    def model(request: Request) -> Response | None:
        program, inputs = request.options["program"], request.options["inputs"]
        if not any(name == step for name, *_ in program):
            return None
        nodes = [*inputs, *values_of(program, inputs)]
        total = np.zeros(len(inputs))
        for seed in request.options.get("backward", []):
            found = {len(nodes) - 1: 1.0 if seed is None else seed}
            for number, (name, *operands) in reversed([*enumerate(program, len(inputs))]):
                if number not in found or name not in PARTIALS:
                    continue
                slopes = PARTIALS[name](*(nodes[o] if isinstance(o, int) else o for o in operands))
                upstream = 1.0 if name == step else found[number]
                for operand, factor in zip(operands, slopes, strict=True):
                    if isinstance(operand, int):
                        found[operand] = found.get(operand, 0.0) + upstream * factor
            total += [found.get(number, 0.0) for number in range(len(inputs))]
        return Response(request, (np.zeros(0), total))

    cause = f"The derivative of `{step}` ignores d_output. Multiply by it."
    return modelled(("1.4",), cause, r"scalar\.program", model)


def remembered(cause: str, change: Callable[[Plain], Plain]) -> Mistake:
    """Return a mistake in the history of a result; `change` returns its wrong parts."""

    def model(request: Request) -> Response:
        inputs = request.options["inputs"]
        right = {
            "leaves": [True] * len(inputs),
            "result is leaf": False,
            "result is constant": False,
            "parents": list(range(len(inputs))),
            "data": inputs,
        }
        return plain(request, {**right, **change(right)})

    return modelled(("1.2",), cause, r"scalar\.history", model)


def chained(cause: str, wrong: Callable[[float, float, float], float]) -> Mistake:
    """Return a mistake in the chain rule.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong derivative of a factor, the saved value and `d_output`.
    """

    def explains(finding: Finding) -> bool | None:
        options = finding.request.options
        if finding.request.operation != "scalar.chain_rule" or finding.response is None:
            return None
        pairs = finding.response.plain
        if len(pairs) != len(options["uses"]):
            return None
        models = [
            wrong(factor, options["saved"], options["d_output"]) for factor in options["factors"]
        ]
        return [i for i, _ in pairs] == options["uses"] and same_values(
            [d for _, d in pairs], models
        )

    return Mistake(("1.3",), cause, explains)


def backpropagated(
    cause: str, wrong: Callable[[Plain, float], tuple[list[float], list[int]]]
) -> Mistake:
    """Return a mistake in backpropagation.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: A function of a graph and the derivative of its result. It returns the wrong
            derivatives, and the number of times that the chain rule is applied to each variable.
    """

    def model(request: Request) -> Response:
        derivatives, counts = wrong(request.options["graph"], request.options["deriv"])
        return plain(request, {"derivatives": derivatives, "chain rule": counts})

    return modelled(("1.4",), cause, r"autodiff\.backward", model)


def _leaves(graph: Plain) -> list[bool]:
    return [not edges and i not in graph["constants"] for i, edges in enumerate(graph["edges"])]


def _right(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    reached, leaf = reachable(graph), _leaves(graph)
    totals = paths_to(graph, deriv)
    derivatives = [t if leaf[i] and i in reached else 0.0 for i, t in enumerate(totals)]
    return derivatives, [int(i in reached and not leaf[i]) for i in range(len(leaf))]


def _path_by_path(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    derivatives, _ = _right(graph, deriv)
    leaf, counts = _leaves(graph), [0] * len(graph["edges"])
    todo = [len(counts) - 1]
    while todo:
        number = todo.pop()
        if leaf[number]:
            continue
        counts[number] += 1
        if sum(counts) > 10_000:
            raise OverflowError("too many paths")
        parents = [parent for parent, _ in graph["edges"][number]]
        todo += [parent for parent in parents if parent not in graph["constants"]]
    return derivatives, counts


def _last_contribution(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    totals = [0.0] * len(graph["edges"])
    totals[-1] = deriv
    reached = reachable(graph)
    for number in reversed(range(len(totals))):
        if number not in reached:
            continue
        for parent, weight in graph["edges"][number]:
            totals[parent] = weight * totals[number]
    _, counts = _right(graph, deriv)
    leaf = _leaves(graph)
    return [t if leaf[i] and i in reached else 0.0 for i, t in enumerate(totals)], counts


def _always_one(graph: Plain, deriv: float) -> tuple[list[float], list[int]]:
    return _right(graph, 1.0)


def sorted_wrongly(cause: str, fits: Callable[[Plain, list[int]], bool]) -> Mistake:
    """Return a mistake in the topological order, recognised by the order received."""

    def explains(finding: Finding) -> bool | None:
        if finding.request.operation != "autodiff.sort" or finding.response is None:
            return None
        return fits(finding.request.options["graph"], finding.response.plain)

    return Mistake(("1.4",), cause, explains)


def _falls(graph: Plain, order: list[int]) -> bool:
    """Return whether every variable comes before the variables that it was computed from."""
    rank = {number: i for i, number in enumerate(order)}
    return len(rank) == len(order) and all(
        rank[number] < rank[parent]
        for number in order
        for parent, _ in graph["edges"][number]
        if parent in rank
    )


def _reversed(graph: Plain, order: list[int]) -> bool:
    return set(order) == reachable(graph) and _falls(graph, order[::-1])


def _repeated(graph: Plain, order: list[int]) -> bool:
    return len(set(order)) < len(order) and set(order) == reachable(graph)


def _with_constants(graph: Plain, order: list[int]) -> bool:
    more = set(order) - reachable(graph)
    return bool(more) and more <= set(graph["constants"]) and len(set(order)) == len(order)


def _without_leaves(graph: Plain, order: list[int]) -> bool:
    missing = reachable(graph) - set(order)
    return bool(missing) and all(not graph["edges"][number] for number in missing)


def _as_found(graph: Plain, order: list[int]) -> bool:
    """Return whether the variables are in the order in which a search discovers them."""
    found: list[int] = []
    todo = [len(graph["edges"]) - 1]
    while todo:
        number = todo.pop()
        if number in found:
            continue
        found.append(number)
        parents = [p for p, _ in graph["edges"][number] if p not in graph["constants"]]
        todo += parents[::-1]
    return order == found


def added_over_calls(cause: str, wrong: Callable[[list[float]], float]) -> Mistake:
    """Return a mistake in the derivatives that several calls of `backward` leave."""

    def model(request: Request) -> Response | None:
        options = request.options
        seeds = options.get("backward", [])
        if len(seeds) < 2:
            return None
        right = np.array(derivatives_of(options["program"], options["inputs"]))
        return Response(request, (np.zeros(0), right * wrong(seeds)))

    return modelled(("1.4",), cause, r"scalar\.program", model, absolute=1e-6)


PATHS = (
    "You follow each path separately, path by path. Go through the variables in topological order."
)

MISTAKES = [
    *(number_on_the_left(step) for step in ("sub", "div", "lt", "gt")),
    value("gt", "The arguments are exchanged in `>`.", lambda a, b: float(a < b)),
    value("lt", "The arguments are exchanged in `<`.", lambda a, b: float(a > b)),
    value("sub", "The arguments are exchanged in `-`.", lambda a, b: b - a),
    value("div", "The arguments are exchanged in `/`.", lambda a, b: b / a),
    value("div", "A quotient is computed as a product.", lambda a, b: a * b),
    value("sub", "A difference is computed as a sum.", lambda a, b: a + b),
    value("add", "A sum is computed as a product.", lambda a, b: a * b),
    value("mul", "A product is computed as a sum.", lambda a, b: a + b),
    value("neg", "`neg` returns its argument unchanged.", lambda a: a),
    value("relu", "`relu` returns its argument unchanged.", lambda a: a),
    value("log", "`log` returns its argument unchanged.", lambda a: a),
    value("exp", "`exp` returns its argument unchanged.", lambda a: a),
    value("sigmoid", "`sigmoid` is computed as `exp`.", VALUES["exp"]),
    remembered(
        "The history of a result does not contain its inputs.", lambda right: {"parents": []}
    ),
    remembered(
        "The result is created as a leaf.", lambda right: {"result is leaf": True, "parents": []}
    ),
    remembered(
        "The result has no history, as if it were a constant.",
        lambda right: {"result is constant": True, "parents": []},
    ),
    remembered(
        "The history holds the inputs in another order.",
        lambda right: {"parents": right["parents"][::-1]},
    ),
    slope(
        "mul", "The derivatives with respect to the two factors are exchanged.", lambda a, b: (a, b)
    ),
    slope(
        "div",
        "In a product, the derivatives with respect to the two factors are exchanged.",
        lambda a, b: (a, -1 / b**3),
    ),
    slope("mul", "Both derivatives of a product are 1.", lambda a, b: (1.0, 1.0)),
    slope("neg", "The derivative of `neg` has the wrong sign.", lambda a: (1.0,)),
    slope("sub", "The derivative of `neg` has the wrong sign.", lambda a, b: (1.0, 1.0)),
    slope("inv", "The derivative of 1 / x has the wrong sign.", lambda a: (1 / a**2,)),
    slope("div", "The derivative of 1 / x has the wrong sign.", lambda a, b: (1 / b, a / b**2)),
    slope(
        "sigmoid",
        "You compute the derivative of `sigmoid` from its input. Compute it from its value.",
        lambda a: (a * (1 - a),),
    ),
    slope(
        "sigmoid", "You return the value of `sigmoid` as its derivative.", lambda a: (sigmoid(a),)
    ),
    slope(
        "exp",
        "You compute the derivative of `exp` from its input. Compute it from its value.",
        lambda a: (a,),
    ),
    slope("exp", "You use 1 as the derivative of `exp`. Use the value of `exp`.", lambda a: (1.0,)),
    slope("log", "You use x as the derivative of the logarithm. Use 1 / x.", lambda a: (a + EPS,)),
    slope(
        "relu",
        "You use 1 as the derivative of `relu` everywhere. Use 0 for negative x.",
        lambda a: (1.0,),
    ),
    *(without_upstream(step) for step in ("sigmoid", "exp", "log", "relu")),
    slope(
        "lt",
        "Comparisons have a nonzero derivative. Return 0: they are constant almost everywhere.",
        lambda a, b: (1.0, 1.0),
    ),
    modelled(
        ("1.4",),
        "The arguments of `log_back` are exchanged.",
        r"scalar\.program",
        lambda request: (
            Response(
                request,
                (
                    np.zeros(0),
                    np.array(
                        [request.options["inputs"][0] / (request.options["backward"][0] + EPS)]
                    ),
                ),
            )
            if request.options["program"] == [["log", 0]]
            else None
        ),
    ),
    modelled(
        ("1.4",),
        "The arguments of `relu_back` are exchanged.",
        r"scalar\.program",
        lambda request: (
            Response(
                request,
                (
                    np.zeros(0),
                    np.array([request.options["inputs"][0] * (request.options["backward"][0] > 0)]),
                ),
            )
            if request.options["program"] == [["relu", 0]]
            else None
        ),
    ),
    chained(
        "The derivatives are not multiplied by d_output. Pass d_output to `backward`.",
        lambda factor, saved, d_output: factor * saved,
    ),
    chained(
        "The derivatives are multiplied by d_output twice: in `backward` and again in the "
        "chain rule.",
        lambda factor, saved, d_output: factor * saved * d_output * d_output,
    ),
    chained("The saved values are lost.", lambda factor, saved, d_output: factor * d_output),
    backpropagated(PATHS, _path_by_path),
    raising(("1.4",), PATHS, r"autodiff\..*", "ResultError", message="is each path followed"),
    backpropagated(
        "A derivative that arrives on a second path is overwritten. Add it to the first one.",
        _last_contribution,
    ),
    backpropagated("You ignore the derivative that `backpropagate` receives.", _always_one),
    added_over_calls(
        "The derivative of a leaf is overwritten by the next call. Add to it.",
        lambda seeds: seeds[-1],
    ),
    sorted_wrongly("The order is reversed: results come before their inputs.", _reversed),
    sorted_wrongly("Variables that were visited already are visited again.", _repeated),
    sorted_wrongly("The order contains constants. Leave them out.", _with_constants),
    sorted_wrongly("The order lacks the leaves.", _without_leaves),
    sorted_wrongly(
        "Variables are in the order in which the search finds them. Append each one after "
        "all its inputs, and reverse the list at the end.",
        _as_found,
    ),
]
