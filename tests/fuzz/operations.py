"""Generators of random cases, one for each kind of operation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name that its documentation uses

import mt_nn
from mt_autodiff import Tensor, concatenate, conv1d, conv2d, functions, pad, take, tensor
from tests.fuzz.cases import Array, Case, Rng

Shape = tuple[int, ...]
Generator = Callable[[Rng], Case]
Call = Callable[..., Any]

# Shapes and numbers


def _shape(
    rng: Rng, dims: int | None = None, high: int = 5, zero: float = 0.06, one: float = 0.15
) -> Shape:
    """Draw a shape; some sizes are 0 or 1."""
    dims = int(rng.integers(0, 5)) if dims is None else dims
    draws, sizes = rng.random(dims), rng.integers(2, high + 1, dims)
    return tuple(
        0 if draw < zero else 1 if draw < zero + one else int(size)
        for draw, size in zip(draws, sizes, strict=True)
    )


def _pair_that_broadcasts(rng: Rng) -> tuple[Shape, Shape]:
    full = _shape(rng)

    def one() -> Shape:
        left_out = int(rng.integers(0, len(full) + 1)) if rng.random() < 0.3 else 0
        return tuple(1 if rng.random() < 0.25 else size for size in full[left_out:])

    return one(), one()


def _some_dims(rng: Rng, dims: int, least: int = 0) -> tuple[int, ...]:
    """Draw different dimensions; all of them count from the left, or all from the right."""
    count = int(rng.integers(least, dims + 1))
    offset = int(rng.choice([0, dims]))
    return tuple(int(d) - offset for d in rng.permutation(dims)[:count])


def _integers(rng: Rng, low: int, high: int, count: int) -> list[int]:
    return [int(i) for i in rng.integers(low, high, count)]


def _relu_or_none(rng: Rng) -> Any:
    return "relu" if rng.random() < 0.5 else None


def _real(rng: Rng, shape: Shape) -> Array:
    return rng.uniform(-2.0, 2.0, shape)


def _away_from_zero(rng: Rng, shape: Shape) -> Array:
    signs: Array = rng.choice([-1.0, 1.0], shape)
    return rng.uniform(0.2, 2.0, shape) * signs


def _positive(rng: Rng, shape: Shape) -> Array:
    return rng.uniform(0.1, 3.0, shape)


def _with_ties(rng: Rng, shape: Shape) -> Array:
    numbers = _real(rng, shape)
    return np.round(numbers) if rng.random() < 0.4 else numbers


# PyTorch's side


def _relu(x: Any) -> Any:
    """Return ReLU, whose gradient at NaN is 0, as ours is, and not the upstream one."""
    return torch.where(x > 0, x, torch.where(x.isnan(), x.detach(), torch.zeros_like(x)))


def _power(x: Any, exponent: float) -> Any:
    """Return a power by IEEE 754; with a number, PyTorch takes roots, which are NaN at -inf."""
    return x ** torch.full_like(x, exponent)


def _activated(x: Any, activation: str | None) -> Any:
    return _relu(x) if activation else x


def _max(x: Any, dims: Sequence[int]) -> Any:
    """Return the maximum; of equal numbers the first has the gradient, and NaN is largest."""
    for dim in sorted(dims, reverse=True):
        if x.shape[dim]:
            x = x.max(dim, keepdim=True).values
        else:
            shape = [*x.shape[:dim], 1, *x.shape[dim + 1 :]]
            x = torch.full(shape, -math.inf, dtype=x.dtype)
    return x


def _correlate(x: Any, w: Any, reverse: bool, size: Sequence[int] | None) -> Any:
    """Return the library's convolution: zeros behind the input, or before it, for any size."""
    spatial, kernel = tuple(x.shape[2:]), tuple(w.shape[2:])
    size = spatial if size is None else tuple(size)
    if 0 in size:
        return x.new_zeros(x.shape[0], w.shape[0], *size) + 0 * (x.sum() + w.sum())
    widths: list[int] = []
    for n, k, s in zip(spatial, kernel, size, strict=True):
        ends = (k - 1, max(0, s - n)) if reverse else (0, max(0, s + k - 1 - n))
        widths = [*ends, *widths]  # The last dimension comes first.
    w = w.flip(*range(2, w.dim())) if reverse else w
    convolve = F.conv1d if len(size) == 1 else F.conv2d
    return convolve(F.pad(x, widths), w)[(..., *(slice(0, s) for s in size))]


