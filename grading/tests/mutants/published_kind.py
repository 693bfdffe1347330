"""Tests of the kind that the courses publish for a transformer, as an own re-creation of the idea.

They compare values and some gradients within 1e-5, with an upstream gradient of ones, for inputs of
moderate size: weights of a normalisation are ones, biases of attention are left out, and the whole
model only has to return numbers. Sizes are smaller than the published ones.
"""

from collections.abc import Callable, Mapping

import numpy as np

from grading.checking import layers
from grading.checking.oracles import nn, transformer
from grading.protocol.messages import Array, Subject, SubjectError


def _same(received: Array | None, right: Array) -> bool:
    if received is None or received.shape != right.shape:
        return False
    return bool(np.allclose(received, right, rtol=1e-5, atol=1e-5))


def _drawn(rng: np.random.Generator, shapes: layers.Shapes) -> dict[str, Array]:
    return {name: rng.standard_normal(s) / max(1.0, s[0] ** 0.5) for name, s in shapes.items()}


def _layer_agrees(
    subject: Subject,
    layer: str,
    sizes: Mapping[str, object],
    x: Array,
    p: Mapping[str, Array],
    right: tuple[Array, transformer.Pullback],
    compared: Callable[[str], bool] = lambda name: True,
) -> bool:
    """Return whether result, input gradient and some gradients of parameters agree."""
    out, back = right
    case = layers.Case(layer, sizes, x, p, np.ones(out.shape))
    response = case.call(subject, train=True)
    d_x, grads = back(np.ones(out.shape))
    return (
        _same(response.array, out)
        and (layer == "Embedding" or _same(response.gradients[0], d_x))
        and all(
            _same(g, grads[name])
            for name, g in zip(p, response.gradients[1:], strict=True)
            if compared(name)
        )
    )


def functions(subject: Subject) -> bool:
    """Return whether the functions of task 5.1 pass."""
    rng = np.random.default_rng(3)
    for shape in ((2, 5), (3, 8), (16, 32)):
        x, one = rng.standard_normal(shape), np.ones(shape)
        response = subject.call("transformer.gelu", [x], None, one)
        if not (
            _same(response.array, transformer.gelu(x))
            and _same(response.gradients[0], transformer.gelu_gradient(x, one))
        ):
            return False
        response = subject.call("transformer.logsumexp", [x], {"dim": 1}, one[:, :1])
        if not (
            _same(response.array, transformer.logsumexp(x, 1))
            and _same(response.gradients[0], nn.softmax(x, 1))
        ):
            return False
    for rows in (1, 16):
        for classes in (2, 32):
            x, y = rng.standard_normal((rows, classes)), rng.integers(0, classes, rows) * 1.0
            options = {"constants": [1]}
            response = subject.call("transformer.softmax_loss", [x, y], options, np.ones(rows))
            grad = transformer.losses_gradient(x, y, np.ones(rows))
            if not (
                _same(response.array, transformer.losses(x, y))
                and _same(response.gradients[0], grad)
            ):
                return False
    return True


def basic(subject: Subject) -> bool:
    """Return whether the layers of task 5.2 pass."""
    rng = np.random.default_rng(5)
    for batch, rows, length in ((1, 3, 1), (5, 3, 8), (5, 40, 8)):
        ids, table = rng.integers(0, rows, (batch, length)) * 1.0, rng.standard_normal((rows, 16))
        sizes: dict[str, object] = {"num_embeddings": rows, "embedding_dim": 16}

        def back(g: Array, ids: Array = ids, rows: int = rows) -> tuple[Array, dict[str, Array]]:
            return g, {"weights": transformer.embedding_gradient(ids, rows, g)}

        right = table[ids.astype(int)], back
        if not _layer_agrees(subject, "Embedding", sizes, ids, {"weights": table}, right):
            return False
    for bias in (True, False):
        x, p = rng.standard_normal((8, 6)), _drawn(rng, layers.linear(6, 4, bias))
        sizes = {"in_size": 6, "out_size": 4, "bias": bias}
        if not _layer_agrees(subject, "Linear", sizes, x, p, transformer.linear(x, p)):
            return False
    x = rng.standard_normal((10, 10))
    for rate, train in ((0.0, True), (0.5, False)):
        case = layers.Case("Dropout", {"p_dropout": rate}, x, {})
        if not _same(case.call(subject, train=train).array, x):
            return False
    response = layers.Case("Dropout", {"p_dropout": 0.5}, x, {}).call(subject, train=True, seed=10)
    np.random.seed(10)  # noqa: NPY002
    kept = np.random.binomial(1, 0.5, x.shape)  # noqa: NPY002
    return _same(response.array, x * kept / 0.5)


