"""Likely causes: candidates, the choice among them, and facts about answers without a cause."""

import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import MismatchError, expect_array
from grading.checking.finding import Collection, Finding
from grading.checking.oracles.programs import Program, derivatives_of
from grading.diagnosis import Answers, diagnose
from grading.diagnosis.backward import COMPOSITIONS, backpropagated
from grading.diagnosis.catalogue import MISTAKES
from grading.diagnosis.known import known_facts
from grading.diagnosis.memory import strides
from grading.diagnosis.races import differs_from_call_to_call, not_parallel
from grading.protocol.messages import Array, Request, Response
from grading.tests.causes.evidence import dumps

small = st.floats(-3, 3).map(lambda x: round(4 * x) / 4)


def compared(request: Request, received: Array, expected: Array) -> Finding:
    """Return the finding of a comparison."""
    response = Response(request, (received,))
    try:
        expect_array(response, expected)
    except MismatchError as error:
        return error.finding
    return Finding("", request, response=response, right=True)


def formula(name: str, pairs: list[tuple[float, float]], wrong: bool, value: float) -> Finding:
    """Return a finding about a formula of two numbers; a wrong one returns a value."""
    columns = tuple(np.array(column) for column in zip(*pairs, strict=True))
    right = {"add": np.add, "mul": np.multiply}[name](*columns)
    request = Request("operators.each", columns, {"formula": name})
    return compared(request, np.full(right.shape, value) if wrong else right, right)


def wrong_product(x: float, y: float) -> Finding:
    """Return the finding about `mul` if it adds."""
    return formula("mul", [(x, y)], True, x + y)


def test_no_cause_asks_for_what_it_describes() -> None:
    assert not [each for each in MISTAKES if re.search(r"returns (.+)\. Return \1\.", each.cause)]


def test_one_cause_is_named_for_all_checks_that_it_explains() -> None:
    answers = [
        Answers("products", (wrong_product(2.0, 3.0),)),
        Answers("symmetry", (wrong_product(4.0, -1.0), wrong_product(0.5, 8.0))),
        Answers("sums", (formula("add", [(1.0, 2.0)], False, 0.0),)),
    ]
    (found,) = diagnose("0.1", answers)
    assert found.cause == "`mul` adds."
    assert found.checks == ("products", "symmetry")


def test_a_cause_that_contradicts_an_earlier_answer_is_not_named() -> None:
    """The smallest answer fits the cause; one from before shrinking does not."""
    small_one = wrong_product(1.0, 3.0)
    assert diagnose("0.1", [Answers("products", (small_one,))])
    earlier = formula("mul", [(2.0, 5.0)], True, 11.0)
    assert diagnose("0.1", [Answers("products", (earlier, small_one))]) == []


def test_mistakes_in_two_functions_have_two_causes() -> None:
    answers = [
        Answers("products", (wrong_product(2.0, 3.0),)),
        Answers("sums", (formula("add", [(2.0, 5.0)], True, 10.0),)),
    ]
    found = diagnose("0.1", answers)
    assert {each.cause for each in found} == {"`mul` adds.", "`add` multiplies."}


def test_a_right_answer_that_a_cause_contradicts_counts_against_it() -> None:
    """Both `x <= y` and the opposite of `x < y` explain equal numbers; only one explains others."""

    def less(x: float, y: float, received: float) -> Finding:
        request = Request("operators.each", (np.array([x]), np.array([y])), {"formula": "lt"})
        return compared(request, np.array([received]), np.array([float(x < y)]))

    equal, other = less(2.0, 2.0, 1.0), less(1.0, 3.0, 1.0)
    (found,) = diagnose("0.1", [Answers("comparisons", (other, equal))])
    assert "less than or equal" in found.cause
    (found,) = diagnose("0.1", [Answers("comparisons", (less(1.0, 3.0, 0.0), equal))])
    assert "opposite" in found.cause


def test_several_causes_of_one_function_cast_doubt_on_each_other() -> None:
    def slope(step: str, received: float) -> Finding:
        program: Program = [[step, 0]]
        options = {"program": program, "inputs": [0.5], "backward": [2.0]}
        request = Request("scalar.program", options=options)
        right = 2.0 * np.array(derivatives_of(program, [0.5]))
        response = Response(request, (np.zeros(1), np.array([received])))
        try:
            expect_array(response, right, which=1)
        except MismatchError as error:
            return error.finding
        raise AssertionError("the answer is right")

    exp = Answers("exp", (slope("exp", math.exp(0.5)),))
    assert len(diagnose("1.4", [exp])) == 1
    neg = Answers("neg", (slope("neg", 2.0),))
    assert diagnose("1.4", [exp, neg]) == []


@given(
    name=st.sampled_from(["mul", "sub", "div"]),
    inputs=st.tuples(small, small.filter(lambda x: abs(x) > 0.2)),
    seed=small,
)
def test_right_rules_give_the_derivatives_of_the_oracle(
    name: str, inputs: tuple[float, float], seed: float
) -> None:
    program: Program = [[name, 0, 1], ["sigmoid", 2], ["mul", 3, 0], ["gt", 4, 1], ["add", 4, 5]]
    right = [seed * slope for slope in derivatives_of(program, inputs)]
    for composed in COMPOSITIONS:
        received = backpropagated(program, inputs, seed, {}, composed)
        np.testing.assert_allclose(received, right, rtol=1e-12, atol=1e-12)


