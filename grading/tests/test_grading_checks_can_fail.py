"""Every check can fail: subjects with one mistake each are caught by the checks of the task.

A wrong subject hands requests on to the packages and spoils some answers. The mistakes are those
that learners make.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

from grading.checking.compare import MismatchError
from grading.checking.oracles import nn
from grading.checking.oracles.convolution import conv
from grading.checks import (
    test_task0_1,
    test_task0_2,
    test_task0_3,
    test_task0_4,
    test_task1_1,
    test_task1_2,
    test_task1_3,
    test_task1_4,
    test_task1_5,
    test_task2_1,
    test_task2_2,
    test_task2_3,
    test_task2_4,
    test_task2_5,
    test_task3_1,
    test_task3_2,
    test_task3_5,
    test_task4_1,
    test_task4_2,
    test_task4_3,
    test_task4_4,
    test_task4_5,
)
from grading.protocol.messages import Array, Request, Response, Subject, SubjectError
from grading.tests.spoiling import Mistake, Spoiled, array, formula, gradient, plain, second

Check = Callable[..., None]


def unshifted_softmax(request: Request, right: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(request.arrays[0])
        return np.asarray(powers / powers.sum(axis=request.options["dim"], keepdims=True))


def unshifted_logsoftmax(request: Request, right: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(unshifted_softmax(request, right)))


def half_reversed(request: Request, right: Array) -> Array:
    """The gradient of the input with the kernel anchored at the wrong end."""
    _, weight = request.arrays
    assert request.upstream is not None
    return conv(request.upstream, weight.swapaxes(0, 1), reverse=False)


def swapped_windows(request: Request, right: Array) -> Array:
    """Averages of windows whose height and width are interchanged, where those fit."""
    (x,), (kh, kw) = request.arrays, request.options["kernel"]
    if x.shape[2] % kw or x.shape[3] % kh:
        return right
    return np.asarray(nn.windows(x, (kw, kh)).mean(axis=-1).reshape(right.shape))


def interchanged(request: Request, right: Array) -> Array:
    """Windows in the right shape but in another order: columns first."""
    rows, columns = right.shape[2:]
    return right.swapaxes(2, 3).reshape(*right.shape[:2], rows, columns)


def uneven(request: Request, right: Array) -> Array:
    """The gradient that an upstream gradient of nothing but its mean would give."""
    assert request.upstream is not None
    return np.full_like(right, request.upstream.mean() / np.prod(request.options["kernel"]))


def counted_twice(request: Request, derivatives: Array) -> Array:
    """Derivatives of programs whose inputs are used more than once, doubled."""
    uses = [o for _, *operands in request.options["program"] for o in operands]
    factors = [2.0 if uses.count(i) > 1 else 1.0 for i in range(len(derivatives))]
    return np.multiply(derivatives, factors)


def first_kept(request: Request, found: list[list[int]]) -> list[list[int]]:
    """Broadcasting that lines dimensions up at the left."""
    small = request.options["small"]
    big = request.options["big"]
    return [
        [0 if n == 1 else min(i, n - 1) for i, n in zip(index, small, strict=False)]
        for index in np.ndindex(*big)
    ]


def columns_first(request: Request, tree: Any) -> Any:
    return {**tree, "strides": tree["strides"][::-1]}


def dropped_everywhere(request: Request, right: Array) -> Array:
    """Dropout with the same mask for every row."""
    if request.options["ignore"]:
        return right
    return np.where(right[:1] != 0, request.arrays[0], 0.0)


MISTAKES: dict[str, tuple[Check, tuple[str, Mistake]]] = {
    "sigmoid overflows": (
        test_task0_1.test_sigmoid_of_large_numbers,
        formula("sigmoid", lambda x: 1 / (1 + np.exp(-x)) if x > -700 else np.nan),
    ),
    "is_close is too generous": (
        test_task0_1.test_threshold_of_is_close,
        formula("is_close", lambda x, y: abs(x - y) < 0.1),
    ),
    "max of absolute values": (
        test_task0_1.test_functions_of_two_numbers,
        formula("max", lambda x, y: max(abs(x), abs(y))),
    ),
    "derivative of the reciprocal without its sign": (
        test_task0_1.test_derivatives,
        formula("inv_back", lambda x, d: d / x**2),
    ),
    "lt includes equality": (
        test_task0_2.test_exactly_one_of_less_equal_and_greater,
        formula("lt", lambda x, y: float(x <= y)),
    ),
    "sigmoid that is not symmetric": (
        test_task0_2.test_symmetry_of_sigmoid,
        formula("sigmoid", lambda x: 1 / (1 + 2 ** -np.clip(x, -500, 500) * 1.5)),
    ),
    "reduce forgets its start": (
        test_task0_3.test_reduce_from_the_left,
        ("operators.lists", array(lambda request, xs: xs - request.options.get("start", 0.0))),
    ),
    "lists lose their last element": (
        test_task0_3.test_map,
        ("operators.lists", array(lambda _, xs: xs[:-1] if xs.ndim else xs)),
    ),
    "lists are changed": (
        test_task0_3.test_arguments_afterwards,
        ("operators.arguments", array(lambda _, xs: xs + 1.0)),
    ),
    "folds consume their list": (
        test_task0_3.test_argument_of_a_fold_afterwards,
        ("operators.arguments", array(lambda _, xs: xs[:0])),
    ),
    "parameters of grandchildren are forgotten": (
        test_task0_4.test_parameters_of_the_whole_tree,
        (
            "module.parameters",
            plain(
                lambda _, found: {
                    **found,
                    "named": [pair for pair in found["named"] if pair[0].count(".") < 2],
                }
            ),
        ),
    ),
    "eval does not reach the children": (
        test_task0_4.test_training_mode_of_submodules,
        ("module.modes", plain(lambda _, flags: {k: bool(k) or v for k, v in flags.items()})),
    ),
    "a forward difference": (
        test_task1_1.test_derivatives_of_parabolas,
        ("autodiff.difference", array(lambda request, d: d + request.options["epsilon"])),
    ),
    "a number on the left is taken for the right": (
        test_task1_2.test_a_number_minus_a_scalar,
        ("scalar.program", array(lambda request, values: -values)),
    ),
    "the chain rule forgets the upstream derivative": (
        test_task1_3.test_pairs_of_variables_and_derivatives,
        (
            "scalar.chain_rule",
            plain(
                lambda request, pairs: [
                    [i, f * request.options["saved"]]
                    for i, f in zip(
                        request.options["uses"], request.options["factors"], strict=True
                    )
                ]
            ),
        ),
    ),
    "backpropagation counts twice": (
        test_task1_4.test_derivatives_of_programs,
        ("scalar.program", second(counted_twice)),
    ),
    "topological order by search, not by dependence": (
        test_task1_4.test_topological_order,
        ("autodiff.sort", plain(lambda _, order: order[:1] + sorted(order[1:]))),
    ),
    "a single leaf receives no derivative": (
        test_task1_4.test_a_single_leaf,
        ("scalar.program", second(lambda _, derivatives: derivatives * 0.0 + 7.0)),
    ),
    "a network with a layer more": (
        test_task1_5.test_layers_of_the_network,
        ("learn.describe", plain(lambda _, found: {**found, "sizes": [*found["sizes"], 20]})),
    ),
    "a layer without gradients": (
        test_task1_5.test_gradients_of_all_parameters,
        (
            "learn.describe",
            plain(lambda _, found: {**found, "reached": [False, *found["reached"][1:]]}),
        ),
    ),
    "permuting copies": (
        test_task2_1.test_shared_storage_of_a_permuted_tensor,
        ("layout.write_and_permute", array(lambda _, elements: elements - 100.0)),
    ),
    "strides of columns first": (
        test_task2_1.test_elements_of_all_layouts,
        ("layout.describe", plain(columns_first)),
    ),
    "indices skip the last": (
        test_task2_1.test_indices_of_all_ordinals,
        ("layout.indices", plain(lambda _, found: [*found[:-1], found[0]])),
    ),
    "broadcasting from the left": (
        test_task2_2.test_broadcast_indices,
        ("layout.broadcast", plain(first_kept)),
    ),
    "the common shape is the longer one": (
        test_task2_2.test_common_shape,
        (
            "layout.common_shape",
            plain(lambda request, _: max(request.options["a"], request.options["b"], key=len)),
        ),
    ),
    "map ignores strides": (
        test_task2_3.test_functions_of_one_tensor,
        (
            "tensor.neg",
            array(lambda request, _: -request.arrays[0].ravel("K").reshape(_.shape)),
        ),
    ),
    "reduce without its last element": (
        test_task2_3.test_sum_over_a_dimension,
        (
            "tensor.sum",
            array(
                lambda request, total: (
                    total - request.arrays[0].take([-1], axis=request.options["dim"])
                    if "dim" in request.options
                    else total
                )
            ),
        ),
    ),
    "the gradient of a product without broadcasting": (
        test_task2_4.test_functions_of_two_tensors_that_broadcast,
        ("tensor.mul", gradient(1, lambda request, d: d / max(1, d.shape[0]))),
    ),
    "permute's gradient permutes forward again": (
        test_task2_4.test_permute,
        (
            "tensor.permute",
            gradient(
                0,
                lambda request, d: (
                    np.asarray(request.upstream)
                    .transpose(request.options["order"])
                    .reshape(d.shape)
                ),
            ),
        ),
    ),
    "a kernel writes beside its output": (
        test_task3_1.test_output_of_the_zip_kernel,
        ("kernel.run", second(lambda _, guards: guards + np.eye(1, 32, 16)[0])),
    ),
    "a matrix product without its last step": (
        test_task3_2.test_products_and_gradients,
        (
            "tensor.matmul",
            array(
                lambda request, c: (
                    c - request.arrays[0][..., :, -1:] * request.arrays[1][..., -1:, :]
                )
            ),
        ),
    ),
    "a transposed gradient of a matrix product": (
        test_task3_2.test_products_and_gradients,
        ("tensor.matmul", gradient(1, lambda _, d: d.swapaxes(-1, -2).reshape(d.shape))),
    ),
    "conv1d with a misread reverse": (
        test_task4_1.test_values_and_gradients,
        ("tensor.conv1d", gradient(0, half_reversed)),
    ),
    "conv1d without weight gradient": (
        test_task4_1.test_values_and_gradients,
        ("tensor.conv1d", gradient(1, lambda *_: None)),
    ),
    "conv2d with a misread reverse": (
        test_task4_2.test_values_and_gradients,
        ("tensor.conv2d", gradient(0, half_reversed)),
    ),
    "conv2d with a transposed weight gradient": (
        test_task4_2.test_values_and_gradients,
        ("tensor.conv2d", gradient(1, lambda _, d: d.swapaxes(2, 3).reshape(d.shape))),
    ),
    "conv2d with interchanged channels in the weight gradient": (
        test_task4_2.test_values_and_gradients,
        ("tensor.conv2d", gradient(1, lambda _, d: d.swapaxes(0, 1).reshape(d.shape))),
    ),
    "conv2d with a flipped kernel": (
        test_task4_2.test_values_and_gradients,
        (
            "tensor.conv2d",
            array(lambda request, _: conv(request.arrays[0], request.arrays[1][..., ::-1])),
        ),
    ),
    "pooling with height and width of the window swapped": (
        test_task4_3.test_values_and_gradients,
        ("nn.avgpool2d", array(swapped_windows)),
    ),
    "pooling with windows in another order": (
        test_task4_3.test_values_and_gradients,
        ("nn.avgpool2d", array(interchanged)),
    ),
    "pooling that spreads the gradient evenly": (
        test_task4_3.test_values_and_gradients,
        ("nn.avgpool2d", gradient(0, uneven)),
    ),
    "no gradient through the maximum": (
        test_task4_4.test_maxima_and_their_gradient,
        ("nn.max", gradient(0, lambda _, d: np.zeros_like(d))),
    ),
    "the maximum's gradient reaches every element": (
        test_task4_4.test_gradient_at_ties,
        (
            "nn.max",
            gradient(0, lambda request, d: np.broadcast_to(np.asarray(request.upstream), d.shape)),
        ),
    ),
    "max pooling with windows in another order": (
        test_task4_4.test_max_pooling_and_its_gradient,
        ("nn.maxpool2d", array(interchanged)),
    ),
    "unstable softmax": (
        test_task4_4.test_softmax_of_large_scores,
        ("nn.softmax", array(unshifted_softmax)),
    ),
    "unstable logsoftmax": (
        test_task4_4.test_logsoftmax_of_large_scores,
        ("nn.logsoftmax", array(unshifted_logsoftmax)),
    ),
    "dropout of whole columns": (
        test_task4_4.test_randomness_of_dropout,
        ("nn.dropout", array(dropped_everywhere)),
    ),
}


def parameter_sets(check: Check) -> list[dict[str, Any]]:
    """Return each set of parameters that pytest would call a check with."""
    marks = [mark for mark in getattr(check, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        return [{}]
    (mark,) = marks
    names, values = mark.args
    if isinstance(names, str):
        return [{names: value} for value in values]
    return [dict(zip(names, value, strict=True)) for value in values]


WITHOUT_SHRINKING = settings(
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
"""Shrinking takes longest and changes no verdict."""


def fails(check: Check, subject: Subject) -> bool:
    """Return whether a check fails with one of its sets of parameters."""
    for parameters in parameter_sets(check):
        try:
            check(subject=subject, **parameters)
        except (AssertionError, SubjectError):
            return True
    return False


@pytest.mark.parametrize("name", MISTAKES)
def test_the_check_catches_the_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check, (pattern, mistake) = MISTAKES[name]
    if hasattr(check, "hypothesis"):
        monkeypatch.setattr(check, "_hypothesis_internal_use_settings", WITHOUT_SHRINKING)
    assert fails(check, Spoiled(pattern, mistake))


class Guessing(Subject):
    """Networks that answer at random."""

    def __init__(self) -> None:
        self.outputs: tuple[int, ...] = ()
        self.rng = np.random.default_rng(0)

    def answer(self, request: Request) -> Response:
        if request.operation == "learn.begin":
            self.outputs = (10,) if request.options["problem"] == "digits" else ()
            return Response(request, plain=1)
        steps, batch = request.arrays[0].shape[:2]
        shape = (steps, batch, *self.outputs) if "predict" in request.operation else (steps,)
        return Response(request, (self.rng.random(shape),))


TRAINING: list[Check] = [
    test_task1_5.test_accuracy_after_short_training,
    test_task1_5.test_loss_after_training,
    test_task2_5.test_accuracy_after_short_training,
    test_task2_5.test_loss_after_training,
    test_task3_5.test_accuracy_after_short_training,
    test_task3_5.test_loss_after_training,
    test_task4_5.test_loss_on_digits,
    test_task4_5.test_loss_on_sentences,
    test_task4_5.test_short_training_on_digits,
    test_task4_5.test_repeated_predictions,
    test_task4_5.test_short_training_on_sentences,
]


@pytest.mark.parametrize("check", TRAINING)
def test_a_constant_prediction_fails_the_training_checks(check: Check) -> None:
    for parameters in parameter_sets(check):
        with pytest.raises(MismatchError):
            check(subject=Guessing(), **parameters)