# Elementwise functions

ONE: dict[str, tuple[Call, Call, Callable[[Rng, Shape], Array]]] = {
    "neg": (lambda x: -x, lambda x: -x, _real),
    "inv": (lambda x: 1.0 / x, lambda x: 1.0 / x, _away_from_zero),
    "sigmoid": (lambda x: x.sigmoid(), torch.sigmoid, _real),
    "relu": (lambda x: x.relu(), _relu, _away_from_zero),
    "log": (functions.Log.apply, lambda x: torch.log(x.double() + 1e-6).to(x.dtype), _positive),
    "ln": (lambda x: x.ln(), torch.log, _positive),
    "exp": (lambda x: x.exp(), torch.exp, _real),
    "erf": (lambda x: x.erf(), torch.erf, _real),
    # `F.gelu` computes 1 + erf(x), which has no digits of small probabilities.
    "gelu": (
        lambda x: x.gelu(),
        lambda x: x * (0.5 * torch.erfc(x * -math.sqrt(0.5))),
        _real,
    ),
    "sqrt": (lambda x: x.sqrt(), torch.sqrt, _positive),
    "square": (lambda x: x**2, lambda x: x**2, _real),
    "cube": (lambda x: x**3, lambda x: x * x * x, _real),
    "power -2": (lambda x: x**-2, lambda x: x**-2, _away_from_zero),
    "power 1.5": (lambda x: x**1.5, lambda x: _power(x, 1.5), _positive),
    "power -0.5": (lambda x: x**-0.5, lambda x: _power(x, -0.5), _positive),
    "power 0": (lambda x: x**0, lambda x: x**0, _real),
    "contiguous": (lambda x: x.contiguous(), lambda x: x.contiguous() * 1, _real),
    "number + x": (lambda x: 2.0 + x, lambda x: 2.0 + x, _real),
    "number - x": (lambda x: 2.0 - x, lambda x: 2.0 - x, _real),
    "number * x": (lambda x: 3 * x, lambda x: 3 * x, _real),
    "number / x": (lambda x: 3.0 / x, lambda x: 3.0 / x, _away_from_zero),
    "x / number": (lambda x: x / 49.0, lambda x: x / 49.0, _real),
}
TWO: dict[str, tuple[Call, Callable[[Rng, Shape], Array]]] = {
    "add": (lambda x, y: x + y, _real),
    "sub": (lambda x, y: x - y, _real),
    "mul": (lambda x, y: x * y, _real),
    "div": (lambda x, y: x / y, _away_from_zero),
    "pow": (lambda x, y: x**y, _positive),
}
COMPARISONS: dict[str, tuple[Call, Call]] = {
    "lt": (lambda x, y: x < y, lambda x, y: x < y),
    "gt": (lambda x, y: x > y, lambda x, y: x > y),
    "le": (lambda x, y: x <= y, lambda x, y: x <= y),
    "ge": (lambda x, y: x >= y, lambda x, y: x >= y),
    "eq": (lambda x, y: x == y, lambda x, y: x == y),
    "ne": (lambda x, y: x != y, lambda x, y: x != y),
    "is_close": (lambda x, y: x.is_close(y), lambda x, y: (x - y).abs() < 1e-2),
}


def one_operand(rng: Rng) -> Case:
    return _of_one_operand(str(rng.choice([*ONE])), rng)


def one_special_operand(rng: Rng) -> Case:
    # PyTorch's gradient of `erfc` is NaN for numbers whose square overflows.
    return _of_one_operand(str(rng.choice([name for name in ONE if name != "gelu"])), rng)


def _of_one_operand(name: str, rng: Rng) -> Case:
    ours, theirs, numbers = ONE[name]
    return Case(name, [numbers(rng, _shape(rng))], ours, theirs, cancels=name == "sigmoid")


def two_operands(rng: Rng) -> Case:
    name = str(rng.choice([*TWO]))
    call, numbers = TWO[name]
    first, second = _pair_that_broadcasts(rng)
    return Case(name, [numbers(rng, first), numbers(rng, second)], call, call)


