"""Programs that are measured as whole processes, imports included.

``python -m asv_benchmarks.peers.program steps tuned course-16:1`` imports one contender and trains
one step; the parent process measures time and memory.
"""

import json
import sys
import time
from collections.abc import Callable

from asv_benchmarks.contenders import load
from asv_benchmarks.contenders.contender import Trainer
from asv_benchmarks.training_cases import TrainingCase
from asv_benchmarks.workloads import Workload

TARGET_ACCURACY = 0.98
"""Accuracy on the test images at which `time_to_accuracy` stops, 0 to 1."""

BATCH_SIZE, LEARNING_RATE, MAX_EPOCHS = 16, 0.05, 10
"""The settings of `time_to_accuracy`: batch size and learning rate of `hatch run train mnist`, and
the number of epochs after which it stops without having reached the accuracy."""


def steps(contender: str, *cases: str) -> None:
    """Train some steps on each case; ``course-16:1`` is network, batch size and number of steps."""
    runner = load(contender)
    for case in cases:
        network, batch, count = case.replace(":", "-").split("-")
        options = {"network": network, "batch": int(batch)}
        call = runner.prepare(Workload("", "train_step", (), options))
        for _ in range(int(count)):
            call()


def epochs(contender: str, small: str, times: str, rounds: str) -> None:
    """Time epochs of `small` images, and of `times` as many, with our own training loop.

    Print a JSON object: the seconds of long epochs, and `times` the seconds of short ones.
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


def time_to_accuracy(contender: str) -> None:
    """Train the course's LeNet on all of MNIST to `TARGET_ACCURACY`.

    Print a JSON object: the number of epochs, the accuracy, and the seconds of the epochs.
    """
    import numpy as np

    from mt_models.datasets import load_mnist

    mnist = load_mnist()
    images = mnist.train_images[:, None] / np.float32(255)
    tests = mnist.test_images[:, None] / np.float32(255)
    trainer: Trainer = load(contender).trainer(TrainingCase("course", BATCH_SIZE), LEARNING_RATE)
    begin = time.perf_counter()
    accuracy, epoch = 0.0, 0
    while accuracy < TARGET_ACCURACY and epoch < MAX_EPOCHS:
        order = np.random.default_rng((0, epoch)).permutation(len(images))
        for start in range(0, len(order), BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            labels = mnist.train_labels[chosen].astype(np.int64)
            trainer.step(trainer.place(images[chosen], labels))
        epoch += 1
        answers = [
            trainer.predict(tests[start : start + 1000]) for start in range(0, len(tests), 1000)
        ]
        accuracy = float((np.concatenate(answers).argmax(1) == mnist.test_labels).mean())
    seconds = time.perf_counter() - begin
    print(json.dumps({"epochs": epoch, "accuracy": accuracy, "seconds": seconds}))


def once(contender: str, workload: str) -> None:
    """Run a workload, given as JSON, once, so that its compiled code is in the caches."""
    load(contender).prepare(Workload.from_json(json.loads(workload)))()


COMMANDS: dict[str, Callable[..., None]] = {
    "once": once,
    "steps": steps,
    "epochs": epochs,
    "time-to-accuracy": time_to_accuracy,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
