"""Every fused form of the GPU agrees with the composed definition on the reference backend."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_autodiff import ImplicitCopyWarning, Tensor, from_numpy, no_grad, take, tensor
from mt_kernels_cpu import Tuned
from mt_kernels_cuda import Cuda, TunedCuda, is_usable
from mt_kernels_cuda.tuned.forms import FORMS
from mt_nn import (
    Parameter,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    nll_loss,
)
from mt_tensor import REFERENCE, Backend, Reference
from mt_tensor.fused import operations
from tests.test_fused_forms import (
    CERTAIN,
    COMPOSED,
    EXAMPLES,
    RULES,
    WITHOUT_GRAPH,
    Example,
    drawn,
    results,
)
from tools.layouts import LAYOUTS
from tools.workspace import ROOT

pytestmark = pytest.mark.skipif(not is_usable(), reason="needs a GPU or its simulator")

SINGLE, DOUBLE = TunedCuda(np.float32), TunedCuda(np.float64)


def body(example: Example) -> Callable[..., Tensor]:
    """Return the composed definition of an example."""
    composed: Any = COMPOSED[example.form]
    definition: Callable[..., Tensor] = composed.__wrapped__
    return definition


def agree(
    example: Example,
    backend: Backend,
    layout: str = "contiguous",
    reference: Backend = REFERENCE,
) -> None:
    """Check that the fused form and the definition have the same value and gradients."""
    convert = LAYOUTS[layout]
    ours = [
        Tensor(convert(backend, array), backend=backend).requires_grad_()
        for array in example.arrays
    ]
    numbers = [np.array(each.to_numpy(), np.float64) for each in ours]
    theirs = [tensor(array, reference, requires_grad=True) for array in numbers]
    received = list(results(COMPOSED[example.form], ours, example))
    expected = list(results(body(example), theirs, example))
    tolerance = 400 * float(np.finfo(backend.dtype).eps)
    for one, other in zip(received, expected, strict=True):
        assert one.dtype == backend.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


CPU_ONLY = {
    operations.ATTENTION,
    operations.CLIP_GRAD_NORM,
    operations.DECODER,
    operations.LAYER_NORM,
    operations.RMS_NORM,
    operations.SELF_ATTENTION,
}
"""The forms that the GPU backend lacks; see `docs/decisions/0030-forms-of-transformers.md`."""


def has_form(example: Example) -> bool:
    """Return whether the GPU backend has the form of an example, and the form accepts it."""
    return COMPOSED[example.form].operation in FORMS and not {"gelu", "gelu-tanh"} & {
        each for each in example.rest() if isinstance(each, str)
    }


FUSED = [each for each in EXAMPLES if has_form(each)]
fused_examples = pytest.mark.parametrize("example", FUSED, ids=lambda each: each.form)


def test_the_forms_are_those_of_the_processor_except_some() -> None:
    everything = {each.operation for each in COMPOSED.values()} | WITHOUT_GRAPH
    assert set(FORMS) == everything - CPU_ONLY
    assert all(Tuned().fused(operation) for operation in everything)
    page = (ROOT / "docs" / "decisions" / "0030-forms-of-transformers.md").read_text("utf-8")
    assert all(f"| `{operation.name}` |" in page for operation in CPU_ONLY)


@fused_examples
def test_values_and_gradients_agree(example: Example) -> None:
    agree(example, DOUBLE)


@pytest.mark.parametrize(
    "example", [e for e in FUSED if "conv" not in e.form], ids=lambda e: e.form
)
def test_values_and_gradients_agree_in_single_precision(example: Example) -> None:
    agree(example, SINGLE)


@pytest.mark.slow
@fused_examples
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_gradients_agree_in_every_layout(example: Example, layout: str) -> None:
    agree(example, SINGLE, layout)


@pytest.mark.parametrize("backend", [SINGLE, DOUBLE], ids=repr)
def test_probabilities_of_zero_and_one_agree(backend: TunedCuda) -> None:
    agree(CERTAIN, backend, reference=Reference(backend.dtype))


@fused_examples
def test_the_fused_form_runs(example: Example) -> None:
    tensors = [tensor(array, SINGLE, requires_grad=True) for array in example.arrays]
    value = COMPOSED[example.form](*tensors, *example.rest(), **example.options())
    assert repr(value.history) == f"History({example.form})"
    with no_grad():
        assert COMPOSED[example.form](*tensors, *example.rest(), **example.options()).is_constant()


@pytest.mark.parametrize(
    "example",
    [e for e in FUSED if e.special and "conv" not in e.form],
    ids=lambda e: e.form,
)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -0.0])
def test_special_values_agree(example: Example, number: float) -> None:
    arrays = [array.copy() for array in example.arrays]
    arrays[0].flat[1] = number
    with np.errstate(all="ignore"):
        expected = body(example)(
            *(tensor(a, REFERENCE) for a in arrays), *example.rest(), **example.options()
        )
    value = COMPOSED[example.form](
        *(tensor(a, DOUBLE) for a in arrays), *example.rest(), **example.options()
    )
    np.testing.assert_allclose(value.to_numpy(), expected.to_numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_steps_of_optimisers_agree(rule: str) -> None:
    found = []
    for backend in (DOUBLE, REFERENCE):
        parameters = [Parameter(tensor(drawn(*shape), backend)) for shape in [(3, 4), (5,), (1,)]]
        optimizer = RULES[rule](parameters)
        for step in range(3):
            held = [p.value for p in parameters]
            before = [value.to_numpy().copy() for value in held]
            for parameter in parameters[step % 2 :]:
                (parameter.value * parameter.value * 0.5).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
            for value, numbers in zip(held, before, strict=True):
                np.testing.assert_array_equal(value.to_numpy(), numbers)
        found.append([p.value.to_numpy() for p in parameters])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_dropout_draws_the_same_mask_on_processor_and_gpu() -> None:
    masks = [
        dropout(tensor(np.ones((5, 7)), backend), 0.4, rng=3, scale=1.0).to_numpy()
        for backend in (REFERENCE, Tuned(), SINGLE)
    ]
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])


def test_implicit_copies_raise_a_warning() -> None:
    on_host, on_device = tensor([[1.0, 2.0]], REFERENCE), tensor([[3.0, 4.0]], DOUBLE)
    with pytest.raises(TypeError, match=r"Add: .*Cuda\(float64\) and Reference\(float64\); move"):
        on_device + on_host
    with pytest.warns(ImplicitCopyWarning, match=r"take: .*Cuda\(float64\) \(device memory\)"):
        take(tensor([[1.0], [2.0]], Cuda()), [1])
    # Explicit copies raise no warning.
    assert (on_device + on_host.to(DOUBLE)).backend == DOUBLE
    assert tensor([1.0], DOUBLE).to(Tuned()).backend == Tuned()


def test_errors_equal_those_of_the_definition() -> None:
    scores = tensor(drawn(2, 3), SINGLE)
    with pytest.raises(IndexError, match="have classes 0 to 2"):
        cross_entropy(scores, [0, 3])
    value = cross_entropy(tensor(from_numpy(drawn(2, 3)).to_numpy(), SINGLE), [0, 2])
    assert value.shape == (1,)


LOSSES: dict[Callable[..., Tensor], tuple[Any, Any, Any]] = {
    cross_entropy: (drawn(3, 4), [3, 0, 2], [[3, 4, 2], [3, -1, 2], [3, 0.5, 2]]),
    nll_loss: (drawn(3, 4), [3, 0, 2], [[3, 4, 2], [3, -1, 2], [3, 0.5, 2]]),
    binary_cross_entropy: ([0.5, 0.0, 0.75], [1, 0, 0.25], [[1, 0, 2], [-1, 0, 0]]),
    binary_cross_entropy_with_logits: (drawn(3), [1, 0, 0.25], [[1, 0, 2], [-1, 0, 0]]),
}
"""Predictions, targets and lists of invalid targets for each loss."""

losses = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


@losses
def test_targets_may_be_on_the_device(loss: Callable[..., Tensor]) -> None:
    values, targets, _ = LOSSES[loss]
    found = []
    for each in (targets, tensor(targets, DOUBLE)):
        predictions = tensor(values, DOUBLE, requires_grad=True)
        value = loss(predictions, each)
        value.backward()
        assert predictions.grad is not None
        found.append((value.to_numpy(), predictions.grad.to_numpy()))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@losses
def test_invalid_targets_on_the_device_give_nan(loss: Callable[..., Tensor]) -> None:
    """An error needs a copy to the host, which only a backend with `debug` makes."""
    values, _, wrong = LOSSES[loss]
    for targets in wrong:
        predictions = tensor(values, DOUBLE, requires_grad=True)
        value = loss(predictions, tensor(targets, DOUBLE))
        value.backward()
        assert predictions.grad is not None
        assert np.isnan(value.item())
        assert np.isnan(predictions.grad.to_numpy()).any()
        debugging = TunedCuda(np.float64, debug=True)
        with (
            pytest.warns(ImplicitCopyWarning, match=f"^{loss.__name__}: "),
            pytest.raises((ValueError, IndexError, TypeError), match="targets"),
        ):
            loss(tensor(values, debugging), tensor(targets, debugging))


def test_invalid_probabilities_give_nan() -> None:
    for wrong in (-0.5, 1.5):
        assert np.isnan(binary_cross_entropy(tensor([0.5, wrong], SINGLE), [0, 1]).item())
