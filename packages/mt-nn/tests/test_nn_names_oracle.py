"""Expressions that replace functions of PyTorch, compared with these functions."""

from typing import Any

import numpy as np
import pytest

import mt_autodiff
from mt_autodiff import rand, tensor
from mt_nn import BatchNorm1d, attention, cross_entropy, logsoftmax
from mt_nn._names import EXPRESSIONS

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_activations(name: str) -> None:
    torch: Any = pytest.importorskip("torch")
    x = np.linspace(-6.0, 6.0, 25)
    received = eval(EXPRESSIONS[name], {"x": tensor(x)}).to_numpy()
    expected = getattr(torch.nn.functional, name)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(received, expected, atol=1e-12)


def test_other_functions() -> None:
    torch: Any = pytest.importorskip("torch")
    functional = torch.nn.functional
    x, y, images = rand((3, 4), 0), rand((3, 4), 1), rand((2, 3, 8, 8), 2)
    q, k, v = (rand((2, 3, 4), seed) for seed in (3, 4, 5))
    classes, table = np.array([0, 3, 1]), rand((5, 2), 6)
    given = {
        "mt_autodiff": mt_autodiff,
        "np": np,
        "attention": attention,
        "logsoftmax": logsoftmax,
        "BatchNorm1d": BatchNorm1d,
        "cross_entropy": cross_entropy,
    }
    given |= {"x": x, "y": y, "images": images, "q": q, "k": k, "v": v}
    given |= {"classes": classes, "table": table}
    a, b, pictures = (torch.tensor(t.to_numpy()) for t in (x, y, images))
    heads = [torch.tensor(t.to_numpy()) for t in (q, k, v)]
    expected = {
        "log_softmax": functional.log_softmax(a, 1),
        "normalize": functional.normalize(a),
        "cosine_similarity": functional.cosine_similarity(a, b),
        "pad": functional.pad(a, (1, 1)),
        "one_hot": functional.one_hot(torch.tensor(classes), 10),
        "embedding": functional.embedding(torch.tensor(classes), torch.tensor(table.to_numpy())),
        "batch_norm": torch.nn.BatchNorm1d(4, dtype=torch.float64)(a).detach(),
        "flatten": pictures.flatten(1),
        "interpolate": functional.interpolate(pictures, scale_factor=2),
        "scaled_dot_product_attention": functional.scaled_dot_product_attention(*heads),
    }
    given["x"] = x
    for name, value in expected.items():
        operand = images if name == "flatten" else x
        received = eval(EXPRESSIONS[name], given | {"x": operand})
        np.testing.assert_allclose(received.detach(), value.numpy(), rtol=1e-9, err_msg=name)
