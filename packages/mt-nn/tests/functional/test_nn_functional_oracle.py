"""Functions and losses compared with PyTorch: values and gradients in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mt_nn
from mt_autodiff import Tensor, tensor
from mt_nn.functional import (
    avg_pool2d,
    avgpool2d,
    logsoftmax,
    masked_softmax,
    max,
    max_pool2d,
    maxpool2d,
    softmax,
)
from mt_nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse_loss,
    nll_loss,
)

pytestmark = pytest.mark.oracle

rng = np.random.default_rng(0)
CLASSES = np.array([0, 3, 1])
TARGETS = np.array([[0.0, 1.0, 0.25, 1.0]] * 3)
SCORES = [
    rng.normal(size=(3, 4)),
    rng.choice([-1e4, -1.0, 0.0, 1e4], (3, 4)),
    np.array([[0.0, 0.0, 0.0, 0.0], [-np.inf, 1.0, 1.0, 2.0], [40.0, -40.0, 1e-9, 700.0]]),
]
IMAGES = [rng.normal(size=(2, 3, 4, 6)), rng.integers(0, 2, (2, 3, 4, 6)).astype(float)]


def compare(ours: Callable[[Tensor], Tensor], theirs: Callable[[Any], Any], x: np.ndarray) -> None:
    """Compare values and gradients, every index, for a random gradient of the result."""
    torch = pytest.importorskip("torch")
    a, b = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    np.testing.assert_allclose(
        out.to_numpy().reshape(expected.shape), expected.detach().numpy(), rtol=1e-12, atol=1e-15
    )
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, expected.shape)
    out.backward(upstream.reshape(out.shape))
    expected.backward(torch.tensor(upstream))
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("x", IMAGES, ids=["normal", "ties"])
@pytest.mark.parametrize("kernel", [(2, 2), (4, 1), (1, 3)])
def test_pooling(kernel: tuple[int, int], x: np.ndarray) -> None:
    functional = pytest.importorskip("torch").nn.functional
    compare(lambda a: avgpool2d(a, kernel), lambda b: functional.avg_pool2d(b, kernel), x)
    compare(lambda a: maxpool2d(a, kernel), lambda b: functional.max_pool2d(b, kernel), x)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_max(dim: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    compare(lambda a: max(a, dim), lambda b: b.max(dim, keepdim=True).values, x)


@pytest.mark.parametrize("x", SCORES, ids=["normal", "large", "limits"])
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_and_logsoftmax(dim: int, x: np.ndarray) -> None:
    compare(lambda a: softmax(a, dim), lambda b: b.softmax(dim), x)
    compare(lambda a: logsoftmax(a, dim), lambda b: b.log_softmax(dim), x)


@pytest.mark.parametrize("x", SCORES, ids=["normal", "large", "limits"])
def test_class_losses(x: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    functional, classes = torch.nn.functional, torch.tensor(CLASSES)
    compare(lambda a: nll_loss(a, CLASSES), lambda b: functional.nll_loss(b, classes), x)
    compare(lambda a: cross_entropy(a, CLASSES), lambda b: functional.cross_entropy(b, classes), x)


@pytest.mark.parametrize("x", SCORES[:2], ids=["normal", "large"])
def test_losses_of_scores(x: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    functional, targets = torch.nn.functional, torch.tensor(TARGETS)
    compare(
        lambda a: binary_cross_entropy_with_logits(a, TARGETS),
        lambda b: functional.binary_cross_entropy_with_logits(b, targets),
        x,
    )
    compare(lambda a: mse_loss(a, TARGETS), lambda b: functional.mse_loss(b, targets), x)


def test_cross_entropy_of_sequences() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    targets = [[0, 3, -1], [1, -1, 2]]
    options: dict[str, Any] = {"ignore_index": -1, "label_smoothing": 0.1}
    compare(
        lambda a: cross_entropy(a, targets, **options),
        lambda b: torch.nn.functional.cross_entropy(
            b.permute(0, 2, 1), torch.tensor(targets), **options
        ),
        x,
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(("gelu", {}), ("gelu", {"approximate": "tanh"}), ("silu", {}), ("softplus", {})),
        *(("softplus", {"beta": 2.0}), ("elu", {}), ("elu", {"alpha": 0.5}), ("leaky_relu", {})),
        ("leaky_relu", {"negative_slope": 0.2}),
    ],
)
def test_activations(name: str, options: dict[str, Any]) -> None:
    theirs = getattr(pytest.importorskip("torch").nn.functional, name)
    ours = getattr(mt_nn, name)
    x = np.concatenate([np.linspace(-9.0, 9.0, 37), [1e-9, -1e-9]])
    compare(lambda a: ours(a, **options), lambda b: theirs(b, **options), x)


def test_softmax_with_a_mask() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    mask = np.array([[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 1, 1]], bool)
    torch = pytest.importorskip("torch")
    hidden = torch.tensor(~mask)
    compare(
        lambda a: masked_softmax(a, mask, 1),
        lambda b: b.masked_fill(hidden, -np.inf).softmax(1),
        x,
    )


def test_binary_cross_entropy() -> None:
    torch = pytest.importorskip("torch")
    targets = torch.tensor(TARGETS)
    compare(
        lambda a: binary_cross_entropy(a, TARGETS),
        lambda b: torch.nn.functional.binary_cross_entropy(b, targets),
        np.random.default_rng(0).uniform(0.001, 0.999, (3, 4)),
    )


def test_binary_cross_entropy_of_certainty_has_the_value_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    p = np.array([[0.0, 0.0, 1.0, 1.0]] * 3)
    expected = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(TARGETS))
    assert binary_cross_entropy(tensor(p), TARGETS).item() == pytest.approx(expected.item())


reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


@reductions
@pytest.mark.parametrize("weight", [None, [0.5, 2.0, 0.0, 1.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "targets", [[0, -100, 1], [3, 0, 0], np.random.default_rng(0).dirichlet(np.ones(4), 3)]
)
def test_options_of_cross_entropy(
    targets: Any, smoothing: float, weight: Any, reduction: Any
) -> None:
    torch = pytest.importorskip("torch")
    given = weight and torch.tensor(weight, dtype=torch.float64)
    options: dict[str, Any] = {"label_smoothing": smoothing, "reduction": reduction}
    ignored = -100 if -100 in targets else None
    compare(
        lambda a: cross_entropy(a, targets, weight=weight, ignore_index=ignored, **options),
        lambda b: torch.nn.functional.cross_entropy(
            b, torch.tensor(targets), weight=given, **options
        ),
        SCORES[0],
    )


@reductions
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("huber_loss", {"delta": 0.5}),
        ("smooth_l1_loss", {"beta": 0.5}),
        ("binary_cross_entropy_with_logits", {"weight": np.array([0.5, 1.0, 2.0, 4.0])}),
        ("binary_cross_entropy_with_logits", {"pos_weight": np.array([0.5, 1.0, 2.0, 4.0])}),
    ],
)
def test_options_of_other_losses(name: str, options: dict[str, Any], reduction: Any) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name)
    given = {k: torch.tensor(v) if "weight" in k else v for k, v in options.items()}
    compare(
        lambda a: getattr(mt_nn, name)(a, TARGETS, reduction=reduction, **options),
        lambda b: theirs(b, torch.tensor(TARGETS), reduction=reduction, **given),
        SCORES[0],
    )


@pytest.mark.parametrize("x", IMAGES, ids=["normal", "ties"])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((2, 2), (1, 1), (0, 0)),
        ((3, 2), (2, 2), (1, 1)),
        ((3, 3), (3, 3), (0, 0)),
        ((2, 4), (3, 1), (1, 2)),
        ((3, 4), (1, 2), (0, 0)),
    ],
)
def test_pooling_with_stride_and_padding(
    kernel: Any, stride: Any, padding: Any, x: np.ndarray
) -> None:
    functional = pytest.importorskip("torch").nn.functional
    settings = (kernel, stride, padding)
    compare(lambda a: max_pool2d(a, *settings), lambda b: functional.max_pool2d(b, *settings), x)
    compare(lambda a: avg_pool2d(a, *settings), lambda b: functional.avg_pool2d(b, *settings), x)
    compare(
        lambda a: avg_pool2d(a, *settings, count_include_pad=False),
        lambda b: functional.avg_pool2d(b, *settings, count_include_pad=False),
        x,
    )
