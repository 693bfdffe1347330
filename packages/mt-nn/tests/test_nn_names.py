"""Names of PyTorch: each one exists, or its error contains an expression that runs."""

import inspect
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mt_autodiff
import mt_nn
from mt_autodiff import Tensor, ones, rand, tensor
from mt_kernels_cpu import Tuned
from mt_nn import (
    Adam,
    ConstantRate,
    Conv2d,
    Dropout,
    EarlyStopping,
    Embedding,
    Linear,
    MaxPool2d,
    Module,
    Parameter,
    Plateau,
    Sequential,
)
from mt_nn._names import (
    ABSENT,
    EXPRESSIONS,
    MODULE_MEMBERS,
    OPTIMIZER_MEMBERS,
    PLATEAU_MEMBERS,
    SCHEDULE_MEMBERS,
    STOPPING_MEMBERS,
)
from mt_tensor import Reference

NN = """
Module Parameter Sequential ModuleList ModuleDict Linear Conv1d Conv2d ConvTranspose2d MaxPool1d
MaxPool2d AvgPool2d AdaptiveAvgPool2d BatchNorm1d BatchNorm2d LayerNorm RMSNorm GroupNorm Dropout
Dropout2d Embedding Flatten Identity ReLU LeakyReLU GELU Sigmoid Tanh Softmax RNN LSTM GRU
MultiheadAttention TransformerEncoderLayer TransformerDecoderLayer CrossEntropyLoss MSELoss L1Loss
SmoothL1Loss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss
"""
FUNCTIONAL = """
relu leaky_relu gelu elu softplus silu tanh sigmoid softmax log_softmax dropout linear conv1d conv2d
max_pool2d avg_pool2d cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss
binary_cross_entropy binary_cross_entropy_with_logits kl_div one_hot pad embedding normalize
cosine_similarity layer_norm rms_norm batch_norm interpolate scaled_dot_product_attention
"""
OPTIM = """
SGD Adam AdamW RMSprop Adagrad LBFGS StepLR MultiStepLR ExponentialLR CosineAnnealingLR OneCycleLR
ReduceLROnPlateau LambdaLR LinearLR clip_grad_norm_ clip_grad_value_
"""
MODULE = """
parameters named_parameters modules named_modules children named_children buffers register_buffer
register_parameter add_module state_dict load_state_dict train eval zero_grad requires_grad_ apply
to cuda cpu float double half register_forward_hook training forward extra_repr
"""
OPTIMIZER = "step zero_grad state_dict load_state_dict param_groups add_param_group state"


def names(**more: Any) -> dict[str, Any]:
    """Return the names with which the expressions of the tables are evaluated."""
    everything = {name: getattr(mt_nn, name) for name in mt_nn.__all__}
    x, images = rand((3, 4), 0), rand((2, 3, 8, 8), 1)
    given = {
        "x": x,
        "y": rand((3, 4), 2),
        "q": rand((2, 3, 4), 3),
        "k": rand((2, 3, 4), 4),
        "v": rand((2, 3, 4), 5),
        "images": images,
        "sequences": rand((2, 3, 8), 7),
        "scores": x,
        "probabilities": np.full((3, 4), 0.25),
        "classes": np.array([0, 3, 1]),
        "table": rand((5, 2), 6),
        "parameters": [Parameter(ones((2,)))],
        "np": np,
        "partial": partial,
    }
    return {**everything, "mt_autodiff": mt_autodiff, "ones": ones, "tensor": tensor} | given | more


def advice(owner: object, name: str) -> str:
    """Return the error of a missing name."""
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; ") as caught:
        getattr(owner, name)
    # Python suggests a similar name of `obj`, which would be wrong if there is advice.
    assert caught.value.obj is None or "the page" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", (NN + FUNCTIONAL + OPTIM).split())
def test_every_name_exists_or_has_a_row(name: str) -> None:
    assert (name in mt_nn.__all__) + (name in EXPRESSIONS) + (name in ABSENT) == 1
    expected = f"mt_nn.{name}"
    if name not in mt_nn.__all__:
        expected = (EXPRESSIONS | ABSENT)[name].partition("  # ")[0]
    for package in (mt_nn, mt_nn.functional, mt_nn.layers, mt_nn.optim, mt_nn.schedules):
        if not hasattr(package, name):
            assert expected in advice(package, name)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = Linear(2, 2, rng=0)
    mt_nn.save_weights("weights.safetensors", model)
    value = eval(EXPRESSIONS[name], names(model=model))
    result = value(rand((2, 3), 0)) if isinstance(value, Sequential) else value
    if isinstance(result, Tensor):
        assert np.isfinite(result.to_numpy()).all()


