"""The judge's side of training: it draws the batches, keeps the labels, and counts.

A network is trained a few steps at a time, so that no request takes long, and judged at the end by
examples that the worker has seen without their labels, or, for points, by those that it learnt.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from grading.accuracy.data import digits, sentences, word_vectors
from grading.checking.compare import expect
from grading.checking.points import COUNT, draw
from grading.protocol.messages import Array, Plain, Response, Subject
from grading.tasks.model import Accuracy

Record = Callable[[str, object], None]
"""pytest's `record_property`."""

SECONDS_OF_A_REQUEST = 15.0
"""About how long a request for some steps may take."""

STARTS = 4
"""How often a network for points may start anew.

So small a network now and then starts with weights from which half of its units never wake, however
right the code is; code that is wrong gains little by another start. The best start counts.
"""

COMFORT = 2
"""How many points more than demanded have to be right, that no other start is tried."""


LEARNT = 0.75
"""The share of a guess's loss, at most, that a network has that has learnt something."""

TRIES = 12
"""How many starts are looked at together for parameters without a gradient."""


class Learner:
    """A network of the submission that is being trained.

    Args:
        subject: The code under test.
        problem: What is learnt, as the driver calls it.
        options: What the network needs.
        arrays: Tables that it needs.
        batch: How many examples it is given at a time, in training and afterwards: networks of
            the course may be written for one number.
    """

    def __init__(
        self,
        subject: Subject,
        problem: str,
        options: Plain,
        batch: int,
        arrays: tuple[Array, ...] = (),
    ) -> None:
        self.subject = subject
        self.batch = batch
        self.answer = subject.call("learn.begin", arrays, {"problem": problem, **options})
        expect(self.answer.plain > 0, "the network has no parameters", self.answer)

    def learn(
        self,
        inputs: Array,
        labels: Array,
        epochs: int,
        rng: np.random.Generator,
        after_epoch: Callable[[], None] | None = None,
    ) -> None:
        """Go through the examples in shuffled batches, at a rate that rises and falls evenly.

        Adam's first steps are as long as the rate allows. At a full rate they would put units of
        the course's networks, whose weights all start near zero, to sleep for good: decision 13.

        L. N. Smith: Cyclical learning rates for training neural networks, WACV 2017, section 3.1:
        one triangle.
        """
        # What compiles is shared out among requests: the way forward first, the way back after it.
        self.subject.call("learn.predict", [inputs[None, : self.batch]])
        count = len(inputs) // self.batch
        plan = np.concatenate(
            [rng.permutation(len(inputs))[: count * self.batch] for _ in range(epochs)]
        ).reshape(-1, self.batch)
        done, size = 0, 1
        while done < len(plan):
            most = size if after_epoch is None else min(size, count - done % count)
            chosen = plan[done : done + most]
            progress = (done + 0.5 + np.arange(len(chosen))) / len(plan)
            factors = 1.0 - abs(2.0 * progress - 1.0)
            began = time.monotonic()
            self.answer = self.subject.call(
                "learn.steps", [inputs[chosen], labels[chosen], factors]
            )
            expect(self.answer.array.shape == (len(chosen),), "expected losses", self.answer)
            done += len(chosen)
            if after_epoch is not None and done % count == 0:
                after_epoch()
            # As many steps as fit; the first request compiles.
            a_step = (time.monotonic() - began) / len(chosen)
            size = int(min(4 * size, max(1.0, SECONDS_OF_A_REQUEST / max(a_step, 1e-4))))

    def predict(self, inputs: Array, outputs: tuple[int, ...]) -> Array:
        """Return what the network says to each input."""
        said = []
        for part in _padded(inputs, self.batch):
            self.answer = self.subject.call("learn.predict", [part])
            shape = (*part.shape[:2], *outputs)
            expect(self.answer.array.shape == shape, f"expected the shape {shape}", self.answer)
            said.append(self.answer.array.reshape(-1, *outputs))
        return np.concatenate(said)[: len(inputs)]


def _padded(inputs: Array, batch: int, batches: int = 10) -> Iterator[Array]:
    """Go through inputs in batches of one size, some batches at a time; zeros fill the last."""
    spare = -len(inputs) % batch
    filled = np.concatenate([inputs, np.zeros((spare, *inputs.shape[1:]))])
    stacked = filled.reshape(-1, batch, *inputs.shape[1:])
    for start in range(0, len(stacked), batches):
        yield stacked[start : start + batches]


