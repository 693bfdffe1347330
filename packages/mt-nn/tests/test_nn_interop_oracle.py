"""Networks with the weights of PyTorch have its answers, and PyTorch has theirs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_autodiff import tensor
from mt_nn import (
    BatchNorm1d,
    BatchNorm2d,
    CheckpointError,
    Conv2d,
    Embedding,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    load_checkpoint,
    load_weights,
)
from mt_nn.interop import load_torch_state_dict, torch_state_dict
from mt_tensor import Reference

pytestmark = pytest.mark.oracle

SINGLE = Reference(np.float32)


def network(**options: Any) -> Sequential:
    """Return a network with one layer of each kind, for images of 7 × 7."""
    return Sequential(
        Conv2d(1, 4, kernel=3, padding=1, **options),
        BatchNorm2d(4, backend=SINGLE),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(36, 5, **options),
        BatchNorm1d(5, backend=SINGLE),
        Linear(5, 3, bias=False, **options),
    )


def counterpart() -> Any:
    """Return the network of PyTorch after three steps of training."""
    torch: Any = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    theirs = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 5),
        nn.BatchNorm1d(5),
        nn.Linear(5, 3, bias=False),
    )
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(theirs(torch.randn(8, 1, 7, 7)), torch.arange(8) % 3)
        loss.backward()
        optimizer.step()
    return theirs


def test_both_directions() -> None:
    torch: Any = pytest.importorskip("torch")
    theirs, ours = counterpart(), network(rng=0, backend=SINGLE)
    images = np.random.default_rng(0).normal(size=(6, 1, 7, 7)).astype(np.float32)
    assert load_torch_state_dict(ours, theirs.state_dict()) == ([], [])
    expected = theirs.eval()(torch.tensor(images)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(tensor(images, SINGLE)).detach(), expected, atol=1e-5)

    # One batch in training mode: the same answers and running means.
    expected = theirs.train()(torch.tensor(images)).detach().numpy()
    np.testing.assert_allclose(ours.train()(tensor(images, SINGLE)).detach(), expected, atol=1e-5)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(torch_state_dict(ours)[name], value.numpy(), atol=1e-5)

    source = network(rng=5, backend=SINGLE)
    state = {name: torch.from_numpy(array) for name, array in torch_state_dict(source).items()}
    theirs.load_state_dict(state)
    expected = theirs.eval()(torch.tensor(images)).detach().numpy()
    np.testing.assert_allclose(source.eval()(tensor(images, SINGLE)).detach(), expected, atol=1e-5)


def test_tensors_of_any_kind() -> None:
    torch: Any = pytest.importorskip("torch")
    theirs = torch.nn.Embedding(4, 2)
    ours = Embedding(4, 2)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        state = theirs.to(dtype).state_dict()
        load_torch_state_dict(ours, state)
        np.testing.assert_array_equal(ours.weight.value.detach(), state["weight"].double().numpy())
    # Parameters that require a gradient.
    load_torch_state_dict(ours, dict(theirs.named_parameters()))


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_pytorch_are_named_in_the_error(tmp_path: Path, zipped: bool) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(3, 2).state_dict(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"not a complete safetensors file .*save_file"):
        load_weights(path)
    with pytest.raises(CheckpointError, match=r"PyTorch.* pass these to Module\.load_state_dict"):
        load_checkpoint(path)


def test_a_file_of_bfloat16_is_named_in_the_error(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.ones(2, 3, dtype=torch.bfloat16)}, path)
    with pytest.raises(ValueError, match=r"a dtype that NumPy does not have .* save it as float32"):
        load_weights(path)
    with pytest.raises(CheckpointError, match="BF16"):
        load_checkpoint(path)
