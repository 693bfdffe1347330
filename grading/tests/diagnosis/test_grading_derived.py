"""Derived mistakes: the right solutions pass the checks, and their changes are recognised."""

import itertools
import re
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import MismatchError, expect_array
from grading.checking.finding import Finding
from grading.checking.kernels import map_kernels, zip_kernels
from grading.checking.oracles.convolution import conv
from grading.checking.oracles.programs import PARTIALS
from grading.checking.products import random_case
from grading.checks import (
    test_task0_3,
    test_task0_4,
    test_task1_1,
    test_task1_4,
    test_task2_1,
    test_task2_2,
    test_task2_3,
    test_task3_2,
    test_task4_1,
    test_task4_2,
    test_task4_3,
    test_task4_4,
)
from grading.diagnosis import Answers, diagnose
from grading.diagnosis.derived import derived
from grading.diagnosis.derived.changes import Change, changes
from grading.diagnosis.derived.solution import Derived
from grading.diagnosis.derived.solutions import SOLUTIONS, layout, windows
from grading.diagnosis.derived.solutions.formulas import DEFINED, FORMULAS, SLOPES
from grading.diagnosis.derived.variants import Steps, TooManyStepsError, variants
from grading.diagnosis.mistakes import UNPREDICTED, Mistake, modelled
from grading.diagnosis.operators import RIGHT
from grading.protocol.messages import Array, Request, Response, Subject


class Solved(Subject):
    """The right solutions of a task as code under test."""

    def __init__(self, task: str) -> None:
        self._solutions = [each for each in SOLUTIONS if task in each.tasks]

    def answer(self, request: Request) -> Response:
        """Return the response of the first solution that answers a request."""
        for solution in self._solutions:
            if re.fullmatch(solution.operation, request.operation):
                response = solution.respond(request)
                if response is not None:
                    return response
        raise AssertionError(f"no solution answers {request.operation}")


CHECKS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("0.3", test_task0_3.test_map, {}),
    ("0.3", test_task0_3.test_zip_with, {}),
    ("0.3", test_task0_3.test_reduce_from_the_left, {}),
    ("0.3", test_task0_3.test_neg_list, {}),
    ("0.3", test_task0_3.test_add_lists, {}),
    ("0.3", test_task0_3.test_sum, {}),
    ("0.3", test_task0_3.test_prod, {}),
    ("0.4", test_task0_4.test_parameters_of_the_whole_tree, {}),
    ("0.4", test_task0_4.test_training_mode_of_submodules, {}),
    ("1.1", test_task1_1.test_derivatives_of_parabolas, {}),
    ("1.4", test_task1_4.test_derivatives_over_all_paths, {}),
    ("2.1", test_task2_1.test_position_of_an_index, {}),
    ("2.1", test_task2_1.test_indices_of_all_ordinals, {}),
    ("2.2", test_task2_2.test_common_shape, {}),
    ("2.2", test_task2_2.test_broadcast_indices, {}),
    ("2.3", test_task2_3.test_functions_of_one_tensor, {"name": "relu"}),
    ("2.3", test_task2_3.test_functions_of_two_tensors, {"name": "lt"}),
    ("2.3", test_task2_3.test_sum_over_a_dimension, {}),
    ("3.2", test_task3_2.test_products_and_gradients, {}),
    ("4.1", test_task4_1.test_values_and_gradients, {}),
    ("4.2", test_task4_2.test_small_and_large_kernels, {"kernel": (3, 2)}),
    ("4.3", test_task4_3.test_tiles, {}),
    ("4.3", test_task4_3.test_values_and_gradients, {}),
    ("4.4", test_task4_4.test_maxima_and_their_gradient, {}),
    ("4.4", test_task4_4.test_softmax_and_its_gradient, {}),
    ("4.4", test_task4_4.test_logsoftmax_and_its_gradient, {}),
]
"""Checks that the right solutions pass, with their further arguments."""


@pytest.mark.parametrize(
    ("task", "check", "arguments"), CHECKS, ids=[f"{t} {c.__name__}" for t, c, _ in CHECKS]
)
def test_a_right_solution_passes_a_check(
    task: str,
    check: Callable[..., None],
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "LARGEST", 10_000)
    check(subject=Solved(task), **arguments)


@given(case=map_kernels(any_layout=True))
def test_the_right_map_writes_any_layout(case: tuple[Array, Array]) -> None:
    out, x = case
    options = {"kernel": "tensor_map", "fn": "neg"}
    response = Solved("3.1").call("kernel.run", [out, x], options)
    expect_array(response, np.broadcast_to(-x, out.shape))


@given(case=zip_kernels(any_layout=True))
def test_the_right_zip_writes_any_layout(case: tuple[Array, Array, Array]) -> None:
    out, a, b = case
    options = {"kernel": "tensor_zip", "fn": "mul"}
    expect_array(Solved("3.1").call("kernel.run", [out, a, b], options), a * b)


