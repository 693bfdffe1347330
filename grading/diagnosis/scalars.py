"""Mistakes in scalars, their chain rule and backpropagation: tasks 1.2 to 1.4."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles.programs import VALUES
from grading.diagnosis.backward import (
    COMPOSITIONS,
    RECIPROCAL,
    Rule,
    backpropagated,
    values,
    wrong_rules,
)
from grading.diagnosis.formulas import NAMES, WRONG_VALUES
from grading.diagnosis.mistakes import Mistake, modelled, plain, result, same_values
from grading.protocol.messages import Plain, Request, Response


def value(
    step: str, cause: str, wrong: Callable[..., float], composed: frozenset[str] = frozenset()
) -> Mistake:
    """Return a mistake in the value of one function.

    Args:
        step: The function.
        cause: The likely cause, see `Mistake`.
        wrong: The function with the mistake.
        composed: The functions that the solution composes of others.
    """

    def model(request: Request) -> Response | None:
        options = request.options
        found = values(options["program"], options["inputs"], {step: wrong}, composed)
        return result(request, np.array(found))

    return modelled(("1.2",), cause, r"scalar\.program", model, composed=composed)


def number_beside(
    step: str, side: int, cause: str, wrong: Callable[[float, float], float]
) -> Mistake:
    """Return a mistake in an operation with a plain number on one side.

    Args:
        step: The function.
        side: The side of the number: 0 for the left, 1 for the right.
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong result of both operands.
    """

    def model(request: Request) -> Response | None:
        program = request.options["program"]
        if len(program) != 1 or program[0][0] != step:
            return None
        operands = program[0][1:]
        if isinstance(operands[side], int) or not isinstance(operands[1 - side], int):
            return None
        xs = [request.options["inputs"][o] if isinstance(o, int) else o for o in operands]
        return result(request, np.array([wrong(*xs)]))

    return modelled(("1.2",), cause, r"scalar\.program", model)


def _reversed_arguments(f: Callable[..., float], a: float, b: float) -> float:
    return f(b, a)


def _operand(side: int, a: float, b: float) -> float:
    return b if side else a


def _beside(f: Callable[..., float], side: int, number: float, a: float, b: float) -> float:
    """Return the result with another number on one side."""
    return f(a, number) if side else f(number, b)


def _beside_numbers() -> Iterator[Mistake]:
    """Yield mistakes in operations with a plain number on the left or on the right."""
    for step, sign in NAMES.items():
        right = VALUES[step]
        for side, words in enumerate(("left", "right")):
            where = f"With a plain number on the {words} of `{sign}`,"
            if step in ("sub", "div", "lt", "gt"):
                cause = f"{where} the arguments are exchanged."
                yield number_beside(step, side, cause, partial(_reversed_arguments, right))
            ignored = f"A plain number on the {words} of `{sign}` is ignored."
            yield number_beside(step, side, ignored, partial(_operand, 1 - side))
            for number in (0.0, 1.0):
                yield number_beside(step, side, ignored, partial(_beside, right, side, number))
            yield number_beside(
                step,
                side,
                f"{where} the result is only the number.",
                partial(_operand, side),
            )
            for other, other_sign in NAMES.items():
                if other != step:
                    cause = f"{where} you compute `{other_sign}`."
                    yield number_beside(step, side, cause, VALUES[other])


def slope(name: str, cause: str, rule: Rule, composed: frozenset[str]) -> Mistake:
    """Return a mistake in the derivative of one function.

    Args:
        name: The function.
        cause: The likely cause, see `Mistake`.
        rule: The wrong rule of the function.
        composed: The functions that the solution composes of others.
    """

    def model(request: Request) -> Response | None:
        options = request.options
        program, seeds = options["program"], options.get("backward", [])
        affected = {name, *(outer for outer in composed if name in PARTS[outer])}
        if name == "inv" and RECIPROCAL in composed:
            affected.add("div")
        if not seeds or not affected & {step for step, *_ in program}:
            return None
        received = np.zeros(len(options["inputs"]))
        for seed in seeds:
            d = 1.0 if seed is None else seed
            received += backpropagated(program, options["inputs"], d, {name: rule}, composed)
        return Response(request, (np.zeros(0), received))

    return modelled(("1.4",), cause, r"scalar\.program", model, composed=composed)


PARTS = {"sub": ("neg", "add"), "div": ("inv", "mul"), "gt": ("lt",), RECIPROCAL: ()}
"""The functions of which others may be composed."""


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

    return Mistake(("1.3",), cause, explains, predicts=True)


def paired(cause: str, wrong: Callable[[Plain, list[list[Plain]]], list[list[Plain]]]) -> Mistake:
    """Return a mistake in the pairs of the chain rule.

    Args:
        cause: The likely cause, see `Mistake`.
        wrong: Returns the wrong pairs of the options of the request and the right pairs.
    """

    def explains(finding: Finding) -> bool | None:
        options = finding.request.options
        if finding.request.operation != "scalar.chain_rule" or finding.response is None:
            return None
        scale = options["saved"] * options["d_output"]
        pairs = [[i, f * scale] for i, f in zip(options["uses"], options["factors"], strict=True)]
        received = [list(pair) for pair in finding.response.plain]
        every = wrong(options, pairs)
        # A check without constants leaves open whether they are left out.
        return any(
            [i for i, _ in received] == [i for i, _ in expected]
            and same_values([d for _, d in received], [d for _, d in expected])
            for expected in (
                [pair for pair in every if not options["constants"][pair[0]]],
                every,
            )
        )

    return Mistake(("1.3",), cause, explains, predicts=True)


def _without_constants_first(options: Plain, pairs: list[list[Plain]]) -> list[list[Plain]]:
    """Pair the variables with the first derivatives."""
    variables = [i for i, _ in pairs if not options["constants"][i]]
    return [[i, d] for i, (_, d) in zip(variables, pairs, strict=False)]


WRONG_PAIRS: list[tuple[str, Callable[[Plain, list[list[Plain]]], list[list[Plain]]]]] = [
    (
        "You leave out constants before you pair inputs with derivatives. Leave "
        "them out afterwards.",
        _without_constants_first,
    ),
    (
        "The derivatives are paired with the inputs in reverse order.",
        lambda options, pairs: [[i, d] for (i, _), (_, d) in zip(pairs, pairs[::-1], strict=True)],
    ),
    (
        "An input that is used twice occurs once. Return one pair for each use.",
        lambda options, pairs: [[i, d] for i, d in dict(map(tuple, pairs)).items()],
    ),
    (
        "An input that is used twice occurs once, with its first derivative. Return one pair for "
        "each use.",
        lambda options, pairs: [[i, d] for i, d in dict(map(tuple, pairs[::-1])).items()][::-1],
    ),
    ("Only the first input has a derivative. The others are missing.", lambda o, pairs: pairs[:1]),
    ("Only the last input has a derivative. The others are missing.", lambda o, pairs: pairs[-1:]),
    ("The last input is missing.", lambda o, pairs: pairs[:-1]),
    ("The first input is missing.", lambda o, pairs: pairs[1:]),
    ("No input has a derivative.", lambda o, pairs: []),
    (
        "The pairs are in reverse order. Keep the order of the inputs.",
        lambda o, pairs: pairs[::-1],
    ),
    (
        "You leave out the variables instead of the constants.",
        lambda o, pairs: [[i, d] for i, d in pairs if o["constants"][i]],
    ),
    ("Constants have a derivative, too. Leave them out.", lambda o, pairs: pairs),
    (
        "The derivatives of all inputs are added up. Each input has its own.",
        lambda o, pairs: [[i, sum(d for _, d in pairs)] for i, _ in pairs],
    ),
    (
        "Every input gets the last derivative.",
        lambda o, pairs: [[i, pairs[-1][1]] for i, _ in pairs],
    ),
    ("All derivatives have the wrong sign.", lambda o, pairs: [[i, -d] for i, d in pairs]),
    (
        "Every input gets the first derivative.",
        lambda o, pairs: [[i, pairs[0][1]] for i, _ in pairs],
    ),
]


MISTAKES = [
    *_beside_numbers(),
    *(
        value(name, cause, wrong, composed)
        for name, cause, wrong in WRONG_VALUES
        for composed in COMPOSITIONS
    ),
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
    *(
        slope(name, cause, rule, composed)
        for name, cause, rule in wrong_rules("derivative")
        for composed in COMPOSITIONS
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
    *(paired(cause, wrong) for cause, wrong in WRONG_PAIRS),
]