def two_special_operands(rng: Rng) -> Case:
    case = two_operands(rng)
    # Compiled loops compute the exponent p - 1 of the derivative in double precision, in which
    # other numbers overflow than in PyTorch's single precision.
    return replace(case, gradient="none") if case.name == "pow" else case


def one_operand_twice(rng: Rng) -> Case:
    name = str(rng.choice([*TWO]))
    call, numbers = TWO[name]
    return Case(
        f"{name} of x and x",
        [numbers(rng, _shape(rng))],
        lambda x: call(x, x),
        lambda x: call(x, x),
    )


def comparison(rng: Rng) -> Case:
    name = str(rng.choice([*COMPARISONS]))
    ours, theirs = COMPARISONS[name]
    arrays = [np.round(_real(rng, shape)) for shape in _pair_that_broadcasts(rng)]
    return Case(
        name,
        arrays,
        ours,
        lambda x, y: theirs(x.detach(), y.detach()).to(x.dtype),
        gradient="zero",
        exact=True,
    )


# Reductions


def _kept(out: Any, shape: Shape, dims: Sequence[int] | None) -> Any:
    """Return a reduced tensor with its reduced dimensions, of size 1."""
    reduced = {d % len(shape) for d in dims or ()}
    kept = (1,) if dims is None else tuple(1 if d in reduced else n for d, n in enumerate(shape))
    return out if out.shape == kept else out.contiguous().view(*kept)


def reduction(rng: Rng) -> Case:
    shape, name = _shape(rng), str(rng.choice(["sum", "mean"]))
    dims = None if rng.random() < 0.3 else _some_dims(rng, len(shape))

    def ours(x: Any) -> Any:
        return _kept(getattr(x, name)(dims), shape, dims)

    def theirs(x: Any) -> Any:
        if dims is None:
            return getattr(x, name)().view(1)
        return getattr(x, name)(dim=dims, keepdim=True) if dims else x * 1

    return Case(name, [_real(rng, shape)], ours, theirs, magnitude=theirs)


def all_true(rng: Rng) -> Case:
    shape = _shape(rng)
    dim = int(rng.integers(-len(shape), len(shape))) if shape and rng.random() < 0.7 else None
    truths = (rng.random(shape) < 0.8) * 1.0
    return Case(
        "all",
        [truths],
        lambda x: _kept(x.all(dim), shape, None if dim is None else [dim]),
        lambda x: x.detach().prod().view(1) if dim is None else x.detach().prod(dim, keepdim=True),
        gradient="zero",
        exact=True,
    )


def maximum(rng: Rng) -> Case:
    shape = _shape(rng, zero=0.03)
    some = _some_dims(rng, len(shape), 1) if shape and rng.random() < 0.7 else None
    dims = [*range(len(shape))] if some is None else [d % len(shape) for d in some]
    return Case(
        "max",
        [_with_ties(rng, shape)],
        lambda x: mt_nn.max(x, some),
        lambda x: _max(x, dims).reshape(1) if some is None else _max(x, dims),
        exact=True,
        gradient="compare" if math.prod(shape) else "none",
    )


def first_maximum(rng: Rng) -> Case:
    shape = _shape(rng, int(rng.integers(1, 4)), zero=0.03)
    dim = int(rng.integers(-len(shape), len(shape)))

    def theirs(x: Any) -> Any:
        if x.numel() == 0:
            return x * 0
        return torch.zeros_like(x).scatter(dim, x.max(dim, keepdim=True).indices, 1.0)

    numbers = np.round(_real(rng, shape))
    return Case(
        "argmax", [numbers], lambda x: mt_nn.argmax(x, dim), theirs, gradient="none", exact=True
    )


# Shapes


def permutation(rng: Rng) -> Case:
    shape = _shape(rng)
    order = [int(d) for d in rng.permutation(len(shape)) - int(rng.choice([0, len(shape)]))]
    return Case(
        "permute",
        [_real(rng, shape)],
        lambda x: x.permute(*order) if order else x.permute(()),
        lambda x: x.permute(order),
        exact=True,
    )


