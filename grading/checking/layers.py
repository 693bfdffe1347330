"""Requests of layers with random inputs and parameters, for the checks of module 5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from grading.checking.compare import expect_array, expect_gradients, expect_plain
from grading.protocol.messages import Array, Response, Subject

Shapes: TypeAlias = dict[str, tuple[int, ...]]
"""The shapes of parameters by their dotted names."""

RELATIVE = 1e-4
"""Relative tolerance: the tensors of some submissions are float32."""

ABSOLUTE = 1e-4
"""Absolute tolerance, for the same reason."""

MIDDLE = 256
"""The hidden units of the network in a layer, for every size of a vector."""

PARTS = ("q_projection", "k_projection", "v_projection", "out_projection")


def linear(inputs: int, outputs: int, bias: bool = True) -> Shapes:
    """Return the shapes of a linear map."""
    return {"weights": (inputs, outputs)} | ({"bias": (outputs,)} if bias else {})


def norm(size: int) -> Shapes:
    """Return the shapes of a normalisation."""
    return {"weights": (size,), "bias": (size,)}


def under(name: str, shapes: Shapes) -> Shapes:
    """Return shapes as those of a part with a name."""
    return {f"{name}.{key}": shape for key, shape in shapes.items()}


def attention(size: int, bias: bool = True) -> Shapes:
    """Return the shapes of a `MultiHeadAttention`."""
    return {k: v for part in PARTS for k, v in under(part, linear(size, size, bias)).items()}


def network(size: int, middle: int = MIDDLE, bias: bool = True) -> Shapes:
    """Return the shapes of a `FeedForward`."""
    first = under("linear_in", linear(size, middle, bias))
    return first | under("linear_out", linear(middle, size, bias))


def block(size: int, bias: bool = True) -> Shapes:
    """Return the shapes of a `TransformerLayer`."""
    norms = under("ln_1", norm(size)) | under("ln_2", norm(size))
    return norms | under("attention", attention(size, bias)) | under("ff", network(size, bias=bias))


def decoder(tokens: int, size: int, positions: int, bias: bool = True) -> Shapes:
    """Return the shapes of a `DecoderLM`."""
    shapes: Shapes = {
        "token_embeddings.weights": (tokens, size),
        "position_embeddings.weights": (positions, size),
    }
    for number in (1, 2, 3, 4):
        shapes |= under(f"t_layer_{number}", block(size, bias))
    return shapes | under("ln", norm(size)) | under("lm_head", linear(size, tokens, bias))


@dataclass(frozen=True, repr=False)
class Case:
    """A layer with an input, parameters and an upstream gradient.

    Attributes:
        layer: The name of the class.
        sizes: The arguments of its constructor.
        x: The input.
        parameters: The parameters by their dotted names.
        upstream: The gradient of the result; None for a call without gradients.
    """

    layer: str
    sizes: Mapping[str, Any]
    x: Array
    parameters: Mapping[str, Array]
    upstream: Array | None = None

    def __repr__(self) -> str:
        """Name the class and the sizes: the arrays fill pages."""
        return f"{self.layer}({dict(self.sizes)}) of {self.x.shape}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print `repr`: hypothesis would print all attributes of a dataclass."""
        printer.text(repr(self))

    def call(self, subject: Subject, operation: str = "layer", **options: Any) -> Response:
        """Call the layer of the code under test."""
        given = {
            "layer": self.layer,
            "sizes": dict(self.sizes),
            "parameters": list(self.parameters),
            **options,
        }
        arrays = [self.x, *self.parameters.values()]
        return subject.call(f"transformer.{operation}", arrays, given, self.upstream)

    def expect(
        self,
        response: Response,
        out: Array,
        d_x: Array | None = None,
        gradients: Mapping[str, Array] | None = None,
        absolute: float = ABSOLUTE,
    ) -> None:
        """Compare the result, the gradient of the input and those of the parameters.

        Raises:
            MismatchError: One of them differs.
        """
        expect_array(response, out, relative=RELATIVE, absolute=absolute)
        if gradients is not None:
            right = [d_x, *(gradients[name] for name in self.parameters)]
            expect_gradients(response, right, relative=RELATIVE, absolute=absolute)


def numbers(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Return numbers from -1.5 to 1.5 in steps of 1/4."""
    return rng.integers(-6, 7, shape) / 4.0


def parameters(rng: np.random.Generator, shapes: Shapes, scale: float = 1.0) -> dict[str, Array]:
    """Return numbers for all parameters; weights of large linear maps are smaller."""
    return {
        name: numbers(rng, shape) * scale / (1.0 if len(shape) == 1 else max(1.0, shape[0] ** 0.5))
        for name, shape in shapes.items()
    }


def expect_parameters(response: Response, shapes: Shapes) -> None:
    """Compare the names and shapes of all parameters, which have to have the given backend.

    Raises:
        MismatchError: They differ.
    """
    right = {name: [list(shape), True] for name, shape in shapes.items()}
    expect_plain(response, right, "the parameters (shape, and True for the layer's backend)")