def test_equal_answers_with_nan_are_no_race() -> None:
    request = Request("kernel.repeat", (np.zeros(2),))
    outputs = np.array([[np.nan, 1.0], [np.nan, 1.0]])
    finding = compared(request, outputs, np.ones((2, 2)))
    assert differs_from_call_to_call(finding) is False
    outputs = np.array([[np.nan, 1.0], [np.nan, 2.0]])
    assert differs_from_call_to_call(compared(request, outputs, np.ones((2, 2)))) is True


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("the main loop of the kernel is not parallel: it is a plain `range` (a.py:3)", True),
        ("TooMuchOutput was raised: more than 1 MB", None),
        ("ImportError was raised: No module named 'numba.cuda'", None),
    ],
)
def test_only_a_serial_loop_is_called_serial(sentence: str, named: bool | None) -> None:
    assert not_parallel(Finding(sentence, Request("source.work"))) is named


@given(
    rights=st.lists(st.booleans(), max_size=60),
    most=st.integers(2, 20),
    sizes=st.integers(1, 40),
    most_bytes=st.integers(1, 4000),
)
def test_a_collection_is_bounded_and_keeps_the_first_wrong_answers(
    rights: list[bool], most: int, sizes: int, most_bytes: int
) -> None:
    request = Request("operators.each", (np.zeros(sizes),))
    findings = [Finding(str(i), request, right=right) for i, right in enumerate(rights)]
    collection = Collection(most, most_bytes)
    for finding in findings:
        collection.add(finding)
    kept = list(collection)
    assert 8 * sizes * len(kept) <= most_bytes
    for right in (True, False):
        own = [each for each in findings if each.right is right]
        assert sum(each.right is right for each in kept) <= most
        if 8 * sizes * len(findings) <= most_bytes:
            half = most // 2
            last = own[half:][-half:]
            assert [each for each in kept if each.right is right] == own[:half] + last


@given(
    array=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)).map(
        lambda shape: np.arange(float(np.prod(shape))).reshape(shape)
    ),
    order=st.permutations(range(3)),
)
def test_kept_answers_have_the_strides_of_the_request(array: Array, order: list[int]) -> None:
    permuted = array.transpose(order)
    request = Request("tensor.neg", (permuted,))
    (loaded,) = pickle.loads(dumps([Answers("a", (Finding("", request, right=True),))]))
    (read,) = loaded.findings[0].request.arrays
    np.testing.assert_array_equal(read, permuted)
    # The stride of a dimension of size 1 is never used.
    for size, own, kept in zip(read.shape, strides(permuted), strides(read), strict=True):
        assert size == 1 or own == kept


X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])


@pytest.mark.parametrize(
    ("received", "fact"),
    [
        (2.0 * X, "Every element is 2 times the expected one."),
        (-X, "The sign of every element is wrong."),
        (0.0 * X, "Every element is 0."),
        (np.where(X == 7.0, np.nan, X), "The wrong elements are NaN."),
        (X[:, ::-1].copy(), "The elements are right, but in the wrong order."),
        (X.T.copy(), "The shape is wrong."),
        (X + np.array([[0.0], [1.0]]) * [1.0, -3.0, 2.0], "index 0 in dimension 0 are right"),
    ],
)
def test_a_change_of_all_elements_is_described(received: Array, fact: str) -> None:
    assert fact in known_facts([compared(Request("tensor.neg", (X,)), received, X)], [])


def test_overflow_in_a_description_raises_no_warning() -> None:
    """Pytest turns a warning of NumPy into an exception."""
    small, large = 1e-300 * (X - 1.0), 1e300 * (X - 1.0)
    facts = known_facts([compared(Request("tensor.neg", (X,)), large, small)], [])
    assert facts == "The wrong elements are too large."


@given(st.integers(2, 4), st.integers(2, 4))
def test_the_layout_that_separates_wrong_from_right_answers(rows: int, columns: int) -> None:
    x = np.arange(1.0, rows * columns + 1).reshape(rows, columns)
    permuted = Request("tensor.neg", (x.T,), {"backend": "fast"})
    wrong = compared(permuted, -x.reshape(columns, rows), -x.T)
    right = compared(Request("tensor.neg", (x,), {"backend": "fast"}), -x, -x)
    assert not wrong.right
    assert "only where an operand is not row-major" in known_facts([wrong], [right])


def test_the_gradient_that_is_wrong_is_named() -> None:
    request = Request("tensor.mul", (X, X), upstream=X)
    name = "the gradient of operand 1"
    finding = Finding("", request, name, X, 3 * X, response=Response(request, (X * X,), (X, X)))
    facts = known_facts([finding], [])
    assert facts.startswith(f"The result is right, and {name} is wrong.")
    assert "3 times" in facts


def test_a_cause_of_refused_shapes_explains_those_that_are_not_refused() -> None:
    def answer(a: list[int], b: list[int], shape: list[int] | None) -> Finding:
        request = Request("layout.common_shape", options={"a": a, "b": b})
        if shape is None:
            return Finding(
                "refused", request, "the exception", kinds=("IndexingError", "Exception")
            )
        response = Response(request, plain=shape)
        return Finding("not refused", request, "the exception", response=response)

    refused = [answer([2], [1], None), answer([2, 3], [1, 3], None), answer([3], [1], None)]
    named = diagnose("2.2", [Answers("a", tuple(refused))])
    causes = [each.cause for each in named]
    accepted = answer([2, 3], [3, 3], [3, 3])
    partly = diagnose("2.2", [Answers("a", (*refused, accepted))])
    cause = "A size of 1 stretches in the first shape only. It has to stretch in both."
    assert cause in causes
    assert cause not in [each.cause for each in partly]
