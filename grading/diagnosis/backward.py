"""Wrong derivatives of elementwise functions, for scalars and for tensors.

A rule is the wrong `backward` of one function: it gets the upstream derivative and the arguments of
the function, and returns one derivative for each argument.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from grading.checking.oracles.programs import EPS, PARTIALS, VALUES, Partials, Program, sigmoid
from grading.protocol.messages import Plain

Rule: TypeAlias = Callable[..., tuple[float, ...]]
"""Returns a derivative for each argument; the first parameter is the upstream derivative."""

FORWARD: Mapping[str, Callable[..., float]] = {**VALUES, "inv": lambda x: 1 / x}
SLOPES: Mapping[str, Partials] = {**PARTIALS, "inv": lambda x: (-1 / x**2,)}

COMPOSED: Mapping[str, Callable[[Plain, Plain, int], list[list[Plain]]]] = {
    "sub": lambda a, b, next_: [["neg", b], ["add", a, next_]],
    "div": lambda a, b, next_: [["inv", b], ["mul", a, next_]],
    "gt": lambda a, b, next_: [["lt", b, a]],
}
"""Functions that a solution may compose of others: the steps, the first one with number `next_`."""

REFLECTED = {"lt": "gt", "gt": "lt", "eq": "eq"}
"""The comparison that Python calls with exchanged operands if the left one is a plain number."""

RECIPROCAL = "reciprocal"
"""Name of a quotient of a plain 1: a solution may compute it with `inv`, and no other quotient."""

COMPOSITIONS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"gt"}),
    frozenset({"sub", "gt"}),
    frozenset({"sub", "gt", RECIPROCAL}),
    frozenset({"sub", "div", "gt"}),
)
"""The sets of functions that solutions compose."""

CALLED = {"inv": "1 / x", "mul": "a product", "div": "a quotient", "add": "a sum"}
"""Names of functions in a sentence, where they are not their own."""


def right(name: str) -> Rule:
    """Return the right rule of a function."""
    return lambda d, *xs: tuple(d * slope for slope in SLOPES[name](*xs))


def wrong_rules(noun: str) -> Iterator[tuple[str, str, Rule]]:
    """Yield known wrong rules: the function, the likely cause, and the rule.

    Args:
        noun: "derivative" or "gradient".
    """
    yield from _special(noun)
    for name in ("mul", "neg", "inv", "log", "exp", "sigmoid", "relu", "div", "add", "sub"):
        called = f"The {noun} of {CALLED.get(name, f'`{name}`')}"
        p = SLOPES[name]
        yield name, f"{called} has the wrong sign.", _scaled(p, lambda d: -d)
        cause = f"{called} is not multiplied by the upstream {noun}."
        yield name, cause, _scaled(p, lambda d: 1.0)
        cause = f"{called} is multiplied by the upstream {noun} twice."
        yield name, cause, _scaled(p, lambda d: d * d)
        yield name, f"{called} is always 0.", _scaled(p, lambda d: 0.0)
        if name in ("mul", "div", "add", "sub"):
            both = called.replace("The", "Both", 1).replace(noun, f"{noun}s")
            yield name, f"{both} are the first one.", lambda d, *xs, p=p: (d * p(*xs)[0],) * 2
            yield name, f"{both} are the second one.", lambda d, *xs, p=p: (d * p(*xs)[1],) * 2
            yield from _of_two_operands(noun, name, p)
        elif name != "neg":
            cause = (
                f"{called} is the upstream {noun}, unchanged. Multiply it by the derivative of the "
                "function."
            )
            yield name, cause, lambda d, x: (d,)
            yield from _of_one_operand(noun, name, p)
        yield name, f"{called} is twice as large as it has to be.", _scaled(p, lambda d: 2 * d)
        yield name, f"{called} is half as large as it has to be.", _scaled(p, lambda d: d / 2)
        cause = f"{called} is added to the upstream {noun}. Multiply both."
        yield name, cause, lambda d, *xs, p=p: tuple(slope + d for slope in p(*xs))


def _of_two_operands(noun: str, name: str, p: Partials) -> Iterator[tuple[str, str, Rule]]:
    """Yield wrong rules of one operand of a function of two."""
    of = CALLED.get(name, f"`{name}`")
    exchanged = f"The {noun}s of {of} are exchanged."
    yield name, exchanged, lambda d, *xs, p=p: tuple(d * slope for slope in p(*xs)[::-1])
    changes: tuple[tuple[str, Callable[[float, float], float]], ...] = (
        ("is always 0", lambda d, slope: 0.0),
        ("has the wrong sign", lambda d, slope: -d * slope),
        (f"is not multiplied by the upstream {noun}", lambda d, slope: slope),
        (f"is the upstream {noun}, unchanged", lambda d, slope: d),
        (f"is divided by the upstream {noun}. Multiply by it", lambda d, slope: slope / d),
    )
    for number, operand in enumerate(("first", "second")):
        for words, change in changes:
            cause = f"The {noun} of {of} with respect to its {operand} operand {words}."
            yield name, cause, partial(_changed_at, p, number, change)


def _changed_at(
    p: Partials, number: int, change: Callable[[float, float], float], d: float, *xs: float
) -> tuple[float, ...]:
    return tuple(change(d, slope) if i == number else d * slope for i, slope in enumerate(p(*xs)))


def _of_one_operand(noun: str, name: str, p: Partials) -> Iterator[tuple[str, str, Rule]]:
    """Yield wrong rules that use the value, the argument, or the derivative of another function."""
    called = f"The {noun} of {CALLED.get(name, f'`{name}`')}"
    value = FORWARD[name]
    if name != "exp":
        cause = f"{called} is computed as the value of the function."
        yield name, cause, lambda d, x, f=value: (d * f(x),)
    if name not in ("log", "exp"):
        yield name, f"{called} is computed as its argument.", lambda d, x: (d * x,)
    cause = f"{called} is divided by the upstream {noun}. Multiply by it."
    yield name, cause, lambda d, x, p=p: (p(x)[0] / d,)
    cause = f"In the {noun} of `{name}`, you divide by the derivative of the function. Multiply."
    yield name, cause, lambda d, x, p=p: (d / p(x)[0],)
    for other in ("relu", "log", "exp", "sigmoid", "inv"):
        if other != name:
            of = CALLED.get(other, f"`{other}`")
            yield name, f"{called} is computed as that of {of}.", _scaled(SLOPES[other], float)


def _scaled(partials: Partials, change: Callable[[float], float]) -> Rule:
    return lambda d, *xs: tuple(change(d) * slope for slope in partials(*xs))


def _special(noun: str) -> Iterator[tuple[str, str, Rule]]:
    """Yield wrong rules of single functions."""
    subject = "derivatives with respect to" if noun == "derivative" else "gradients of"
    exchanged = f"The {subject} the two factors are exchanged."
    yield "mul", exchanged, lambda d, a, b: (d * a, d * b)
    sum_of = (
        "Both derivatives of a product are 1."
        if noun == "derivative"
        else "The gradients of a product are computed as those of a sum."
    )
    yield "mul", sum_of, lambda d, a, b: (d, d)
    compute = "from its input. Compute it from its value."
    yield (
        "sigmoid",
        f"You compute the {noun} of `sigmoid` {compute}",
        lambda d, x: (d * x * (1 - x),),
    )
    factor = f"In the {noun} of `sigmoid`, the factor {{}} is missing."
    yield "sigmoid", factor.format("1 - sigmoid(x)"), lambda d, x: (d * sigmoid(x),)
    yield "sigmoid", factor.format("sigmoid(x)"), lambda d, x: (d * sigmoid(-x),)
    yield "exp", f"You compute the {noun} of `exp` {compute}", lambda d, x: (d * x,)
    yield (
        "exp",
        f"You use 1 as the {noun} of `exp`. Use the value of `exp`.",
        lambda d, x: (d,),
    )
    yield "log", f"You multiply the {noun} of the logarithm by x. Divide it by x.", _times_x
    yield "log", f"You use 1 as the {noun} of the logarithm. Use 1 / x.", lambda d, x: (d,)
    relu = f"You use 1 as the {noun} of `relu` everywhere. Use 0 for negative x."
    yield "relu", relu, lambda d, x: (d,)
    yield "relu", f"You use x as the {noun} of `relu`. Use 1 for positive x.", _relu_times
    yield "inv", "The square is missing in -1 / x².", lambda d, x: (-d / x,)
    for name in ("lt", "eq", "gt"):
        cause = f"Comparisons have a nonzero {noun}. Return 0: they are constant almost everywhere."
        yield name, cause, lambda d, a, b: (d, d)
    yield "log", "The arguments of `log_back` are exchanged.", lambda d, x: (x / (d + EPS),)
    yield "relu", "The arguments of `relu_back` are exchanged.", lambda d, x: (x * (d > 0),)
    yield "inv", "The arguments of `inv_back` are exchanged.", lambda d, x: (-x / d**2,)


def _times_x(d: float, x: float) -> tuple[float]:
    return (d * (x + EPS),)


def _relu_times(d: float, x: float) -> tuple[float]:
    return (d * max(x, 0.0),)


def backpropagated(
    program: Program,
    inputs: Sequence[float],
    seed: float,
    rules: Mapping[str, Rule],
    composed: frozenset[str],
) -> list[float]:
    """Return the derivatives of the last step of a program by wrong rules.

    Args:
        program: The steps, as in `grading.checking.oracles.programs`.
        inputs: The inputs.
        seed: The upstream derivative of the last step.
        rules: The wrong rules by function; the others are right.
        composed: The functions that are composed of others.
    """
    reflected = [
        [REFLECTED[name], *operands[::-1]]
        if name in REFLECTED and isinstance(operands[0], float)
        else [name, *operands]
        for name, *operands in program
    ]
    steps, last = with_compositions(reflected, len(inputs), composed)
    values = list(inputs)
    arguments = []
    for name, *operands in steps:
        arguments.append([values[o] if isinstance(o, int) else o for o in operands])
        values.append(FORWARD[name](*arguments[-1]))
    upstream = [0.0] * len(values)
    upstream[last] = seed
    reached = {last}
    for number in reversed(range(len(steps))):
        name, *operands = steps[number]
        if len(inputs) + number not in reached:
            continue
        reached.update(operand for operand in operands if isinstance(operand, int))
        d = upstream[len(inputs) + number]
        derivatives = rules.get(name, right(name))(d, *arguments[number])
        for operand, derivative in zip(operands, derivatives, strict=True):
            if isinstance(operand, int):
                upstream[operand] += derivative
    if not all(map(math.isfinite, upstream)):
        raise OverflowError("a derivative is not finite")
    return upstream[: len(inputs)]


def values(
    program: Program,
    inputs: Sequence[float],
    wrong: Mapping[str, Callable[..., float]],
    composed: frozenset[str],
) -> list[float]:
    """Return the values of all steps of a program if some functions return wrong ones.

    Args:
        program: The steps, as in `grading.checking.oracles.programs`.
        inputs: The inputs.
        wrong: The wrong functions; the others are right.
        composed: The functions that are composed of others.
    """
    found = list(inputs)
    for name, *operands in program:
        own = [found[o] if isinstance(o, int) else o for o in operands]
        if name in REFLECTED and isinstance(operands[0], float):
            name, own = REFLECTED[name], own[::-1]
        inner, last = with_compositions([[name, *range(len(own))]], len(own), composed)
        for step, *arguments in inner:
            own.append({**FORWARD, **wrong}[step](*(own[i] for i in arguments)))
        found.append(own[last])
    return found[len(inputs) :]


def with_compositions(
    program: Program, inputs: int, composed: frozenset[str]
) -> tuple[Program, int]:
    """Return a program with some functions composed of others, and the number of its last step."""
    numbers = list(range(inputs))
    steps: Program = []
    for name, *operands in program:
        own = [numbers[o] if isinstance(o, int) else o for o in operands]
        if name == "div" and own[0] == 1.0 and isinstance(own[0], float) and RECIPROCAL in composed:
            steps.append(["inv", own[1]])
        elif name in composed:
            steps += COMPOSED[name](own[0], own[1], inputs + len(steps))
        else:
            steps.append([name, *own])
        numbers.append(inputs + len(steps) - 1)
    return steps, numbers[-1]
