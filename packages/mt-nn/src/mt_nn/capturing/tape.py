"""The recorded calls of one step, and their repetition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import Context
from typing import Any, NamedTuple

import numpy as np

from mt_autodiff import Tensor
from mt_autodiff.engine import LEAF, Node
from mt_nn.capturing.memory import Blocks
from mt_nn.capturing.structures import Array, elements, leaves_of, map_leaves, signature
from mt_nn.module import Module
from mt_nn.optim.base import Optimizer
from mt_nn.parameter import Parameter
from mt_tensor import recording
from mt_tensor.recording import Call


class Place(NamedTuple):
    """A tensor that the step replaces, such as a parameter.

    Attributes:
        read: A function that returns the tensor in the place.
        write: A function that puts a tensor there.
        old: The elements with which the recorded calls begin.
        new: The tensor that they leave.
        is_leaf: True if it requires a gradient, as a parameter does.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    old: Array
    new: Tensor
    is_leaf: bool

    def applies(self) -> bool:
        """Return whether the tensor in the place can be copied into the recorded one."""
        present = self.read()
        if present is self.new:
            return (present.history is LEAF) == self.is_leaf
        return (
            isinstance(present, Tensor)
            and present.shape == self.new.shape
            and present.backend == self.new.backend
            and (present.history is LEAF) == self.is_leaf
            and present.data.is_contiguous()
        )


class Gradient(NamedTuple):
    """The gradient that a step leaves in a leaf."""

    leaf: Node
    grad: Tensor | None


