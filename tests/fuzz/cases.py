"""A case: an operation of the library and PyTorch's, on the same operands.

`check` runs a case on every backend in both dtypes, each operand in a random layout, and compares
the result and the gradients.

Usual operands have magnitudes around 1. PyTorch computes in double precision from the same rounded
operands. The tolerance is 33 units in the last place of the sum of the terms' magnitudes: room for
some roundings in a row.

Special operands contain NaN, infinities, zeros of both signs, subnormal, huge and tiny numbers.
PyTorch computes in the same dtype. NaN and infinities must be where PyTorch has them, with their
sign.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from mt_autodiff import Tensor, from_numpy
from mt_kernels_cpu import Fast, Tuned
from mt_tensor import Backend, Reference

Array: TypeAlias = npt.NDArray[Any]
Rng: TypeAlias = np.random.Generator

BACKENDS: tuple[Backend, ...] = tuple(
    kind(dtype) for dtype in (np.float64, np.float32) for kind in (Reference, Fast, Tuned)
)
MAX_REFERENCE_STEPS = 3000
"""Inner steps above which a case leaves out the reference backend, which is slow."""

SPECIAL: dict[type[np.floating[Any]], list[float]] = {
    np.float64: [
        *(0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e16, 1e-6, -1e-6, -2e-6),
        *(np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e-310, 2.2250738585072014e-308),
        *(1.7976931348623157e308, -1.7976931348623157e308, 1e300, -1e300, 1e-300),
        *(709.78, 710.0, -745.2, -746.0, 88.7, -103.9),
    ],
    np.float32: [
        *(0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e8, 1e-6, -1e-6, -2e-6),
        *(np.nan, np.inf, -np.inf, 1e-45, -1e-45, 1e-40, 1.1754944e-38),
        *(3.4028235e38, -3.4028235e38, 1e30, -1e30, 1e-30),
        *(88.72, 88.73, -103.9, -104.1),
    ],
}
"""Numbers at the edges of each dtype and of its functions."""


@dataclass(frozen=True)
class Case:
    """One operation and its operands.

    Attributes:
        name: The name of the operation.
        arrays: The operands, in double precision.
        ours: The operation on our tensors.
        theirs: The operation on PyTorch's tensors.
        magnitude: The same with absolute values, for sums of products, whose error follows the
            magnitudes of the terms. None if it follows the largest result.
        gradient: "compare"; "zero" for functions without a slope, whose gradients must be 0; "none"
            to leave them out.
        steps: The inner steps, for `MAX_REFERENCE_STEPS`.
        exact: True if results may not differ at all.
        constants: The indices of operands that require no gradient.
        cancels: True if a difference like 1 - s keeps the rounding of its terms.
    """

    name: str
    arrays: list[Array]
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    magnitude: Callable[..., Any] | None = None
    gradient: Literal["compare", "zero", "none"] = "compare"
    steps: int = 0
    exact: bool = False
    constants: tuple[int, ...] = ()
    cancels: bool = False


# Layouts


def _contiguous(array: Array, backend: Backend, rng: Rng) -> Tensor:
    return from_numpy(array.copy(), backend)


def _permuted(array: Array, backend: Backend, rng: Rng) -> Tensor:
    order = rng.permutation(array.ndim)
    copy = np.ascontiguousarray(array.transpose(order))
    return from_numpy(copy, backend).permute(*np.argsort(order).tolist())


def _sliced(array: Array, backend: Backend, rng: Rng) -> Tensor:
    """Return a slice with steps of a larger tensor of noise."""
    dims = array.ndim
    before, behind, step = (
        rng.integers(low, high, dims).tolist() for low, high in ((0, 3), (0, 3), (1, 4))
    )
    ends = [
        b + max(size - 1, 0) * s + (size > 0)
        for b, size, s in zip(before, array.shape, step, strict=True)
    ]
    whole = rng.standard_normal([e + more for e, more in zip(ends, behind, strict=True)])
    whole = whole.astype(array.dtype)
    key = tuple(slice(b, e, s) for b, e, s in zip(before, ends, step, strict=True))
    whole[key] = array
    sliced: Tensor = from_numpy(whole, backend)[key]
    return sliced


def _with_strides_of_numpy(array: Array, backend: Backend, rng: Rng) -> Tensor:
    """Return a tensor of an array with negative strides, in column-major order, or read-only."""
    flipped = (slice(None, None, -1),) * array.ndim
    copies = [np.ascontiguousarray(array[flipped])[flipped], np.asfortranarray(array), array.copy()]
    copies[2].flags.writeable = False
    return from_numpy(copies[rng.integers(len(copies))], backend)


def _repeated(array: Array, backend: Backend, rng: Rng) -> Tensor:
    """Return the first element of the first dimension, expanded; see `_operands`."""
    return from_numpy(np.ascontiguousarray(array[:1]), backend).expand(*array.shape)


LAYOUTS: tuple[Callable[[Array, Backend, Rng], Tensor], ...] = (
    *(_contiguous, _permuted, _sliced),
    *(_with_strides_of_numpy, _repeated),
)


@dataclass(frozen=True)
class _Draw:
    """A case with operands and layouts for one dtype."""

    case: Case
    seed: int
    special: bool
    dtype: type[np.floating[Any]]
    arrays: list[Array]
    layouts: list[Callable[[Array, Backend, Rng], Tensor]]

    def upstream(self, shape: tuple[int, ...]) -> Array:
        """Return the gradient of a result."""
        rng = np.random.default_rng((self.seed, 3))
        return np.asarray(rng.uniform(0.5, 1.5, shape), self.dtype)


def _draw(case: Case, seed: int, special: bool, dtype: type[np.floating[Any]]) -> _Draw:
    rng = np.random.default_rng((seed, 1))
    arrays, layouts = [], []
    for original in case.arrays:
        array = np.asarray(original, np.float64)
        layout = LAYOUTS[rng.integers(len(LAYOUTS))]
        if array.ndim == 0 or (layout is _repeated and len(array) == 0):
            layout = _contiguous
        if special:
            numbers = rng.standard_normal(array.shape) * 10.0 ** rng.integers(-3, 3, array.shape)
            edges = rng.choice(SPECIAL[dtype], array.shape)
            array = np.where(rng.random(array.shape) < 0.5, edges, numbers)
        if layout is _repeated:
            array = np.broadcast_to(array[:1], array.shape)
        with np.errstate(all="ignore"):
            arrays.append(array.astype(dtype))
        layouts.append(layout)
    return _Draw(case, seed, special, dtype, arrays, layouts)


# Comparison


def _expected(
    draw: _Draw, function: Callable[..., Any], arrays: list[Array], dtype: Any
) -> tuple[Array, list[Array | None]]:
    """Return PyTorch's result and gradients."""
    case = draw.case
    tensors = [torch.from_numpy(np.array(a)).to(dtype) for a in arrays]
    for i, x in enumerate(tensors):
        x.requires_grad_(case.gradient == "compare" and i not in case.constants)
    out = function(*tensors)
    if case.gradient == "compare" and out.requires_grad:
        out.backward(torch.from_numpy(draw.upstream(tuple(out.shape))).to(dtype))
    result: Array = out.detach().to(dtype).numpy()
    return result, [None if x.grad is None else x.grad.numpy() for x in tensors]