@pytest.mark.parametrize("name", sorted(FORMULAS.keys() & RIGHT.keys()))
@pytest.mark.parametrize("pair", [(0.5, 2.0), (-1.5, 0.25), (3.0, 3.0)])
def test_right_formulas(name: str, pair: tuple[float, float]) -> None:
    one = name in ("id", "neg", "exp", "log", "inv", "sigmoid", "relu")
    numbers = (abs(pair[0]),) if name == "log" else pair[:1] if one else (abs(pair[0]), pair[1])
    request = Request("operators.each", tuple(np.array([x]) for x in numbers), {"formula": name})
    assert Solved("0.1").answer(request).arrays[0] == pytest.approx(RIGHT[name](*numbers))


@pytest.mark.parametrize("name", sorted(SLOPES.keys() & PARTIALS.keys()))
def test_right_derivatives(name: str) -> None:
    two = name in ("add", "sub", "mul", "div", "lt", "gt", "eq")
    numbers = (0.75, -2.0) if two else (0.75,)
    slopes = [3.0 * slope for slope in PARTIALS[name](*numbers)]
    assert SLOPES[name](3.0, *numbers) == pytest.approx(slopes)


def count_down(start: int, step: int) -> int:
    """Return the number of steps from a number to 0."""
    count = 0  # the start of the count
    while start > 0:  # the loop over the steps
        start = start - step  # the rest
        count += 1
    return count


def test_changes_name_their_place() -> None:
    found = {change.cause for change, _ in changes(cast(FunctionType, count_down))}
    assert {
        "Look at the rest: you compute `start + step`. Compute `start - step`.",
        "Look at the start of the count: 1 stands in place of 0.",
        "Look at the loop over the steps: you test `start >= 0`. Test `start > 0`.",
        "Look at the loop over the steps: you overwrite the value instead of changing it.",
    } <= found


def test_a_change_that_never_ends_is_stopped() -> None:
    steps = Steps()
    pairs = [(change.words, wrong) for change, wrong in variants(count_down, [count_down], steps)]
    endless = dict(pairs)["you compute `start + step`. Compute `start - step`"]
    steps.begin(0)
    with pytest.raises(TooManyStepsError):
        endless(3, 1)
    assert count_down(3, 1) == 3


CASES = [random_case((2, 3, 4), (2, 3, 3), seed) for seed in range(3)]


def failing(respond: Callable[[Request], Response | None]) -> list[Finding]:
    """Return the answers of a wrong one-dimensional convolution."""
    found = []
    for x, weight, _ in CASES:
        response = respond(Request("tensor.conv1d", (x, weight)))
        assert response is not None
        try:
            expect_array(response, conv(x, weight))
        except MismatchError as error:
            found.append(error.finding)
    return found


@pytest.mark.parametrize(
    ("place", "words", "named"),
    [
        ("the loop over the columns of the kernel", "it ends one too early", "column.* kernel"),
        ("the column of the input", "the two cases are exchanged", "column of the input|reverse"),
        (
            "the position in the weight",
            "the factor `channel` is missing in `channel * weight_strides[1]`",
            "position in the weight: the factor `channel`|channel of the weight",
        ),
        (
            "the position in the weight",
            "`weight_strides[2]` stands in place of `weight_strides[1]`",
            "position in the weight: `weight_strides|stride.*weight",
        ),
        ("the loop over the elements of the result", "it ends one too early", "loop.*too early"),
    ],
)
def test_a_change_is_named_by_its_place(place: str, words: str, named: str) -> None:
    (solution,) = (each for each in SOLUTIONS if "4.1" in each.tasks)
    steps = Steps()
    pairs = variants(solution.respond, solution.changed, steps)
    _, respond = next(pair for pair in pairs if pair[0] == Change(place, words))
    steps.begin(0)
    findings = failing(respond)
    assert findings
    (found,) = diagnose("4.1", [Answers("values", tuple(findings))])
    assert re.search(named, found.cause), found


def test_exceptions_alone_are_no_evidence() -> None:
    """Many derived mistakes read outside an array; none of them is named for an IndexError."""
    x, weight, _ = CASES[0]
    request = Request("tensor.conv1d", (x, weight))
    finding = Finding(
        "IndexError was raised", request, "the exception", kinds=("IndexError", "LookupError")
    )
    assert diagnose("4.1", [Answers("values", (finding,))]) == []


@pytest.mark.parametrize(
    ("expected", "received", "explained"),
    [
        ([63.0, 36.0], [0.0, 36.0], True),
        ([0.0, 35.0], [0.0, 36.0], True),
        ([0.0, 36.0], [0.0, 35.0], False),
        ([63.0, 35.0], [63.0, 36.0], None),
    ],
)
def test_unwritten_elements_may_be_right_by_chance(
    expected: list[float], received: list[float], explained: bool | None
) -> None:
    """Compare with a model that writes the second element only."""

    def model(request: Request) -> Response:
        return Response(request, (np.array([UNPREDICTED, 36.0]),))

    response = Response(Request("tensor.conv1d"), (np.array(received),))
    with pytest.raises(MismatchError) as raised:
        expect_array(response, expected)
    mistake = modelled(("4.1",), "The first element is not written.", r"tensor\.conv1d", model)
    assert mistake.explains(raised.value.finding) is explained


