"""The documentation of the course decides: right code is not charged, and what it promises counts.

Each right solution is one that an edition of the course allows; each wrong one breaks a promise.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from grading.checking.compare import MismatchError, expect_any_array, expect_any_gradients
from grading.checking.sources import multiplications
from grading.isolation import IsolatedSubject, Limits
from grading.judge.faults import fault_of
from grading.mutation.mutants import MUTANTS
from grading.protocol.messages import Request, Response, Subject, SubjectError
from grading.tasks.table import table
from grading.tests.forks import in_fork
from grading.tests.mutants.rewriting import Rewrite, make_tree
from grading.tests.running import Check, Failure, checks_of, failures
from grading.tests.upstream_trees import write_upstream

OPERATORS = "mt_tensor/operators.py"
LAYOUT = "mt_tensor/layout.py"
DATA = "mt_tensor/tensor_data.py"
LOOPS = "mt_tensor/reference_loops.py"
SCALAR = "mt_autodiff/scalar.py"
GRAPH = "mt_autodiff/graph.py"
REDUCTIONS = "mt_autodiff/functions/reductions.py"
PROBABILITIES = "mt_nn/functional/probabilities.py"
PRACTICE = "mt_kernels_cuda/practice.py"

NATURAL = Rewrite(OPERATORS, "shifted = float(x) + EPS", "shifted = float(x)")
NATURAL_BACK = Rewrite(OPERATORS, "return d / (float(x) + EPS)", "return d / (x + 0.0)")


@dataclass(frozen=True)
class Right:
    """A right solution.

    Attributes:
        rewrites: What is changed in the packages.
        checks: The checks that it meets: "1.2: test_values_of_single_operations", or "1.2" for all
            that count.
        advice: An advice that fails, which costs nothing.
    """

    rewrites: Sequence[Rewrite]
    checks: Sequence[str]
    advice: str = ""


RIGHT = {
    "the natural logarithm": Right(
        [NATURAL, NATURAL_BACK],
        [
            "0.1",
            "0.2: test_logarithm_of_the_exponential",
            "1.2: test_values_of_single_operations",
            "1.2: test_values_of_programs",
            "1.4: test_derivatives_of_each_function",
            "1.4: test_derivatives_of_programs",
            "1.4: test_accumulation_over_calls",
            "2.3: test_functions_of_one_tensor",
            "2.4: test_functions_of_one_tensor",
            "2.4: test_a_small_network",
            "3.1: test_map",
            "3.1: test_gradients_of_map",
        ],
        "0.1: test_logarithm_of_zero",
    ),
    "the natural logarithm, with the derivative of the other": Right(
        [NATURAL],
        ["0.1", "1.4: test_derivatives_of_programs", "2.4: test_functions_of_one_tensor"],
    ),
    "the logarithm of the softmax": Right(
        [
            Rewrite(
                PROBABILITIES,
                "    shifted = input - max(input.detach(), dim)\n"
                "    return shifted - shifted.exp().sum(dim, keepdim=True).ln()",
                "    return softmax(input, dim).log()",
            )
        ],
        ["4.4: test_logsoftmax_and_its_gradient"],
    ),
    "no number minus a Scalar": Right(
        [
            Rewrite(
                SCALAR,
                '    def __rsub__(self, b: "ScalarLike") -> "Scalar":\n'
                "        return functions.Add.apply(b, -self)\n",
            )
        ],
        ["1.2", "1.4: test_derivatives_of_programs", "1.4: test_accumulation_over_calls"],
    ),
    "`all` that views": Right(
        [
            Rewrite(
                REDUCTIONS,
                "        return _reduce(ctx.backend, operators.mul, a, dims, 1.0)",
                "        whole = a.view(a.size) if dims is None else a\n"
                "        return _reduce(ctx.backend, operators.mul, whole, dims, 1.0)",
            )
        ],
        ["2.3: test_all", "3.1: test_reduce_by_product"],
        "2.3: test_all_of_a_permuted_tensor",
    ),
    "folding that begins with the first element": Right(
        [
            Rewrite(
                LOOPS,
                "            result = out[index_to_position(out_index, out_strides)]\n"
                "            for i in range(a_shape[dim]):",
                "            result = a[first]\n            for i in range(1, a_shape[dim]):",
            )
        ],
        [
            "2.3: test_output_of_the_reduce_kernel",
            "2.3: test_sum_over_a_dimension",
            "2.3: test_all",
        ],
        "2.3: test_initial_value_of_the_reduce_kernel",
    ),
    "integers of NumPy": Right(
        [
            Rewrite(
                DATA,
                "            tuple(self.shape[dim] for dim in order),\n"
                "            tuple(self.strides[dim] for dim in order),",
                "            tuple(np.array(self.shape)[list(order)]),\n"
                "            tuple(np.array(self.strides)[list(order)]),",
            ),
            Rewrite(
                LAYOUT,
                "        result.append(size2 if size1 == 1 else size1)",
                "        result.append(np.int64(size2 if size1 == 1 else size1))",
            ),
            Rewrite(
                LAYOUT,
                "        position += index[dim] * strides[dim]\n    return position",
                "        position += index[dim] * strides[dim]\n    return np.int64(position)",
            ),
        ],
        ["2.1: test_position_of_an_index", "2.1: test_permutation", "2.2", "2.3: test_permute"],
    ),
    "truth values": Right(
        [
            Rewrite(OPERATORS, "return 1.0 if x < y else 0.0", "return x < y"),
            Rewrite(OPERATORS, "return 1.0 if x == y else 0.0", "return x == y"),
        ],
        ["0.1", "0.2: test_transitivity_of_less_than"],
    ),
    "a derivative of 0 is not followed": Right(
        [
            Rewrite(
                GRAPH,
                "if contribution is None or key in constants:",
                "if not contribution or key in constants:",
            )
        ],
        ["1.4: test_derivatives_over_all_paths"],
    ),
    "`prod` that needs an element": Right(
        [
            Rewrite(
                OPERATORS,
                "return reduce(mul, 1.0)(xs)",
                "first, *others = xs\n    return reduce(mul, first)(others)",
            )
        ],
        ["0.3: test_prod"],
        "0.3: test_product_of_an_empty_list",
    ),
    "no path for tensors of one layout": Right(
        [
            Rewrite(
                "mt_kernels_cpu/fast_ops.py",
                "if aligned(out_shape, out_strides, a_shape, a_strides):",
                "if size < 0:",
                style="loops",
            )
        ],
        ["3.1: test_output_of_the_map_kernel"],
        "3.1: test_aligned_tensors_without_indexing",
    ),
}

WRONG_ANSWERS: dict[str, tuple[Rewrite, str, str]] = {
    # What is changed, the check that fails, a part of what it says.
    "a product as text": (
        Rewrite(OPERATORS, "    return x * y\n", "    return str(x * y)\n"),
        "0.1: test_functions_of_two_numbers",
        "`mul` returned str, expected a number",
    ),
    "a list of texts": (
        Rewrite(OPERATORS, "return map(neg)(xs)", "return [str(-x) for x in xs]"),
        "0.3: test_neg_list",
        "`negList`, in a list, returned str, expected a number",
    ),
    "a text as a list": (
        Rewrite(OPERATORS, "return map(neg)(xs)", 'return "1" * len(list(xs))'),
        "0.3: test_neg_list",
        "`negList` returned str, expected a list",
    ),
    "a derivative as text": (
        Rewrite(
            "mt_autodiff/derivatives.py",
            "return (above - below) / (2.0 * epsilon)",
            "return str((above - below) / (2.0 * epsilon))",
        ),
        "1.1: test_derivatives_of_parabolas",
        "`central_difference` returned str",
    ),
    "a position that is no integer": (
        Rewrite(
            LAYOUT,
            "    return position\n\n\ndef to_index",
            "    return float(position)\n\n\ndef to_index",
        ),
        "2.1: test_position_of_an_index",
        "`index_to_position` returned float, expected an integer",
    ),
    "an index of texts": (
        Rewrite(
            LAYOUT, "out_index[dim] = rest % shape[dim]", "out_index[dim] = str(rest % shape[dim])"
        ),
        "2.1: test_indices_of_all_ordinals",
        "str was written into an index",
    ),
    "a shape that is a list": (
        Rewrite(LAYOUT, "    return tuple(result)\n", "    return result\n"),
        "2.2: test_common_shape",
        "`shape_broadcast` returned list, expected a tuple",
    ),
    "a permuted tensor that is a copy": (
        Rewrite(
            DATA,
            "        return TensorData.unchecked(\n            self.storage,\n"
            "            tuple(self.shape[dim] for dim in order),",
            "        return TensorData.unchecked(\n            self.storage.copy(),\n"
            "            tuple(self.shape[dim] for dim in order),",
        ),
        "2.1: test_shared_storage_of_a_permuted_tensor",
        "the result is wrong",
    ),
    "a single leaf receives no derivative": (
        Rewrite(
            GRAPH,
            "    pending = {variable.unique_id: deriv}\n",
            "    if variable.is_leaf():\n        return\n"
            "    pending = {variable.unique_id: deriv}\n",
        ),
        "1.4: test_a_single_leaf",
        "the result of `backpropagate` is wrong",
    ),
    "a logarithm of another number": (
        Rewrite(OPERATORS, "shifted = float(x) + EPS", "shifted = float(x) + 10 * EPS"),
        "0.1: test_logarithm",
        "the result is wrong",
    ),
    "folding adds its elements twice": (
        Rewrite(
            OPERATORS,
            "            result = fn(result, x)\n",
            "            result = fn(fn(result, x), x)\n",
        ),
        "0.3: test_reduce",
        "the result is wrong",
    ),
}


def named(check: str) -> list[Check]:
    """Return a check by its task and name, or all of a task that count."""
    task, _, name = check.partition(": ")
    names = [name] if name else table().task(task).checks.required
    return [each for each in checks_of(task) if each.__name__ in names]


def failed(check: str, subject: Subject) -> list[Failure]:
    found = named(check)
    assert found, check
    return [failure for each in found for failure in failures(each, subject, examples=10)]


def expect_no_charge(subject: Subject, right: Right) -> None:
    """Require that a right solution passes; runs in a fork."""
    for check in right.checks:
        found = failed(check, subject)
        assert not found, (check, [failure.finding for failure in found])
    if right.advice:
        assert right.advice.partition(": ")[2] in table().task(right.advice[:3]).checks.advice
        assert failed(right.advice, subject), right.advice


@pytest.mark.slow
@pytest.mark.parametrize(
    "right",
    RIGHT.values(),
    ids=[f"{right.checks[0][:3]}: {name}" for name, right in RIGHT.items()],
)
@pytest.mark.measured("style")
def test_behaviour_allowed_by_the_documentation_is_not_charged(
    right: Right, tmp_path: Path
) -> None:
    in_fork(expect_no_charge, make_tree(tmp_path, right.rewrites), right)


def expect_failure(subject: Subject, check: str, message: str) -> None:
    """Require that a check fails and says a message; runs in a fork."""
    found = failed(check, subject)
    assert found, check
    assert found[0].finding is not None, found
    assert message in found[0].finding.sentence, found[0].finding.sentence


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rewrite", "check", "message"),
    WRONG_ANSWERS.values(),
    ids=[f"{check[:3]}: {name}" for name, (_, check, _) in WRONG_ANSWERS.items()],
)
@pytest.mark.measured("mutant")
def test_broken_promises_fail(rewrite: Rewrite, check: str, message: str, tmp_path: Path) -> None:
    assert check.partition(": ")[2] in table().task(check[:3]).checks.required
    in_fork(expect_failure, make_tree(tmp_path, [rewrite]), check, message)


def test_a_wrong_type_is_reported_as_the_received_value() -> None:
    message = "`mul` returned str, expected a number"
    error = SubjectError(["ResultError", "TypeError"], message, Request("operators.each"))
    fault = fault_of(error)
    assert fault is not None
    assert fault.sentence == message


def test_a_result_has_one_of_the_accepted_forms_in_all_elements() -> None:
    answer = Response(Request("x"), (np.array([1.0, 4.0]),), (np.array([1.0, 4.0]),))
    ones, twos = np.array([1.0, 3.0]), np.array([2.0, 4.0])
    expect_any_array(answer, [ones, answer.array])
    expect_any_gradients(answer, [[ones], [answer.array]])
    for forms in ([ones, twos], [twos, ones]):
        with pytest.raises(MismatchError):
            expect_any_array(answer, forms)
        with pytest.raises(MismatchError):
            expect_any_gradients(answer, [[form] for form in forms])
    with pytest.raises(MismatchError, match="received 1"):
        # The nearest form is told.
        expect_any_array(answer, [np.array([7.0, 7.0]), np.array([2.0, 4.0])])


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("total += a[i * s] * b[k * t]", [3]),
        ("total += a[at] * b[to]\n            at += s", [1]),
        ("total *= a[at]", [1]),
        ("pass", [0]),
    ],
)
def test_multiplications_of_innermost_loops_are_counted(body: str, counts: list[int]) -> None:
    head = "def kernel(n):\n    for i in range(n):\n        at = n * n * i\n"
    source = f"{head}        for k in range(n * 2):\n            {body}\n"
    assert multiplications(ast.parse(source)) == counts


def test_every_required_property_has_a_wrong_version() -> None:
    """The properties of the stubs of 0.2: each is that of one version, and no one else's."""
    message = " ".join(mutant.mistake for mutant in MUTANTS["0.2"])
    for property in (
        "exceeds 1",
        "negative",
        "one half",
        "decreases",
        "transitive",
        "order of factors",
    ):
        assert property in message
    assert "distribute" in message