def _difference(
    received: Array, expected: Array, magnitude: Array | None, draw: _Draw
) -> str | None:
    """Return a sentence if an element differs too much."""
    if received.shape != expected.shape or received.dtype != draw.dtype:
        return f"{received.shape} {received.dtype}, not {expected.shape} {draw.dtype.__name__}"
    if received.size == 0:
        return None
    single = draw.dtype is np.float32
    ours, theirs = received.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(ours) & np.isfinite(theirs)
    wrong = ~finite & (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
    with np.errstate(all="ignore"):
        if draw.special:
            slack = (2e-6 if single else 4e-15) if draw.case.cancels else 0.0
            allowed = (1e-5 if single else 1e-12) * np.abs(theirs)
            allowed += 2.0 * float(np.finfo(draw.dtype).tiny) + slack
        elif draw.case.exact:
            allowed = np.zeros(theirs.shape)
        else:
            size = np.max(np.abs(theirs), initial=0.0) if magnitude is None else magnitude
            allowed = (4e-6 if single else 1e-13) * (np.maximum(size, 1.0) + np.abs(theirs))
        wrong |= finite & (np.abs(ours - theirs) > allowed)
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"at {at} {ours[at]!r}, PyTorch has {theirs[at]!r}"


def _problems(draw: _Draw, backend: Backend, oracle: "_Oracle") -> Iterator[str]:
    """Yield what is wrong on one backend."""
    case, rng = draw.case, np.random.default_rng((draw.seed, 4))
    leaves = [
        layout(array, backend, rng).detach()
        for layout, array in zip(draw.layouts, draw.arrays, strict=True)
    ]
    for i, x in enumerate(leaves):
        x.requires_grad_(case.gradient != "none" and i not in case.constants)
    before = [x.to_numpy().copy() for x in leaves]
    out = case.ours(*leaves)
    yield _difference(out.to_numpy(), oracle.result, oracle.magnitude, draw) or ""
    if case.gradient != "none" and out.history is not None:
        layout = LAYOUTS[rng.integers(3)] if out.shape else _contiguous
        out.backward(layout(draw.upstream(out.shape), backend, rng))
        for i, x in enumerate(leaves):
            if i in case.constants:
                continue
            found = np.zeros(x.shape, draw.dtype) if x.grad is None else x.grad.to_numpy()
            known = oracle.gradients[i] if case.gradient == "compare" else None
            expected = np.zeros(x.shape) if known is None else known
            wrong = _difference(found, expected, oracle.magnitudes[i], draw)
            yield f"gradient {i}: {wrong}" if wrong else ""
            shared = x.grad is not None and any(np.shares_memory(found, b) for b in before)
            yield "a gradient shares memory with an operand" if shared else ""
    same = (
        np.array_equal(a, x.to_numpy(), equal_nan=True) for a, x in zip(before, leaves, strict=True)
    )
    yield "" if all(same) else "an operand was changed"


@dataclass(frozen=True)
class _Oracle:
    """PyTorch's result and gradients, and the magnitudes of their terms, None if not needed."""

    result: Array
    gradients: list[Array | None]
    magnitude: Array | None
    magnitudes: list[Array | None]


def _oracle(draw: _Draw) -> _Oracle:
    case = draw.case
    dtype = torch.float32 if draw.special and draw.dtype is np.float32 else torch.float64
    result, gradients = _expected(draw, case.theirs, draw.arrays, dtype)
    if case.magnitude is None or draw.special:
        return _Oracle(result, gradients, None, [None] * len(draw.arrays))
    sizes = [np.abs(a) for a in draw.arrays]
    magnitude, magnitudes = _expected(draw, case.magnitude, sizes, torch.float64)
    absolute = [None if each is None else np.abs(each) for each in magnitudes]
    return _Oracle(result, gradients, np.abs(magnitude), absolute)


def check(case: Case, seed: int, special: bool) -> list[str]:
    """Run a case on all backends, and return a sentence for each disagreement.

    Args:
        case: The case.
        seed: The seed of special operands, layouts and upstream gradients.
        special: True to replace the operands by special numbers.
    """
    found = []
    for dtype in (np.float64, np.float32):
        draw = _draw(case, seed, special, dtype)
        oracle = _oracle(draw)
        for backend in BACKENDS:
            is_slow = isinstance(backend, Reference) and case.steps > MAX_REFERENCE_STEPS
            if backend.dtype == dtype and not is_slow:
                shapes = [a.shape for a in draw.arrays]
                found += [
                    f"seed {seed}, {case.name} of {shapes} on {backend!r}: {problem}"
                    for problem in _problems(draw, backend, oracle)
                    if problem
                ]
    return found