def check_accuracy(
    subject: Subject,
    name: str,
    wanted: Accuracy,
    record: Record | None = None,
    seed: int = 0,
) -> None:
    """Train a network of the submission and count what it gets right.

    Args:
        subject: The code under test.
        name: "digits", "sentences", or a set of points.
        wanted: How many have to be right, and how the network is trained.
        record: Takes what was measured, if it is to be reported.
        seed: Of the weights and of the order of the examples.

    Raises:
        MismatchError: Too few are right.
    """
    setting = dict(wanted.setting)
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    measure = {"digits": _digits, "sentences": _sentences}.get(name, _points)
    right, answer = measure(subject, name, wanted, setting, seed, rng)
    if record is not None:
        measurement = {
            "name": f"{name} right",
            "value": right,
            "of": wanted.of,
            "least": wanted.least,
            "remark": f"took {time.monotonic() - began:.0f} s",
        }
        record("measured", measurement)
    message = f"{name}: {right} of {wanted.of} are right, expected at least {wanted.least}"
    expect(right >= wanted.least, message, answer)


def check_learning(subject: Subject, name: str, setting: Plain) -> None:
    """Train a network on points and demand that it learns: that it does better than a guess.

    The documentation names no number of points that have to be right. A network that says the same
    of every point has at least the loss of the best constant guess.

    Args:
        subject: The code under test.
        name: A set of points.
        setting: How the network is trained.

    Raises:
        MismatchError: It does not learn, or says something that is no probability.
    """
    points, labels = draw(name, 0)
    rng = np.random.default_rng(0)
    best: tuple[float, Response] | None = None
    for start in range(STARTS):
        options = {"rate": setting["rate"], "hidden": setting["hidden"], "seed": start}
        learner = Learner(subject, setting["model"], options, setting["batch"])
        learner.learn(points, labels, setting["epochs"], rng)
        said = learner.predict(points, ())
        check_probabilities(said, learner.answer)
        loss = cross_entropy(np.stack([1.0 - said, said], axis=1), labels)
        if best is None or loss < best[0]:
            best = loss, learner.answer
        if loss < LEARNT * guessing(labels):
            return
    assert best is not None
    check_loss(best[0], labels, best[1])


def check_loss(loss: float, labels: Array, answer: Response) -> None:
    """Demand that the loss of a network is well below that of a guess."""
    guess = guessing(labels)
    message = (
        f"the loss after training is {loss:.3f}, expected less than {LEARNT * guess:.3f}: one that "
        f"says the same of everything has {guess:.3f}"
    )
    expect(loss < LEARNT * guess, message, answer)


def check_probabilities(said: Array, answer: Response) -> None:
    """Demand that numbers are probabilities."""
    inside = bool(((said >= 0.0) & (said <= 1.0)).all())
    expect(inside, "the network says something that is no probability, from 0 to 1", answer)


def cross_entropy(probabilities: Array, labels: Array) -> float:
    """Return the mean loss of what a network says.

    Shape:
        (N, classes), (N,).
    """
    chosen = probabilities[np.arange(len(labels)), labels.astype(np.int64)]
    return float(-np.log(np.clip(chosen, 1e-12, None)).mean())


