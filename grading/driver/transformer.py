"""Operations of module 5: functions and layers of a transformer.

A request of a layer has the input and then the parameters, by the dotted names of the option
`parameters`; the gradients of the response have the same order. The option `layer` names the class,
and `sizes` has the arguments of its constructor.
"""

import importlib
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from grading.driver import editions
from grading.driver.arrays import to_array
from grading.driver.backends import backend
from grading.driver.calls import to_tensor
from grading.driver.family import Family
from grading.driver.repairs import repair_templates
from grading.driver.results import integers, truth
from grading.protocol.messages import Array, Plain, Request, Response

family = Family()

LAYERS = "layers"
"""The name of the backend on which layers run."""

OTHER_NAMES = {"weights": "weight", "v_projection": "v_project"}
"""Second names of attributes: docstrings of some years have them."""

TOKENS = frozenset({"Embedding", "DecoderLM"})
"""Layers whose input has no gradient: the numbers of tokens."""


def _nn() -> Any:
    return importlib.import_module("minitorch.nn")


@cache
def _timed_layer(name: str, **sizes: int | float) -> Any:
    """Return a layer in evaluation; the times of calls do not contain its construction."""
    module = build(name, sizes, backend(LAYERS))
    module.eval()
    return module


def _layer_norm(x: Any) -> Any:
    return _timed_layer("LayerNorm1d", dim=x.shape[1], eps=1e-5)(x)


def _self_attention(q: Any, kt: Any, v: Any) -> Any:
    _, heads, _, size = q.shape
    sizes = {"n_embd": heads * size, "n_head": heads, "p_dropout": 0.0}
    return _timed_layer("MultiHeadAttention", **sizes).self_attention(q, kt, v)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "gelu": lambda x: _nn().GELU(x),
    "logsumexp": lambda x, dim: _nn().logsumexp(x, dim),
    "one_hot": lambda x, classes: _nn().one_hot(x, classes),
    "softmax_loss": lambda x, target: _nn().softmax_loss(x, target),
    "layer_norm": _layer_norm,
    "self_attention": _self_attention,
}


def _register(name: str, f: Callable[..., Any]) -> None:
    def handler(request: Request) -> Response:
        options = dict(request.options)
        constants = options.pop("constants", ())
        tensors = [
            to_tensor(array, backend(LAYERS), request.upstream is not None and i not in constants)
            for i, array in enumerate(request.arrays)
        ]
        return answered(request, [f(*tensors, **options)], tensors)

    family.handlers[name] = handler


def answered(request: Request, results: list[Any], operands: list[Any]) -> Response:
    """Return results, and the gradients of operands from the upstream gradient of the first.

    A result of a wrong shape has no gradients.
    """
    arrays = tuple(to_array(result) for result in results)
    if request.upstream is None or arrays[0].shape != request.upstream.shape:
        return Response(request, arrays)
    on = backend(LAYERS)
    repair_templates(on)
    results[0].backward(to_tensor(request.upstream, on))
    return Response(request, arrays, _gradients(operands))


def _gradients(tensors: list[Any]) -> tuple[Array | None, ...]:
    return tuple(None if t.grad is None else to_array(t.grad) for t in tensors)


for _name, _function in FUNCTIONS.items():
    _register(_name, _function)


def class_of(name: str) -> Any:
    """Return a class of the submission by its name."""
    basic = ("Embedding", "Dropout", "Linear", "LayerNorm1d")
    file = "modules_basic" if name in basic else editions.transformer_file()
    return getattr(editions.submodule(file), name)


def build(name: str, sizes: Plain, on: Any) -> Any:
    """Return a new layer.

    Basic layers get their arguments by position, as their tests do; the others by name.
    """
    made = class_of(name)
    if name == "Dropout":
        return made(*sizes.values())
    if name in ("Embedding", "Linear", "LayerNorm1d"):
        return made(*sizes.values(), on)
    return made(**sizes, backend=on)


def parameter(module: Any, path: str) -> Any:
    """Return a parameter of a layer by its dotted name."""
    for part in path.split("."):
        # In the course's template, an unknown attribute of a module is None.
        found = getattr(module, part, None)
        if found is None and part in OTHER_NAMES:
            found = getattr(module, OTHER_NAMES[part], None)
        module = getattr(module, part) if found is None else found
    return module


def prepared(request: Request) -> tuple[Any, list[Any], Any]:
    """Return the layer of a request with its parameters set, the parameters, and the backend."""
    options = request.options
    on = backend(LAYERS)
    random.seed(options.get("seed", 0))
    np.random.seed(options.get("seed", 0))  # noqa: NPY002
    module = build(options["layer"], options["sizes"], on)
    if options.get("train", False):
        module.train()
    else:
        module.eval()
    names = options.get("parameters", [])
    found = [parameter(module, name) for name in names]
    for each, array in zip(found, request.arrays[len(request.arrays) - len(names) :], strict=True):
        each.update(to_tensor(array, on, requires_grad=True))
    return module, found, on


@family.operation
def layer(request: Request) -> Response:
    """Call a layer once, or as often as the option `calls` says."""
    module, found, on = prepared(request)
    tokens = request.options["layer"] in TOKENS
    x = to_tensor(request.arrays[0], on, request.upstream is not None and not tokens)
    results = [module(x) for _ in range(request.options.get("calls", 1))]
    return answered(request, results, [x, *(each.value for each in found)])


@family.operation
def projection(request: Request) -> Response:
    """Project an input to queries, keys and values of each head.

    The first four arrays are the input and the upstream gradients of the three results.
    """
    module, found, on = prepared(request)
    x = to_tensor(request.arrays[0], on, requires_grad=True)
    results = module.project_to_query_key_value(x)
    arrays = tuple(to_array(result) for result in results)
    repair_templates(on)
    for result, upstream in zip(results, request.arrays[1:4], strict=True):
        if list(result.shape) == list(upstream.shape):
            result.backward(to_tensor(upstream, on))
    first, *others = _gradients([x, *(each.value for each in found)])
    return Response(request, arrays, (first, None, None, None, *others))


@family.operation
def attention(request: Request) -> Response:
    """Call `self_attention` with queries, transposed keys and values."""
    module, _, on = prepared(request)
    tensors = [to_tensor(each, on, request.upstream is not None) for each in request.arrays]
    return answered(request, [module.self_attention(*tensors)], tensors)


@family.operation
def parameters(request: Request) -> Response:
    """Build a layer; return its parameters: names, shapes, values, and if they have its backend."""
    module, _, on = prepared(request)
    named = module.named_parameters()
    pairs = sorted(named.items() if isinstance(named, dict) else named)
    listed = {}
    for name, each in pairs:
        right = each.value.backend is on or each.value.backend == on
        listed[_usual(str(name))] = [integers(each.value.shape, name), truth(right, "`==`")]
    return Response(request, tuple(to_array(each.value) for _, each in pairs), plain=listed)


def _usual(name: str) -> str:
    """Return a dotted name with the usual names of its parts."""
    usual = {other: name for name, other in OTHER_NAMES.items()}
    return ".".join(usual.get(part, part) for part in name.split("."))
