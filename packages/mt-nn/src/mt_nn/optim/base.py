"""The base class of optimisers: parameters, state, and the update rule of one parameter.

A subclass defines its rule once, as a formula. The formula applies to scalars and tensors, which
have the same arithmetic, on every backend. An optimiser that processes all parameters at once
overrides `Optimizer.step`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mt_autodiff import Scalar, Tensor, no_grad, record
from mt_autodiff.engine import LEAF, new_node
from mt_autodiff.names import missing_member
from mt_nn._gradients import Number, gradient, unique_parameters
from mt_nn._names import OPTIMIZER_MEMBERS
from mt_nn._settings import as_number
from mt_nn.optim.groups import ParameterGroup
from mt_nn.parameter import Parameter
from mt_tensor import FusedOperation, TensorData, recording

Parameters: TypeAlias = Iterable[Parameter] | Iterable[Mapping[str, Any]]
"""The parameters to train, or parameter groups: dicts with the parameters under "params", and
settings of the group under the names of the hyperparameters."""


class FusedRule(NamedTuple):
    """The fused operation of an optimiser's rule, with the settings of one step.

    Attributes:
        operation: The key of the fused form.
        slots: The names of the slots that it reads and writes, in the form's order.
        settings: The constants of the formula; see `mt_tensor.fused.operations`.
    """

    operation: FusedOperation
    slots: tuple[str, ...]
    settings: tuple[float, ...]


class Optimizer:
    """The base class of optimisers, which update parameters by their gradients.

    The settings of an optimiser are its attributes. A parameter group may have settings of its
    own, which then apply instead of the optimiser's; see `param_groups`.

    Attributes:
        parameters: The parameters to train, without duplicates.
        param_groups: The parameter groups; one group if none were given.
        lr: The learning rate.
        hyperparameters: The names of the attributes that the rule reads; they may be changed at
            any time and are part of `state_dict`.
        slots: The names of the state variables of each parameter, such as a velocity.
    """

    lr: float
    hyperparameters: ClassVar[tuple[str, ...]] = ()
    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Parameters) -> None:
        """Make an optimiser of parameters, such as ``model.parameters()``.

        Args:
            parameters: Parameters whose values are Scalars or Tensors; values of other types are
                not changed. Or parameter groups, such as ``[{"params": head.parameters()},
                {"params": body.parameters(), "lr": 0.01}]``.

        Raises:
            TypeError: An item is not a `Parameter`.
            ValueError: There are no parameters, a parameter is in two groups, or a group has a
                setting that the optimiser does not have.
        """
        name = type(self).__name__
        self.parameters: list[Parameter] = []
        self.param_groups: list[ParameterGroup] = []
        self._steps: list[int] = []
        self._memory: list[dict[str, Number]] = []
        if isinstance(parameters, Sequence) and parameters and isinstance(parameters[0], Mapping):
            for group in parameters:
                self.add_param_group(group)
        else:
            self.add_param_group({"params": parameters})
        if not self.parameters:
            raise ValueError(
                f"{name}: there are no parameters; pass model.parameters() of a module that has "
                "some (a generator can be used only once)"
            )

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add a parameter group.

        Args:
            group: The parameters under "params", and settings under the hyperparameters' names.

        Raises:
            TypeError: An item is not a `Parameter`.
            ValueError: A parameter is in another group, "params" is missing, or the optimiser does
                not have a setting or does not allow its value.
        """
        name = type(self).__name__
        unknown = sorted(set(group) - {"params", *self.hyperparameters})
        if unknown or "params" not in group:
            raise ValueError(
                f"{name}: a parameter group has the keys {sorted(group)}; it needs 'params' and "
                f"may have {list(self.hyperparameters)}"
            )
        added = unique_parameters(group["params"], name)
        if {id(parameter) for parameter in added} & {id(each) for each in self.parameters}:
            raise ValueError(f"{name}: a parameter is in two groups; list it in one of them")
        own = {key: value for key, value in group.items() if key != "params"}
        created = ParameterGroup(self, added, own)
        # The settings of an optimiser are known after its constructor, which checks its groups.
        if self.param_groups and all(key in vars(self) for key in self.hyperparameters):
            self._check_group(created)
        self.param_groups.append(created)
        self.parameters += added
        self._steps += [0] * len(added)
        self._memory += [{} for _ in added]

    def check_settings(self) -> None:
        """Raise ValueError if a setting is out of range. A subclass may define it."""

    def check_groups(self) -> None:
        """Call `check_settings` with the settings of each group; for the end of a constructor."""
        for group in self.param_groups:
            self._check_group(group)

    def _check_group(self, group: ParameterGroup) -> None:
        with self._settings_of(group):
            self.check_settings()

    @contextmanager
    def _settings_of(self, group: ParameterGroup) -> Iterator[None]:
        """Replace the attributes of this optimiser by the settings of a group, temporarily."""
        common = {name: getattr(self, name) for name in group.own}
        vars(self).update(group.own)
        try:
            yield
        finally:
            vars(self).update(common)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={getattr(self, name)}" for name in self.hyperparameters)
        return f"{type(self).__name__}({len(self.parameters)} parameters{settings})"

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to None."""
        for parameter in self.parameters:
            value = parameter.value
            if isinstance(value, Tensor):
                value.grad = None
            else:
                parameter.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient.

        Each gets a new value, a leaf with the same gradient: call `zero_grad` before the next
        `backward`, which adds to it. Parameters without a gradient, and frozen ones, are not
        changed.
        """
        with no_grad(), record(f"{type(self).__name__}.step"):
            first = 0
            for group in self.param_groups:
                last = first + len(group.parameters)
                if group.own:
                    with self._settings_of(group):
                        self._step_group(group, first, last)
                else:
                    self._step_group(group, first, last)
                first = last

    def _step_group(self, own: ParameterGroup, first: int, last: int) -> None:
        """Update the parameters of one group, those at positions from first to before last."""
        groups: dict[tuple[int, int], list[int]] = {}
        # Local names: reading an attribute of an object with `__getattr__` takes longer.
        parameters, steps = self.parameters, self._steps
        for at in range(first, last):
            parameter = parameters[at]
            grad = gradient(parameter)
            if grad is None:
                continue
            steps[at] += 1
            if isinstance(grad, Tensor) and grad.backend is parameter.value.backend:
                groups.setdefault((id(grad.backend), steps[at]), []).append(at)
            else:
                self._step_single(at)
        for (_, step), group in groups.items():
            recording.repeated(partial(self._count, group, 1), partial(self._count, group, -1))
            if not self._step_fused(own, step, group):
                recording.refuse(
                    f"updates parameters without a fused form of {type(self).__name__}"
                )
                for at in group:
                    self._step_single(at)

    def _count(self, group: list[int], change: int) -> None:
        """Change the number of steps of the parameters at some positions."""
        for at in group:
            self._steps[at] += change

    def _step_single(self, at: int) -> None:
        """Update one parameter by the rule."""
        parameter = self.parameters[at]
        value, grad = parameter.value, gradient(parameter)
        assert grad is not None
        scalar = isinstance(value, Scalar)
        new = self.rule(value.data if scalar else value, grad, self._memory[at], self._steps[at])
        parameter.update(type(value)(new) if scalar else new)
        parameter.grad = grad

    def _step_fused(self, own: ParameterGroup, step: int, group: list[int]) -> bool:
        """Update tensors of one backend by its fused form of the rule.

        Args:
            own: The parameter group.
            step: The number of the step, equal for all parameters of the group.
            group: The positions of the parameters.

        Returns:
            False if the backend has no form or the form declines; nothing is changed then.
        """
        rule = self.fused_rule(step)
        backend = self.parameters[group[0]].value.backend
        form = rule and backend.fused(rule.operation)
        if rule is None or form is None:
            return False
        parameters = [self.parameters[at] for at in group]
        values = [parameter.value for parameter in parameters]
        grads = [value.grad for value in values]
        data = [value.data for value in values]
        old_slots = [
            [self._slot(at, slot, value) for at, value in zip(group, values, strict=True)]
            for slot in rule.slots
        ]
        settings = np.array(rule.settings)
        recorded = recording.recorder() is not None
        if recorded:
            # The rule of this step has a form, so there are settings.
            settings = recording.computed(self._settings_now, own, group[0], rule)  # type: ignore[arg-type]
        results = form.forward(
            backend, (), data, [grad.data for grad in grads], old_slots, settings
        )
        if results is None:
            return False
        new_values, *new_slots = results
        for parameter, value, new_data, grad in zip(
            parameters, values, new_values, grads, strict=True
        ):
            # `Parameter.update` takes longer; this is the most frequent case of it.
            new = new_node(type(value), new_data, LEAF, backend)
            new.name, new.grad = parameter.name, grad
            parameter.value = new
            if recorded:
                place = partial(getattr, parameter, "value"), partial(setattr, parameter, "value")
                recording.replaced(*place, value, new)
        for slot, tensors, olds in zip(rule.slots, new_slots, old_slots, strict=True):
            for at, new_data, old_data in zip(group, tensors, olds, strict=True):
                self._memory[at][slot] = new = Tensor(new_data, backend=backend)
                if recorded:
                    place = partial(self._read_slot, at, slot), partial(self._write_slot, at, slot)
                    recording.replaced(*place, Tensor(old_data, backend=backend), new)
        return True

    def _settings_now(
        self, own: ParameterGroup, at: int, rule: FusedRule
    ) -> npt.NDArray[np.float64] | None:
        """Return the settings of a step of a group as an array, None if it needs another form."""
        now = self._rule_of(own, at)
        if now is None or (now.operation, now.slots) != (rule.operation, rule.slots):
            return None
        return np.array(now.settings)

    def _rule_of(self, own: ParameterGroup, at: int) -> FusedRule | None:
        """Return the fused rule of the present step of the parameter at a position."""
        if not own.own:
            return self.fused_rule(self._steps[at])
        with self._settings_of(own):
            return self.fused_rule(self._steps[at])

    def _read_slot(self, at: int, slot: str) -> Any:
        return self._memory[at].get(slot)

    def _write_slot(self, at: int, slot: str, value: Any) -> None:
        self._memory[at][slot] = value

    def _slot(self, at: int, slot: str, value: Tensor) -> TensorData:
        """Return a slot of a parameter on the backend of its value; zeros before the first step."""
        memory = self._memory[at].get(slot)
        if not isinstance(memory, Tensor):
            recording.refuse("is the first step of an optimiser", for_now=True)
            return value.backend.zeros(value.shape)
        # The parameter may have been moved to another backend since the last step.
        return memory.to(value.backend).data

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation whose fused form computes `rule` for many tensors at once.

        `rule` is the definition of the form. The result is None for a rule without a form.

        Args:
            step: The number of the step, from 1.
        """
        return None

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter.

        Args:
            value: The present value.
            grad: The gradient.
            memory: The slots of this parameter, empty before the first step; the rule reads and
                writes them.
            step: The number of the parameter's step, from 1.

        Shape:
            Value, gradient, slots and result have the parameter's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method rule or step")

    def state_dict(self) -> dict[str, Any]:
        """Return the state on which the next step depends, without the parameters.

        Returns:
            "optimizer", the name of the class; "hyperparameters" by name; "steps", the number of
            steps of each parameter; "slots", copies of the slots as arrays, with names such as
            "0.velocity": the parameter's position and the slot's name. If groups have settings of
            their own, also "groups": the number of parameters and the settings of each. All values
            except the arrays can be written as JSON.
        """
        groups = [
            {
                "parameters": len(group.parameters),
                "own": {k: _plain(v) for k, v in group.own.items()},
            }
            for group in self.param_groups
        ]
        return ({"groups": groups} if any(group.own for group in self.param_groups) else {}) | {
            "optimizer": type(self).__name__,
            "hyperparameters": {name: _plain(getattr(self, name)) for name in self.hyperparameters},
            "steps": list(self._steps),
            "slots": {
                f"{at}.{slot}": np.array(number)
                for at, memory in enumerate(self._memory)
                for slot, number in memory.items()
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state of `state_dict`.

        All checks run first: after an error nothing is changed.

        Args:
            state: A result of `state_dict`, for parameters of the same shapes in the same order.

        Raises:
            ValueError: The state is incomplete, or it belongs to another optimiser or to other
                parameters.
        """
        self._steps, self._memory = self._read(state)
        for name in self.hyperparameters:
            setattr(self, name, _restored(state["hyperparameters"][name]))
        for group, saved in zip(self.param_groups, self._groups_of(state), strict=True):
            group.own = {name: _restored(value) for name, value in saved["own"].items()}

    def check_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raise the ValueError that `load_state_dict` would raise, without changing anything."""
        self._read(state)

    def _read(self, state: Mapping[str, Any]) -> tuple[list[int], list[dict[str, Number]]]:
        """Check a state, and return its steps and slots."""
        name = type(self).__name__
        missing = {"optimizer", "hyperparameters", "steps", "slots"} - set(state)
        if missing:
            raise ValueError(
                f"{name}.load_state_dict: the state lacks {sorted(missing)}; "
                "pass a result of state_dict"
            )
        if state["optimizer"] != name:
            raise ValueError(
                f"{name}.load_state_dict: the state belongs to {state['optimizer']}; "
                f"load it into {state['optimizer']}(parameters)"
            )
        if set(state["hyperparameters"]) != set(self.hyperparameters):
            raise ValueError(
                f"{name}.load_state_dict: the state has the hyperparameters "
                f"{sorted(state['hyperparameters'])}; expected {sorted(self.hyperparameters)}"
            )
        if len(state["steps"]) != len(self.parameters):
            raise ValueError(
                f"{name}.load_state_dict: the state has {len(state['steps'])} parameters, and the "
                f"optimiser has {len(self.parameters)}; build it with the same parameters"
            )
        counts = [len(group.parameters) for group in self.param_groups]
        saved = [group["parameters"] for group in self._groups_of(state)]
        if saved != counts:
            raise ValueError(
                f"{name}.load_state_dict: the state has groups of {saved} parameters, and the "
                f"optimiser has {counts}; build it with the same groups"
            )
        slots = dict(state["slots"])
        memory = [self._read_slots(at, slots) for at in range(len(self.parameters))]
        if slots:
            raise ValueError(
                f"{name}.load_state_dict: unknown slots {sorted(slots)}; the optimiser has "
                f"{len(self.parameters)} parameters with the slots {list(self.slots)}"
            )
        return [int(steps) for steps in state["steps"]], memory

    def _groups_of(self, state: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the groups of a state; without an entry no group has settings of its own."""
        default = [{"parameters": len(g.parameters), "own": {}} for g in self.param_groups]
        groups: Sequence[Mapping[str, Any]] = state.get("groups", default)
        return groups

    def _read_slots(self, at: int, slots: dict[str, Any]) -> dict[str, Number]:
        """Remove the slots of one parameter from those of a state, and return them."""
        name, value = type(self).__name__, self.parameters[at].value
        shape = value.shape if isinstance(value, Tensor) else ()
        found = [slot for slot in self.slots if f"{at}.{slot}" in slots]
        if found and len(found) != len(self.slots):
            raise ValueError(
                f"{name}.load_state_dict: parameter {at} has the slots {found}; "
                f"expected {list(self.slots)}"
            )
        memory: dict[str, Number] = {}
        for slot in found:
            array = np.asarray(slots.pop(f"{at}.{slot}"))
            if array.shape != shape:
                raise ValueError(
                    f"{name}.load_state_dict: slot {at}.{slot} has shape {array.shape}, and "
                    f"parameter {at} has {shape}; build the optimiser with the same parameters "
                    "in the same order"
                )
            if isinstance(value, Tensor):
                backend = value.backend
                memory[slot] = Tensor(backend.from_numpy(array.copy()), backend=backend)
            else:
                memory[slot] = float(array)
        return memory

    # Names of other libraries

    if not TYPE_CHECKING:  # A type checker would accept every name.

        def __getattr__(self, name: str) -> Any:
            raise missing_member(self, name, OPTIMIZER_MEMBERS)


def _plain(setting: Any) -> Any:
    """Return a hyperparameter as a value that JSON represents exactly."""
    if isinstance(setting, tuple):
        return [_plain(part) for part in setting]
    return setting if isinstance(setting, bool) else float(setting)


def _restored(setting: Any) -> Any:
    """Return a hyperparameter as the optimiser stores it: a list becomes a tuple."""
    return tuple(setting) if isinstance(setting, list) else setting


def check_setting(
    optimizer: str, name: str, value: float, below: float = math.inf, positive: bool = False
) -> float:
    """Return a hyperparameter as a float.

    Raises:
        TypeError: The value is not a number.
        ValueError: The value is not in [0, below), or it is 0 and `positive` is True.
    """
    value = as_number(optimizer, name, value)
    if not 0.0 <= value < below or (positive and value == 0.0):
        low = "above 0" if positive else "0 or more"
        high = "finite" if below == math.inf else f"less than {below:g}"
        raise ValueError(f"{optimizer}: {name} {value} must be {low} and {high}")
    return value


def decayed(grad: Number, value: Number, weight_decay: float) -> Number:
    """Return the sum of a parameter's gradient and the gradient of the L2 penalty."""
    return grad + weight_decay * value if weight_decay else grad
