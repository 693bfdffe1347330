"""Task 5.1: GELU, the logarithm of a sum of exponentials, one-hot rows, and the loss."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.checking.compare import expect_array, expect_gradients
from grading.checking.layers import ABSOLUTE, RELATIVE
from grading.checking.oracles import nn, transformer
from grading.checking.strategies import arrays, shapes
from grading.protocol.messages import Array, Subject

pytestmark = pytest.mark.task5_1

CLOSE: Any = {"relative": RELATIVE, "absolute": ABSOLUTE}


@given(data=st.data())
def test_gelu_and_its_gradient(subject: Subject, data: st.DataObject) -> None:
    shape = data.draw(shapes(max_side=4))
    x, upstream = data.draw(arrays(shape)), data.draw(arrays(shape, permuted=False))
    response = subject.call("transformer.gelu", [x], None, upstream)
    expect_array(response, transformer.gelu(x), **CLOSE)
    expect_gradients(response, [transformer.gelu_gradient(x, upstream)], **CLOSE)


@given(data=st.data())
def test_logsumexp_and_its_gradient(subject: Subject, data: st.DataObject) -> None:
    shape = data.draw(shapes(max_side=4))
    dim = data.draw(st.integers(0, len(shape) - 1))
    x = data.draw(arrays(shape))
    upstream = data.draw(arrays((*shape[:dim], 1, *shape[dim + 1 :]), permuted=False))
    response = subject.call("transformer.logsumexp", [x], {"dim": dim}, upstream)
    expect_array(response, transformer.logsumexp(x, dim), **CLOSE)
    expect_gradients(response, [nn.softmax(x, dim) * upstream], **CLOSE)


@pytest.mark.parametrize("shift", [800.0, -800.0, 5000.0])
def test_logsumexp_of_large_numbers(subject: Subject, shift: float) -> None:
    x, upstream = np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 3.0]]) + shift, np.array([[2.0], [-1.5]])
    response = subject.call("transformer.logsumexp", [x], {"dim": 1}, upstream)
    # Numbers of float32 near 5000 differ by 0.0005.
    expect_array(response, transformer.logsumexp(x, 1), absolute=2e-3)
    expect_gradients(response, [nn.softmax(x, 1) * upstream], absolute=2e-3)


@given(data=st.data())
def test_one_hot_rows(subject: Subject, data: st.DataObject) -> None:
    classes = data.draw(st.integers(1, 6))
    shape = data.draw(shapes(max_dims=2, max_side=4))
    numbers = data.draw(arrays(shape, [float(i) for i in range(classes)], permuted=False))
    response = subject.call("transformer.one_hot", [numbers], {"classes": classes})
    expect_array(response, np.eye(classes)[numbers.astype(int)])


LossCase = tuple[Array, Array, Array]


@st.composite
def loss_cases(draw: st.DrawFn) -> LossCase:
    """Draw scores, the numbers of the right classes, and an upstream gradient."""
    rows, classes = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    target = draw(arrays((rows,), [float(i) for i in range(classes)], permuted=False))
    return draw(arrays((rows, classes))), target, draw(arrays((rows,), permuted=False))


@given(case=loss_cases())
def test_loss_of_each_row_and_its_gradient(subject: Subject, case: LossCase) -> None:
    logits, target, upstream = case
    options = {"constants": [1]}
    response = subject.call("transformer.softmax_loss", [logits, target], options, upstream)
    expect_array(response, transformer.losses(logits, target), **CLOSE)
    right = transformer.losses_gradient(logits, target, upstream)
    expect_gradients(response, [right, None], **CLOSE)


@pytest.mark.parametrize("size", [1000.0, -1000.0])
def test_loss_of_large_scores(subject: Subject, size: float) -> None:
    logits = np.array([[size, 0.0, 1.0], [size, size, size], [0.0, size, size - 1.0]])
    target, upstream = np.array([1.0, 2.0, 0.0]), np.array([1.0, -2.0, 0.5])
    options = {"constants": [1]}
    response = subject.call("transformer.softmax_loss", [logits, target], options, upstream)
    expect_array(response, transformer.losses(logits, target), absolute=1e-3)
    right = transformer.losses_gradient(logits, target, upstream)
    expect_gradients(response, [right, None], absolute=1e-3)
