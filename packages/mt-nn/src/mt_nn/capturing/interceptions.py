"""Methods that are replaced while a step is recorded: what the recorder must know, or refuse."""

from __future__ import annotations

from typing import Any

from mt_autodiff import Tensor
from mt_autodiff.basic_tensor import BasicTensor
from mt_autodiff.engine import Node
from mt_nn.module import Module
from mt_nn.optim.base import Optimizer
from mt_nn.parameter import Parameter
from mt_tensor import HostBackend, recording


@recording.intercept(HostBackend, "to_numpy")
def _refuse_array(recorder: Any, to_numpy: Any, *args: Any) -> Any:
    recorder.refuse("reads the elements of a tensor")
    return to_numpy(*args)


@recording.intercept(BasicTensor, "item")
def _refuse_item(recorder: Any, item: Any, *args: Any) -> Any:
    recorder.refuse("reads the elements of a tensor")
    return item(*args)


@recording.intercept(Parameter, "update")
def _refuse_update(recorder: Any, update: Any, *args: Any) -> None:
    recorder.refuse("updates a parameter without a fused form of an optimiser")
    update(*args)


@recording.intercept(Module, "__setattr__")
def _refuse_attribute(recorder: Any, setattr: Any, module: Module, name: str, value: Any) -> None:
    """Allow tensors, which the calls compute; a later step would not set other objects."""
    if not isinstance(value, Tensor) or any(name == each for each, _ in module.named_buffers()):
        recorder.refuse(f"sets the attribute {name!r} of {type(module).__name__}")
    setattr(module, name, value)


@recording.intercept(Module, "__call__")
def _record_module(recorder: Any, call: Any, module: Module, *args: Any, **kwargs: Any) -> Any:
    recorder.module_called(module)
    return call(module, *args, **kwargs)


@recording.intercept(Module, "zero_grad")
def _record_module_zero_grad(recorder: Any, zero_grad: Any, module: Module) -> None:
    recorder.zeroed(module.parameters())
    zero_grad(module)


@recording.intercept(Optimizer, "zero_grad")
def _record_zero_grad(recorder: Any, zero_grad: Any, optimizer: Optimizer) -> None:
    recorder.zeroed(optimizer.parameters)
    zero_grad(optimizer)


@recording.intercept(Optimizer, "step")
def _record_step(recorder: Any, step: Any, optimizer: Optimizer) -> None:
    recorder.stepped(optimizer)
    step(optimizer)


@recording.intercept(Node, "accumulate_derivative")
def _record_gradient(recorder: Any, accumulate: Any, leaf: Node, x: Any) -> None:
    before = leaf.grad
    accumulate(leaf, x)
    recorder.accumulated(leaf, before)
