"""Every composed function agrees with its fused form: values, gradients, special values, errors.

The body of a composed function is the specification. The pairs are found, not listed: a function
that names a form and has no example here fails, and so does a form that no function names.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import mt_autodiff
import mt_nn
from mt_autodiff import Tensor, from_numpy, no_grad, take, tensor
from mt_autodiff.fusing import Composed
from mt_kernels_cpu.tuned import Tuned
from mt_kernels_cpu.tuned.forms import FORMS
from mt_nn import SGD, Adam, AdamW, Parameter
from mt_nn.functional import Activation
from mt_tensor import FusedOperation, TensorData
from mt_tensor.fused import operations
from tools.layouts import LAYOUTS
from tools.workspace import ROOT

Array = npt.NDArray[Any]

WITHOUT_GRAPH = {
    operations.SGD,
    operations.SGD_MOMENTUM,
    operations.ADAM,
    operations.CLIP_GRAD_NORM,
    operations.DECODER,
}
"""Fused forms of optimiser rules, clipping and a token with a cache: no functions of tensors."""


def composed_functions() -> dict[str, Composed[..., Tensor]]:
    """Return every composed function of the packages by name of its fused form."""
    found: dict[str, Composed[..., Tensor]] = {}
    for package in (mt_autodiff, mt_nn):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(info.name)).values():
                if isinstance(value, Composed):
                    assert found.setdefault(value.operation.name, value) is value, (
                        "two functions have one name"
                    )
    return found


COMPOSED = composed_functions()


@dataclass(frozen=True)
class Example:
    """Arguments of a composed function: arrays for its tensors, and further arguments.

    Attributes:
        form: The name of the form.
        arrays: For each tensor.
        rest: A function that returns the other arguments for a call.
        options: A function that returns the keyword arguments for a call.
        special: Whether NaN and infinities among the numbers are defined.
    """

    form: str
    arrays: Sequence[Array]
    rest: Callable[[], Sequence[Any]] = tuple
    options: Callable[[], dict[str, Any]] = dict
    special: bool = True


def drawn(*shape: int) -> Array:
    return np.random.default_rng(len(shape) + sum(shape)).normal(size=shape)


EXAMPLES = [
    Example("attention", [drawn(2, 3, 4), drawn(2, 5, 4), drawn(2, 5, 6)], lambda: (2,)),
    Example(
        "attention",
        [drawn(2, 4, 6), drawn(2, 6, 6), drawn(2, 6, 3)],
        lambda: (3,),
        lambda: {"causal": True},
        special=False,
    ),
    Example(
        "attention",
        [drawn(1, 70, 33), drawn(1, 131, 33), drawn(1, 131, 5)],
        options=lambda: {"causal": True},
        special=False,
    ),
    Example("attention", [drawn(1, 65, 3), drawn(1, 130, 3), drawn(1, 130, 40)]),
    Example("softmax", [drawn(3, 5)], lambda: (1,)),
    Example("softmax", [drawn(2, 3, 40)], lambda: (-1,)),
    Example("logsoftmax", [drawn(3, 5)], lambda: (-1,)),
    Example("logsoftmax", [40 * drawn(1, 33)], lambda: (1,)),
    Example("nll_loss", [drawn(4, 3)], lambda: ([2, 0, 1, 1],)),
    Example("cross_entropy", [drawn(4, 3)], lambda: (np.array([2, 0, 1, 1]),)),
    Example("cross_entropy", [30 * drawn(2, 17)], lambda: ([16.0, 3.0],)),
    Example("binary_cross_entropy_with_logits", [20 * drawn(3, 4)], lambda: (np.eye(3, 4),)),
    Example(
        "binary_cross_entropy",
        [np.array([[0.25, 0.75, 0.5], [0.01, 0.99, 0.5]])],
        lambda: (np.array([[1, 0, 0], [0.5, 1, 0.25]]),),
        special=False,
    ),
    Example("self_attention", [drawn(2, 4, 5), *[drawn(5, 6)] * 3, *[drawn(6)] * 3], lambda: (2,)),
    Example(
        "self_attention",
        [drawn(1, 67, 3), drawn(3, 4), 2 * drawn(3, 4), -drawn(3, 4)],
        lambda: (None, None, None, 1, True),
        special=False,
    ),
    Example("layer_norm", [drawn(3, 5), drawn(5), drawn(5)]),
    Example("layer_norm", [drawn(2, 3, 37), drawn(37)], lambda: (None, 0.5)),
    Example("layer_norm", [drawn(4, 3)]),
    Example("rms_norm", [drawn(2, 3, 17), drawn(17)]),
    Example("rms_norm", [drawn(4, 1)], lambda: (None, 0.25)),
    Example("linear", [drawn(4, 3), drawn(3, 2), drawn(2)], lambda: (None,)),
    Example("linear", [drawn(4, 3), drawn(3, 2), drawn(2)], lambda: ("relu",)),
    Example("linear", [drawn(2, 3, 4), drawn(4, 5)], lambda: (None, "relu")),
    Example("linear", [drawn(2, 3, 4), drawn(4, 5)], lambda: (None, None)),
    Example("linear", [4 * drawn(4, 3), drawn(3, 21), drawn(21)], lambda: ("gelu",)),
    Example("linear", [drawn(2, 3, 4), drawn(4, 5)], lambda: (None, "gelu-tanh")),
    Example(
        "dropout",
        [drawn(5, 7)],
        lambda: (0.4,),
        lambda: {"rng": np.random.default_rng(1), "scale": 2.5},
    ),
    Example("dropout", [drawn(5)], lambda: (1.0,), lambda: {"rng": 3}),
    Example("dropout", [drawn(3, 9)], lambda: (0.4,), lambda: {"rng": 2, "activation": "relu"}),
    Example("take", [drawn(4, 3)], lambda: ([[0, 3], [3, 3]],)),
    Example("avgpool2d", [drawn(2, 3, 4, 6)], lambda: ((2, 3),)),
    Example("maxpool2d", [drawn(2, 3, 4, 12)], lambda: ((2, 2),)),
    Example("maxpool2d", [drawn(1, 2, 6, 9)], lambda: ((3, 1),)),
    Example(
        "convolve",
        [drawn(2, 3, 5, 9), drawn(6, 3, 3, 2), drawn(6)],
        lambda: ((1, 0), (5, 8), (1, 1), True),
    ),
    Example(
        "convolve",
        [drawn(3, 2, 4, 10), drawn(3, 2, 2, 5)],
        lambda: (None, (0, 2), (3, 10), (1, 1), False),
    ),
    Example(
        "convolve",
        [drawn(3, 5, 9), drawn(4, 5, 3), drawn(4)],
        lambda: ((0,), (9,), (1,), True),
    ),
    Example(
        "convolve",
        [drawn(2, 3, 4, 37), drawn(5, 3, 3, 4), drawn(5)],
        lambda: ((1, 0), (4, 37), (1, 1), True),
    ),
    Example(
        "convolve",
        [drawn(7, 18, 35), drawn(4, 18, 3), drawn(4)],
        lambda: ((1,), (35,), (1,), True),
    ),
    Example(
        "convolve",
        [drawn(2, 17, 4, 5), drawn(9, 17, 3, 2), drawn(9)],
        lambda: ((1, 1), (4, 5), (1, 1), True),
    ),
    Example(
        "max_over_time",
        [drawn(8, 20, 41), drawn(5, 20, 3), drawn(5)],
        lambda: ((0,), (41,), (1,)),
    ),
    Example(
        "max_over_time",
        [drawn(2, 3, 9), drawn(7, 3, 3), drawn(7)],
        lambda: ((0,), (9,), (1,)),
    ),
    Example(
        "max_over_time",
        [drawn(3, 2, 11), drawn(4, 2, 4)],
        lambda: (None, (3,), (14,), (1,)),
    ),
]

examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.form)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["single", "double"])


def results(
    function: Callable[..., Tensor], tensors: Sequence[Tensor], example: Example
) -> Iterator[Array]:
    """Yield the value and the gradients of a call."""
    for each in tensors:
        each.grad = None
    value = function(*tensors, *example.rest(), **example.options())
    upstream = np.random.default_rng(2).uniform(0.5, 1.5, value.shape)
    value.backward(from_numpy(upstream, value.backend))
    yield value.to_numpy()
    for each in tensors:
        assert each.grad is not None
        yield each.grad.to_numpy()


def assert_agree(example: Example, operands: Sequence[TensorData], backend: Tuned) -> None:
    tensors = [Tensor(data, backend=backend).requires_grad_() for data in operands]
    function = COMPOSED[example.form]
    body: Any = function.__wrapped__  # type: ignore[attr-defined]
    tolerance = 200 * float(np.finfo(backend.dtype).eps)
    received = list(results(function, tensors, example))
    expected = list(results(body, tensors, example))
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, strict=True)


def test_every_pair_has_examples_and_every_form_a_function() -> None:
    assert {example.form for example in EXAMPLES} == set(COMPOSED)
    assert {each.operation for each in COMPOSED.values()} | WITHOUT_GRAPH == set(FORMS)


def test_the_guide_lists_every_fused_form() -> None:
    guide = (ROOT / "docs" / "guides" / "second-hour.md").read_text("utf-8")
    table = guide[guide.index("| part | fused | composed |") :]
    fused = "".join(row.split("|")[2] for row in table.splitlines() if row.startswith("|"))
    named = set(re.findall(r"`(\w+)[^`]*`", fused))
    of_layers = {"convolve": "Conv2d", "max_over_time": "MaxOverTimeConv1d", "take": "Embedding"}
    of_layers["decoder"] = "GPT"
    of_steps = {"sgd": "SGD", "sgd_momentum": "SGD", "adam": "Adam"}
    for operation in FORMS:
        assert (of_layers | of_steps).get(operation.name, operation.name) in named


@examples
@dtypes
def test_the_fused_form_runs(example: Example, dtype: Any) -> None:
    backend = Tuned(dtype)
    tensors = [tensor(array, backend, requires_grad=True) for array in example.arrays]
    value = COMPOSED[example.form](*tensors, *example.rest(), **example.options())
    assert repr(value.history) == f"History({example.form})"
    with no_grad():
        assert COMPOSED[example.form](*tensors, *example.rest(), **example.options()).is_constant()


@examples
@dtypes
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_gradients_agree_in_every_layout(
    example: Example, layout: str, dtype: Any
) -> None:
    backend = Tuned(dtype)
    assert_agree(example, [LAYOUTS[layout](backend, a) for a in example.arrays], backend)


CERTAIN = Example(
    "binary_cross_entropy",
    [np.array([0.0, 0.0, 1.0, 1.0, 1e-37, 1e-44, np.nan])],
    lambda: ([0, 1, 0, 1, 1, 1, 1],),
)
"""Probabilities whose logarithms are clamped to a bound that depends on the precision."""


@dtypes
def test_probabilities_of_zero_and_one_agree(dtype: Any) -> None:
    backend = Tuned(dtype)
    assert_agree(CERTAIN, [backend.from_numpy(CERTAIN.arrays[0])], backend)


@examples
def test_the_gradient_of_a_single_operand_agrees(example: Example) -> None:
    backend = Tuned(np.float64)
    function = COMPOSED[example.form]
    for alone in range(len(example.arrays)):
        found = []
        for call in (function, function.__wrapped__):  # type: ignore[attr-defined]
            tensors = [tensor(array, backend) for array in example.arrays]
            tensors[alone].requires_grad_()
            value = call(*tensors, *example.rest(), **example.options())
            value.backward(from_numpy(np.ones(value.shape), backend))
            assert [t.grad is not None for t in tensors] == [
                at == alone for at in range(len(tensors))
            ]
            found.append(tensors[alone].grad.to_numpy())
        np.testing.assert_allclose(found[0], found[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "example", [example for example in EXAMPLES if example.special], ids=lambda e: e.form
)
@dtypes
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -0.0])
def test_special_values_agree(example: Example, dtype: Any, number: float) -> None:
    backend = Tuned(dtype)
    tolerance = 200 * float(np.finfo(dtype).eps)
    for which in range(len(example.arrays)):
        arrays = [array.copy() for array in example.arrays]
        arrays[which].flat[1] = number
        with np.errstate(invalid="ignore"):  # BLAS receives infinity and NaN.
            function = COMPOSED[example.form]
            value, expected = (
                call(
                    *[tensor(array, backend) for array in arrays],
                    *example.rest(),
                    **example.options(),
                )
                for call in (function, function.__wrapped__)  # type: ignore[attr-defined]
            )
        np.testing.assert_allclose(
            value.to_numpy(), expected.to_numpy(), rtol=tolerance, atol=tolerance, strict=True
        )


@pytest.mark.parametrize(
    ("form", "shapes", "rest"),
    [
        ("softmax", [(2, 3)], (5,)),
        ("softmax", [()], (0,)),
        ("logsoftmax", [(2, 3)], (0,)),
        ("logsoftmax", [(2, 0)], (1,)),
        ("nll_loss", [(2, 3)], ([0, 3],)),
        ("nll_loss", [(2, 3)], ([0, -1],)),
        ("nll_loss", [(2, 3)], ([0],)),
        ("nll_loss", [(2, 3)], ([0.5, 1.0],)),
        ("nll_loss", [(0, 3)], ([],)),
        ("cross_entropy", [(2, 3)], ([0, 3],)),
        ("cross_entropy", [(2, 3)], (["a", "b"],)),
        ("cross_entropy", [(6,)], ([0],)),
        ("binary_cross_entropy", [(3,)], ([0, 1, 1],)),
        ("binary_cross_entropy", [(0,)], ([],)),
        ("binary_cross_entropy_with_logits", [(3,)], ([0, 2, 1],)),
        ("binary_cross_entropy_with_logits", [(3,)], ([[0, 1, 1]],)),
        ("binary_cross_entropy_with_logits", [(0,)], ([],)),
        ("binary_cross_entropy_with_logits", [(3,)], ([0, np.nan, 1],)),
        ("attention", [(2, 3, 4), (2, 5, 4), (2, 5, 6)], (3,)),
        ("attention", [(2, 3, 4), (2, 5, 4), (2, 4, 4)], ()),
        ("attention", [(2, 0, 4), (2, 5, 4), (2, 5, 4)], ()),
        ("attention", [(2, 3, 4), (2, 0, 4), (2, 0, 4)], ()),
        ("attention", [(0, 3, 4), (0, 3, 4), (0, 3, 4)], ()),
        ("layer_norm", [(2, 3), (4,)], ()),
        ("layer_norm", [(2, 0)], ()),
        ("layer_norm", [(0, 3), (3,)], ()),
        ("rms_norm", [(2, 3), (2, 3)], ()),
        ("rms_norm", [()], ()),
        ("linear", [(2, 3), (4, 2)], ()),
        ("linear", [(2, 3), (3, 2), (1, 2)], ()),
        ("linear", [(0, 3), (3, 2), (2,)], ("relu",)),
        ("dropout", [(2, 3)], (1.5,)),
        ("dropout", [(2, 3)], (0.5, True)),
        ("dropout", [(2, 3)], (0.5, True, None, 1.0, "relu")),
        ("take", [(2, 3)], ([2],)),
        ("take", [(2, 3)], ([-1],)),
        ("take", [(2, 3)], ([0.5],)),
        ("take", [(2, 3)], ([],)),
        ("take", [(2, 3, 1)], ([0],)),
    ],
)
def test_arguments_that_a_form_declines_are_left_to_the_definition(
    form: str, shapes: Sequence[tuple[int, ...]], rest: Sequence[Any]
) -> None:
    backend = Tuned(np.float64)
    outcomes = []
    for call in (COMPOSED[form], COMPOSED[form].__wrapped__):  # type: ignore[attr-defined]
        tensors = [tensor(drawn(*shape), backend) for shape in shapes]
        try:
            value = call(*tensors, *rest)
            outcomes.append((value.shape, value.to_numpy().round(12).tolist()))
        except (ValueError, TypeError, IndexError) as error:
            outcomes.append((type(error), str(error)))
    assert repr(outcomes[0]) == repr(outcomes[1])


@pytest.mark.parametrize("activation", [None, "relu"])
def test_a_layer_without_outputs_has_gradients(activation: Activation) -> None:
    shapes = ((4, 3), (3, 0), (0,))
    x, weight, bias = (tensor(drawn(*shape), Tuned(), requires_grad=True) for shape in shapes)
    mt_nn.linear(x, weight, bias, activation).sum().backward()
    assert x.grad is not None
    assert not x.grad.to_numpy().any()
    assert weight.grad is not None
    assert bias.grad is not None
    assert (weight.grad.shape, bias.grad.shape) == ((3, 0), (0,))


def test_an_invalid_dropout_rate_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ValueError, match="not a probability"):
        mt_nn.dropout(tensor([1.0], Tuned()), 2.0, rng=rng)
    assert rng.bit_generator.state == before


def test_targets_may_be_tensors_and_may_change_afterwards() -> None:
    backend = Tuned(np.float64)
    x = tensor(drawn(4, 3), backend, requires_grad=True)
    y = tensor(drawn(3), backend, requires_grad=True)
    classes, labels = np.array([2, 0, 1, 1]), np.array([0.0, 1.0, 0.25])
    losses = [
        mt_nn.cross_entropy(x, tensor(classes, backend)),
        mt_nn.nll_loss(x, classes),
        mt_nn.binary_cross_entropy_with_logits(y, labels),
        take(x, classes).sum(),
    ]
    total = losses[0] + losses[1] + losses[2] + losses[3]
    classes[:], labels[:] = 0, 0.5
    total.backward()
    assert x.grad is not None
    assert y.grad is not None
    first, then = x.grad.to_numpy().copy(), y.grad.to_numpy()
    shares = np.exp(x.to_numpy()) / np.exp(x.to_numpy()).sum(1, keepdims=True)
    one_hot = np.eye(3)[[2, 0, 1, 1]]
    taken = np.array([1.0, 2.0, 1.0, 0.0])[:, None]
    np.testing.assert_allclose(first, (shares - one_hot) / 4 - one_hot / 4 + taken, rtol=1e-12)
    sigmoid = 1 / (1 + np.exp(-y.to_numpy()))
    np.testing.assert_allclose(then, (sigmoid - [0.0, 1.0, 0.25]) / 3, rtol=1e-12)


RULES: dict[str, Callable[[list[Parameter]], Any]] = {
    "plain": lambda parameters: SGD(parameters, 0.1),
    "decay": lambda parameters: SGD(parameters, 0.1, weight_decay=0.1),
    "momentum": lambda parameters: SGD(parameters, 0.1, momentum=0.9),
    "nesterov": lambda parameters: SGD(parameters, 0.1, 0.9, weight_decay=0.1, nesterov=True),
    "adam": lambda parameters: Adam(parameters, 0.1, weight_decay=0.1),
    "adamw": lambda parameters: AdamW(parameters, 0.1, weight_decay=0.1),
}


class Unfused(Tuned):
    """The tuned backend without fused forms."""

    name = "unfused"

    def fused(self, operation: FusedOperation) -> None:
        """Return None for every operation."""
        return


@dtypes
@pytest.mark.parametrize("rule", RULES)
def test_a_fused_step_agrees_with_the_rule(rule: str, dtype: Any) -> None:
    found = []
    for backend in (Tuned(dtype), Unfused(dtype)):
        shapes = [(3, 4), (4,), (2, 2, 2), (1,)]
        parameters = [Parameter(tensor(drawn(*shape), backend)) for shape in shapes]
        optimizer = RULES[rule](parameters)
        for step in range(6):
            # Some parameters have no gradient in a step, and one value is replaced.
            used = parameters[step % 3 :]
            if step == 4:
                parameters[3].update(tensor([0.5], backend))
            held = [p.value for p in parameters]
            before = [value.to_numpy().copy() for value in held]
            for parameter in used:
                (parameter.value * parameter.value * 0.5).sum().backward()
            optimizer.step()
            assert all(p.grad is not None and p.value.is_leaf() for p in used)
            optimizer.zero_grad()
            # The step does not change old values.
            for value, numbers in zip(held, before, strict=True):
                np.testing.assert_array_equal(value.to_numpy(), numbers)
            if step == 2:
                # As after a checkpoint, the slots are other tensors.
                optimizer.load_state_dict(optimizer.state_dict())
        slots = optimizer.state_dict()["slots"]
        found.append([*(p.value.to_numpy() for p in parameters), *slots.values()])
    few = 4 * float(np.finfo(dtype).eps)
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=few, atol=few, strict=True)


def test_a_user_defined_rule_is_not_replaced() -> None:
    class Still(SGD):
        def rule(self, value: Any, grad: Any, memory: Any, step: int) -> Any:
            return value * 1.0

    parameter = Parameter(tensor([2.0], Tuned()))
    parameter.value.sum().backward()
    Still([parameter], lr=0.5).step()
    assert parameter.value.item() == 2.0


def test_a_gradient_of_another_shape_is_left_to_the_rule() -> None:
    parameter = Parameter(tensor([2.0, 3.0], Tuned()))
    parameter.value.grad = tensor([1.0], parameter.value.backend)
    SGD([parameter], lr=0.5).step()
    assert parameter.value.to_numpy().tolist() == [1.5, 2.5]


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.form)
def test_a_write_after_the_operation_is_an_error_or_changes_no_gradient(
    example: Example, at: int
) -> None:
    """Compare the gradients with those of the same call without a write."""
    if at >= len(example.arrays):
        return
    function = COMPOSED[example.form]

    def call() -> tuple[list[Tensor], Tensor]:
        operands = [from_numpy(np.array(a), Tuned(np.float64)) for a in example.arrays]
        tensors = [x.requires_grad_() for x in operands]
        return tensors, function(*tensors, *example.rest(), **example.options()).sum()

    (expected, without), (tensors, value) = call(), call()
    without.backward()
    tensors[at].detach()[...] = 0.5
    try:
        value.backward()
    except RuntimeError as error:
        assert "was overwritten after the operation" in str(error)
        return
    for one, other in zip(tensors, expected, strict=True):
        np.testing.assert_array_equal(one.grad.to_numpy(), other.grad.to_numpy())
