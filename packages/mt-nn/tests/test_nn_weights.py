"""Files of weights: read in a fresh process, by another library, and errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mt_autodiff import tensor
from mt_nn import BatchNorm1d, Linear, Sequential, load_weights, save_weights

PROGRAM = """
import sys
from mt_autodiff import tensor
from mt_nn import BatchNorm1d, Linear, Sequential, load_weights

model = Sequential(Linear(2, 3), BatchNorm1d(3), Linear(3, 1))
model.load_state_dict(load_weights(sys.argv[1]))
print(model.eval()(tensor([[1.0, -2.0]])).item().hex())
"""


def test_weights_are_loaded_in_a_fresh_process(tmp_path: Path) -> None:
    model = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3), Linear(3, 1, rng=1))
    model(tensor([[1.0, 2.0], [3.0, 5.0]]))  # Changes the running means.
    path = tmp_path / "new folder" / "weights.safetensors"
    save_weights(path, model)
    command = [sys.executable, "-c", PROGRAM, str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert answer.strip() == model.eval()(tensor([[1.0, -2.0]])).item().hex()


def test_other_programs_can_read_the_file(tmp_path: Path) -> None:
    model = Linear(2, 3, rng=0)
    save_weights(tmp_path / "a.safetensors", model)
    arrays = load_file(tmp_path / "a.safetensors")
    assert list(arrays) == ["bias", "weight"]
    np.testing.assert_array_equal(arrays["weight"], model.weight.value.to_numpy(), strict=True)


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"load_weights: .* is a folder; pass a \.safet"):
        load_weights(tmp_path)
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        load_weights(tmp_path / "missing")
    (tmp_path / "a.pt").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ValueError, match=r"a\.pt is not a complete safetensors file .*save_file"):
        load_weights(tmp_path / "a.pt")
    header = b'{"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    bfloat = len(header).to_bytes(8, "little") + header + bytes(2)
    (tmp_path / "b.safetensors").write_bytes(bfloat)
    with pytest.raises(ValueError, match=r"contains a dtype that NumPy does not have .* float32"):
        load_weights(tmp_path / "b.safetensors")
