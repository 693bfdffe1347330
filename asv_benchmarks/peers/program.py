"""Whole programs, to be started as processes: what a user waits for, imports included.

``python -m asv_benchmarks.peers.program steps tuned course-16:1`` imports one contender only and
trains; the parent measures the process.
"""

import json
import sys
import time
from collections.abc import Callable

from asv_benchmarks.contenders import load
from asv_benchmarks.contenders.contender import Trainer
from asv_benchmarks.training_cases import TrainingCase
from asv_benchmarks.workloads import Workload

RIGHT = 0.98
"""What share of the test images the race is about."""

RACE_BATCH, RACE_RATE, RACE_EPOCHS = 16, 0.05, 10
"""The recipe of the race, that of `hatch run train mnist`; and where it is given up."""


def steps(contender: str, *cases: str) -> None:
    """Train by some steps on each case, such as ``course-16:1``: network, batch, steps."""
    runner = load(contender)
    for case in cases:
        network, batch, count = case.replace(":", "-").split("-")
        options = {"network": network, "batch": int(batch)}
        call = runner.prepare(Workload("", "train_step", (), options))
        for _ in range(int(count)):
            call()


def epochs(contender: str, small: str, times: str, rounds: str) -> None:
    """Time epochs of so many images, and of some times as many, with our own training loop.

    Prints a JSON object: the seconds of the long epochs, and those of the short ones times as many.
    """
    from asv_benchmarks.learning import one_epoch
    from mt_models.recipes import DigitsRecipe

    def seconds(images: int) -> float:
        return one_epoch(
            DigitsRecipe(backend=contender, dtype="float32", train_size=images, validation_size=0)
        ).seconds

    count, factor = int(small), int(times)
    seconds(160)
    taken = [(seconds(factor * count), seconds(count)) for _ in range(int(rounds))]
    print(
        json.dumps(
            {
                contender: [long for long, _ in taken],
                "linear": [factor * short for _, short in taken],
            }
        )
    )


def race(contender: str) -> None:
    """Train the course's LeNet on all of MNIST until it reads enough of the test images right.

    Prints a JSON object: epochs, accuracy, and the seconds spent in the epochs.
    """
    import numpy as np

    from mt_models.datasets import load_mnist

    mnist = load_mnist()
    images = mnist.train_images[:, None] / np.float32(255)
    tests = mnist.test_images[:, None] / np.float32(255)
    trainer: Trainer = load(contender).trainer(TrainingCase("course", RACE_BATCH), RACE_RATE)
    begin = time.perf_counter()
    accuracy, epoch = 0.0, 0
    while accuracy < RIGHT and epoch < RACE_EPOCHS:
        order = np.random.default_rng((0, epoch)).permutation(len(images))
        for start in range(0, len(order), RACE_BATCH):
            chosen = order[start : start + RACE_BATCH]
            labels = mnist.train_labels[chosen].astype(np.int64)
            trainer.step(trainer.place(images[chosen], labels))
        epoch += 1
        answers = [
            trainer.answer(tests[start : start + 1000]) for start in range(0, len(tests), 1000)
        ]
        accuracy = float((np.concatenate(answers).argmax(1) == mnist.test_labels).mean())
    seconds = time.perf_counter() - begin
    print(json.dumps({"epochs": epoch, "accuracy": accuracy, "seconds": seconds}))


COMMANDS: dict[str, Callable[..., None]] = {"steps": steps, "epochs": epochs, "race": race}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
