"""SGD: its settings; `test_nn_optim_base.py` compares all formulas."""

import math
from typing import Any

import pytest

from mt_autodiff import tensor
from mt_nn import SGD, Parameter


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1.0}, "lr -1.0 must be 0 or more and finite"),
        ({"lr": math.nan}, "lr nan must be"),
        ({"lr": math.inf}, "lr inf must be"),
        ({"momentum": 1.0}, "momentum 1.0 must be 0 or more and less than 1"),
        ({"momentum": -0.1}, "momentum -0.1 must be"),
        ({"weight_decay": -0.1}, "weight_decay -0.1 must be"),
        ({"nesterov": True}, "nesterov needs momentum above 0"),
    ],
)
def test_sgd_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"SGD: {message}"):
        SGD([Parameter(tensor([1.0]))], **{"lr": 0.1} | settings)


def test_repr_shows_the_settings() -> None:
    x = Parameter(tensor([1.0]))
    assert repr(SGD([x], 0.5)) == (
        "SGD(1 parameters, lr=0.5, momentum=0.0, weight_decay=0.0, nesterov=False)"
    )
