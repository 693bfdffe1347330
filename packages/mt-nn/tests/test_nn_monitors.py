"""Early stopping and the rate on a plateau; the oracle tests compare the latter with PyTorch."""

import json
import math
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_nn import EarlyStopping, Plateau

metrics = st.lists(st.integers(0, 9).map(float) | st.just(math.nan), min_size=1, max_size=20)


@given(metrics, st.integers(1, 4), st.sampled_from(["min", "max"]))
def test_training_stops_after_epochs_without_improvement(
    values: list[float], patience: int, mode: Any
) -> None:
    sign = 1.0 if mode == "min" else -1.0
    stop = EarlyStopping(patience, mode=mode)
    for at, value in enumerate(values):
        stopped = stop(value)
        known = [sign * each for each in values[: at + 1] if not math.isnan(each)]
        best = min(known, default=math.inf)
        # The first of equal metrics; -1 as long as all metrics are NaN.
        first = next((i for i, each in enumerate(values) if sign * each == best), -1)
        assert stop.improved == (first == at)
        assert stopped == (at - first >= patience)
        if known:
            assert stop.best == sign * min(known)


def test_a_small_improvement_does_not_count() -> None:
    stop = EarlyStopping(1, least=0.1)
    assert [stop(loss) for loss in (1.0, 0.95, 0.5, 0.45)] == [False, True, False, True]


@pytest.mark.parametrize("build", [lambda: Plateau(0.5, patience=1), lambda: EarlyStopping(2)])
def test_a_state_continues_a_monitor(build: Any) -> None:
    values = [3.0, 2.0, 2.0, 2.0, 2.0, 1.0]
    through, first, second = build(), build(), build()
    expected = [through(value) for value in values]
    received = [first(value) for value in values[:3]]
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert received + [second(value) for value in values[3:]] == expected
    with pytest.raises(ValueError, match=r"load_state_dict: the state has \['lr'\]; expected"):
        second.load_state_dict({"lr": 1.0})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: EarlyStopping(0), "EarlyStopping: patience 0 must be 1 or more"),
        (lambda: EarlyStopping(1, least=-1.0), "least -1.0 must be"),
        (
            lambda: EarlyStopping(1, mode=cast(Any, "best")),
            "mode 'best' does not exist; all",
        ),
        (lambda: Plateau(-0.1), "Plateau: lr -0.1 must be"),
        (lambda: Plateau(0.1, factor=1.0), "Plateau: factor 1.0 must be"),
        (lambda: Plateau(0.1, patience=-1), "Plateau: patience -1 must be"),
        (lambda: Plateau(0.1, cooldown=-1), "Plateau: cooldown -1 must be"),
    ],
)
def test_settings_of_monitors_out_of_range(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
