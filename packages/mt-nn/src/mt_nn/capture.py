"""Capture of a training step: what is left of a step when nothing but its kernels runs.

A step of a small network spends more time in Python than in its kernels. But every step on a batch
of the same shape calls the same kernels, on memory of the same sizes. `capture` runs a step twice
as usual. During the second run it records each call that reads or writes elements
(`mt_tensor.recording`). Afterwards it plans the memory of all intermediate values, and from then on
a step is a loop over the recorded calls.

The third step checks the recording: it runs both ways, from the same state, and the results must be
equal bit by bit. So a step that does something unrecorded, such as arithmetic with NumPy, is not
captured.
"""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextvars import Context
from functools import lru_cache, update_wrapper
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from mt_autodiff import Tensor, grad_enabled
from mt_autodiff.basic_tensor import BasicTensor
from mt_autodiff.engine import LEAF, Node
from mt_autodiff.profiling import active_profile
from mt_nn.module import Module, Parameter
from mt_nn.optim.base import Optimizer
from mt_tensor import HostBackend, recording

P = ParamSpec("P")
R = TypeVar("R")

MAX_CAPTURES = 8
"""Number of recordings of one function. Each belongs to one combination of shapes, dtypes, other
arguments and training modes."""

MAX_RUNS = 3
"""Number of repetitions in a row that end early, after which a recording is dropped."""

ALIGNMENT = 64
"""Alignment of intermediate values in bytes: a cache line of the processor."""

Array = npt.NDArray[Any]


class CaptureWarning(UserWarning):
    """A step cannot be captured, and runs as usual."""


def capture(step: Callable[P, R]) -> Captured[P, R]:
    """Return a function that repeats the kernels of a step without the library's Python.

    Use it for a function that trains on one batch, or that answers for one. The first call with
    arguments of some shapes runs as usual, the second one is recorded, the third one checks the
    recording; all others repeat the recorded calls. After every call parameters, gradients,
    buffers, the optimiser's state and the states of generators are those of the function itself,
    bit by bit on one thread.

    - Arrays and tensors among the arguments, also in tuples, lists and dicts, are copied into the
      memory of the recording. All other arguments are constants, as is everything else that the
      function reads; hyperparameters of an optimiser may change.
    - The result, and the gradients, are written into the same memory by every call. Copy what you
      want to keep. A tensor in the result has no history.
    - A function that reads elements (`item`, `print`), that has forward hooks, or whose operations
      are not those of `mt_kernels_cpu.Tuned` runs as usual; a `CaptureWarning` gives the reason
      once.
    - A value that is checked, such as a class out of range, ends a repetition before any parameter
      changes. The step then runs as usual and raises its error.

    Args:
        step: The function. It is called from one thread at a time.

    >>> import numpy as np
    >>> from mt_autodiff import tensor
    >>> from mt_nn import SGD, Linear
    >>> model = Linear(2, 1, rng=0)
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> def step(x):
    ...     optimizer.zero_grad()
    ...     loss = (model(x) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> train = capture(step)
    """
    return Captured(step)


class Captured(Generic[P, R]):
    """A captured step: the result of `capture`.

    Attributes:
        reason: The reason why the last call was not captured, None if it was or may be later.
    """

    def __init__(self, step: Callable[P, R]) -> None:
        update_wrapper(self, step)
        self._step = step
        self._warm: set[Any] = set()
        self._tapes: dict[Any, list[Tape]] = {}
        self._refused: dict[Any, str] = {}
        self._lock = threading.Lock()
        self.reason: str | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the step, captured if it can be."""
        if not self._lock.acquire(blocking=False):
            return self._step(*args, **kwargs)
        try:
            return self._run(args, kwargs)
        finally:
            self._lock.release()

    @property
    def planned_bytes(self) -> int:
        """The memory of the intermediate values of all recordings, in bytes."""
        return sum(tape.planned_bytes for tapes in self._tapes.values() for tape in tapes)

    def _run(self, args: Any, kwargs: Any) -> Any:
        arrays: list[Any] = []
        key = (_signature((args, kwargs), arrays), grad_enabled())
        reason = self._refused.get(key) or ("is profiled" if active_profile() else None)
        if reason is not None:
            self.reason = reason
            return self._step(*args, **kwargs)
        tapes = self._tapes.setdefault(key, [])
        for tape in tapes:
            if tape.applies():
                return self._repeat(key, tape, arrays, args, kwargs)
        if key not in self._warm:
            self._warm.add(key)
            return self._step(*args, **kwargs)
        if sum(len(each) for each in self._tapes.values()) >= MAX_CAPTURES:
            self._refuse(key, f"has more than {MAX_CAPTURES} combinations of shapes and modes")
            return self._step(*args, **kwargs)
        tape = Tape()
        result = tape.record(self._step, args, kwargs)
        if tape.reason is None:
            tapes.append(tape)
        elif not tape.is_temporary:
            self._refuse(key, tape.reason)
        return result

    def _repeat(self, key: Any, tape: Tape, arrays: list[Any], args: Any, kwargs: Any) -> Any:
        if not tape.is_checked:
            difference, result = tape.check(arrays, lambda: self._step(*args, **kwargs))
            if difference is not None:
                self._tapes[key].remove(tape)
                self._refuse(key, f"gives another result when it is repeated: {difference}")
            return result
        if tape.repeat(arrays):
            return tape.result
        if tape.failures >= MAX_RUNS:
            self._tapes[key].remove(tape)
        return self._step(*args, **kwargs)

    def _refuse(self, key: Any, reason: str) -> None:
        self._refused[key] = self.reason = reason
        name = getattr(self._step, "__qualname__", repr(self._step))
        warnings.warn(
            f"capture: {name} runs as usual, because it {reason}", CaptureWarning, stacklevel=4
        )


class Call(NamedTuple):
    """A recorded call.

    Attributes:
        fn: The function.
        args: Its arguments.
        expected: The object that it returned; a repetition that returns another one ends.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    expected: Any


