"""Mistakes in the normalisation, the attention and the model of a transformer: 5.3 to 5.5."""

from collections.abc import Callable

import numpy as np

from grading.checking.finding import Finding
from grading.checking.oracles import transformer
from grading.checking.oracles.transformer import Design
from grading.diagnosis.layers import ABSOLUTE, LARGEST, named, no_gradient, of_layer, saying
from grading.diagnosis.mistakes import Mistake, gradient, modelled, result
from grading.protocol.messages import Array, Request, Response


def _centred(x: Array) -> Array:
    return np.asarray(x - x.mean(axis=1, keepdims=True))


def _normal(x: Array, eps: float, wrong: Callable[[Array, float], Array]) -> Array:
    """Return rows normalised by a function of the biased variance and eps."""
    return np.asarray(_centred(x) / wrong(x.var(axis=1, keepdims=True), eps))


def _norm_parts(x: Array, eps: float) -> tuple[Array, Array]:
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    return _centred(x) / deviation, deviation


def norm(
    cause: str,
    wrong: Callable[[Array, float], Array],
    affine: Callable[[Array, Array, Array], Array] = lambda n, w, b: n * w + b,
) -> Mistake:
    """Return a mistake in the result of `LayerNorm1d`; `wrong` normalises rows."""

    def model(request: Request) -> Response:
        p = named(request)
        normal = wrong(request.arrays[0], request.options["sizes"]["eps"])
        return result(request, affine(normal, p["weights"], p["bias"]))

    return of_layer(("5.3",), "LayerNorm1d", cause, model)


def norm_gradient(cause: str, wrong: Callable[[Array, Array, float], Array]) -> Mistake:
    """Return a mistake in the input's gradient; `wrong` gets input, upstream · weights, and eps."""

    def model(request: Request) -> Response | None:
        if request.upstream is None:
            return None
        inner = request.upstream * named(request)["weights"]
        eps = request.options["sizes"]["eps"]
        return gradient(request, 0, wrong(request.arrays[0], inner, eps))

    return of_layer(("5.3",), "LayerNorm1d", cause, model)


def _without_the_mean(x: Array, inner: Array, eps: float) -> Array:
    normal, deviation = _norm_parts(x, eps)
    return np.asarray((inner - normal * (inner * normal).mean(axis=1, keepdims=True)) / deviation)


def _without_the_variance(x: Array, inner: Array, eps: float) -> Array:
    return np.asarray(_centred(inner) / _norm_parts(x, eps)[1])


def _through_the_deviation(x: Array, inner: Array, eps: float) -> Array:
    normal, deviation = _norm_parts(x, eps)
    return np.asarray(-normal * (inner * normal).mean(axis=1, keepdims=True) / deviation)


def attention(cause: str, design: Design) -> Mistake:
    """Return a mistake in attention, seen in its parts and as a whole."""

    def model(request: Request) -> Response | None:
        options, p = request.options, named(request)
        if options.get("layer") != "MultiHeadAttention":
            return None
        sizes = options["sizes"]
        heads, causal = sizes["n_head"], sizes.get("causal", True)
        if request.operation == "transformer.projection":
            return Response(request, transformer.project(request.arrays[0], p, heads, design))
        if request.operation == "transformer.attention":
            q, kt, v = request.arrays
            return result(request, transformer.attention(q, kt, v, causal, design)[0])
        if not p:
            return None
        x = request.arrays[0]
        return result(request, transformer.multi_head(x, p, heads, causal, design)[0])

    operation = "transformer.(projection|attention|layer)"
    return modelled(("5.4",), cause, operation, model, ABSOLUTE, largest=LARGEST)


def model_of(cause: str, design: Design) -> Mistake:
    """Return a mistake in the layers or the model, seen in both."""

    def model(request: Request) -> Response | None:
        options, p = request.options, named(request)
        sizes = options["sizes"]
        if not p or (options.get("train") and sizes.get("p_dropout")):
            return None
        x, layer = request.arrays[0], options["layer"]
        if layer == "FeedForward":
            return result(request, transformer.feed_forward(x, p, design)[0])
        heads, eps = sizes["n_head"], sizes.get("ln_eps", 1e-5)
        if layer == "TransformerLayer":
            return result(request, transformer.layer(x, p, heads, eps, design)[0])
        if layer == "DecoderLM":
            return result(request, transformer.decoder(x, p, heads, eps, design)[0])
        return None

    return modelled(("5.5",), cause, "transformer.layer", model, ABSOLUTE, largest=LARGEST)


def _without_dropout(finding: Finding) -> bool:
    """Return whether a layer in training has the result of one without dropout."""
    request, response = finding.request, finding.response
    if response is None:
        return False
    x, p, sizes = request.arrays[0], named(request), request.options["sizes"]
    if request.options["layer"] == "FeedForward":
        right, _ = transformer.feed_forward(x, p)
    else:
        right, _ = transformer.layer(x, p, sizes["n_head"], sizes["ln_eps"])
    return bool(np.allclose(response.arrays[0], right, atol=1e-3))


