"""Adam: its settings; `test_nn_optim_base.py` compares all formulas."""

import math
from typing import Any

import pytest

from mt_autodiff import tensor
from mt_nn import Adam, Parameter


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1.0}, "lr -1.0 must be"),
        ({"betas": (1.0, 0.9)}, r"betas\[0\] 1.0 must be 0 or more and less than 1"),
        ({"betas": (0.9, -0.1)}, r"betas\[1\] -0.1 must be"),
        ({"betas": (0.9,)}, r"betas \(0.9,\) must be two numbers"),
        ({"eps": 0.0}, "eps 0.0 must be above 0 and finite"),
        ({"weight_decay": math.nan}, "weight_decay nan must be"),
    ],
)
def test_adam_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"Adam: {message}"):
        Adam([Parameter(tensor([1.0]))], **settings)
