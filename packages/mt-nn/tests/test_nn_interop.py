"""State dicts of PyTorch as arrays: names and layouts; `test_nn_interop_oracle.py` uses PyTorch."""

import numpy as np
import pytest

from mt_nn import BatchNorm1d, Linear, Module, Sequential
from mt_nn.interop import load_torch_state_dict, torch_state_dict


class Network(Module):
    def __init__(self) -> None:
        self.body = Sequential(Linear(2, 3, rng=0), BatchNorm1d(3))
        self.head = Linear(3, 1, rng=1)


def test_states_survive_both_directions() -> None:
    names = {"features.0": "body.0", "features.norm": "body.1", "fc": "head"}
    first, second = Network(), Network()
    first.body[1].num_batches_tracked = 5  # type: ignore[attr-defined]
    state = torch_state_dict(first, names=names)
    assert {name: array.shape for name, array in state.items()} == {
        "features.0.weight": (3, 2),
        "features.0.bias": (3,),
        "features.norm.weight": (3,),
        "features.norm.bias": (3,),
        "fc.weight": (1, 3),
        "fc.bias": (1,),
        "features.norm.running_mean": (3,),
        "features.norm.running_var": (3,),
        "features.norm.num_batches_tracked": (),
    }
    assert load_torch_state_dict(second, state, names=names) == ([], [])
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], array, strict=True)


def test_a_prefix_may_be_empty() -> None:
    state = {"module.weight": np.ones((3, 2)), "module.bias": np.ones(3)}
    model = Linear(2, 3)
    load_torch_state_dict(model, state, names={"module": ""})
    assert model.weight.value.to_numpy().tolist() == [[1.0] * 3] * 2


def test_states_that_do_not_fit() -> None:
    model = Linear(2, 3, rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"missing: 'bias'\n  unexpected: 'scale'\n .* \(2, 3\)"):
        load_torch_state_dict(model, {"weight": np.ones((2, 3)), "scale": np.ones(3)})
    with pytest.raises(ValueError, match="two names of the state become 'bias'"):
        state = {"bias": np.ones(3), "shift": np.ones(3)}
        load_torch_state_dict(model, state, names={"shift": "bias"})
    with pytest.raises(TypeError, match=r"received list; pass module\.state_dict\(\)"):
        load_torch_state_dict(model, [])  # type: ignore[arg-type]
    ignored = load_torch_state_dict(model, {"scale": np.ones(3)}, strict=False)
    assert ignored == (["weight", "bias"], ["scale"])
    for name, array in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], array, strict=True)