MISTAKES = [
    # Layer normalisation
    norm(
        "`eps` is added to the standard deviation. Add it to the variance, under the root.",
        lambda x, eps: _normal(x, eps, lambda v, e: np.sqrt(v) + e),
    ),
    norm(
        "`eps` is missing under the root.", lambda x, eps: _normal(x, eps, lambda v, e: np.sqrt(v))
    ),
    norm(
        "The root is missing: divide by the standard deviation, not by the variance.",
        lambda x, eps: _normal(x, eps, lambda v, e: v + e),
    ),
    norm(
        "You divide the sum of squares by n - 1. The variance of this layer divides by n.",
        lambda x, eps: _normal(
            x, eps, lambda v, e: np.sqrt(v * x.shape[1] / max(x.shape[1] - 1, 1) + e)
        ),
    ),
    norm(
        "You divide the sum of squares by n - 1. The variance of this layer divides by n.",
        lambda x, eps: _normal(x, eps, lambda v, e: np.sqrt(v * x.shape[1] / (x.shape[1] - 1) + e)),
    ),
    norm(
        "You normalise along the batch. Normalise each row.",
        lambda x, eps: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps),
    ),
    norm("The mean is not subtracted.", lambda x, eps: x / np.sqrt(x.var(1, keepdims=True) + eps)),
    norm(
        "The bias is added before the weights multiply. Add it at the end.",
        lambda x, eps: _norm_parts(x, eps)[0],
        lambda n, w, b: (n + b) * w,
    ),
    norm("The bias is not added.", lambda x, eps: _norm_parts(x, eps)[0], lambda n, w, b: n * w),
    norm(
        "The weights do not multiply.", lambda x, eps: _norm_parts(x, eps)[0], lambda n, w, b: n + b
    ),
    no_gradient(
        ("5.3",), "LayerNorm1d", "The input's gradient is zero: the normalised rows are detached."
    ),
    norm_gradient(
        "No gradient passes through the difference from the mean. Do not detach it.",
        _through_the_deviation,
    ),
    norm_gradient(
        "You treat mean and variance as constants. Both depend on the input and have gradients.",
        lambda x, inner, eps: inner / _norm_parts(x, eps)[1],
    ),
    norm_gradient(
        "You treat the variance as a constant. It depends on the input and has a gradient.",
        _without_the_variance,
    ),
    norm_gradient(
        "You treat the mean as a constant. It depends on the input and has a gradient.",
        _without_the_mean,
    ),
    # Attention
    attention(
        "The scores are not divided by the root of the size of a head.", Design(divisor="none")
    ),
    attention(
        "The scores are divided by the size of a head. Divide by its root.", Design(divisor="size")
    ),
    attention(
        "The scores are divided by the root of the size of the whole vector. Use that of a head.",
        Design(divisor="embedding"),
    ),
    attention(
        "The mask hides the own position, too. It begins above the diagonal.",
        Design(first_masked=0),
    ),
    attention(
        "Each position sees the next one, too: the mask begins one diagonal too late.",
        Design(first_masked=2),
    ),
    attention(
        "The mask is transposed: positions see later ones, and not the earlier ones.",
        Design(mask="transposed"),
    ),
    attention(
        "The mask is applied after the softmax, so the weights do not add up to 1.",
        Design(mask="after"),
    ),
    attention("The causal mask is not added.", Design(mask="none")),
    attention(
        "The softmax is along the queries. Take it along the keys, the last dimension.",
        Design(along=-2),
    ),
    attention(
        "The heads are merged without a permutation. Put the vectors of a position side by side.",
        Design(transposed=False),
    ),
    attention(
        "All heads are one head. Cut the vectors into `n_head` parts.", Design(one_head=True)
    ),
    attention("Keys and queries are exchanged.", Design(exchanged=True)),
    attention(
        "The heads are cut from the whole tensor by a view. View, and then permute.",
        Design(in_order=False),
    ),
    attention("The last projection is missing.", Design(output=False)),
    # The model
    model_of("The positions are not added to the tokens.", Design(positions=0)),
    model_of("The positions are added twice.", Design(positions=2)),
    model_of(
        "The layer normalises after each sum. Normalise before the attention and the network.",
        Design(norm="after"),
    ),
    model_of("The layer does not normalise.", Design(norm="none")),
    model_of(
        "The sum around the attention is missing: add the input.", Design(residual=(False, True))
    ),
    model_of(
        "The sum around the network is missing: add its input.", Design(residual=(True, False))
    ),
    model_of("Both sums of the layer are missing.", Design(residual=(False, False))),
    model_of("One layer is used four times. Each layer has its own weights.", Design(shared=True)),
    *(
        model_of(f"The model has {words}. It has four layers.", Design(layers=count))
        for count, words in ((1, "one layer"), (2, "two layers"), (3, "three layers"))
    ),
    model_of("The normalisation before the last linear map is missing.", Design(last_norm=False)),
    model_of("The network uses ReLU. Use GELU.", Design(activation="relu")),
    model_of("The network has no activation. Use GELU.", Design(activation="none")),
    saying(
        ("5.5",),
        "DecoderLM",
        "Dropout of the sum of both embeddings is missing.",
        "there is no dropout after the embeddings",
    ),
    saying(
        ("5.5",),
        "FeedForward",
        "Dropout at the end of the network is missing.",
        "dropout at the end of the network keeps 100%",
        _without_dropout,
    ),
    saying(
        ("5.5",),
        "TransformerLayer",
        "The layer does not pass its probability of dropout on to its parts.",
        "dropout in the layer keeps",
        _without_dropout,
    ),
    saying(
        ("5.5",),
        "DecoderLM",
        "A position sees later tokens: the attention is not causal.",
        "changes the scores before it",
    ),
]
