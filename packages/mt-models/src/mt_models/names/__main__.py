"""The command `python -m mt_models.names`: train the smallest GPT, or compare the engines."""

import time
from collections.abc import Sequence
from statistics import median

import click

from mt_models.datasets import DataError, load_names
from mt_models.names.learning import ENGINES, Learner, make_engine, tokens_of_start


@click.command()
@click.option("--engine", type=click.Choice(ENGINES), default="tuned", show_default=True)
@click.option("--steps", type=click.IntRange(1), help="Number of names.  [default: 1000, or 20]")
@click.option("--seed", type=click.IntRange(0), default=42, show_default=True)
@click.option("--samples", type=click.IntRange(0), default=20, show_default=True, help="Names.")
@click.option("--start", default="", help="First letters of the invented names.")
@click.option("--compare", is_flag=True, help="Run the same steps on all four engines.")
def main(
    engine: str, steps: int | None, seed: int, samples: int, start: str, compare: bool
) -> None:
    """Train the smallest GPT on names and print names that it invents.

    With --compare, four engines take the same 20 steps: `Scalar`, and tensors on the backends
    `Reference`, `Fast` and `Tuned`. The command prints their losses, the largest difference from
    those of `Scalar`, and the median time of a step.
    """
    try:
        tokens_of_start(start)
        names = load_names()
    except (DataError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if compare:
        _compare(names, steps or 20, seed)
        return
    steps = steps or 1000
    learner = Learner(make_engine(engine), names, steps=steps, seed=seed)
    losses = []
    every = max(steps // 10, 1)
    began = time.perf_counter()
    for step in range(1, steps + 1):
        losses.append(learner.step())
        if step % every == 0 or step == 1:
            mean = sum(losses[-every:]) / len(losses[-every:])
            click.echo(f"step {step:>5,}   mean loss of the last {len(losses[-every:])} {mean:.4f}")
    click.echo(f"{time.perf_counter() - began:.1f} s on {learner.engine.name}")
    for sample in range(samples):
        click.echo(learner.invent(seed + sample, start=start))


def _compare(names: Sequence[str], steps: int, seed: int) -> None:
    """Print losses and times of all engines."""
    click.echo(
        f"{'engine':<10} {'first loss':>14} {'last loss':>14} {'difference':>11} {'a step':>10}"
    )
    reference: list[float] = []
    for name in ENGINES:
        learner = Learner(make_engine(name), names, steps=1000, seed=seed)
        losses, times = [], []
        for _ in range(steps):
            began = time.perf_counter()
            losses.append(learner.step())
            times.append(time.perf_counter() - began)
        reference = reference or losses
        difference = max(abs(a - b) for a, b in zip(losses, reference, strict=True))
        # Later steps only: the first ones may compile kernels.
        typical = median(times[steps // 2 :])
        click.echo(
            f"{learner.engine.name:<10} {losses[0]:>14.10f} {losses[-1]:>14.10f} "
            f"{difference:>11.1e} {1000 * typical:>7.2f} ms"
        )


if __name__ == "__main__":
    main()
