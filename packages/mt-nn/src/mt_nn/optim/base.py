"""The base class of optimisers: parameters, state, and the update rule of one parameter.

A subclass defines its rule once, as a formula. The formula applies to scalars and tensors, which
have the same arithmetic, on every backend. An optimiser that processes all parameters at once
overrides `Optimizer.step`.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mt_autodiff import Scalar, Tensor, no_grad, record
from mt_nn._gradients import Number, gradient, set_gradient, unique_parameters
from mt_nn.module import Parameter
from mt_tensor import FusedOperation, TensorData


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

    Attributes:
        parameters: The parameters to train, without duplicates.
        lr: The learning rate.
        hyperparameters: The names of the attributes that the rule reads; they may be changed at
            any time and are part of `state_dict`.
        slots: The names of the state variables of each parameter, such as a velocity.
    """

    lr: float
    hyperparameters: ClassVar[tuple[str, ...]] = ()
    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        """Make an optimiser of parameters, such as ``model.parameters()``.

        Args:
            parameters: Parameters whose values are Scalars or Tensors; values of other types are
                not changed.

        Raises:
            TypeError: An item is not a `Parameter`.
            ValueError: There are no parameters.
        """
        name = type(self).__name__
        self.parameters = unique_parameters(parameters, name)
        if not self.parameters:
            raise ValueError(
                f"{name}: there are no parameters; pass model.parameters() of a module that has "
                "some (a generator can be used only once)"
            )
        self._steps = [0] * len(self.parameters)
        self._memory: list[dict[str, Number]] = [{} for _ in self.parameters]

    def __repr__(self) -> str:
        settings = "".join(f", {name}={getattr(self, name)}" for name in self.hyperparameters)
        return f"{type(self).__name__}({len(self.parameters)} parameters{settings})"

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to None."""
        for parameter in self.parameters:
            set_gradient(parameter, None)

    def step(self) -> None:
        """Update every parameter that has a gradient.

        Each gets a new value, a leaf without a gradient; `zero_grad` need not be called.
        Parameters without a gradient, and frozen ones, are not changed.
        """
        groups: dict[tuple[int, int], list[int]] = {}
        with no_grad(), record(f"{type(self).__name__}.step"):
            for at, parameter in enumerate(self.parameters):
                grad = gradient(parameter)
                if grad is None:
                    continue
                self._steps[at] += 1
                if isinstance(grad, Tensor) and grad.backend is parameter.value.backend:
                    groups.setdefault((id(grad.backend), self._steps[at]), []).append(at)
                else:
                    self._step_single(at)
            for (_, step), group in groups.items():
                if not self._step_fused(step, group):
                    for at in group:
                        self._step_single(at)

    def _step_single(self, at: int) -> None:
        """Update one parameter by the rule."""
        parameter = self.parameters[at]
        value, grad = parameter.value, gradient(parameter)
        assert grad is not None
        scalar = isinstance(value, Scalar)
        new = self.rule(value.data if scalar else value, grad, self._memory[at], self._steps[at])
        parameter.update(type(value)(new) if scalar else new)

    def _step_fused(self, step: int, group: list[int]) -> bool:
        """Update tensors of one backend by its fused form of the rule.

        Args:
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
        _, slots, settings = rule
        values = [self.parameters[at].value for at in group]
        old_slots = [
            [self._slot(at, slot, value) for at, value in zip(group, values, strict=True)]
            for slot in slots
        ]
        results = form.forward(
            backend,
            (),
            [value.data for value in values],
            [value.grad.data for value in values],
            old_slots,
            settings,
        )
        if results is None:
            return False
        new_values, *new_slots = results
        for at, value, data in zip(group, values, new_values, strict=True):
            self.parameters[at].update(type(value)(data, None, None, backend))
        for slot, tensors in zip(slots, new_slots, strict=True):
            for at, data in zip(group, tensors, strict=True):
                self._memory[at][slot] = Tensor(data, backend=backend)
        return True

    def _slot(self, at: int, slot: str, value: Tensor) -> TensorData:
        """Return a slot of a parameter on the backend of its value; zeros before the first step."""
        memory = self._memory[at].get(slot)
        if not isinstance(memory, Tensor):
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
            "0.velocity": the parameter's position and the slot's name. All values except the
            arrays can be written as JSON.
        """
        return {
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
        slots = dict(state["slots"])
        memory = [self._read_slots(at, slots) for at in range(len(self.parameters))]
        if slots:
            raise ValueError(
                f"{name}.load_state_dict: unknown slots {sorted(slots)}; the optimiser has "
                f"{len(self.parameters)} parameters with the slots {list(self.slots)}"
            )
        return [int(steps) for steps in state["steps"]], memory

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
        ValueError: The value is not in [0, below), or it is 0 and `positive` is True.
    """
    if not 0.0 <= value < below or (positive and value == 0.0):
        low = "above 0" if positive else "0 or more"
        high = "finite" if below == math.inf else f"less than {below:g}"
        raise ValueError(f"{optimizer}: {name} {value} must be {low} and {high}")
    return float(value)


def decayed(grad: Number, value: Number, weight_decay: float) -> Number:
    """Return the sum of a parameter's gradient and the gradient of the L2 penalty."""
    return grad + weight_decay * value if weight_decay else grad
