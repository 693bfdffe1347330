"""The layers of a transformer with their gradients, in NumPy.

Each layer returns its result and its pullback: the function that returns the gradient of the input
and those of the parameters from an upstream gradient. `Design` has the decisions in which learners
make mistakes; its default values are right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from grading.checking.oracles.nn import softmax, softmax_gradient
from grading.protocol.messages import Array

Named: TypeAlias = dict[str, Array]
Parameters: TypeAlias = Mapping[str, Array]
Pullback: TypeAlias = Callable[[Array], tuple[Array, Named]]

LAYERS = 4
"""The number of layers of the language model."""

LEAST = float(np.finfo(np.float32).min)
"""The number that the causal mask adds."""


@dataclass(frozen=True)
class Design:
    """Decisions of a transformer.

    Attributes:
        divisor: What the scores are divided by: the root of the size of a head, or another number.
        first_masked: The diagonal above which, itself included, the mask hides scores.
        mask: The mask is added; or it is transposed, multiplies the probabilities, or is left out.
        along: The dimension of the softmax, -1 for the keys.
        transposed: True if heads are put side by side before they are merged.
        one_head: True if all heads are one.
        exchanged: True if keys and queries are exchanged.
        in_order: True if the heads are cut from the vector, False if from the whole tensor.
        output: True if the merged heads pass the last projection.
        norm: The place of a layer's normalisations.
        residual: True for each part of a layer with a sum around it.
        positions: How often the vectors of positions are added.
        shared: True if the first of the layers is used every time.
        layers: The number of layers.
        last_norm: True if the sum of the layers is normalised.
        activation: The activation of the network of a layer.
    """

    divisor: Literal["root", "none", "size", "embedding"] = "root"
    first_masked: int = 1
    mask: Literal["added", "transposed", "after", "none"] = "added"
    along: int = -1
    transposed: bool = True
    one_head: bool = False
    exchanged: bool = False
    in_order: bool = True
    output: bool = True
    norm: Literal["before", "after", "none"] = "before"
    residual: tuple[bool, bool] = (True, True)
    positions: int = 1
    shared: bool = False
    layers: int = LAYERS
    last_norm: bool = True
    activation: Literal["gelu", "relu", "none"] = "gelu"


RIGHT = Design()


def below(parameters: Parameters, name: str) -> Named:
    """Return the parameters of a part, without its name."""
    return {
        key.removeprefix(f"{name}."): value
        for key, value in parameters.items()
        if key.startswith(f"{name}.")
    }


def _under(name: str, gradients: Named) -> Named:
    return {f"{name}.{key}": value for key, value in gradients.items()}


def gelu(x: Array) -> Array:
    """Return GELU of every element, by the approximation with tanh."""
    return np.asarray(0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))))


def gelu_gradient(x: Array, upstream: Array) -> Array:
    """Return the gradient of `gelu`."""
    root = np.sqrt(2.0 / np.pi)
    t = np.tanh(root * (x + 0.044715 * x**3))
    slope = root * (1.0 + 3.0 * 0.044715 * x**2)
    return np.asarray(upstream * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope))


def logsumexp(x: Array, dim: int) -> Array:
    """Return the logarithm of the sum of exponentials, without overflow."""
    largest = x.max(axis=dim, keepdims=True)
    return np.asarray(np.log(np.exp(x - largest).sum(axis=dim, keepdims=True)) + largest)


def losses(logits: Array, classes: Array) -> Array:
    """Return the cross-entropy of each row.

    Shape:
        (rows, classes), (rows,) → (rows,).
    """
    chosen = logits[np.arange(len(logits)), classes.astype(np.int64)]
    return np.asarray(logsumexp(logits, 1)[:, 0] - chosen)


def losses_gradient(logits: Array, classes: Array, upstream: Array) -> Array:
    """Return the gradient of `losses` with respect to the logits."""
    hot = np.eye(logits.shape[1])[classes.astype(np.int64)]
    return np.asarray((softmax(logits, 1) - hot) * upstream[:, None])


def embedding_gradient(ids: Array, rows: int, upstream: Array) -> Array:
    """Return the gradient of a table: the sum of the gradients of each token's positions."""
    out = np.zeros((rows, upstream.shape[-1]))
    np.add.at(out, ids.astype(np.int64), upstream)
    return out