def norms(subject: Subject) -> bool:
    """Return whether the layer of task 5.3 passes."""
    rng = np.random.default_rng(7)
    for batch, size in ((1, 3), (1, 32), (16, 32)):
        x = rng.standard_normal((batch, size))
        p = {"weights": np.ones(size), "bias": np.zeros(size)}
        right = transformer.layer_norm(x, p, 1e-5)
        sizes: dict[str, object] = {"dim": size, "eps": 1e-5}
        if not _layer_agrees(subject, "LayerNorm1d", sizes, x, p, right, lambda n: n == "weights"):
            return False
    return True


def attention(subject: Subject) -> bool:
    """Return whether the layer of task 5.4 passes: without biases, and causal."""
    rng = np.random.default_rng(9)
    for heads in (1, 4):
        x, p = rng.random((2, 8, 16)), _drawn(rng, layers.attention(16, bias=False))
        sizes: dict[str, object] = {"n_embd": 16, "n_head": heads, "p_dropout": 0.0, "bias": False}
        right = transformer.multi_head(x, p, heads)
        if not _layer_agrees(subject, "MultiHeadAttention", sizes, x, p, right):
            return False
    return True


def language_model(subject: Subject) -> bool:
    """Return whether the layers of task 5.5 pass: layers in full, others if they return numbers."""
    rng = np.random.default_rng(11)
    x, p = rng.random((2, 4, 16)), _drawn(rng, layers.block(16, bias=False))
    p |= {name: np.ones(16) * ("weights" in name) for name in p if name.startswith("ln")}
    sizes: dict[str, object] = {"n_embd": 16, "n_head": 8, "p_dropout": 0.0, "bias": False}
    right = transformer.layer(x, p, 8, 1e-5)
    if not _layer_agrees(subject, "TransformerLayer", sizes, x, p, right):
        return False
    ids = rng.integers(0, 9, (2, 4)) * 1.0
    for layer, given, shapes, arguments in (
        ("FeedForward", x, layers.network(16), {"n_embd": 16, "p_dropout": 0.0}),
        (
            "DecoderLM",
            ids,
            layers.decoder(9, 16, 4),
            {"n_vocab": 9, "n_embd": 16, "n_head": 8, "n_positions": 4, "p_dropout": 0.0},
        ),
    ):
        out = (*given.shape[:2], 9 if layer == "DecoderLM" else 16)
        case = layers.Case(layer, arguments, given, _drawn(rng, shapes), np.ones(out))
        response = case.call(subject, train=True)
        tables = [i for i, name in enumerate(shapes) if "embeddings" in name]
        if response.array.shape != out or np.isnan(response.array).any():
            return False
        if any(response.gradients[1 + i] is None for i in tables):
            return False
    return True


KINDS: dict[str, Callable[[Subject], bool]] = {
    "5.1": functions,
    "5.2": basic,
    "5.3": norms,
    "5.4": attention,
    "5.5": language_model,
}


def sees(task: str, subject: Subject) -> bool:
    """Return whether a test of the published kind fails on a subject."""
    try:
        return not KINDS[task](subject)
    except SubjectError:
        return True
