"""The fully connected layer."""

from mt_autodiff import Seed, Tensor
from mt_autodiff.names import renamed
from mt_nn import init as initializers
from mt_nn.functional.linear import LinearActivation, linear
from mt_nn.init import Initializer
from mt_nn.layers._checks import check_activation, check_sizes, check_tensor
from mt_nn.module import Module
from mt_nn.parameter import Parameter
from mt_tensor import REFERENCE, Backend, ShapeError

ACTIVATIONS = ("relu", "gelu", "gelu-tanh")
"""The names of the activations of a linear layer."""


class Linear(Module):
    r"""A fully connected layer: $y = f(x W + b)$ with the activation f.

    Attributes:
        in_size: The number of inputs.
        out_size: The number of outputs.
        activation: "relu", "gelu", "gelu-tanh", or None.
        weight: Shape (in_size, out_size).
        bias: Shape (out_size,), or None.

    >>> from mt_autodiff import ones
    >>> Linear(3, 2, rng=0)(ones((5, 3))).shape
    (5, 2)
    """

    @renamed(in_features="in_size", out_features="out_size", device="backend", dtype="backend")
    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        bias: bool = True,
        activation: LinearActivation = None,
        init: Initializer = initializers.kaiming_uniform,
        rng: Seed = None,
        backend: Backend = REFERENCE,
    ) -> None:
        """Build a layer with a random weight and a bias of zeros.

        Args:
            in_size: The number of inputs, 1 or more.
            out_size: The number of outputs, 1 or more.
            bias: False leaves the bias out.
            activation: "relu", "gelu", "gelu-tanh" or None.
            init: The initialiser of the weight.
            rng: A generator, preferably one for the whole network; a seed, or None.
            backend: The backend of the parameters.

        Raises:
            ValueError: A size is smaller than 1, or the activation is unknown.
        """
        (self.in_size,) = check_sizes("Linear", "in_size", in_size, 1, 1)
        (self.out_size,) = check_sizes("Linear", "out_size", out_size, 1, 1)
        self.activation = check_activation("Linear", activation, ACTIVATIONS)
        self.weight = Parameter(init((in_size, out_size), rng=rng, backend=backend))
        self.bias = Parameter(initializers.zeros((out_size,), backend=backend)) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer to the last dimension.

        Shape:
            (..., in_size) → (..., out_size), two dimensions or more.

        Raises:
            ShapeError: The last dimension has another size, or there are fewer than two dimensions.
            TypeError: The input is not a tensor.
        """
        check_tensor(self, input)
        if input.dims < 2 or input.shape[-1] != self.in_size:
            raise ShapeError(
                f"{self!r}: input of shape {input.shape}; expected (batch, {self.in_size}) or "
                f"more dimensions before the last. Flatten with view(batch, {self.in_size}), or "
                "build the layer with another in_size"
            )
        bias = None if self.bias is None else self.bias.value
        return linear(input, self.weight.value, bias, self.activation)

    def extra_repr(self) -> str:
        """Return the sizes, and settings other than the defaults."""
        parts = [str(self.in_size), str(self.out_size)]
        if self.bias is None:
            parts.append("bias=False")
        if self.activation is not None:
            parts.append(f"activation={self.activation!r}")
        return ", ".join(parts)