def view(rng: Rng) -> Case:
    shape = _shape(rng)
    size = math.prod(shape)
    sizes = [size]
    for factor in (2, 3, 5):
        if size and size % factor == 0 and rng.random() < 0.6:
            sizes = [size // factor, factor]
    if size and rng.random() < 0.3:
        sizes[int(rng.integers(len(sizes)))] = -1
    return Case(
        "view",
        [_real(rng, shape)],
        lambda x: x.contiguous().view(*sizes),
        lambda x: x.reshape(sizes),
        exact=True,
    )


def expansion(rng: Rng) -> Case:
    shape = _shape(rng)
    sizes = [
        *_shape(rng, int(rng.integers(0, 2))),
        *(int(rng.integers(0, 4)) if size == 1 else size for size in shape),
    ]
    return Case(
        "expand",
        [_real(rng, shape)],
        lambda x: x.expand(*sizes) if sizes else x.expand(()),
        lambda x: x.expand(sizes) * 1,
        magnitude=lambda x: x.expand(sizes) * 1,
    )


def padding(rng: Rng) -> Case:
    shape = _shape(rng)
    widths = [(int(b), int(e)) for b, e in rng.integers(0, 3, (len(shape), 2))]
    flat = [width for pair in reversed(widths) for width in pair]
    return Case(
        "pad",
        [_real(rng, shape)],
        lambda x: pad(x, widths),
        lambda x: F.pad(x, flat) * 1,
        exact=True,
    )


def concatenation(rng: Rng) -> Case:
    shape = _shape(rng, int(rng.integers(1, 5)))
    dim = int(rng.integers(-len(shape), len(shape)))
    arrays = [_real(rng, shape)]
    for _ in range(int(rng.integers(0, 3))):
        sizes = [*shape]
        sizes[dim] = int(rng.integers(0, 4))
        arrays.append(_real(rng, tuple(sizes)))
    repeats = int(rng.integers(0, 2))
    return Case(
        "concatenate",
        arrays,
        lambda *parts: concatenate([*parts, *parts[:repeats]], dim),
        lambda *parts: torch.cat([*parts, *parts[:repeats]], dim),
        exact=not repeats,
    )


def index(rng: Rng) -> Case:
    shape = _shape(rng)
    key: list[Any] = []
    for size in shape:
        if rng.random() < 0.35 and size:
            key.append(int(rng.integers(-size, size)))
        else:
            begin, end = (
                None if rng.random() < 0.3 else int(rng.integers(-size - 1, size + 2))
                for _ in range(2)
            )
            key.append(slice(begin, end, int(rng.integers(1, 4))))
    while key and rng.random() < 0.3:
        key.pop()
    if rng.random() < 0.3:
        key.insert(int(rng.integers(len(key) + 1)), None)
    if rng.random() < 0.3:
        key.append(...)
    at = tuple(key)
    is_element = None not in key and sum(isinstance(k, int) for k in key) == len(shape)

    def ours(x: Tensor) -> Tensor:
        found = x[at]
        return found if isinstance(found, Tensor) else tensor(found, x.backend)

    return Case(
        "index",
        [_real(rng, shape)],
        ours,
        lambda x: x[at] * 1,
        exact=True,
        gradient="none" if is_element else "compare",
    )


def lookup(rng: Rng) -> Case:
    rows, width = int(rng.integers(1, 6)), int(rng.integers(0, 5))
    rows_of = rng.integers(0, rows, _shape(rng, int(rng.integers(0, 4))))
    return Case(
        "take",
        [_real(rng, (rows, width))],
        lambda x: take(x, rows_of),
        lambda x: x[torch.from_numpy(np.asarray(rows_of)).long()],
    )


# Products


def matrix_product(rng: Rng) -> Case:
    rows, terms, columns = _shape(rng, 3, high=6)
    first, second = (shape[-2:] for shape in _pair_that_broadcasts(rng))
    if rng.random() < 0.03:
        (rows, terms, columns), first, second = _integers(rng, 20, 70, 3), (), ()

    def product(x: Any, y: Any) -> Any:
        return x @ y

    return Case(
        "matmul",
        [_real(rng, (*first, rows, terms)), _real(rng, (*second, terms, columns))],
        product,
        product,
        magnitude=product,
        steps=10 * rows * terms * columns,
    )


def convolution(rng: Rng) -> Case:
    dims = int(rng.integers(1, 3))
    kernel = tuple(_integers(rng, 1, 5, dims))
    count, channels, outputs = _integers(rng, 1, 4, 3)
    large = rng.random() < 0.05
    spatial = tuple(_integers(rng, *((8, 33) if large else (1, 8)), dims))
    reverse = bool(rng.random() < 0.5)
    size: Any = None if rng.random() < 0.5 else tuple(_integers(rng, 0, 8, dims))

    def ours(x: Any, w: Any) -> Any:
        if dims == 1:
            return conv1d(x, w, reverse, size and size[0])
        return conv2d(x, w, reverse, size)

    def theirs(x: Any, w: Any) -> Any:
        return _correlate(x, w, reverse, size)

    return Case(
        f"conv{dims}d",
        [_real(rng, (count, channels, *spatial)), _real(rng, (outputs, channels, *kernel))],
        ours,
        theirs,
        magnitude=theirs,
        steps=3 * count * channels * outputs * math.prod(kernel) * math.prod(spatial),
    )


def _convolutional(
    rng: Rng, name: str, layer: type[Any], dims: int, activated: bool, finish: Call
) -> Case:
    """Draw a layer with a weight and a bias.

    Args:
        rng: The generator.
        name: The name of the case.
        layer: The class of the layer.
        dims: The number of spatial dimensions.
        activated: True if the layer takes an activation.
        finish: PyTorch's side after convolution and bias, a function of its result.
    """
    kernel, stride = _integers(rng, 1, 5, dims), _integers(rng, 1, 4, dims)
    trailing = rng.random() < 0.3
    widths = [0] * dims if trailing else _integers(rng, 0, 3, dims)
    least = [1 if trailing else max(1, k - 2 * w) for k, w in zip(kernel, widths, strict=True)]
    spatial = [low + more for low, more in zip(least, _integers(rng, 0, 9, dims), strict=True)]
    count, channels, outputs = _integers(rng, 1, 4, 3)
    if rng.random() < 0.05:
        spatial, channels, outputs = _integers(rng, 8, 33, dims), 3, 9
    options: dict[str, Any] = {"padding": "trailing" if trailing else tuple(widths)}
    if activated:
        options |= {"stride": tuple(stride), "activation": _relu_or_none(rng)}
    else:
        stride = [1] * dims
        options["padding"] = "trailing" if trailing else widths[0]
    pads = [
        end
        for k, w in zip(reversed(kernel), reversed(widths), strict=True)
        for end in ((0, k - 1) if trailing else (w, w))
    ]

    def ours(x: Tensor, w: Tensor, b: Tensor) -> Any:
        size = tuple(kernel) if dims == 2 else kernel[0]
        made = layer(channels, outputs, size, rng=0, backend=x.backend, **options)
        made.weight.value, made.bias.value = w, b
        return made(x)

    def theirs(x: Any, w: Any, b: Any) -> Any:
        convolve = F.conv1d if dims == 1 else F.conv2d
        out = convolve(F.pad(x, pads), w, b, stride)
        return finish(_activated(out, options.get("activation")))

    weight = _real(rng, (outputs, channels, *kernel))
    return Case(
        name,
        [_real(rng, (count, channels, *spatial)), weight, _real(rng, (outputs,))],
        ours,
        theirs,
        magnitude=theirs,
        steps=3 * count * weight.size * math.prod(spatial),
    )


def convolutional_layer(rng: Rng) -> Case:
    dims = int(rng.integers(1, 3))
    layer = mt_nn.Conv1d if dims == 1 else mt_nn.Conv2d
    return _convolutional(rng, f"Conv{dims}d", layer, dims, True, lambda out: out)


def max_over_time(rng: Rng) -> Case:
    return _convolutional(
        rng,
        "MaxOverTimeConv1d",
        mt_nn.MaxOverTimeConv1d,
        1,
        False,
        lambda out: torch.relu(out).max(2, keepdim=True).values,
    )


def linear_layer(rng: Rng) -> Case:
    inputs, outputs = _integers(rng, 1, 8, 2)
    batch = _shape(rng, int(rng.integers(1, 4)), zero=0.04)
    activation = _relu_or_none(rng)

    def theirs(x: Any, w: Any, b: Any) -> Any:
        return _activated(x @ w + b, activation)

    return Case(
        "linear",
        [_real(rng, (*batch, inputs)), _real(rng, (inputs, outputs)), _real(rng, (outputs,))],
        lambda x, w, b: mt_nn.linear(x, w, b, activation),
        theirs,
        magnitude=theirs,
        steps=1000,
    )


# Functions of networks


def pooling(rng: Rng) -> Case:
    height, width, rows, columns = _integers(rng, 1, 5, 4)
    count, channels = _shape(rng, 2, high=3)
    name = str(rng.choice(["maxpool2d", "avgpool2d"]))
    pool = getattr(mt_nn, name)

    def theirs(x: Any) -> Any:
        windows = x.reshape(count, channels, rows, height, columns, width)
        windows = windows.permute(0, 1, 2, 4, 3, 5).reshape(count, channels, rows, columns, -1)
        if name == "avgpool2d":
            return windows.mean(4)
        return windows.max(4).values

    if not count * channels:
        count = channels = 1
    images = _with_ties(rng, (count, channels, rows * height, columns * width))
    return Case(name, [images], lambda x: pool(x, (height, width)), theirs)


def maximal_pooling(rng: Rng) -> Case:
    while (case := pooling(rng)).name != "maxpool2d":
        pass
    return case


def normalisation(rng: Rng) -> Case:
    shape = _shape(rng, int(rng.integers(1, 5)), high=7, zero=0.03)
    dim = int(rng.integers(-len(shape), len(shape))) if rng.random() < 0.5 else len(shape) - 1
    name = str(rng.choice(["softmax", "logsoftmax"]))
    ours = getattr(mt_nn, name)
    theirs = F.softmax if name == "softmax" else F.log_softmax
    scores = _real(rng, shape) * rng.choice([1, 1, 20])
    return Case(name, [scores], lambda x: ours(x, dim), lambda x: theirs(x, dim), cancels=True)


def forward_of_normalisation(rng: Rng) -> Case:
    case = normalisation(rng)
    return replace(case, gradient="none")


def loss_of_classes(rng: Rng) -> Case:
    count, classes = _integers(rng, 1, 8, 2)
    targets = rng.integers(0, classes, count)
    name = str(rng.choice(["nll_loss", "cross_entropy"]))
    ours, theirs = getattr(mt_nn, name), getattr(F, name)
    form = int(rng.integers(3))

    def call(x: Tensor) -> Any:
        return ours(x, (targets, targets.tolist(), tensor(targets, x.backend))[form])

    return Case(
        name,
        [3.0 * _real(rng, (count, classes))],
        call,
        lambda x: theirs(x, torch.from_numpy(targets)).view(1),
    )


def _binary_loss(p: Any, t: Any) -> Any:
    """Return the loss with our lower bound of probabilities, that of `binary_cross_entropy`."""
    least = max(math.exp(-100), float(torch.finfo(p.dtype).tiny))
    log_p, log_q = ((F.relu(x - least) + least).log() for x in (p, 1 - p))
    return -(log_p * t + log_q * (1 - t)).mean().view(1)


def binary_loss(rng: Rng) -> Case:
    shape = _shape(rng, zero=0)
    targets = rng.random(shape)
    if rng.random() < 0.5:
        targets = np.round(targets)
    constants = () if rng.random() < 0.3 else (1,)
    if rng.random() < 0.5:
        return Case(
            "binary_cross_entropy",
            [rng.uniform(0.02, 0.98, shape), targets],
            lambda x, t: mt_nn.binary_cross_entropy(x, t),
            _binary_loss,
            constants=constants,
        )
    return Case(
        "binary_cross_entropy_with_logits",
        [5.0 * _real(rng, shape), targets],
        lambda x, t: mt_nn.binary_cross_entropy_with_logits(x, t),
        lambda x, t: F.binary_cross_entropy_with_logits(x, t).view(1),
        constants=constants,
    )


def squared_loss(rng: Rng) -> Case:
    shape = _shape(rng, zero=0)
    return Case(
        "mse_loss",
        [_real(rng, shape), _real(rng, shape)],
        mt_nn.mse_loss,
        lambda x, t: ((x - t) ** 2).mean().view(1),
    )


def dropout(rng: Rng) -> Case:
    shape = _shape(rng)
    rate, scale = float(rng.choice([0, 0.3, 0.5, 1.0])), float(rng.choice([1.0, 2.0]))
    seed, activation = int(rng.integers(1000)), _relu_or_none(rng)
    factors = np.asarray((np.random.default_rng(seed).random(shape) >= rate) * scale)
    return Case(
        "dropout",
        [_away_from_zero(rng, shape)],
        lambda x: mt_nn.dropout(x, rate, rng=seed, scale=scale, activation=activation),
        lambda x: _activated(x, activation) * torch.from_numpy(factors).to(x.dtype),
    )


# Graphs

STEPS: list[tuple[Call, Call]] = [
    *(
        (step, step)
        for step in (
            lambda a, b: a + b,
            lambda a, b: a * b,
            lambda a, b: a - b,
            lambda a, b: a / (b * b + 1.0),
            lambda a, b: a.sigmoid(),
            lambda a, b: (a + 0.3).relu(),
            lambda a, b: (a * 0.2).exp(),
            lambda a, b: a.mean() + b,
            lambda a, b: a[..., : (a.shape[-1] + 1) // 2],
            lambda a, b: a.permute(*reversed(range(len(a.shape)))),
            lambda a, b: a.contiguous().view(-1),
        )
    ),
    (lambda a, b: mt_nn.softmax(a, len(a.shape) - 1), lambda a, b: F.softmax(a, -1)),
    (lambda a, b: mt_nn.logsoftmax(a, 0), lambda a, b: F.log_softmax(a, 0)),
    (lambda a, b: mt_nn.max(a, 0) * b, lambda a, b: _max(a, (0,)) * b),
    (lambda a, b: concatenate([a, b], 0), lambda a, b: torch.cat([a, b], 0)),
]
"""Steps of a graph in our library and in PyTorch, functions of two tensors of one shape."""


def graph(rng: Rng) -> Case:
    """Draw a graph of up to 12 steps that use earlier results several times."""
    shape = _shape(rng, int(rng.integers(1, 4)), zero=0)
    seed = int(rng.integers(1 << 30))

    def build(side: int) -> Call:
        def call(*leaves: Any) -> Any:
            draws, nodes = np.random.default_rng(seed), [*leaves]
            for _ in range(int(draws.integers(2, 13))):
                a, b = (nodes[int(i)] for i in draws.integers(len(nodes), size=2))
                step = STEPS[int(draws.integers(len(STEPS)))][side]
                nodes.append(step(a, b if tuple(a.shape) == tuple(b.shape) else a))
            total = 0.0
            for node in nodes[len(leaves) :]:
                total = total + (node * node).mean().view(1)
            return total

        return call

    leaves = [_real(rng, shape) for _ in range(int(rng.integers(2, 4)))]
    return Case("graph", leaves, build(0), build(1), steps=400)


USUAL: tuple[Generator, ...] = (
    *(one_operand, one_operand, two_operands, two_operands, one_operand_twice, comparison),
    *(reduction, reduction, all_true, maximum, maximum, first_maximum),
    *(permutation, view, expansion, padding, concatenation, index, index, lookup),
    *(matrix_product, matrix_product, convolution, convolution),
    *(convolutional_layer, convolutional_layer, max_over_time, linear_layer),
    *(pooling, pooling, normalisation, normalisation, dropout),
    *(loss_of_classes, binary_loss, squared_loss, graph, graph),
)
"""Generators of cases with usual operands."""

WITH_SPECIAL_NUMBERS: tuple[Generator, ...] = (
    *(
        one_special_operand,
        one_special_operand,
        one_special_operand,
        two_special_operands,
        two_special_operands,
        comparison,
    ),
    *(permutation, view, padding, concatenation, index, lookup),
    *(maximum, maximum, first_maximum, maximal_pooling, forward_of_normalisation, dropout),
)
"""Generators of cases without sums of products, whose overflow depends on the order."""


def draw(seed: int, special: bool) -> Case:
    """Return the case of a seed."""
    rng = np.random.default_rng(seed)
    generators = WITH_SPECIAL_NUMBERS if special else USUAL
    return generators[int(rng.integers(len(generators)))](rng)
