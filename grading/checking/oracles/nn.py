"""Pooling, maxima, softmax and log-softmax, and their gradients."""

import numpy as np

from grading.protocol.messages import Array


def windows(x: Array, kernel: tuple[int, int]) -> Array:
    """Return the windows of images, each as one row.

    Shape:
        (N, C, H, W) → (N, C, H / KH, W / KW, KH · KW).
    """
    kh, kw = kernel
    batch, channels, height, width = x.shape
    out = np.zeros((batch, channels, height // kh, width // kw, kh * kw))
    for i, j in np.ndindex(out.shape[2:4]):
        window = x[:, :, i * kh : (i + 1) * kh, j * kw : (j + 1) * kw]
        out[:, :, i, j] = window.reshape(batch, channels, kh * kw)
    return out


def images(tiled: Array, kernel: tuple[int, int]) -> Array:
    """Return the images of windows: the inverse of `windows`.

    Shape:
        (N, C, rows, columns, KH · KW) → (N, C, rows · KH, columns · KW).
    """
    kh, kw = kernel
    batch, channels, rows, columns, _ = tiled.shape
    out = np.zeros((batch, channels, rows * kh, columns * kw))
    for i, j in np.ndindex(rows, columns):
        window = tiled[:, :, i, j].reshape(batch, channels, kh, kw)
        out[:, :, i * kh : (i + 1) * kh, j * kw : (j + 1) * kw] = window
    return out


def avgpool_gradient(upstream: Array, kernel: tuple[int, int]) -> Array:
    """Return the gradient of average pooling: each element of a window gets an equal share."""
    share = upstream[..., None] / (kernel[0] * kernel[1])
    return images(np.repeat(share, kernel[0] * kernel[1], axis=-1), kernel)


def max_gradient(x: Array, dim: int, upstream: Array) -> Array:
    """Return the gradient of the maximum of distinct elements: the largest gets all of it."""
    return np.where(x == x.max(axis=dim, keepdims=True), upstream, 0.0)


def is_max_gradient(x: Array, dim: int, upstream: Array, received: Array) -> bool:
    """Return whether a gradient follows one of the three usual rules for equal maxima.

    Either one of the maxima gets all of it, or each an equal share, or each all of it.
    """
    if received.shape != x.shape:
        return False
    ties = x == x.max(axis=dim, keepdims=True)
    shares = np.where(ties, upstream / ties.sum(axis=dim, keepdims=True), 0.0)
    if np.allclose(received, shares) or np.allclose(received, np.where(ties, upstream, 0.0)):
        return True
    # One maximum gets all of it: the others, and all smaller elements, get 0.
    whole = np.isclose(received, np.broadcast_to(upstream, x.shape)) & ties
    nothing = np.isclose(received, 0.0)
    complete = np.isclose(received.sum(axis=dim, keepdims=True), upstream)
    return bool((nothing | whole).all() and complete.all())


def softmax(x: Array, dim: int) -> Array:
    """Return the softmax over a dimension, without overflow."""
    powers = np.exp(x - x.max(axis=dim, keepdims=True))
    return np.asarray(powers / powers.sum(axis=dim, keepdims=True))


def softmax_gradient(x: Array, dim: int, upstream: Array) -> Array:
    """Return the gradient of the softmax over a dimension."""
    s = softmax(x, dim)
    return np.asarray(s * (upstream - (upstream * s).sum(axis=dim, keepdims=True)))


def logsoftmax(x: Array, dim: int) -> Array:
    """Return the logarithm of the softmax over a dimension, without overflow or underflow."""
    shifted = x - x.max(axis=dim, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True)))


def logsoftmax_gradient(x: Array, dim: int, upstream: Array, eps: float = 0.0) -> Array:
    """Return the gradient of log(softmax(x) + eps)."""
    return softmax_gradient(x, dim, upstream / (softmax(x, dim) + eps))
