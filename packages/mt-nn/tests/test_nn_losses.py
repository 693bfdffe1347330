"""Losses, compared with formulas in plain Python, finite differences and exact limits."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Tensor, from_numpy, grad_check, rand, tensor, zeros
from mt_kernels_cpu import Tuned
from mt_nn.functional import logsoftmax
from mt_nn.layers import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from mt_nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from mt_nn.module import Module
from mt_tensor import Reference, ShapeError

CLASS_LOSSES = [nll_loss, cross_entropy]
BINARY_LOSSES = [binary_cross_entropy, binary_cross_entropy_with_logits]
ELEMENT_LOSSES = [*BINARY_LOSSES, mse_loss]
DTYPES = [np.float32, np.float64]

Loss = Callable[..., Tensor]


@st.composite
def matrices_with_classes(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    """Draw scores (N, C) in row-major or column-major memory, and a class for each row."""
    rows, count = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    numbers = st.floats(-1e4, 1e4) | st.floats(-3.0, 3.0)
    values = draw(st.lists(numbers, min_size=rows * count, max_size=rows * count))
    order: Any = draw(st.sampled_from("CF"))
    classes = draw(st.lists(st.integers(0, count - 1), min_size=rows, max_size=rows))
    return np.array(np.array(values).reshape(rows, count), order=order), classes


def pairs(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[tuple[float, float]]]:
    """Draw predictions, each with a target from 0 to 1."""
    targets = st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0)
    return st.lists(st.tuples(values, targets), min_size=1, max_size=6)


# Classes


@given(matrices_with_classes())
def test_nll_loss_agrees_with_its_formula(
    drawn: tuple[np.ndarray, list[int]],
) -> None:
    array, classes = drawn
    loss = nll_loss(from_numpy(array), classes)
    assert loss.shape == (1,)
    expected = math.fsum(-array[n, t] for n, t in enumerate(classes)) / len(classes)
    assert loss.item() == pytest.approx(expected, rel=1e-13, abs=1e-10)


@given(matrices_with_classes())
def test_cross_entropy_is_nll_of_logsoftmax(drawn: tuple[np.ndarray, list[int]]) -> None:
    array, classes = drawn
    logits = from_numpy(array)
    expected = nll_loss(logsoftmax(logits, -1), classes).item()
    assert cross_entropy(logits, classes).item() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_of_scores_of_any_size(dtype: Any) -> None:
    x = tensor([[1e4, -1e4], [1e4, -1e4]], Reference(dtype), requires_grad=True)
    loss = cross_entropy(x, [0, 1])
    loss.backward()
    assert loss.dtype == dtype
    assert loss.item() == 1e4
    np.testing.assert_array_equal(x.grad, [[0.0, 0.0], [0.5, -0.5]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", CLASS_LOSSES)
def test_gradients_of_class_losses(loss: Loss, dtype: Any) -> None:
    x = rand((4, 3), rng=0, backend=Reference(dtype))
    grad_check(lambda x: loss(x.permute(1, 0), [3, 0, 0]), x)


@pytest.mark.parametrize("loss", CLASS_LOSSES)
def test_an_excluded_class_does_not_change_the_loss(loss: Loss) -> None:
    x = tensor([[-np.inf, math.log(0.5), math.log(0.5)]], requires_grad=True)
    result = loss(x, [1])
    result.backward()
    assert result.item() == pytest.approx(math.log(2))
    assert np.isfinite(x.grad.to_numpy()).all()
    assert loss(x, [0]).item() == np.inf


@pytest.mark.parametrize("loss", CLASS_LOSSES)
def test_nan_predictions_give_nan(loss: Loss) -> None:
    assert math.isnan(loss(tensor([[0.0, 1.0], [np.nan, 1.0]]), [0, 0]).item())


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize(
    "targets",
    [
        [0, 2],
        (0, 2),
        np.array([0, 2], np.uint8),
        np.array([0, 2], np.int64),
        np.array([0.0, 2.0]),
        tensor([0, 2]),
        tensor([0, 2], Reference(np.float32)),
    ],
    ids=lambda t: f"{type(t).__name__}-{getattr(t, 'dtype', 'int')}",
)
def test_targets_of_any_kind(loss: Loss, targets: Any) -> None:
    x = rand((2, 3), rng=0)
    assert loss(x, targets).item() == loss(x, [0, 2]).item()


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 1), (0, 3), (2, 0)])
def test_predictions_of_classes_are_rows(loss: Loss, shape: tuple[int, ...]) -> None:
    said = "batch, classes.*at least 1" if len(shape) == 2 else "the classes are the last dimension"
    with pytest.raises(ShapeError, match=rf"^{loss.__name__}: .*{said}"):
        loss(zeros(shape), [0] * (shape[0] if shape else 0))


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize("targets", [[0], [0, 1, 2], 0, [[0], [1]], []])
def test_one_target_for_each_row(loss: Loss, targets: Any) -> None:
    with pytest.raises(ShapeError, match=rf"^{loss.__name__}: .*shape \(2,\)"):
        loss(zeros((2, 3)), targets)


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize("targets", [[0, 3], [-1, 0], [0.0, np.inf], [1e300, 0.0]])
def test_targets_out_of_range(loss: Loss, targets: Any) -> None:
    with pytest.raises(IndexError, match=rf"^{loss.__name__}: .*classes 0 to 2"):
        loss(zeros((2, 3)), targets)


@pytest.mark.parametrize("loss", CLASS_LOSSES)
@pytest.mark.parametrize("targets", [[0.5, 1.0], [np.nan, 0.0], ["0", "1"], [1j, 0], [None, 1]])
def test_targets_that_are_not_whole_numbers(loss: Loss, targets: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{loss.__name__}: .*whole numbers.*0 to 2"):
        loss(zeros((2, 3)), targets)


# Two classes


@given(pairs(st.floats(0.001, 0.999)))
def test_binary_cross_entropy_is_its_formula(drawn: list[tuple[float, float]]) -> None:
    terms = [-(t * math.log(p) + (1.0 - t) * math.log1p(-p)) for p, t in drawn]
    p, t = zip(*drawn, strict=True)
    loss = binary_cross_entropy(tensor(p), t)
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(math.fsum(terms) / len(terms), rel=1e-12)


@given(pairs(st.floats(-1e4, 1e4) | st.floats(-3.0, 3.0)))
def test_binary_cross_entropy_with_logits_is_its_formula(
    drawn: list[tuple[float, float]],
) -> None:
    # log(1 + e^x) - t x, with the exponential taken of negative numbers only.
    terms = [max(x, 0.0) - t * x + math.log1p(math.exp(-abs(x))) for x, t in drawn]
    x, t = zip(*drawn, strict=True)
    loss = binary_cross_entropy_with_logits(tensor(x), t)
    assert loss.shape == (1,)
    assert loss.item() == pytest.approx(math.fsum(terms) / len(terms), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=st.integers(0, 2**32))
def test_both_binary_losses_agree(dtype: Any, seed: int) -> None:
    x = (rand((2, 3), rng=seed, backend=Reference(dtype)) - 0.5) * 4.0
    t = np.random.default_rng(seed).random((2, 3))
    expected = binary_cross_entropy_with_logits(x, t).item()
    tolerance = float(100 * np.finfo(dtype).eps)
    assert binary_cross_entropy(x.sigmoid(), t).item() == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", BINARY_LOSSES)
def test_gradients_of_binary_losses(loss: Loss, dtype: Any) -> None:
    targets = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]])
    x = rand((3, 2), rng=0, backend=Reference(dtype)) * 0.8 + 0.1
    grad_check(lambda x: loss(x.permute(1, 0), targets), x)


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 126 * math.log(2)), (np.float64, 100.0)])
def test_the_loss_of_certain_and_wrong_predictions_is_finite(dtype: Any, most: float) -> None:
    p = tensor([0.0, 1.0], Reference(dtype), requires_grad=True)
    loss = binary_cross_entropy(p, [1, 0])
    loss.backward()
    assert loss.item() == pytest.approx(most, rel=1e-6)
    np.testing.assert_array_equal(p.grad, [0.0, 0.0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_of_certain_and_right_predictions_is_zero(dtype: Any) -> None:
    p = tensor([0.0, 1.0], Reference(dtype), requires_grad=True)
    loss = binary_cross_entropy(p, [0, 1])
    loss.backward()
    assert loss.item() == 0.0
    assert np.isfinite(p.grad.to_numpy()).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("x", [-86.0, -50.0, -20.0])
def test_gradients_of_saturated_logits(dtype: Any, x: float) -> None:
    logit = tensor([x], Reference(dtype), requires_grad=True)
    binary_cross_entropy(logit.sigmoid(), [1]).backward()
    assert logit.grad.item() == pytest.approx(-1.0, rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("x", "t", "cost", "slope"),
    [
        (1e4, 1.0, 0.0, 0.0),
        (1e4, 0.0, 1e4, 1.0),
        (-1e4, 0.0, 0.0, 0.0),
        (-1e4, 1.0, 1e4, -1.0),
        # At x = 0 the maximum of 0 and x changes; the loss is smooth there.
        (0.0, 1.0, math.log(2), -0.5),
        (0.0, 0.0, math.log(2), 0.5),
    ],
)
def test_limits_of_binary_cross_entropy_with_logits(
    dtype: Any, x: float, t: float, cost: float, slope: float
) -> None:
    logit = tensor([x], Reference(dtype), requires_grad=True)
    loss = binary_cross_entropy_with_logits(logit, [t])
    loss.backward()
    assert loss.item() == np.array(cost, dtype)
    assert logit.grad.item() == slope


def test_small_losses_of_large_logits_are_exact() -> None:
    loss = binary_cross_entropy_with_logits(tensor([15.0], Reference(np.float32)), [1])
    assert loss.item() == pytest.approx(math.log1p(math.exp(-15.0)), abs=1e-7)
    assert loss.item() > 0.0


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
def test_binary_nan_predictions_give_nan(loss: Loss) -> None:
    assert math.isnan(loss(tensor([0.5, np.nan]), [0, 1]).item())


@pytest.mark.parametrize("p", [[-0.1, 0.5], [0.5, 1.1], [np.nan, 2.0], [np.inf, 0.0]])
def test_probabilities_out_of_range(p: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^binary_cross_entropy: probabilities .*from 0 to 1"):
        binary_cross_entropy(tensor(p), [0, 1])


@pytest.mark.parametrize("loss", BINARY_LOSSES)
@pytest.mark.parametrize("targets", [[-1.0, 1.0], [1.0, 2.0]])
def test_binary_targets_out_of_range(loss: Loss, targets: list[float]) -> None:
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: targets .*from 0 to 1"):
        loss(tensor([0.5, 0.5]), targets)


# Any numbers


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=6))
def test_mse_loss_is_its_formula(drawn: list[tuple[float, float]]) -> None:
    y, t = zip(*drawn, strict=True)
    loss = mse_loss(tensor(y), t)
    assert loss.shape == (1,)
    expected = math.fsum((a - b) ** 2 for a, b in drawn) / len(drawn)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_of_mse_loss(dtype: Any) -> None:
    x, t = (rand((3, 2), rng=seed, backend=Reference(dtype)) for seed in (0, 1))
    grad_check(lambda x, t: mse_loss(x.permute(1, 0), t.permute(1, 0)), x, t)


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 2)])
def test_element_losses_of_any_shape(loss: Loss, shape: tuple[int, ...]) -> None:
    x, t = np.random.default_rng(0).random((2, *shape))
    flat = loss(tensor(x.reshape(-1)), t.reshape(-1)).item()
    out = loss(tensor(x), tensor(t))
    assert out.shape == (1,)
    assert out.item() == pytest.approx(flat, rel=1e-6)


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
def test_targets_on_another_backend(loss: Loss) -> None:
    x = tensor([0.25, 0.75])
    with pytest.raises(TypeError, match=r"Reference\(float64\) and Reference\(float32\); move"):
        loss(x, tensor([0.0, 1.0], Reference(np.float32)))


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (1,), (2,), ()])
def test_targets_are_not_broadcast(loss: Loss, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"^{loss.__name__}: .*must be equal"):
        loss(zeros((3,)), np.zeros(shape))


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_an_empty_batch(loss: Loss, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"^{loss.__name__}: an empty batch"):
        loss(zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("loss", ELEMENT_LOSSES)
def test_targets_are_copied(loss: Loss) -> None:
    x = tensor([0.25, 0.75], requires_grad=True)
    targets = np.array([0.0, 1.0])
    out = loss(x, targets)
    # A loader may overwrite the array before the backward pass.
    targets[:] = 0.5
    out.backward()
    first = x.grad.to_numpy().copy()
    x.zero_grad_()
    loss(x, [0.0, 1.0]).backward()
    np.testing.assert_array_equal(x.grad, first)


@pytest.mark.parametrize("loss", [*CLASS_LOSSES, *ELEMENT_LOSSES])
def test_subclasses_of_tensor_are_kept(loss: Loss) -> None:
    class Marked(Tensor):
        __slots__ = ()

    x = Marked(tensor([[0.5, 0.5]]).data)
    assert type(loss(x, [0] if loss in CLASS_LOSSES else [[0, 1]])) is Marked


# Options

WRONG: Any = "total"


@st.composite
def weighted_rows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw scores (N, C), a class for each row, and options of a loss of classes."""
    rows, count = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    numbers = st.lists(st.floats(-4.0, 4.0), min_size=rows * count, max_size=rows * count)
    weights = st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=count, max_size=count)
    return {
        "scores": np.array(draw(numbers)).reshape(rows, count),
        "classes": draw(st.lists(st.integers(-1, count - 1), min_size=rows, max_size=rows)),
        "weight": draw(st.none() | weights),
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "smoothing": draw(st.sampled_from([0.0, 0.25, 1.0])),
    }