TESTS = """
import pytest
from hypothesis import given
from hypothesis.strategies import floats

from minitorch.operators import add, lt, mul, sigmoid

numbers = floats(-100, 100)


@pytest.mark.task0_2
@given(numbers)
def test_sigmoid(a):
    assert 0.0 <= sigmoid(a) <= 1.0
    assert abs(1.0 - sigmoid(a) - sigmoid(-a)) < 1e-4
    assert abs(sigmoid(0.0) - 0.5) < 1e-6
    if -15 < a < 14:
        assert sigmoid(a + 0.5) > sigmoid(a)


@pytest.mark.task0_2
@given(numbers, numbers, numbers)
def test_transitive(a, b, c):
    if lt(a, b) and lt(b, c):
        assert lt(a, c)


@pytest.mark.task0_2
@given(numbers, numbers)
def test_symmetric(a, b):
    assert mul(a, b) == mul(b, a)


@pytest.mark.task0_2
@given(numbers, numbers, numbers)
def test_distribute(a, b, c):
    assert abs(mul(a, add(b, c)) - add(mul(a, b), mul(a, c))) < 1e-4
"""

WITHOUT = {
    "nothing": ("", "", ""),
    "a comparison by Python": ("if lt(a, b) and lt(b, c):", "if a < b < c:", ""),
    "that it increases": (
        "    if -15 < a < 14:\n        assert sigmoid(a + 0.5) > sigmoid(a)\n",
        "",
        "although the sigmoid decreases",
    ),
    "that it is transitive": (
        "        assert lt(a, c)\n",
        "        pass\n",
        "`lt` is not transitive",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("left_out", WITHOUT)
def test_tests_of_a_learner_must_test_each_required_property(left_out: str, tmp_path: Path) -> None:
    old, new, message = WITHOUT[left_out]
    # A tree of the course, whose workers do not import numba.
    tree = write_upstream(tmp_path, "2024", 0)
    (tree / "tests" / "test_operators.py").write_text(TESTS.replace(old, new) if old else TESTS)
    with IsolatedSubject(tree) as worker:
        found = failed("0.2: test_your_tests_on_wrong_code", worker)
    assert bool(found) == bool(message), [failure.finding for failure in found]
    if message:
        assert found[0].finding is not None
        assert message in found[0].finding.sentence


@pytest.mark.slow
def test_threads_of_one_warp_may_run_in_lockstep(tmp_path: Path) -> None:
    """Without any barrier: right in lockstep, and noticed by an advice only."""
    rewrites = [
        Rewrite(PRACTICE, "    cuda.syncthreads()\n    half =", "    half ="),
        Rewrite(
            PRACTICE,
            "        cuda.syncthreads()\n        half = half // 2",
            "        half = half // 2",
        ),
    ]
    environment = {"NUMBA_ENABLE_CUDASIM": "1"}
    tree = make_tree(tmp_path, rewrites)
    with IsolatedSubject(tree, environment=environment, limits=Limits(processes=2000)) as worker:
        assert not failed("3.3: test_sum_practice", worker)
        assert failed("3.3: test_synchronization_within_a_warp", worker)
