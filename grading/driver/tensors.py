"""Operations on tensors: arithmetic, reductions, shapes, convolutions."""

import importlib
from collections.abc import Callable
from typing import Any

from grading.driver.calls import call_function
from grading.driver.family import Family
from grading.protocol.messages import Request, Response

family = Family()


def function(name: str, f: Callable[..., Any]) -> None:
    """Register a function of tensors and keyword arguments."""

    def handler(request: Request) -> Response:
        return call_function(request, f)

    family.handlers[name] = handler


def _dim(name: str) -> Callable[..., Any]:
    """Return a function that calls a reduction, with or without a dimension."""

    def call(x: Any, dim: int | None = None) -> Any:
        reduction = getattr(x, name)
        return reduction() if dim is None else reduction(dim)

    return call


def _convolution(module: str, name: str) -> Callable[..., Any]:
    """Return a function that imports a convolution at its first call and calls it."""

    def call(x: Any, weight: Any) -> Any:
        return getattr(importlib.import_module(f"minitorch.{module}"), name)(x, weight)

    return call


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # Elementwise functions.
    "add": lambda a, b: a + b,
    "div": lambda a, b: a / b,
    "eq": lambda a, b: a == b,
    "exp": lambda a: a.exp(),
    "gt": lambda a, b: a > b,
    "inv": lambda a: 1.0 / a,
    "is_close": lambda a, b: a.is_close(b),
    "log": lambda a: a.log(),
    "lt": lambda a, b: a < b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "relu": lambda a: a.relu(),
    "sigmoid": lambda a: a.sigmoid(),
    "sub": lambda a, b: a - b,
    # With plain numbers, on either side.
    "add_number": lambda a, number: a + number,
    "radd_number": lambda a, number: number + a,
    "rmul_number": lambda a, number: number * a,
    "sub_number": lambda a, number: a - number,
    # Reductions.
    "all": _dim("all"),
    "mean": _dim("mean"),
    "sum": _dim("sum"),
    # Shapes.
    "contiguous": lambda a: a.contiguous(),
    "permute": lambda a, order: a.permute(*order),
    "view": lambda a, shape: a.view(*shape),
    # Products.
    "conv1d": _convolution("fast_conv", "conv1d"),
    "conv1d_cuda": _convolution("cuda_conv", "conv1d"),
    "conv2d": _convolution("fast_conv", "conv2d"),
    "conv2d_cuda": _convolution("cuda_conv", "conv2d"),
    "matmul": lambda a, b: a @ b,
    # Compositions.
    "reuse": lambda a, b: a * b + a * a + b.sum(),
    "network": lambda x, w, b: ((x.view(*x.shape, 1) * w).sum(1) + b).sigmoid().log(),
    "transposed_view": lambda a, shape: a.permute(1, 0).contiguous().view(*shape),
}

for _name, _function in FUNCTIONS.items():
    function(_name, _function)


@family.operation
def twice(request: Request) -> Response:
    """Multiply two tensors and call `backward` on two results, whose gradients add up."""

    def both(a: Any, b: Any) -> Any:
        first = (a * b).sum()
        first.backward()
        return a * b

    return call_function(request, both)