@pytest.mark.parametrize("name", MODULE.split())
def test_every_member_of_a_module_exists_or_has_a_row(name: str) -> None:
    model = Linear(2, 2, rng=0)
    if name in MODULE_MEMBERS:
        assert MODULE_MEMBERS[name].partition("  # ")[0] in advice(model, name)
    else:
        assert hasattr(model, name)


@pytest.mark.parametrize("name", MODULE_MEMBERS)
def test_an_expression_of_a_module_runs(name: str) -> None:
    given = names(model=Linear(2, 2, rng=0), backend=Reference(), Reference=Reference)
    eval(MODULE_MEMBERS[name], given)


@pytest.mark.parametrize("name", OPTIMIZER.split())
def test_every_member_of_an_optimiser_exists_or_has_a_row(name: str) -> None:
    optimizer = Adam([Parameter(ones((1,)))])
    if name in OPTIMIZER_MEMBERS:
        assert OPTIMIZER_MEMBERS[name] in advice(optimizer, name)
        assert eval(OPTIMIZER_MEMBERS[name], {"optimizer": optimizer}) is not None
    else:
        assert hasattr(optimizer, name)


@pytest.mark.parametrize("name", SCHEDULE_MEMBERS)
def test_every_missing_member_of_a_schedule_has_an_expression(name: str) -> None:
    schedule = ConstantRate(0.1)
    assert SCHEDULE_MEMBERS[name].partition("  # ")[0] in advice(schedule, name)
    eval(SCHEDULE_MEMBERS[name], {"schedule": schedule, "step": 3})


@pytest.mark.parametrize(
    ("variable", "monitor", "name", "expression"),
    [
        *(("plateau", Plateau(0.1), *row) for row in PLATEAU_MEMBERS.items()),
        *(("stop", EarlyStopping(1), *row) for row in STOPPING_MEMBERS.items()),
    ],
)
def test_every_missing_member_of_a_monitor_has_an_expression(
    variable: str, monitor: Any, name: str, expression: str
) -> None:
    assert expression.partition("  # ")[0] in advice(monitor, name)
    eval(expression, {variable: monitor, "loss": 0.5})


@pytest.mark.parametrize("package", [mt_nn, mt_nn.functional, mt_nn.optim, mt_nn.schedules])
def test_any_other_name_of_a_package_has_a_general_error(package: object) -> None:
    assert 'the page "Differences from PyTorch"' in advice(package, "Nonsense")


@pytest.mark.parametrize(
    "kind",
    [
        Linear(1, 1),
        Adam([Parameter(ones((1,)))]),
        ConstantRate(0.1),
        Plateau(0.1),
        EarlyStopping(1),
    ],
    ids=lambda kind: type(kind).__name__,
)
def test_any_other_member_has_a_general_error(kind: object) -> None:
    assert 'the page "Differences from PyTorch"' in advice(kind, "nonsense")
    assert not hasattr(kind, "__nonsense__")


def test_an_error_in_a_property_is_not_hidden() -> None:
    class Wrong(Module):
        @property
        def width(self) -> Any:
            return self.size  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'size'"):
        _ = Wrong().width


def test_an_attribute_may_have_the_name_of_a_row() -> None:
    class Typed(Module):
        def __init__(self) -> None:
            self.type = "dense"
            self.add_parameter("half", 0.5)

    assert Typed().type == "dense"
    assert [name for name, _ in Typed().named_parameters()] == ["half"]