def linear(x: Array, p: Parameters) -> tuple[Array, Pullback]:
    """Return x W + b."""
    weights, bias = p["weights"], p.get("bias")
    out = x @ weights if bias is None else x @ weights + bias

    def back(g: Array) -> tuple[Array, Named]:
        rows, flat = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
        grads = {"weights": rows.T @ flat}
        if bias is not None:
            grads["bias"] = flat.sum(axis=0)
        return g @ weights.T, grads

    return out, back


def layer_norm(x: Array, p: Parameters, eps: float) -> tuple[Array, Pullback]:
    """Return the normalised rows times the weights plus the bias."""
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
    normal = centred / deviation

    def back(g: Array) -> tuple[Array, Named]:
        inner = g * p["weights"]
        mean = inner.mean(axis=-1, keepdims=True)
        along = (inner * normal).mean(axis=-1, keepdims=True)
        dims = tuple(range(x.ndim - 1))
        grads = {"weights": (g * normal).sum(axis=dims), "bias": g.sum(axis=dims)}
        return (inner - mean - normal * along) / deviation, grads

    return normal * p["weights"] + p["bias"], back


def heads_of(x: Array, heads: int, in_order: bool = True) -> Array:
    """Return the heads of each vector: (batch, length, n) → (batch, heads, length, n / heads)."""
    batch, length, size = x.shape
    if not in_order:
        return x.reshape(batch, heads, length, size // heads)
    return x.reshape(batch, length, heads, size // heads).transpose(0, 2, 1, 3)


def merged(x: Array, transposed: bool = True) -> Array:
    """Return the vectors of all heads: (batch, heads, length, size) → (batch, length, n)."""
    batch, heads, length, size = x.shape
    ordered = x.transpose(0, 2, 1, 3) if transposed else x
    return ordered.reshape(batch, length, heads * size)


def project(x: Array, p: Parameters, heads: int, design: Design = RIGHT) -> tuple[Array, ...]:
    """Return queries, transposed keys, and values of each head."""
    names = ("k", "q", "v") if design.exchanged else ("q", "k", "v")
    number = 1 if design.one_head else heads
    q, k, v = (
        heads_of(linear(x, below(p, f"{name}_projection"))[0], number, design.in_order)
        for name in names
    )
    return q, k.transpose(0, 1, 3, 2), v


def attention(
    q: Array, kt: Array, v: Array, causal: bool, design: Design = RIGHT
) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]:
    """Return the merged attention of all heads, and its pullback for q, kt and v.

    Shape:
        q (batch, heads, length, size), kt (batch, heads, size, length), v like q →
        (batch, length, heads · size).
    """
    heads, length, size = q.shape[1:]
    divisor = {"root": size**0.5, "none": 1.0, "size": size, "embedding": (size * heads) ** 0.5}
    scale = 1.0 / divisor[design.divisor]
    hidden = np.triu(np.ones((length, length)), design.first_masked)
    if design.mask == "transposed":
        hidden = hidden.T
    added = causal and design.mask in ("added", "transposed")
    scores = q @ kt * scale + (hidden * LEAST if added else 0.0)
    weights = softmax(scores, design.along)
    used = weights * (1.0 - hidden) if causal and design.mask == "after" else weights
    out = merged(used @ v, design.transposed)

    def back(g: Array) -> tuple[Array, Array, Array]:
        inner = heads_of(g, heads)
        d_scores = scale * softmax_gradient(scores, -1, inner @ v.swapaxes(-1, -2))
        d_q, d_kt = d_scores @ kt.swapaxes(-1, -2), q.swapaxes(-1, -2) @ d_scores
        return d_q, d_kt, weights.swapaxes(-1, -2) @ inner

    return out, back


def multi_head(
    x: Array, p: Parameters, heads: int, causal: bool = True, design: Design = RIGHT
) -> tuple[Array, Pullback]:
    """Return self-attention with several heads."""
    q, kt, v = project(x, p, heads, design)
    inner, attention_back = attention(q, kt, v, causal, design)
    backs = [linear(x, below(p, f"{name}_projection"))[1] for name in "qkv"]
    out, out_back = linear(inner, below(p, "out_projection"))
    if not design.output:
        out = inner

    def back(g: Array) -> tuple[Array, Named]:
        d_inner, grads = out_back(g)
        named = _under("out_projection", grads)
        d_q, d_kt, d_v = attention_back(d_inner)
        total = np.zeros_like(x)
        for name, each, pull in zip("qkv", (d_q, d_kt.swapaxes(-1, -2), d_v), backs, strict=True):
            d_x, grads = pull(merged(each))
            total = total + d_x
            named |= _under(f"{name}_projection", grads)
        return total, named

    return out, back


def feed_forward(x: Array, p: Parameters, design: Design = RIGHT) -> tuple[Array, Pullback]:
    """Return the network of each position: linear, GELU, linear."""
    hidden, first = linear(x, below(p, "linear_in"))
    activations: dict[str, Callable[[Array], Array]] = {
        "gelu": gelu,
        "relu": lambda h: np.maximum(h, 0.0),
        "none": lambda h: h,
    }
    out, second = linear(activations[design.activation](hidden), below(p, "linear_out"))

    def back(g: Array) -> tuple[Array, Named]:
        d_hidden, last = second(g)
        d_x, grads = first(gelu_gradient(hidden, d_hidden))
        return d_x, _under("linear_in", grads) | _under("linear_out", last)

    return out, back


def layer(
    x: Array, p: Parameters, heads: int, eps: float, design: Design = RIGHT
) -> tuple[Array, Pullback]:
    """Return attention and network, each with a normalisation before and a sum around it."""
    part = {name: below(p, name) for name in ("ln_1", "ln_2", "attention", "ff")}
    first, second = (1.0 if kept else 0.0 for kept in design.residual)
    before, after = design.norm == "before", design.norm == "after"
    n_1, back_n_1 = layer_norm(x, part["ln_1"], eps)
    a, back_a = multi_head(n_1 if before else x, part["attention"], heads, True, design)
    y = first * x + a
    if after:
        y = layer_norm(y, part["ln_1"], eps)[0]
    n_2, back_n_2 = layer_norm(y, part["ln_2"], eps)
    f, back_f = feed_forward(n_2 if before else y, part["ff"], design)
    out = second * y + f
    if after:
        out = layer_norm(out, part["ln_2"], eps)[0]

    def back(g: Array) -> tuple[Array, Named]:
        d_n_2, of_ff = back_f(g)
        d_y, of_ln_2 = back_n_2(d_n_2)
        d_y = d_y + g
        d_n_1, of_attention = back_a(d_y)
        d_x, of_ln_1 = back_n_1(d_n_1)
        named = _under("ff", of_ff) | _under("ln_2", of_ln_2)
        return d_x + d_y, named | _under("attention", of_attention) | _under("ln_1", of_ln_1)

    return out, back


def decoder(
    ids: Array, p: Parameters, heads: int, eps: float, design: Design = RIGHT
) -> tuple[Array, Callable[[Array], Named]]:
    """Return the scores of the language model, and its pullback for the parameters."""
    tokens, positions = p["token_embeddings.weights"], p["position_embeddings.weights"]
    length = ids.shape[1]
    x = tokens[ids.astype(np.int64)] + design.positions * positions[:length]
    backs = []
    for number in range(1, design.layers + 1):
        name = f"t_layer_{1 if design.shared else number}"
        x, pull = layer(x, below(p, name), heads, eps, design)
        backs.append((name, pull))
    normal, back_ln = layer_norm(x, below(p, "ln"), eps)
    out, back_head = linear(normal if design.last_norm else x, below(p, "lm_head"))

    def back(g: Array) -> Named:
        d_normal, grads = back_head(g)
        named = _under("lm_head", grads)
        d_x, grads = back_ln(d_normal)
        named |= _under("ln", grads)
        for name, pull in reversed(backs):
            d_x, grads = pull(d_x)
            named |= _under(name, grads)
        named["token_embeddings.weights"] = embedding_gradient(ids, len(tokens), d_x)
        of_positions = np.zeros_like(positions)
        of_positions[:length] = d_x.sum(axis=0)
        return named | {"position_embeddings.weights": of_positions}

    return out, back
