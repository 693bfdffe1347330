"""A transformer's batch in parts: values and gradients of the whole, plain and captured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mt_autodiff import Tensor, no_grad, randn
from mt_kernels_cpu import Tuned
from mt_kernels_cpu.tuned import threads
from mt_nn import SGD, Linear, Sequential, TransformerBlock, capture
from mt_nn.side_by_side import Part


class Divided(Tuned):
    """The tuned backend with two parts for every batch; it counts the parts that were computed."""

    computed = 0

    def parts(self, count: int, steps: int, largest: int) -> list[Part]:
        return [(0, count // 2), (count // 2, count)]

    def run_parts(self, works: Sequence[Callable[[], object]]) -> None:
        self.computed += len(works)
        super().run_parts(works)


def trained(backend: Tuned, is_captured: bool) -> list[Any]:
    """Return the outputs of five steps, and the parameters after them."""
    block = TransformerBlock(8, 2, rng=0, backend=backend)
    block.norm2.weight.requires_grad_(False)
    model = Sequential(Linear(8, 8, rng=1, backend=backend), block)
    optimizer = SGD(model.parameters(), lr=0.1)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        y: Tensor = model(x)
        (y * y).mean().backward()
        optimizer.step()
        return y

    run = capture(step) if is_captured else step
    found: list[Any] = []
    for at in range(5):
        found.append(run(randn((5, 3, 8), rng=at, backend=backend)).to_numpy().copy())
    if is_captured:
        assert run.repetitions == 2  # type: ignore[attr-defined]
    return found + list(model.state_dict().values())


def test_steps_in_parts_equal_those_of_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 2)
    threads._team.cache_clear()
    backend = Divided(np.float64)
    whole = trained(Tuned(np.float64), False)
    plain, captured = trained(backend, False), trained(backend, True)
    assert backend.computed == 2 * 2 * (5 + 3)
    for one, other, each in zip(whole, plain, captured, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-11, atol=1e-13)
        np.testing.assert_array_equal(each, other)
    threads._team.cache_clear()


@pytest.mark.parametrize("case", ["dropout", "hook", "mask", "no gradients"])
def test_other_batches_are_computed_as_a_whole(case: str) -> None:
    backend = Divided(np.float64)
    model = TransformerBlock(
        8, 2, dropout=0.5 if case == "dropout" else 0.0, rng=0, backend=backend
    )
    sizes: list[int] = []
    if case == "hook":
        model.linear1.register_forward_hook(lambda *call: sizes.append(call[2].shape[0]))
    x = randn((4, 3, 8), rng=0, backend=backend)
    if case == "no gradients":
        with no_grad():
            model(x)
    else:
        model(x, key_mask=np.ones((4, 3), bool) if case == "mask" else None).sum().backward()
    assert backend.computed == 0
    assert sizes == ([4] if case == "hook" else [])