def guessing(labels: Array) -> float:
    """Return the mean loss of the best constant guess: the entropy of the labels."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def check_layers(subject: Subject, setting: Plain) -> None:
    """Demand that a network for points has three linear layers, by the numbers that it learns."""
    hidden = setting["hidden"]
    answer, sizes, _ = describe(*_points_at_a_start(subject, setting, 0))
    weights, biases = 2 * hidden + hidden * hidden + hidden, 2 * hidden + 1
    total = sum(sizes)
    message = (
        f"the network learns {total} numbers, expected {weights + biases}: of three linear layers, "
        f"2 → {hidden} → {hidden} → 1"
    )
    # Nothing is said of biases.
    expect(total in (weights, weights + biases), message, answer)


def check_all_are_trained(subject: Subject, setting: Plain) -> None:
    """Demand that the loss has a gradient by every parameter of a network for points."""
    check_gradients_arrive(lambda start: _points_at_a_start(subject, setting, start))


def _points_at_a_start(
    subject: Subject, setting: Plain, start: int
) -> tuple[Learner, Array, Array]:
    points, labels = draw("Xor", 0)
    options = {"rate": 0.05, "hidden": setting["hidden"], "seed": start}
    return Learner(subject, setting["model"], options, len(points)), points, labels


def check_gradients_arrive(begin: Callable[[int], tuple[Learner, Array, Array]]) -> None:
    """Demand that the loss has a gradient by every parameter of a network.

    Units that are at rest may pass nothing on, so that several starts count together.

    Args:
        begin: Return a network that begins at a start, with inputs and labels for it.

    Raises:
        MismatchError: A parameter receives no gradient from any start.
    """
    reached: list[bool] = []
    for start in range(TRIES):
        answer, _, now = describe(*begin(start))
        reached = [a or b for a, b in zip(reached or now, now, strict=True)]
        if all(reached):
            return
    missing = reached.count(False)
    expect(False, f"{missing} of {len(reached)} parameters receive no gradient", answer)


def describe(
    learner: Learner, inputs: Array, labels: Array
) -> tuple[Response, list[int], list[bool]]:
    """Return the sizes of a network's parameters, and whether the loss of a batch reaches each."""
    answer = learner.subject.call("learn.describe", [inputs, labels])
    plain = answer.plain
    known = isinstance(plain, dict) and {"sizes", "reached"} <= plain.keys()
    expect(known and len(plain["sizes"]) == len(plain["reached"]), "no parameters", answer)
    return answer, plain["sizes"], plain["reached"]


def seconds_of_an_epoch(
    subject: Subject, problem: str, hidden: int, batch: int, rounds: int = 5
) -> float:
    """Return how long a submission's network for points takes for one pass, at the quickest.

    Args:
        subject: The code under test.
        problem: "scalar", "simple" or "fast".
        hidden: The units of its layers.
        batch: How many points a step learns from.
        rounds: How many passes are timed, after one that compiles.
    """
    points, labels = draw("Simple", 0)
    learner = Learner(subject, problem, {"rate": 0.01, "hidden": hidden, "seed": 0}, batch)
    learner.learn(points, labels, 1, np.random.default_rng(0))
    steps = (points.reshape(-1, batch, 2), labels.reshape(-1, batch), np.ones(COUNT // batch))
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        subject.call("learn.steps", steps)
        taken.append(time.perf_counter() - began)
    return min(taken)


def _digits(
    subject: Subject, name: str, wanted: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    images, labels = digits("train", setting["examples"])
    others, hidden = digits("t10k", wanted.of)
    options = {"rate": setting["rate"], "seed": seed}
    learner = Learner(subject, "digits", options, setting["batch"])
    learner.learn(images, labels, setting["epochs"], rng)
    said = learner.predict(others, (10,))
    return int((said.argmax(axis=1) == hidden).sum()), learner.answer


def _sentences(
    subject: Subject, name: str, wanted: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    rows, labels = sentences("train-sentences")
    others, hidden = sentences("dev")
    chosen = rng.permutation(len(rows))[: setting["examples"]]
    options = {"rate": setting["rate"], "decay": setting["decay"], "seed": seed}
    learner = Learner(subject, "sentences", options, setting["batch"], (word_vectors(),))
    right: list[int] = []

    def count() -> None:
        said = learner.predict(others[: wanted.of], ())
        right.append(int(((said > 0.5) == (hidden[: wanted.of] > 0.5)).sum()))

    # The best of all epochs counts, as the course's guide says.
    learner.learn(rows[chosen], labels[chosen], setting["epochs"], rng, count)
    return max(right), learner.answer


def _points(
    subject: Subject, name: str, wanted: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    assert wanted.of == COUNT
    points, labels = draw(name, seed)
    best: tuple[int, Response] | None = None
    for start in range(STARTS):
        options = {"rate": setting["rate"], "hidden": setting["hidden"], "seed": seed + start}
        learner = Learner(subject, setting["model"], options, setting["batch"])
        learner.learn(points, labels, setting["epochs"], rng)
        said = learner.predict(points, ())
        right = int(((said > 0.5) == (labels > 0.5)).sum())
        if best is None or right > best[0]:
            best = right, learner.answer
        if right >= min(wanted.least + COMFORT, wanted.of):
            break
    assert best is not None
    return best
