"""What optimisers have in common: parameters, state, and a rule for one of them.

A subclass states its rule once, as a formula. It serves scalars and tensors alike, because the
arithmetic of both is written the same way, and it runs on whichever backend a tensor carries. An
optimiser that has more to gain from going over all parameters at once overrides `Optimizer.step`.
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
    """The operation of an optimiser's step, and the numbers of this step.

    Attributes:
        operation: The key of the fused form.
        slots: The names of the slots that it reads and writes, in its order.
        settings: The numbers of the formula; see `mt_tensor.fused.operations`.
    """

    operation: FusedOperation
    slots: tuple[str, ...]
    settings: tuple[float, ...]


class Optimizer:
    """Improves parameters by the gradients that backpropagation left in them.

    Attributes:
        parameters: What is improved, each once.
        lr: The learning rate.
        hyperparameters: The names of the attributes that steer the rule; they may be changed at
            any time and are part of `state_dict`.
        slots: The names of the numbers that the rule remembers for each parameter.
    """

    lr: float
    hyperparameters: ClassVar[tuple[str, ...]] = ()
    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        """Take charge of parameters, such as ``model.parameters()``.

        Args:
            parameters: Their values are Scalars or Tensors; values of other types are left alone.

        Raises:
            TypeError: There is something else than a `Parameter`.
            ValueError: There is none at all.
        """
        name = type(self).__name__
        self.parameters = unique_parameters(parameters, name)
        if not self.parameters:
            raise ValueError(
                f"{name}: no parameters; pass model.parameters() of a module that has some "
                "(a generator gives them only once)"
            )
        self._steps = [0] * len(self.parameters)
        self._memory: list[dict[str, Number]] = [{} for _ in self.parameters]

    def __repr__(self) -> str:
        settings = "".join(f", {name}={getattr(self, name)}" for name in self.hyperparameters)
        return f"{type(self).__name__}({len(self.parameters)} parameters{settings})"

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters:
            set_gradient(parameter, None)

    def step(self) -> None:
        """Improve every parameter that has a gradient.

        Each gets a new value, a leaf without a gradient; `zero_grad` need not be called.
        Parameters without a gradient, and frozen ones, stay as they are.
        """
        together: dict[tuple[int, int], list[int]] = {}
        with no_grad(), record(f"{type(self).__name__}.step"):
            for at, parameter in enumerate(self.parameters):
                grad = gradient(parameter)
                if grad is None:
                    continue
                self._steps[at] += 1
                if isinstance(grad, Tensor) and grad.backend is parameter.value.backend:
                    together.setdefault((id(grad.backend), self._steps[at]), []).append(at)
                else:
                    self._step_alone(at)
            for (_, step), members in together.items():
                if not self._step_together(step, members):
                    for at in members:
                        self._step_alone(at)

    def _step_alone(self, at: int) -> None:
        """Improve one parameter by the rule."""
        parameter = self.parameters[at]
        value, grad = parameter.value, gradient(parameter)
        assert grad is not None
        scalar = isinstance(value, Scalar)
        new = self.rule(value.data if scalar else value, grad, self._memory[at], self._steps[at])
        parameter.update(type(value)(new) if scalar else new)

    def _step_together(self, step: int, members: list[int]) -> bool:
        """Improve tensors of one backend by its fused form of the rule.

        Returns:
            Whether the backend has one and does not decline.
        """
        rule = self.fused_rule(step)
        backend = self.parameters[members[0]].value.backend
        form = rule and backend.fused(rule.operation)
        if rule is None or form is None:
            return False
        _, slots, settings = rule
        values = [self.parameters[at].value for at in members]
        remembered = [
            [self._remembered(at, slot, value) for at, value in zip(members, values, strict=True)]
            for slot in slots
        ]
        answer = form.forward(
            backend,
            (),
            [value.data for value in values],
            [value.grad.data for value in values],
            remembered,
            settings,
        )
        if answer is None:
            return False
        new, *memories = answer
        for at, value, data in zip(members, values, new, strict=True):
            self.parameters[at].update(type(value)(data, None, None, backend))
        for slot, memory in zip(slots, memories, strict=True):
            for at, data in zip(members, memory, strict=True):
                self._memory[at][slot] = Tensor(data, backend=backend)
        return True

    def _remembered(self, at: int, slot: str, value: Tensor) -> TensorData:
        """Return what is remembered of a parameter: zeros at first."""
        memory = self._memory[at].get(slot)
        if not isinstance(memory, Tensor):
            return value.backend.zeros(value.shape)
        # The parameter may have moved since the step before.
        return memory.to(value.backend).data

    def fused_rule(self, step: int) -> FusedRule | None:
        """Return the operation whose fused form computes `rule` for many tensors at once.

        `rule` is the definition of the form. The result is None for a rule that has no form.

        Args:
            step: The number of this step, from 1.
        """
        return None

    def rule(self, value: Number, grad: Number, memory: dict[str, Number], step: int) -> Number:
        """Return the new value of one parameter.

        Args:
            value: The present one.
            grad: Its gradient.
            memory: The slots of this parameter, empty at first, for the rule to read and write.
            step: How often this parameter has been improved, this time included.

        Shape:
            Value, gradient, slots and result have the parameter's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define rule or step")

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next step depends on but the parameters themselves.

        Returns:
            "optimizer", the name of the class; "hyperparameters" by name; "steps", the number of
            steps of each parameter; "slots", copies of what the rule remembers, as arrays under
            names such as "0.velocity", the parameter's number and the slot's name. All but the
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
        """Continue where the optimiser was that gave a state.

        The state is checked as a whole first: a refused one changes nothing.

        Args:
            state: What `state_dict` returned, for parameters of the same shapes in the same order.

        Raises:
            ValueError: The state is another optimiser's, of other parameters, or incomplete.
        """
        self._steps, self._memory = self._read(state)
        for name in self.hyperparameters:
            setattr(self, name, _restored(state["hyperparameters"][name]))

    def check_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raise the ValueError that `load_state_dict` would raise; change nothing."""
        self._read(state)

    def _read(self, state: Mapping[str, Any]) -> tuple[list[int], list[dict[str, Number]]]:
        """Return the steps and the memory of a state, checked."""
        name = type(self).__name__
        missing = {"optimizer", "hyperparameters", "steps", "slots"} - set(state)
        if missing:
            raise ValueError(
                f"{name}.load_state_dict: the state lacks {sorted(missing)}; "
                "give what state_dict returned"
            )
        if state["optimizer"] != name:
            raise ValueError(
                f"{name}.load_state_dict: the state is one of {state['optimizer']}; "
                f"load it into {state['optimizer']}(parameters)"
            )
        if set(state["hyperparameters"]) != set(self.hyperparameters):
            raise ValueError(
                f"{name}.load_state_dict: the state has the hyperparameters "
                f"{sorted(state['hyperparameters'])}; expected {sorted(self.hyperparameters)}"
            )
        if len(state["steps"]) != len(self.parameters):
            raise ValueError(
                f"{name}.load_state_dict: the state is for {len(state['steps'])} parameters, and "
                f"there are {len(self.parameters)}; build the optimiser with the same parameters"
            )
        slots = dict(state["slots"])
        memory = [self._read_slots(at, slots) for at in range(len(self.parameters))]
        if slots:
            raise ValueError(
                f"{name}.load_state_dict: unknown slots {sorted(slots)}; there are "
                f"{len(self.parameters)} parameters with the slots {list(self.slots)}"
            )
        return [int(steps) for steps in state["steps"]], memory

    def _read_slots(self, at: int, slots: dict[str, Any]) -> dict[str, Number]:
        """Take the slots of one parameter out of those of a state."""
        name, value = type(self).__name__, self.parameters[at].value
        shape = value.shape if isinstance(value, Tensor) else ()
        found = [slot for slot in self.slots if f"{at}.{slot}" in slots]
        if found and len(found) != len(self.slots):
            raise ValueError(
                f"{name}.load_state_dict: parameter {at} has the slots {found} only, "
                f"of {list(self.slots)}"
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
    """Return a hyperparameter as JSON knows it, exactly."""
    if isinstance(setting, tuple):
        return [_plain(part) for part in setting]
    return setting if isinstance(setting, bool) else float(setting)


def _restored(setting: Any) -> Any:
    """Return a hyperparameter as the optimiser keeps it."""
    return tuple(setting) if isinstance(setting, list) else setting


def check_setting(
    optimizer: str, name: str, value: float, below: float = math.inf, positive: bool = False
) -> float:
    """Return a hyperparameter as a float.

    Raises:
        ValueError: It is not in [0, below), or it is 0 and must be positive.
    """
    if not 0.0 <= value < below or (positive and value == 0.0):
        low = "above 0" if positive else "0 or more"
        high = "finite" if below == math.inf else f"less than {below:g}"
        raise ValueError(f"{optimizer}: {name} {value} must be {low} and {high}")
    return float(value)


def decayed(grad: Number, value: Number, weight_decay: float) -> Number:
    """Return the gradient of a parameter with that of an L2 penalty added."""
    return grad + weight_decay * value if weight_decay else grad