@pytest.mark.parametrize(
    ("kind", "args", "options", "message"),
    [
        (Dropout, (), {"p": 0.5}, "Dropout: 'p' is no argument of the class; use rate"),
        (Linear, (), {"in_features": 1, "out_features": 2}, "'in_features' .*; use in_size"),
        (Conv2d, (1, 2), {"kernel_size": 3}, "Conv2d: 'kernel_size' .*; use kernel"),
        (Conv2d, (1, 2, 3), {"dilation": 2}, "Conv2d: 'dilation' .*; leave it out"),
        (Conv2d, (2, 2, 3), {"groups": 2}, "Conv2d: 'groups' .*; leave it out"),
        (mt_nn.MaxOverTimeConv1d, (1, 2, 3), {"groups": 1}, "MaxOverTimeConv1d: 'groups'"),
        (MaxPool2d, (), {"kernel_size": 2}, "MaxPool2d: 'kernel_size' .*; use kernel"),
        (Embedding, (3, 2), {"padding_idx": 0}, "Embedding: 'padding_idx' .*; use padding_row"),
        (mt_nn.BatchNorm1d, (), {"num_features": 2}, "'num_features' .*; use channels"),
        (Adam, ([],), {"amsgrad": True}, "Adam: 'amsgrad' .*; leave it out"),
        (mt_nn.SGD, ([], 0.1), {"dampening": 0.1}, "SGD: 'dampening' .*; leave it out"),
        (Plateau, (), {"optimizer": None}, r"Plateau: 'optimizer' .*; use lr=optimizer\.lr"),
        (Plateau, (0.1,), {"min_lr": 0.0}, "Plateau: 'min_lr' .*; use minimum"),
        (
            Plateau,
            (Linear(1, 1),),
            {},
            r"Plateau: lr is Linear\(.* of type Linear; it must be",
        ),
        (mt_nn.SGD, ([Parameter(ones((1,)))], "a"), {}, "SGD: lr is 'a' of type str; it must be"),
        (mt_nn.SGD, ([Parameter(ones((1,)))], None), {}, "SGD: lr is None of type NoneType"),
        (Adam, ([Parameter(ones((1,)))],), {"eps": "1"}, "Adam: eps is '1' of type str"),
        (mt_nn.CosineDecay, ("a", 3), {}, "CosineDecay: lr is 'a' of type str"),
        (EarlyStopping, ("a",), {}, "EarlyStopping: patience is 'a' of type str"),
        (Plateau(0.1), ("a",), {}, "Plateau: the metric is 'a' of type str"),
        (EarlyStopping(1), (ones((2,)),), {}, "EarlyStopping: the metric is tensor"),
        (mt_nn.SGD, ([],), {}, "missing 1 required positional argument: 'lr'"),
    ],
)
def test_arguments_of_pytorch(
    kind: Any, args: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        kind(*args, **options)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (mt_nn.dropout, {"training": True}, "dropout: 'training' .*; use ignore=not training"),
        (mt_nn.dropout, {"p": 0.5}, "dropout: 'p' .*; use rate"),
        (mt_nn.max_pool2d, {"kernel_size": 2}, "max_pool2d: 'kernel_size' .*; use kernel"),
        (mt_nn.avg_pool2d, {"kernel_size": 2}, "avg_pool2d: 'kernel_size' .*; use kernel"),
    ],
)
@pytest.mark.parametrize("backend", [Reference(), Tuned()], ids=["composed", "fused"])
def test_options_of_functions_of_pytorch(
    function: Any, options: dict[str, Any], message: str, backend: Any
) -> None:
    with pytest.raises(TypeError, match=message):
        function(ones((1, 1, 4, 4), backend), **options)


@pytest.mark.parametrize("kind", [mt_nn.MSELoss, mt_nn.NLLLoss, mt_nn.CrossEntropyLoss])
def test_losses_check_their_reduction_when_they_are_built(kind: Any) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__}: reduction 'avg' does not exist; allow"):
        kind(reduction="avg")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (mt_nn.CrossEntropyLoss, {"label_smoothing": 2.0}, "CrossEntropyLoss: label_smoothing 2"),
        (mt_nn.HuberLoss, {"delta": 0.0}, "HuberLoss: delta 0.0 must be above 0"),
        (mt_nn.SmoothL1Loss, {"beta": -1.0}, "SmoothL1Loss: beta -1.0 must be above 0"),
    ],
)
def test_losses_check_their_settings_when_they_are_built(
    kind: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)


def test_a_subclass_may_have_the_arguments_of_pytorch() -> None:
    class Mine(Dropout):
        def __init__(self, p: float) -> None:
            super().__init__(rate=p)

    assert Mine(p=0.25).rate == 0.25


def test_signatures_are_not_hidden() -> None:
    assert re.match(r"\(rate: float, rng: .*activation", str(inspect.signature(Dropout)))
    assert issubclass(Linear, Module)