class Place(NamedTuple):
    """A tensor that the step replaces, such as a parameter.

    Attributes:
        read: A function that returns the tensor in the place.
        write: A function that puts a tensor there.
        old: The elements with which the recorded calls begin.
        new: The tensor that they leave.
    """

    read: Callable[[], Any]
    write: Callable[[Any], object]
    old: Array
    new: Tensor


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
        self._blocks: list[weakref.ref[Array]] = []
        self._generators: dict[int, np.random.Generator] = {}
        self._changes: list[tuple[Callable[[], object], Callable[[], object]]] = []
        self._changes_done = 0
        self._places: list[Place] = []
        self._modules: dict[int, tuple[Module, bool]] = {}
        self._values: list[tuple[Parameter, Any]] = []
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
        copied_args, copied_kwargs = _map((args, kwargs), self._input)
        with recording.recording(self):
            result = step(*copied_args, **copied_kwargs)
        if self.reason is not None:
            self.calls.clear()
            return result
        self.result = _map(result, _without_history)
        del result, copied_args, copied_kwargs
        replaced = {id(place.new) for place in self._places}
        leaves = [each for each in self._leaves.values() if not self._was_replaced(each)]
        for node in (*leaves, *(place.new for place in self._places if place.new.history is LEAF)):
            self._gradients.append(Gradient(node, node.grad))
        for module, _ in self._modules.values():
            self._values += [
                (each, each.value) for each in module.parameters() if id(each.value) not in replaced
            ]
        self._leaves.clear()
        self._plan()
        return self.result

    def _was_replaced(self, node: Node) -> bool:
        return any(place.old is _elements(node) for place in self._places)

    def _input(self, value: Any) -> Any:
        """Return a copy of an argument, whose memory each repetition fills."""
        if isinstance(value, np.ndarray):
            copy = value.copy()
            self._inputs.append(copy)
            return copy
        copied = Tensor(value.backend.copy(value.data), backend=value.backend)
        copied.kind = value.kind
        self._inputs.append(_elements(copied))
        return copied

    def ran(self, fn: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Record a call that was made."""
        self.calls.append(Call(fn, args, result))

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
        memory = np.empty(count * dtype.itemsize + ALIGNMENT, np.uint8)
        self._blocks.append(weakref.ref(memory))
        return _aligned(memory)[: count * dtype.itemsize].view(dtype)

    def repeated(self, do: Callable[[], object], undo: Callable[[], object]) -> None:
        """Record a change of a Python object."""
        self._changes.append((do, undo))
        self.calls.append(Call(self._change, (do,), None))

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
        self._places.append(Place(read, write, _elements(old), new))

    def refuse(self, reason: str) -> None:
        """Give the recording up; the step itself goes on."""
        self.reason = self.reason or reason
        self.is_temporary = "first step" in reason

    def module_called(self, module: Module) -> None:
        """Record the mode of a module."""
        if module._forward_hooks:
            self.refuse(f"calls a forward hook of {type(module).__name__}")
        self._modules[id(module)] = module, module.training

    def zeroed(self, parameters: Iterator[Parameter]) -> None:
        """Record that the step sets gradients to None before it computes new ones."""
        self._zeroed.update(id(parameter.value) for parameter in parameters)

    def accumulated(self, leaf: Node, before: Any) -> None:
        """Record that a leaf received a gradient."""
        if id(leaf) not in self._leaves and before is None and id(leaf) not in self._zeroed:
            self._without_gradient.append(leaf)
        elif before is not None and id(leaf) not in self._leaves:
            self.refuse("adds to gradients of an earlier step")
        self._leaves[id(leaf)] = leaf

    # Memory

    def _plan(self) -> None:
        """Place the intermediate values that nothing refers to in one block of memory.

        Two of them share memory if the last call that uses one comes before the first call that
        uses the other.
        """
        uses: dict[int, tuple[int, int]] = {}
        size: dict[int, int] = {}
        known = {id(block): block for each in self._blocks if (block := each()) is not None}
        for at, call in enumerate(self.calls):
            for array in _arrays((call.fn, call.args)):
                owner = array if array.base is None else array.base
                if id(owner) in known:
                    uses[id(owner)] = (uses.get(id(owner), (at, at))[0], at)
                    size[id(owner)] = owner.nbytes - ALIGNMENT
        # Arrays of the calls, as descriptions: the calls must not keep the memory alive.
        described = [_described(call, known) for call in self.calls]
        addresses = {key: block.ctypes.data for key, block in known.items()}
        references = {key: weakref.ref(block) for key, block in known.items()}
        self.calls.clear()
        known.clear()
        del array, owner, call, block
        gc.collect()
        kept = {key: block for key, each in references.items() if (block := each()) is not None}
        placed: dict[int, int] = {}
        for key in sorted(uses.keys() - kept.keys(), key=lambda each: -size[each]):
            placed[key] = _first_fit(key, size, uses, placed)
        total = max((placed[key] + size[key] for key in placed), default=0)
        self.planned_bytes = total + sum(block.nbytes for block in kept.values())
        arena = _aligned(np.empty(total + ALIGNMENT, np.uint8))

        @lru_cache(maxsize=None)  # One object for each view: some calls return an argument.
        def restored(view: _View) -> Array:
            if view.owner in kept:
                buffer: Array = kept[view.owner]
                offset = view.address - addresses[view.owner]
            else:
                buffer = arena
                offset = placed[view.owner] + view.address - _align(addresses[view.owner])
            return np.ndarray(view.shape, view.dtype, buffer, offset, view.strides)

        self.calls = [Call(*_restored(each, restored)) for each in described]

    # Repetition

    def applies(self) -> bool:
        """Return whether modes, parameters and gradients are those of the recording."""
        for module, training in self._modules.values():
            if module.training is not training or module._forward_hooks:
                return False
        for parameter, value in self._values:
            if parameter.value is not value:
                return False
        for leaf in self._without_gradient:
            if leaf.grad is not None:
                return False
        for place in self._places:
            present = place.read()
            if present is not place.new and not _replaces(present, place.new):
                return False
        return True

    def repeat(self, arrays: list[Any]) -> bool:
        """Run the recorded calls on new inputs.

        Returns:
            False if a check ended the repetition; the state is then that before it.
        """
        for to, array in zip(self._inputs, arrays, strict=True):
            np.copyto(to, array)
        for place in self._places:
            present = place.read()
            np.copyto(place.old, _elements(present))
        states = [each.bit_generator.state for each in self._generators.values()]
        self._changes_done = 0
        try:
            finished = _silent.copy().run(_run, self.calls)
        except BaseException:
            self._undo(states)
            raise
        if not finished:
            self._undo(states)
            self.failures += 1
            return False
        self.failures = 0
        for place in self._places:
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
        for place in self._places:
            np.copyto(_elements(place.new), place.old)

    def check(self, arrays: list[Any], step: Callable[[], Any]) -> tuple[str | None, Any]:
        """Compare a repetition with the step itself, from the same state.

        Returns:
            The first difference, None if there is none; and the result of the step itself.
        """
        generators = list(self._generators.values())
        states = [each.bit_generator.state for each in generators]
        before = [place.read() for place in self._places]
        elements = [_elements(each).copy() for each in before]
        if not self.repeat(arrays):
            return None, step()
        repeated = [array.copy() for array in self._observed(self.result)]
        states_after = [each.bit_generator.state for each in generators]
        self._undo(states)
        for place, present, old in zip(self._places, before, elements, strict=True):
            place.write(present)
            np.copyto(_elements(present), old)
        result = step()
        for name, ours in zip(("result", "state"), (repeated, states_after), strict=True):
            theirs: list[Any] = (
                list(self._observed(result))
                if name == "result"
                else [each.bit_generator.state for each in generators]
            )
            if not _equal(ours, theirs):
                return ("other elements" if name == "result" else "other random draws"), result
        self.is_checked = True
        return None, result

    def _observed(self, result: Any) -> Iterator[Array]:
        """Yield the elements of the result, of replaced tensors and of gradients."""
        tensors: list[Any] = []
        _signature(result, tensors)
        for each in tensors:
            yield each if isinstance(each, np.ndarray) else each
        for place in self._places:
            present = place.read()
            yield _elements(present)
            if present.grad is not None:
                yield np.asarray(present.grad.to_numpy())
        for leaf, _ in self._gradients:
            if leaf.grad is not None and all(leaf is not place.new for place in self._places):
                yield np.asarray(leaf.grad.to_numpy())


def _run(calls: list[Call]) -> bool:
    """Run calls; return False as soon as one returns another object than when it was recorded."""
    for fn, args, expected in calls:
        if fn(*args) is not expected:
            return False
    return True


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


def _elements(tensor: Any) -> Array:
    """Return the elements of a contiguous tensor, (size,)."""
    data = tensor.data
    flat: Array | None = data.flat()
    assert flat is not None
    return flat


def _replaces(present: Any, recorded: Tensor) -> bool:
    """Return whether a tensor can take the place of a recorded one."""
    return (
        isinstance(present, Tensor)
        and present.shape == recorded.shape
        and present.backend == recorded.backend
        and (present.history is LEAF) == (recorded.history is LEAF)
        and present.data.is_contiguous()
    )


def _without_history(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.detach()


def _map(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a structure of tuples, lists and dicts with all arrays and tensors changed."""
    if isinstance(value, np.ndarray | Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        items = [_map(each, change) for each in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: _map(each, change) for key, each in value.items()}
    return value


def _signature(value: Any, arrays: list[Any]) -> Any:
    """Return a hashable description of a structure, and append the elements of its arrays."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return value.shape, value.dtype
    if isinstance(value, Tensor):
        arrays.append(value.to_numpy().reshape(-1))
        return value.shape, value.backend, value.history is None
    if isinstance(value, tuple | list):
        return type(value), tuple([_signature(each, arrays) for each in value])
    if isinstance(value, dict):
        return tuple([(key, _signature(each, arrays)) for key, each in value.items()])
    return value


def _arrays(value: Any) -> Iterator[Array]:
    """Yield the arrays of a call."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _arrays(each)
    elif isinstance(getattr(value, "__self__", None), np.ndarray):
        yield value.__self__


class _View(NamedTuple):
    """An array of intermediate values, by its place in memory."""

    owner: int
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]


class _Method(NamedTuple):
    """A method of an array."""

    view: Any
    name: str


def _described(value: Any, known: dict[int, Array]) -> Any:
    """Return a call with the arrays of known memory as descriptions."""
    if isinstance(value, np.ndarray):
        owner = value if value.base is None else value.base
        if id(owner) not in known:
            return value
        return _View(id(owner), value.ctypes.data, value.shape, value.strides, value.dtype)
    if isinstance(value, tuple | list):
        items = [_described(each, known) for each in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(getattr(value, "__self__", None), np.ndarray):
        return _Method(_described(value.__self__, known), value.__name__)
    return value


def _restored(value: Any, restore: Callable[[_View], Array]) -> Any:
    """Return a call with arrays in place of their descriptions."""
    if isinstance(value, _View):
        return restore(value)
    if isinstance(value, _Method):
        return getattr(_restored(value.view, restore), value.name)
    if isinstance(value, tuple | list):
        items = [_restored(each, restore) for each in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _first_fit(
    key: int, size: dict[int, int], uses: dict[int, tuple[int, int]], placed: dict[int, int]
) -> int:
    """Return the lowest offset at which a block overlaps with no other that is in use then."""
    first, last = uses[key]
    taken = sorted(
        (offset, offset + size[other])
        for other, offset in placed.items()
        if uses[other][0] <= last and first <= uses[other][1]
    )
    offset = 0
    for start, end in taken:
        if offset + size[key] <= start:
            break
        offset = max(offset, _align(end))
    return offset


def _align(address: int) -> int:
    return -(-address // ALIGNMENT) * ALIGNMENT


def _aligned(memory: Array) -> Array:
    """Return the memory from its first multiple of `ALIGNMENT` on."""
    return memory[-memory.ctypes.data % ALIGNMENT :]


def _equal(ours: list[Any], theirs: list[Any]) -> bool:
    """Return whether two lists have the same arrays, bit by bit, or the same objects."""
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and a.tobytes() == b.tobytes() if isinstance(a, np.ndarray) else a == b
        for a, b in zip(ours, theirs, strict=True)
    )


# What a recorded step must not do, or what the recorder must know of it.


@recording.intercept(HostBackend, "to_numpy")
def _refuse_array(recorder: Any, to_numpy: Any, *args: Any) -> Any:
    recorder.refuse("reads the elements of a tensor")
    return to_numpy(*args)


@recording.intercept(BasicTensor, "item")
def _refuse_item(recorder: Any, item: Any, *args: Any) -> Any:
    recorder.refuse("reads the elements of a tensor")
    return item(*args)


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


@recording.intercept(Node, "accumulate_derivative")
def _record_gradient(recorder: Any, accumulate: Any, leaf: Node, x: Any) -> None:
    before = leaf.grad
    accumulate(leaf, x)
    recorder.accumulated(leaf, before)