def test_changes_in_several_places_are_no_cause() -> None:
    """Leave the last number unwritten, as changes in three places do."""
    request = Request("tensor.conv1d", (np.array([[[2.0, 3.0]]]), np.array([[[12.0, 13.0]]])))
    response = Response(request, (np.array([[[63.0, 0.0]]]),))
    with pytest.raises(MismatchError) as raised:
        expect_array(response, [[[63.0, 36.0]]])
    (found,) = diagnose("4.1", [Answers("values", (raised.value.finding,))])
    assert not found.cause
    assert found.places == (
        "the number of elements of the result",
        "the loop over the elements of the result",
        "the column of the result",
    )


def test_places_are_listed_for_each_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(place: str, name: str) -> Derived:
        def explains(finding: Finding) -> bool | None:
            return True if finding.request.options["name"] == name else None

        return Derived(place, Mistake(("4.1",), f"Look at {place}.", explains, predicts=True))

    places = {"first": ("a", "b"), "second": ("c", "d")}
    made = [change(place, name) for name, of in places.items() for place in of]
    monkeypatch.setattr("grading.diagnosis.derived", lambda task, steps: made)
    findings = {
        name: Finding("it is wrong", Request("tensor.conv1d", options={"name": name}))
        for name in places
    }
    found = diagnose("9.9", [Answers(name, (each,)) for name, each in findings.items()])
    assert {each.checks[0]: (each.cause, each.places) for each in found} == {
        name: ("", of) for name, of in places.items()
    }


@pytest.mark.parametrize(
    ("task", "cause"),
    [
        ("1.2", "Look at `mul`: you compute `x / y`. Compute `x * y`."),
        ("1.4", "Look at the derivative of `<`: 1.0 stands in place of 0.0."),
        ("2.3", "Look at `mul`: you compute `x / y`. Compute `x * y`."),
        ("2.4", "Look at the gradient of `<`: 1.0 stands in place of 0.0."),
    ],
)
def test_formulas_of_scalars_and_tensors_are_changed(task: str, cause: str) -> None:
    assert cause in {each.mistake.cause for each in derived(task, Steps())}


@pytest.mark.parametrize(
    "task", sorted({*DEFINED, *(task for each in SOLUTIONS for task in each.tasks)})
)
def test_derived_causes_are_sentences(task: str) -> None:
    for each in itertools.islice(derived(task, Steps()), 40):
        assert re.fullmatch(r"Look at .+: .+\.", each.mistake.cause)
        assert not each.place.startswith(("#", "the the"))


@given(budget=st.integers(0, 50))
def test_steps_are_counted(budget: int) -> None:
    steps = Steps()
    steps.begin(budget)
    steps()
    assert steps.total == budget + 1


@pytest.mark.parametrize("writes_operand", [True, False])
def test_a_kernel_that_writes_to_an_operand_is_recognised(writes_operand: bool) -> None:
    out, a, b = np.full(3, 99.0), np.array([4.0, 5.0, 6.0]), np.array([7.0, 8.0, 9.0])
    request = Request(
        "kernel.run",
        (out, a, b),
        {"module": "fast_ops", "kernel": "tensor_zip", "fn": "mul"},
    )
    after = a * b if writes_operand else a
    response = Response(request, (out, np.full(1, 777.0), after, b))
    with pytest.raises(MismatchError) as raised:
        expect_array(response, a * b, which=0)
    cause = "Look at the loop over tensors of equal layout: `a` stands in place of `out`."
    outcomes = {
        each.mistake.explains(raised.value.finding)
        for each in derived("3.1", Steps())
        if each.mistake.cause == cause
    }
    assert (True in outcomes) == writes_operand


@pytest.mark.parametrize("a", [(2, 3), (3, 1, 4), (1,)])
@pytest.mark.parametrize("b", [(3,), (2, 4), (1, 1)])
def test_both_right_common_shapes_agree(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    found: list[tuple[int, ...] | None] = []
    for combine in (layout.shape_broadcast, layout.shape_broadcast_by_choice):
        try:
            found.append(tuple(combine([*a], [*b])))
        except layout.IndexingError:
            found.append(None)
    try:
        expected: tuple[int, ...] | None = np.broadcast_shapes(a, b)
    except ValueError:
        expected = None
    assert found == [expected, expected]


@pytest.mark.parametrize("strict", [True, False])
def test_an_exception_of_a_strict_model_is_a_prediction(strict: bool) -> None:
    def raises(request: Request) -> Response:
        raise IndexError

    request = Request("layout.common_shape", options={"a": [2], "b": [1]})
    right = Finding("", request, response=Response(request, plain=[2]), right=True)
    refused = Finding("x", request, kinds=("IndexingError", "RuntimeError", "Exception"))
    mistake = modelled(("2.2",), "", r"layout\..*", raises, strict=strict)
    assert mistake.explains(right) is (False if strict else None)
    assert mistake.explains(refused) is (True if strict else None)