@given(weighted_rows())
def test_options_of_class_losses(drawn: dict[str, Any]) -> None:
    scores, classes, reduction = drawn["scores"], drawn["classes"], drawn["reduction"]
    weight = np.ones(scores.shape[1]) if drawn["weight"] is None else np.array(drawn["weight"])
    log_p = logsoftmax(from_numpy(scores), 1).to_numpy()
    rows = list(enumerate(classes))

    def expected(smoothing: float) -> Any:
        losses = [
            0.0
            if t == -1
            else (smoothing - 1.0) * weight[t] * log_p[n, t]
            - smoothing * float(np.mean(weight * log_p[n]))
            for n, t in rows
        ]
        total = math.fsum(weight[t] for _, t in rows if t != -1)
        mean = math.fsum(losses) / total if total else math.nan
        return {"mean": [mean], "sum": [math.fsum(losses)], "none": losses}[reduction]

    options = {"weight": drawn["weight"], "ignore_index": -1, "reduction": reduction}
    received = nll_loss(from_numpy(log_p), classes, **options)
    np.testing.assert_allclose(received, expected(0.0), rtol=1e-12, atol=1e-12)
    smoothing = drawn["smoothing"]
    received = cross_entropy(from_numpy(scores), classes, label_smoothing=smoothing, **options)
    np.testing.assert_allclose(received, expected(smoothing), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_probabilities_of_all_classes(reduction: Any) -> None:
    rng = np.random.default_rng(0)
    scores, weight = rng.normal(size=(3, 4)), np.array([1.0, 0.0, 2.0, 0.5])
    q = rng.dirichlet(np.ones(4), 3)
    log_p = logsoftmax(from_numpy(scores), 1).to_numpy()
    rows = -(0.75 * q + 0.25 / 4) * weight * log_p
    expected = {"mean": [rows.sum() / 3], "sum": [rows.sum()], "none": rows.sum(1)}[reduction]
    options: dict[str, Any] = {"weight": weight, "label_smoothing": 0.25, "reduction": reduction}
    received = cross_entropy(from_numpy(scores), q, **options)
    np.testing.assert_allclose(received, expected, rtol=1e-13)
    # One-hot rows equal class numbers, without options, too.
    hot = np.eye(4)[[2, 0, 1]]
    assert cross_entropy(from_numpy(scores), hot).item() == pytest.approx(
        cross_entropy(from_numpy(scores), [2, 0, 1]).item(), rel=1e-14
    )


def test_an_ignored_row_without_a_finite_score_does_not_change_the_loss() -> None:
    x = tensor([[-np.inf, -np.inf], [0.0, 0.0]], requires_grad=True)
    loss = nll_loss(x, [-100, 1], ignore_index=-100)
    loss.backward()
    assert loss.item() == 0.0
    np.testing.assert_array_equal(x.grad, [[0.0, 0.0], [0.0, -1.0]])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_options_of_element_losses(reduction: Any) -> None:
    rng = np.random.default_rng(1)
    x, t, weight = rng.normal(size=(2, 3)), rng.uniform(size=(2, 3)), rng.uniform(size=(2, 1))
    pos = np.array([0.5, 1.0, 3.0])
    p = 1.0 / (1.0 + np.exp(-x))
    error = np.abs(x - t)
    cases: list[tuple[Tensor, Any, Any]] = [
        (binary_cross_entropy(tensor(p), t, weight=weight, reduction=reduction), weight, 1.0),
        (
            binary_cross_entropy_with_logits(tensor(x), t, weight=weight, reduction=reduction),
            weight,
            1.0,
        ),
        (
            binary_cross_entropy_with_logits(tensor(x), t, pos_weight=pos, reduction=reduction),
            1.0,
            pos,
        ),
    ]
    binary = [
        (out, w * -(factor * t * np.log(p) + (1.0 - t) * np.log(1.0 - p)))
        for out, w, factor in cases
    ]
    huber = np.where(error <= 0.5, error**2 / 2, 0.5 * (error - 0.25))
    others = [
        (mse_loss(tensor(x), t, reduction=reduction), error**2),
        (l1_loss(tensor(x), t, reduction=reduction), error),
        (huber_loss(tensor(x), t, delta=0.5, reduction=reduction), huber),
        (smooth_l1_loss(tensor(x), t, beta=0.5, reduction=reduction), huber / 0.5),
    ]
    for received, losses in [*binary, *others]:
        expected = {"mean": [losses.mean()], "sum": [losses.sum()], "none": losses}[reduction]
        np.testing.assert_allclose(received, expected, rtol=1e-12)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_a_positive_weight_of_large_logits(logit: float) -> None:
    loss = binary_cross_entropy_with_logits(tensor([logit]), [1.0], pos_weight=[3.0])
    assert loss.item() == (3e4 if logit < 0 else 0.0)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: cross_entropy(x, [0, 2], weight=[1.0, 2.0, 3.0], label_smoothing=0.1),
        lambda x: cross_entropy(x, [0, -1], ignore_index=-1, reduction="none"),
        lambda x: cross_entropy(x, np.full((2, 3), 1 / 3), weight=[1.0, 2.0, 3.0]),
        lambda x: binary_cross_entropy_with_logits(x, np.eye(2, 3), pos_weight=[1.0, 2.0, 3.0]),
        lambda x: huber_loss(x, np.zeros((2, 3)), delta=0.5),
        lambda x: l1_loss(x, np.full((2, 3), 5.0), reduction="none"),
    ],
)
def test_gradients_of_losses_with_options(loss: Loss) -> None:
    grad_check(loss, rand((2, 3), 0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: nll_loss(x, [0, 1], reduction=WRONG), ValueError, "'total' does not exist; a"),
        (lambda x: mse_loss(x, x, reduction=WRONG), ValueError, "allowed: 'mean', 'sum', 'none'"),
        (lambda x: cross_entropy(x, [0, 1], weight=[1.0]), ShapeError, r"weight of shape \(1,\); "),
        (lambda x: nll_loss(x, [0, 1], weight=[1, -1, 1]), ValueError, "must be numbers of 0 or"),
        (lambda x: cross_entropy(x, [0, 1], label_smoothing=2.0), ValueError, "must be a share"),
        (lambda x: cross_entropy(x, [0, -100]), IndexError, "targets from -100 to 0"),
        (lambda x: cross_entropy(x, [0, 5], ignore_index=1), IndexError, "targets from 0 to 5"),
        (lambda x: cross_entropy(x, np.full((2, 3), 2.0)), ValueError, "targets range from 2 to 2"),
        (
            lambda x: cross_entropy(x, np.ones((2, 3)), ignore_index=1),
            ValueError,
            "ignore_index needs class numbers",
        ),
        (lambda x: huber_loss(x, x, delta=0.0), ValueError, "delta 0.0 must be above 0"),
    ],
)
def test_options_out_of_range(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(rand((2, 3), 0))


@pytest.mark.parametrize(
    ("layer", "function", "targets"),
    [
        (MSELoss(), mse_loss, np.eye(2, 3)),
        (L1Loss(reduction="sum"), partial(l1_loss, reduction="sum"), np.eye(2, 3)),
        (HuberLoss(delta=0.5), partial(huber_loss, delta=0.5), np.eye(2, 3)),
        (SmoothL1Loss(beta=0.5), partial(smooth_l1_loss, beta=0.5), np.eye(2, 3)),
        (NLLLoss(ignore_index=0), partial(nll_loss, ignore_index=0), [0, 2]),
        (
            CrossEntropyLoss([1.0, 2.0, 3.0], label_smoothing=0.1),
            partial(cross_entropy, weight=[1.0, 2.0, 3.0], label_smoothing=0.1),
            [0, 2],
        ),
        (BCELoss(reduction="none"), partial(binary_cross_entropy, reduction="none"), np.eye(2, 3)),
        (
            BCEWithLogitsLoss(pos_weight=[1.0, 2.0, 3.0]),
            partial(binary_cross_entropy_with_logits, pos_weight=[1.0, 2.0, 3.0]),
            np.eye(2, 3),
        ),
    ],
    ids=lambda each: repr(each) if isinstance(each, Module) else "",
)
def test_loss_layers_are_their_functions(layer: Module, function: Loss, targets: Any) -> None:
    x = rand((2, 3), 0)
    np.testing.assert_array_equal(layer(x, targets), function(x, targets))


def test_repr_of_a_loss_shows_its_options() -> None:
    assert repr(MSELoss()) == "MSELoss()"
    shown = repr(CrossEntropyLoss([1.0, 2.0], ignore_index=0, reduction="sum"))
    assert shown == "CrossEntropyLoss(weight=[1.0, 2.0], ignore_index=0, reduction='sum')"


# Scores of sequences: the classes are the last dimension


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("backend", [Reference(np.float32), Tuned(np.float32)], ids=repr)
def test_scores_of_sequences_are_rows(backend: Any, reduction: Any) -> None:
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=(2, 3, 4)), rng.integers(-1, 4, (2, 3))
    soft = rng.dirichlet(np.ones(4), (2, 3))
    whole: dict[str, Any] = {"ignore_index": -1, "label_smoothing": 0.1, "weight": [1, 2, 0.5, 1]}
    for targets, options in ((np.abs(classes), {}), (classes, whole), (soft, {})):
        x, rows = (
            tensor(scores.reshape(shape), backend, requires_grad=True)
            for shape in ((2, 3, 4), (6, 4))
        )
        flat = targets.reshape(6, 4) if targets is soft else targets.reshape(6)
        loss = cross_entropy(x, targets, reduction=reduction, **options)
        expected = cross_entropy(rows, flat, reduction=reduction, **options)
        assert loss.shape == ((2, 3) if reduction == "none" else (1,))
        np.testing.assert_array_equal(loss.to_numpy().ravel(), expected.to_numpy())
        loss.sum().backward()
        expected.sum().backward()
        np.testing.assert_array_equal(x.grad.to_numpy().reshape(6, 4), rows.grad.to_numpy())


def test_scores_of_one_row_and_log_probabilities_of_sequences() -> None:
    assert cross_entropy(tensor([0.0, 0.0]), 1).item() == pytest.approx(math.log(2))
    log_p = logsoftmax(tensor(np.arange(12.0).reshape(1, 3, 4)), 2)
    classes = tensor([[0, 1, 3]])
    assert nll_loss(log_p, classes).item() == pytest.approx(
        cross_entropy(log_p.view(3, 4), [0, 1, 3]).item()
    )


@pytest.mark.parametrize(
    ("scores", "targets"), [((2, 4, 3), (2, 3)), ((2, 3, 4), (6,)), ((), ()), ((2, 2, 2), (4,))]
)
def test_targets_that_do_not_fit_sequences(scores: Any, targets: Any) -> None:
    if scores == ():
        with pytest.raises(ShapeError, match="the classes are the last dimension"):
            cross_entropy(tensor(1.0), 0)
        return
    for loss in (cross_entropy, nll_loss):
        with pytest.raises(ShapeError, match=r"the classes are the last dimension .* with permute"):
            loss(tensor(np.zeros(scores)), np.zeros(targets, int))
