"""Optimisers: formulas compared with NumPy, treatment of parameters, state."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_autodiff import Scalar, Tensor, tensor
from mt_nn import SGD, Adam, AdamW, Linear, Optimizer, Parameter
from mt_tensor import Reference

Array = npt.NDArray[np.float64]
Build = Callable[[Sequence[Parameter]], Optimizer]

STEPS = 6
seeds = st.integers(0, 2**32 - 1)
decays = st.sampled_from([0.0, 0.01, 0.5])


def back(parameter: Parameter, gradient: Array) -> None:
    """Set a gradient, by backpropagation through a linear function."""
    if isinstance(parameter.value, Scalar):
        (parameter.value * float(gradient)).backward()
    else:
        (parameter.value * gradient).sum().backward()


def walk(
    build: Build, starts: Sequence[Array], gradients: Sequence[Sequence[Array | None]]
) -> list[Array]:
    """Return the parameters after some steps; starts without dimensions become scalars."""
    parameters = [Parameter(tensor(x) if x.ndim else Scalar(float(x))) for x in starts]
    optimizer = build(parameters)
    for of_step in gradients:
        optimizer.zero_grad()
        for parameter, gradient in zip(parameters, of_step, strict=True):
            if gradient is not None:
                back(parameter, gradient)
        optimizer.step()
    values = [p.value for p in parameters]
    return [np.array(v.data if isinstance(v, Scalar) else v.detach()) for v in values]


def trajectory(seed: int) -> tuple[list[Array], list[list[Array | None]]]:
    """Draw starts of a few shapes and gradients for some steps, occasionally None."""
    rng = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(2, 3), (4,), ()]
    starts = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    gradients = [
        [np.asarray(rng.normal(size=shape)) if rng.random() < 0.8 else None for shape in shapes]
        for _ in range(STEPS)
    ]
    return starts, gradients


def by_numpy(
    step: Callable[[Array, Array, dict[str, Any]], Array],
    starts: Sequence[Array],
    gradients: Sequence[Sequence[Array | None]],
) -> list[Array]:
    places, memories = list(starts), [dict[str, Any]() for _ in starts]
    for of_step in gradients:
        for i, gradient in enumerate(of_step):
            if gradient is not None:
                places[i] = step(places[i], gradient, memories[i])
    return places


def check(
    build: Build,
    step: Callable[[Array, Array, dict[str, Any]], Array],
    starts: Sequence[Array],
    gradients: Sequence[Sequence[Array | None]],
) -> None:
    received = walk(build, starts, gradients)
    for place, expected in zip(received, by_numpy(step, starts, gradients), strict=True):
        np.testing.assert_allclose(place, expected, rtol=1e-10, atol=1e-12)


# Formulas


@given(seeds, st.floats(0.0, 2.0), decays)
def test_plain_sgd(seed: int, lr: float, decay: float) -> None:
    check(
        lambda ps: SGD(ps, lr, weight_decay=decay),
        lambda x, g, _: np.asarray(x - lr * g - lr * decay * x),
        *trajectory(seed),
    )


@given(seeds, st.floats(0.0, 0.5), st.floats(0.1, 0.95), decays)
def test_momentum_agrees_with_sutskever(seed: int, lr: float, mu: float, decay: float) -> None:
    def step(x: Array, g: Array, memory: dict[str, Any]) -> Array:
        velocity: Array = mu * memory.get("v", np.zeros(())) - lr * (g + decay * x)
        memory["v"] = velocity
        return x + velocity

    check(lambda ps: SGD(ps, lr, momentum=mu, weight_decay=decay), step, *trajectory(seed))


@given(seeds, st.floats(0.0, 0.5), st.floats(0.1, 0.95))
def test_nesterov_momentum(seed: int, lr: float, mu: float) -> None:
    def step(x: Array, g: Array, memory: dict[str, Any]) -> Array:
        velocity: Array = mu * memory.get("v", np.zeros(())) - lr * g
        memory["v"] = velocity
        return x + mu * velocity - lr * g

    check(lambda ps: SGD(ps, lr, momentum=mu, nesterov=True), step, *trajectory(seed))


@given(
    seeds,
    st.floats(0.0, 0.5),
    st.tuples(st.floats(0.0, 0.95), st.floats(0.0, 0.999)),
    st.sampled_from([1e-8, 1e-3]),
    decays,
)
def test_adam_agrees_with_algorithm_1_of_its_paper(
    seed: int, lr: float, betas: tuple[float, float], eps: float, decay: float
) -> None:
    def step(x: Array, g: Array, memory: dict[str, Any]) -> Array:
        gradients = memory.setdefault("gradients", [])
        gradients.append(g + decay * x)
        t = len(gradients)
        # The running means as sums over all gradients so far.
        m = (1 - betas[0]) * sum(betas[0] ** (t - 1 - i) * g for i, g in enumerate(gradients))
        v = (1 - betas[1]) * sum(betas[1] ** (t - 1 - i) * g**2 for i, g in enumerate(gradients))
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        return np.asarray(x - lr * m_hat / (np.sqrt(v_hat) + eps))

    check(lambda ps: Adam(ps, lr, betas, eps, decay), step, *trajectory(seed))


@given(seeds, st.floats(0.0, 0.5), decays)
def test_adamw_agrees_with_its_formula(seed: int, lr: float, decay: float) -> None:
    def step(x: Array, g: Array, memory: dict[str, Any]) -> Array:
        t = memory["t"] = memory.get("t", 0) + 1
        m = memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
        v = memory["v"] = 0.99 * memory.get("v", 0.0) + 0.01 * g**2
        root = np.sqrt(v / (1 - 0.99**t)) + 1e-8
        return np.asarray((1 - lr * decay) * x - lr * m / (1 - 0.9**t) / root)

    check(lambda ps: AdamW(ps, lr, (0.9, 0.99), weight_decay=decay), step, *trajectory(seed))


BUILDS: dict[str, Build] = {
    "sgd": lambda ps: SGD(ps, 0.1),
    "momentum": lambda ps: SGD(ps, 0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda ps: SGD(ps, 0.1, momentum=0.5, nesterov=True),
    "adam": lambda ps: Adam(ps, 0.1, betas=(0.8, 0.9), weight_decay=0.1),
    "adamw": lambda ps: AdamW(ps, 0.1, betas=(0.8, 0.9), weight_decay=0.1),
}
each = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS.keys())


@each
def test_a_quadratic_is_minimised(build: Build) -> None:
    x = Parameter(tensor([3.0, -2.0]))
    optimizer = build([x])
    for _ in range(300):
        optimizer.zero_grad()
        (x.value * x.value).sum().backward()
        optimizer.step()
    assert abs(x.value.to_numpy()).max() < 0.01


# Effects of a step on parameters


@each
def test_a_step_makes_new_leaves_that_keep_their_gradients(build: Build) -> None:
    parameters = [Parameter(tensor([1.0, 2.0])), Parameter(Scalar(3.0))]
    before = [p.value for p in parameters]
    optimizer = build(parameters)
    for _ in range(2):
        for parameter in parameters:
            back(parameter, np.array(1.0))
        optimizer.step()
        assert parameters[0].grad.to_numpy().tolist() == [1.0, 1.0]
        assert parameters[1].grad == 1.0
        optimizer.zero_grad()
        assert [parameter.grad for parameter in parameters] == [None, None]
        for parameter, old in zip(parameters, before, strict=True):
            assert parameter.value is not old
            assert parameter.value.is_leaf()
    # The old values are unchanged: a graph that refers to them stays valid.
    assert before[0].to_numpy().tolist() == [1.0, 2.0]
    assert before[1].data == 3.0


@each
def test_parameters_without_a_gradient_do_not_change(build: Build) -> None:
    moved, still, number = Parameter(tensor([1.0])), Parameter(tensor([1.0])), Parameter(5.0)
    value = still.value
    optimizer = build([moved, still, number])
    back(moved, np.array(1.0))
    optimizer.step()
    assert moved.value.item() != 1.0
    assert still.value is value
    assert number.value == 5.0


@each
def test_frozen_parameters_do_not_change(build: Build) -> None:
    frozen = [Parameter(tensor([1.0])), Parameter(Scalar(1.0))]
    optimizer = build(frozen)
    for parameter in frozen:
        back(parameter, np.array(1.0))
        parameter.value.requires_grad_(False)
    optimizer.step()
    assert frozen[0].value.item() == 1.0
    assert frozen[1].value.data == 1.0
    assert all(p.value.is_constant() for p in frozen)


def test_a_repeated_parameter_is_updated_once() -> None:
    x = Parameter(tensor([1.0]))
    optimizer = SGD((p for p in [x, x]), lr=0.25)
    back(x, np.array(1.0))
    optimizer.step()
    assert x.value.item() == 0.75


def test_gradients_of_several_backward_passes_accumulate() -> None:
    x = Parameter(tensor([1.0]))
    for _ in range(3):
        back(x, np.array(1.0))
    SGD([x], lr=0.25).step()
    assert x.value.item() == 0.25


def test_zero_grad_removes_gradients() -> None:
    parameters = [Parameter(tensor([1.0])), Parameter(Scalar(1.0)), Parameter(2.0)]
    optimizer = SGD(parameters, 0.1)
    for parameter in parameters[:2]:
        back(parameter, np.array(1.0))
    optimizer.zero_grad()
    optimizer.step()
    assert parameters[0].value.item() == 1.0
    assert parameters[1].value.data == 1.0


@each
def test_the_learning_rate_may_change_at_any_time(build: Build) -> None:
    x = Parameter(tensor([1.0]))
    optimizer: Any = build([x])
    optimizer.lr = 0.0
    back(x, np.array(1.0))
    optimizer.step()
    assert x.value.item() == 1.0
    optimizer.lr = 0.5
    back(x, np.array(1.0))
    optimizer.step()
    assert x.value.item() < 0.8


@each
def test_float32_parameters_stay_float32(build: Build) -> None:
    backend = Reference(np.float32)
    x = Parameter(tensor([1.0, -1.0], backend))
    optimizer = build([x])
    for _ in range(2):
        back(x, np.array([0.5, 0.25]))
        optimizer.step()
    assert x.value.backend == backend
    assert x.value.to_numpy().dtype == np.float32
    slots = optimizer.state_dict()["slots"].values()
    assert all(slot.dtype == np.float32 for slot in slots)


@each
def test_a_parameter_may_have_any_layout(build: Build) -> None:
    array = np.arange(6.0).reshape(2, 3)
    plain, permuted = Parameter(tensor(array)), Parameter(tensor(array.T.copy()).permute(1, 0))
    for x in (plain, permuted):
        optimizer = build([x])
        for _ in range(2):
            back(x, array)
            optimizer.step()
    np.testing.assert_array_equal(plain.value.detach(), permuted.value.detach())


@each
def test_graphs_of_earlier_steps_are_freed(build: Build) -> None:
    x = Parameter(tensor([1.0]))
    optimizer = build([x])
    for _ in range(2):
        back(x, np.array(1.0))
        optimizer.step()
    assert x.value.parents == ()
    memory = [number for slots in optimizer._memory for number in slots.values()]
    assert all(isinstance(number, Tensor) and number.is_constant() for number in memory)


# Parameter groups


def test_a_group_has_settings_of_its_own() -> None:
    head, body = Parameter(tensor([1.0])), Parameter(tensor([1.0]))
    groups: list[dict[str, Any]] = [{"params": [head]}, {"params": [body], "lr": 0.5}]
    optimizer = SGD(groups, lr=0.25)
    for rates in [(0.25, 0.5), (0.125, 0.5), (0.125, 2.0)]:
        optimizer.lr = rates[0]
        optimizer.param_groups[1]["lr"] = rates[1]
        before = head.value.item(), body.value.item()
        for parameter in (head, body):
            back(parameter, np.array(1.0))
        optimizer.step()
        optimizer.zero_grad()
        assert (head.value.item(), body.value.item()) == (
            before[0] - rates[0],
            before[1] - rates[1],
        )
        assert [group["lr"] for group in optimizer.param_groups] == list(rates)
    assert optimizer.lr == 0.125
    assert dict(optimizer.param_groups[1]) == {
        "params": [body],
        "lr": 2.0,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
    }


def test_the_only_group_changes_the_attributes() -> None:
    optimizer = Adam([Parameter(tensor([1.0]))], lr=0.5)
    optimizer.param_groups[0]["lr"] *= 0.5
    assert optimizer.lr == 0.25
    with pytest.raises(ValueError, match="no setting 'rate'; allowed: \\['lr', 'betas'"):
        optimizer.param_groups[0]["rate"] = 0.1


def test_a_group_is_added_during_training() -> None:
    first, second = Parameter(tensor([1.0])), Parameter(tensor([1.0]))
    optimizer = SGD([first], lr=0.5)
    optimizer.add_param_group({"params": [second], "lr": 0.25})
    for parameter in (first, second):
        back(parameter, np.array(1.0))
    optimizer.step()
    assert (first.value.item(), second.value.item()) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"lr": 0.1}, "keys \\['lr'\\]; it needs 'params'"),
        ({"params": [Parameter(1.0)], "rate": 0.1}, "may have \\['lr', 'momentum'"),
        ({"params": [Parameter(1.0)], "lr": -1.0}, "lr -1.0 must be 0 or more"),
        ({"params": [Parameter(1.0)], "nesterov": True}, "nesterov needs momentum"),
    ],
)
def test_groups_that_do_not_fit(group: dict[str, Any], message: str) -> None:
    valid: dict[str, Any] = {"params": [Parameter(tensor([1.0]))]}
    with pytest.raises(ValueError, match=f"SGD: .*{message}"):
        SGD([valid, group], lr=0.1)
    optimizer = SGD([valid], lr=0.1)
    with pytest.raises(ValueError, match=f"SGD: .*{message}"):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == len(optimizer.parameters) == 1


def test_a_parameter_belongs_to_one_group() -> None:
    shared = Parameter(tensor([1.0]))
    with pytest.raises(ValueError, match="SGD: a parameter is in two groups"):
        SGD([{"params": [shared]}, {"params": [shared]}], lr=0.1)


def test_a_state_contains_the_groups() -> None:
    def build(*settings: dict[str, Any]) -> Adam:
        return Adam([{"params": [Parameter(tensor([1.0]))]} | each for each in settings], lr=0.1)

    state = json.loads(json.dumps(build({}, {"lr": 0.5, "betas": (0.5, 0.5)}).state_dict()))
    other = build({}, {})
    other.load_state_dict(state)
    assert [group["lr"] for group in other.param_groups] == [0.1, 0.5]
    assert other.param_groups[1]["betas"] == (0.5, 0.5)
    with pytest.raises(ValueError, match="groups of \\[1, 1\\] parameters, and the optimiser has"):
        Adam([Parameter(tensor([1.0])), Parameter(tensor([1.0]))]).load_state_dict(state)
    other.load_state_dict(build({}, {}).state_dict())
    assert other.param_groups[1]["lr"] == 0.1


# Types of arguments


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (lambda: Linear(2, 1), r"SGD: expected several parameters, got Linear"),
        (lambda: tensor([1.0]), r"got Tensor; pass model.parameters\(\) or a list"),
        (lambda: Parameter(tensor([1.0])), r"got Parameter; pass model.parameters\(\) or a list"),
        (lambda: 3, r"got int"),
        (lambda: Linear(2, 1).named_parameters(), r"\[0\] .* not model.named_parameters\(\)"),
        (lambda: [Parameter(1.0), tensor([1.0])], r"\[1\] is of type Tensor, not Parameter; wrap"),
    ],
)
def test_arguments_that_are_not_parameters(argument: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        SGD(argument(), 0.1)


def test_an_optimiser_without_parameters() -> None:
    with pytest.raises(ValueError, match="Adam: there are no parameters"):
        Adam([])
    parameters = (p for p in [Parameter(tensor([1.0]))])
    SGD(parameters, 0.1)
    with pytest.raises(ValueError, match="a generator can be used only once"):
        SGD(parameters, 0.1)


def test_a_subclass_must_define_rule_or_step() -> None:
    class Sign(Optimizer):
        def rule(self, value: Any, grad: Any, memory: dict[str, Any], step: int) -> Any:
            return value - step * ((grad > 0.0) - (grad < 0.0))

    x, y = Parameter(tensor([1.0, 5.0])), Parameter(Scalar(2.0))
    optimizer = Sign([x, y])
    for _ in range(2):
        back(x, np.array([0.1, -7.0]))
        back(y, np.array(3.0))
        optimizer.step()
        optimizer.zero_grad()
    assert (x.value.to_numpy().tolist(), y.value.data) == ([-2.0, 8.0], -1.0)
    back(y, np.array(1.0))
    with pytest.raises(NotImplementedError, match="Optimizer must define the method rule or step"):
        Optimizer([y]).step()


# State


def exact(state: dict[str, Any]) -> str:
    """Return a state with all digits, as text."""
    slots = {name: (slot.dtype.name, slot.tolist()) for name, slot in state["slots"].items()}
    return json.dumps(state | {"slots": slots}, sort_keys=True)


def mixed() -> list[Parameter]:
    return [Parameter(tensor([[1.0, 2.0]])), Parameter(Scalar(3.0)), Parameter(tensor([9.0]))]


def run(parameters: Sequence[Parameter], optimizer: Optimizer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(3):
        optimizer.zero_grad()
        back(parameters[0], rng.normal(size=(1, 2)))
        back(parameters[1], np.asarray(rng.normal()))
        optimizer.step()


@each
def test_training_continues_exactly_from_a_loaded_state(build: Build) -> None:
    undisturbed = mixed()
    optimizer: Any = build(undisturbed)
    optimizer.lr = 0.03
    run(undisturbed, optimizer, seed=1)
    state = optimizer.state_dict()
    resumed = mixed()
    for copy, original in zip(resumed, undisturbed, strict=True):
        copy.update(type(original.value)(original.value.data))
    other: Any = build(resumed)
    other.load_state_dict(state)
    assert other.lr == 0.03
    run(undisturbed, optimizer, seed=2)
    run(resumed, other, seed=2)
    np.testing.assert_array_equal(undisturbed[0].value.detach(), resumed[0].value.detach())
    assert undisturbed[1].value.data == resumed[1].value.data
    assert exact(other.state_dict()) == exact(optimizer.state_dict())


@each
def test_a_state_is_a_copy_and_json_except_for_arrays(build: Build) -> None:
    parameters = mixed()
    optimizer = build(parameters)
    run(parameters, optimizer, seed=0)
    state = optimizer.state_dict()
    before = exact(state)
    run(parameters, optimizer, seed=1)
    assert exact(state) == before
    slots = state.pop("slots")
    assert json.loads(json.dumps(state)) == state
    assert all(type(slot) is np.ndarray for slot in slots.values())
    assert state["steps"] == [3, 3, 0]


def test_an_invalid_state_changes_nothing() -> None:
    parameters = mixed()
    optimizer = Adam(parameters, lr=0.5)
    run(parameters, optimizer, seed=0)
    good = optimizer.state_dict()
    before = exact(good)
    slots = good["slots"]
    refused: list[tuple[dict[str, Any], str]] = [
        ({}, r"the state lacks \['hyperparameters', 'optimizer', 'slots', 'steps'\]"),
        (good | {"optimizer": "SGD"}, r"load it into SGD\(parameters\)"),
        (good | {"hyperparameters": {"lr": 1.0}}, r"has the hyperparameters \['lr'\]; expected"),
        (good | {"steps": [1]}, "the state has 1 parameters, and the optimiser has 3"),
        (good | {"slots": slots | {"0.mean": np.zeros(2)}}, r"shape \(2,\), and .* has \(1, 2\)"),
        (good | {"slots": slots | {"1.mean": np.zeros(1)}}, r"shape \(1,\), and .* has \(\)"),
        (good | {"slots": slots | {"7.mean": np.zeros(2)}}, r"unknown slots \['7.mean'\]"),
        (good | {"slots": slots | {"0.other": np.zeros(2)}}, r"unknown slots \['0.other'\]"),
        (
            good | {"slots": {k: v for k, v in slots.items() if k != "0.square"}},
            r"parameter 0 has the slots \['mean'\]; expected",
        ),
    ]
    for state, message in refused:
        with pytest.raises(ValueError, match=rf"Adam\.load_state_dict: .*{message}"):
            optimizer.load_state_dict(state)
        with pytest.raises(ValueError, match=r"Adam\.load_state_dict"):
            optimizer.check_state_dict(state)
        assert exact(optimizer.state_dict()) == before


def test_a_checked_state_is_not_loaded() -> None:
    optimizer = SGD(mixed(), lr=0.5)
    other = SGD(mixed(), lr=0.25)
    optimizer.check_state_dict(other.state_dict())
    assert optimizer.lr == 0.5
