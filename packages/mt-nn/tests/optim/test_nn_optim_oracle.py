"""Optimisers, clipping and schedules compared with PyTorch, over several steps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import tensor
from mt_nn import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    MultiStepDecay,
    OneCycle,
    Optimizer,
    Parameter,
    Plateau,
    Schedule,
    StepDecay,
    clip_grad_norm,
    clip_grad_value,
)

pytestmark = pytest.mark.oracle

SHAPES = [(2, 3), (4,), (1, 2, 2)]
STEPS = 12


def numbers(seed: int) -> list[npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in SHAPES]


def set_gradients(ours: Sequence[Parameter], theirs: Sequence[Any], seed: int) -> None:
    """Set the same gradients on both sides, occasionally None."""
    torch = pytest.importorskip("torch")
    skipped = np.random.default_rng(seed + 1000).random(len(SHAPES)) < 0.2
    for a, b, gradient, skip in zip(ours, theirs, numbers(seed), skipped, strict=True):
        a.value.grad = None if skip else tensor(gradient)
        b.grad = None if skip else torch.tensor(gradient)


def both() -> tuple[list[Parameter], list[Any]]:
    torch = pytest.importorskip("torch")
    starts = numbers(0)
    return [Parameter(tensor(x)) for x in starts], [
        torch.nn.Parameter(torch.tensor(x)) for x in starts
    ]


SGD_SETTINGS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.1, "weight_decay": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]
ADAM_SETTINGS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.8), "eps": 1e-4},
    {"lr": 0.1, "weight_decay": 0.1},
]


@pytest.mark.parametrize(
    ("kind", "name", "settings"),
    [(SGD, "SGD", s) for s in SGD_SETTINGS]
    + [(Adam, "Adam", s) for s in ADAM_SETTINGS]
    + [(AdamW, "AdamW", s) for s in ADAM_SETTINGS],
)
def test_steps_agree_with_pytorch(
    kind: Callable[..., Optimizer], name: str, settings: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = both()
    a: Any = kind(ours, **settings)
    b = getattr(torch.optim, name)(theirs, **settings)
    for step in range(STEPS):
        if step == STEPS // 2:  # The learning rate changes during training.
            a.lr = b.param_groups[0]["lr"] = 0.03
        set_gradients(ours, theirs, seed=step)
        a.step()
        b.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.value.detach(), q.detach().numpy(), rtol=1e-10, atol=1e-13)


def test_groups_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = both()
    own: list[dict[str, Any]] = [{}, {"lr": 0.3, "momentum": 0.0}, {"weight_decay": 0.5}]
    common: dict[str, Any] = {"lr": 0.1, "momentum": 0.9}
    a = SGD([{"params": [p]} | each for p, each in zip(ours, own, strict=True)], **common)
    b = torch.optim.SGD([{"params": [p]} | e for p, e in zip(theirs, own, strict=True)], **common)
    for step in range(STEPS):
        if step == STEPS // 2:
            for group in [*a.param_groups, *b.param_groups]:
                group["lr"] *= 0.5
        set_gradients(ours, theirs, seed=step)
        a.step()
        b.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.value.detach(), q.detach().numpy(), rtol=1e-10, atol=1e-13)


def test_gradients_accumulate_over_steps_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = Parameter(tensor([1.0])), torch.nn.Parameter(torch.tensor([1.0]))
    a, b = SGD([ours], lr=0.1), torch.optim.SGD([theirs], lr=0.1)
    for step in range(4):
        (ours.value * ours.value).sum().backward()
        (theirs * theirs).sum().backward()
        a.step()
        b.step()
        if step == 1:
            a.zero_grad()
            b.zero_grad()
        assert ours.value.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_clipping(limit: float) -> None:
    utils = pytest.importorskip("torch").nn.utils
    for ours_clip, theirs_clip in [
        (clip_grad_norm, utils.clip_grad_norm_),
        (clip_grad_value, utils.clip_grad_value_),
    ]:
        ours, theirs = both()
        set_gradients(ours, theirs, seed=5)
        received, expected = ours_clip(ours, limit), theirs_clip(theirs, limit)
        if expected is not None:
            assert received == pytest.approx(expected.item(), rel=1e-12)
        for p, q in zip(ours, theirs, strict=True):
            if q.grad is None:
                assert p.value.grad is None
            else:  # PyTorch adds 1e-6 to the norm before it divides.
                np.testing.assert_allclose(p.value.grad, q.grad.numpy(), rtol=2e-6)


def test_schedules() -> None:
    torch = pytest.importorskip("torch")
    schedulers = torch.optim.lr_scheduler
    pairs: list[tuple[Schedule, Callable[[Any], Any]]] = [
        (StepDecay(0.5, every=3, factor=0.2), lambda o: schedulers.StepLR(o, 3, 0.2)),
        (CosineDecay(0.5, 10, 0.1), lambda o: schedulers.CosineAnnealingLR(o, 10, 0.1)),
        (MultiStepDecay(0.5, (2, 3, 7), 0.2), lambda o: schedulers.MultiStepLR(o, [2, 3, 7], 0.2)),
        (OneCycle(0.5, 12), lambda o: schedulers.OneCycleLR(o, 0.5, 12)),
        (
            OneCycle(0.5, 20, warmup=0.25, start_factor=5.0, final_factor=10.0),
            lambda o: schedulers.OneCycleLR(
                o, 0.5, 20, pct_start=0.25, div_factor=5.0, final_div_factor=10.0
            ),
        ),
    ]
    for schedule, make in pairs:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        scheduler = make(optimizer)
        for step in range(11):
            assert schedule(step) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12)
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("cooldown", [0, 2])
def test_plateau(cooldown: int, mode: Any) -> None:
    torch = pytest.importorskip("torch")
    metrics = np.random.default_rng(cooldown).choice([1.0, 1.0001, 0.5, 2.0, np.nan], 60)
    settings: dict[str, Any] = {"factor": 0.5, "patience": 2, "cooldown": cooldown, "mode": mode}
    ours = Plateau(0.5, minimum=1e-3, **settings)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=1e-3, **settings)
    for metric in metrics:
        theirs.step(metric)
        assert ours(metric) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert ours.lr < 0.5