class Tape:
    """The recorded calls of one step: the recorder of `mt_tensor.recording`.

    Attributes:
        calls: The calls, in order.
        result: The result of the step; each repetition writes its tensors.
        planned_bytes: The size of the memory of intermediate values.
        reason: The reason why the recording is not used, None if it is.
        is_temporary: True if a later step may be recorded.
        is_checked: True if a repetition was compared with the step itself.
        failures: The number of repetitions in a row that ended early.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.result: Any = None
        self.planned_bytes = 0
        self.reason: str | None = None
        self.is_temporary = self.is_checked = False
        self.failures = 0
        self._inputs: list[Array] = []
        self._blocks = Blocks()
        self._generators: dict[int, np.random.Generator] = {}
        self._changes: list[tuple[Callable[[], object], Callable[[], object]]] = []
        self._changes_done = 0
        self._places: list[Place] = []
        self._copies: list[tuple[Array, Array]] = []
        self._olds: list[Any] = []
        self._modules: dict[int, tuple[Module, bool]] = {}
        self._optimizers: dict[int, tuple[Optimizer, int]] = {}
        self._values: dict[int, tuple[Parameter, Any]] = {}
        self._buffers: list[tuple[Module, str, Any]] = []
        self._leaves: dict[int, Node] = {}
        self._zeroed: set[int] = set()
        self._without_gradient: list[Node] = []
        self._gradients: list[Gradient] = []

    # Recording

    def record(self, step: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run a step on copies of its arguments, and record it.

        Returns:
            The result, whose tensors have no history if the recording can be used.
        """
        copied_args, copied_kwargs = map_leaves((args, kwargs), self._input)
        with recording.recording(self):
            result = step(*copied_args, **copied_kwargs)
            self._check_objects(result)
        if self.reason is not None:
            self.calls.clear()
            return result
        self.result = map_leaves(result, _without_history)
        del result, copied_args, copied_kwargs
        replaced = {id(place.new) for place in self._places}
        olds = {id(old) for old in self._olds}
        leaves = [each for key, each in self._leaves.items() if key not in olds]
        for node in (*leaves, *(place.new for place in self._places if place.new.history is LEAF)):
            self._gradients.append(Gradient(node, node.grad))
        for module, _ in self._modules.values():
            self._buffers += [
                (module, name, value) for name, value in module.named_buffers() if "." not in name
            ]
            for parameter in module.parameters():
                if id(parameter.value) not in replaced:
                    self._values[id(parameter)] = parameter, parameter.value
        self._leaves.clear()
        self._olds.clear()
        self._copies = _joined([(place.old, elements(place.new)) for place in self._places])
        # They depend on no kernel, and between kernels they would divide a segment.
        self.calls.sort(key=lambda call: not self._is_of_optimizer(call))
        self.planned_bytes = self._blocks.place(self.calls)
        self.calls = recording.joined(self.calls)
        return self.result

    def _check_objects(self, result: Any) -> None:
        """Refuse results and tensors that the calls do not compute."""
        values: list[Any] = [place.new for place in self._places]
        for module, _ in self._modules.values():
            values += [each.value for each in module.parameters()]
        results = list(leaves_of(result))
        for value in (*values, *results):
            if isinstance(value, Tensor) and not value.backend.is_recordable:
                self.refuse(f"computes on {value.backend!r}, {value.backend.unrecordable}")
        for value in values:
            if not isinstance(value, Tensor):
                self.refuse(f"has a parameter of type {type(value).__name__}")
        for value in results:
            if not isinstance(value, Tensor | np.ndarray | None):
                self.refuse(f"returns an object of type {type(value).__name__}; return tensors")
            elif isinstance(value, Tensor) and not value.is_constant() and not self._leaves:
                self.refuse(
                    "returns a tensor with a history; call backward in the step, or compute "
                    "inside no_grad"
                )

    def _input(self, value: Any) -> Any:
        """Return a copy of an argument, whose memory each repetition fills."""
        if isinstance(value, np.ndarray):
            copy = value.copy()
            self._inputs.append(copy)
            return copy
        copied = Tensor(value.backend.copy(value.data), backend=value.backend)
        copied.kind = value.kind
        self._inputs.append(elements(copied))
        return copied

    def ran(self, fn: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Record a call that was made."""
        self.calls.append(Call(fn, args, result))

    def side_by_side(self, run: Callable[..., list[Any]], works: Sequence[Any]) -> None:
        """Record the calls of functions that repetitions run on threads.

        Here they run one after another, so that the calls of each are recorded.
        """
        calls, lists = self.calls, []
        for work in works:
            self.calls = []
            work()
            lists.append(tuple(self.calls))
        self.calls = calls
        self.calls.append(Call(recording.run_on_threads, (run, *lists), True))

    def computed(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run a call that returns an array or None, and record it."""
        generator = getattr(fn, "__self__", None)
        if isinstance(generator, np.random.Generator):
            self._generators[id(generator)] = generator
        result = fn(*args)
        if result is None:
            self.calls.append(Call(fn, args, None))
        else:
            self.calls.append(Call(_fill, (result, fn, args), True))
        return result

    def allocated(self, count: int, dtype: np.dtype[Any]) -> Array:
        """Return memory for intermediate values."""
        return self._blocks.allocate(count, dtype)

    def repeated(self, do: Callable[[], object], undo: Callable[[], object]) -> None:
        """Record a change of a Python object."""
        self._changes.append((do, undo))
        self.calls.append(Call(self._change, (do,), None))

    def _is_of_optimizer(self, call: Call) -> bool:
        """Return whether a call counts the steps of an optimiser, or reads its settings."""
        if call.fn is _fill:
            return isinstance(getattr(call.args[1], "__self__", None), Optimizer)
        return bool(call.fn == self._change)

    def _change(self, do: Callable[[], object]) -> None:
        do()
        self._changes_done += 1

    def replaced(
        self, read: Callable[[], Any], write: Callable[[Any], object], old: Any, new: Any
    ) -> None:
        """Record that a tensor took the place of another."""
        if not (old.data.is_contiguous() and new.data.is_contiguous()):
            self.refuse("replaces a tensor that is not contiguous")
            return
        self._olds.append(old)
        self._places.append(Place(read, write, elements(old), new, new.history is LEAF))

    def refuse(self, reason: str, for_now: bool = False) -> None:
        """Give the recording up; the step itself goes on."""
        if self.reason is None or self.is_temporary:
            self.reason, self.is_temporary = reason, for_now

    def module_called(self, module: Module) -> None:
        """Record the mode of a module."""
        if module._forward_hooks:
            self.refuse(f"calls a forward hook of {type(module).__name__}")
        self._modules[id(module)] = module, module.training

    def stepped(self, optimizer: Optimizer) -> None:
        """Record the number of parameters that an optimiser updates."""
        self._optimizers[id(optimizer)] = optimizer, len(optimizer.parameters)

    def zeroed(self, parameters: Iterable[Parameter]) -> None:
        """Record that the step sets gradients to None before it computes new ones."""
        self._zeroed.update(id(parameter.value) for parameter in parameters)

    def accumulated(self, leaf: Node, before: Any) -> None:
        """Record that a leaf received a gradient."""
        if id(leaf) not in self._leaves and before is None and id(leaf) not in self._zeroed:
            self._without_gradient.append(leaf)
        elif before is not None and id(leaf) not in self._leaves:
            self.refuse("adds to gradients of an earlier step")
        self._leaves[id(leaf)] = leaf

    # Repetition

    def applies(self) -> bool:
        """Return whether modes, parameters and gradients are those of the recording."""
        for module, training in self._modules.values():
            if module.training is not training or module._forward_hooks:
                return False
        for parameter, value in self._values.values():
            if parameter.value is not value:
                return False
        for module, name, value in self._buffers:
            if vars(module).get(name) is not value:
                return False
        for optimizer, count in self._optimizers.values():
            if len(optimizer.parameters) != count:
                return False
        for leaf in self._without_gradient:
            if leaf.grad is not None:
                return False
        return all(place.applies() for place in self._places)

    def repeat(self, arrays: list[Any]) -> bool:
        """Run the recorded calls on new inputs.

        Returns:
            False if a check ended the repetition; the state is then that before it.
        """
        for to, array in zip(self._inputs, arrays, strict=True):
            np.copyto(to, array)
        replaced = []
        for place in self._places:
            present = place.read()
            if present is not place.new:
                np.copyto(elements(place.new), elements(present))
                replaced.append(place)
        for old, new in self._copies:
            np.copyto(old, new)
        states = [each.bit_generator.state for each in self._generators.values()]
        self._changes_done = 0
        try:
            finished = _silent.copy().run(recording.run_calls, self.calls)
        except BaseException:
            self._undo(states)
            raise
        if not finished:
            self._undo(states)
            self.failures += 1
            return False
        self.failures = 0
        for place in replaced:
            place.write(place.new)
        for leaf, grad in self._gradients:
            leaf.grad = grad
        return True

    def _undo(self, states: list[Any]) -> None:
        """Restore the state before a repetition."""
        for _, undo in reversed(self._changes[: self._changes_done]):
            undo()
        for generator, state in zip(self._generators.values(), states, strict=True):
            generator.bit_generator.state = state
        for old, new in self._copies:
            np.copyto(new, old)

    def check(self, arrays: list[Any], step: Callable[[], Any]) -> tuple[str | None, Any]:
        """Compare a repetition with the step itself, from the same state.

        Returns:
            The first difference, None if there is none; and the result of the step itself.
        """
        generators = list(self._generators.values())
        states = [each.bit_generator.state for each in generators]
        before = [place.read() for place in self._places]
        grads = [(leaf, leaf.grad) for leaf, _ in self._gradients]
        saved = [elements(each).copy() for each in before]
        if not self.repeat(arrays):
            return None, step()
        repeated = [array.copy() for array in self._observed(self.result)]
        states_after = [each.bit_generator.state for each in generators]
        self._undo(states)
        for place, present, old in zip(self._places, before, saved, strict=True):
            place.write(present)
            np.copyto(elements(present), old)
        for leaf, grad in grads:
            leaf.grad = grad
        result = step()
        difference = None
        if [each.bit_generator.state for each in generators] != states_after:
            difference = "other random draws"
        elif not _equal(repeated, list(self._observed(result))):
            difference = "other elements"
        self.is_checked = difference is None
        return difference, result

    def _observed(self, result: Any) -> Iterator[Array]:
        """Yield the elements of the result, of replaced tensors and of gradients."""
        arrays: list[Array] = []
        signature(result, arrays)
        yield from arrays
        for place in self._places:
            present = place.read()
            yield elements(present)
            if present.grad is not None:
                yield np.asarray(present.grad.to_numpy())
        for leaf, _ in self._gradients:
            if leaf.grad is not None and all(leaf is not place.new for place in self._places):
                yield np.asarray(leaf.grad.to_numpy())


_silent = Context()
"""Context in which NumPy gives no warnings, as in the operations of the backend."""
_silent.run(np.seterr, all="ignore")


def _fill(to: Array, fn: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Compute an array again, in place; return False if it has another shape or dtype."""
    result = fn(*args)
    if result is None or result.shape != to.shape or result.dtype != to.dtype:
        return False
    np.copyto(to, result)
    return True


def _joined(pairs: list[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
    """Return pairs of arrays with neighbours in memory joined, so that one copy copies many."""
    joined: list[tuple[Array, Array]] = []
    for pair in pairs:
        if joined and all(_follows(*each) for each in zip(joined[-1], pair, strict=True)):
            first, second = (_union(*each) for each in zip(joined[-1], pair, strict=True))
            joined[-1] = first, second
        else:
            joined.append(pair)
    return joined


def _follows(a: Array, b: Array) -> bool:
    """Return whether b begins where a ends, in memory that one array owns."""
    owned = a.base is not None and a.base is b.base and isinstance(a.base, np.ndarray)
    return owned and a.dtype == b.dtype and a.ctypes.data + a.nbytes == b.ctypes.data


def _union(a: Array, b: Array) -> Array:
    offset = a.ctypes.data - a.base.ctypes.data  # type: ignore[union-attr]
    return np.ndarray((len(a) + len(b),), a.dtype, a.base, offset)


def _without_history(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.detach()


def _equal(ours: list[Array], theirs: list[Array]) -> bool:
    """Return whether two lists have the same arrays, bit by bit."""
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(ours, theirs, strict=True)
    )
