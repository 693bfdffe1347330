"""Training of a submission's network by requests: the judge draws batches and keeps the labels.

Each request trains some steps. The trained network is evaluated on examples whose labels the worker
has not received; for points, on the training examples.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from grading.accuracy.data import digits, sentences, text, word_vectors
from grading.checking.compare import expect
from grading.checking.oracles import transformer
from grading.checking.points import COUNT, draw
from grading.protocol.messages import Array, Plain, Response, Subject
from grading.tasks.model import Accuracy

Record = Callable[[str, object], None]
"""pytest's `record_property`."""

REQUEST_SECONDS = 15.0
"""Target duration of one training request, in seconds."""

MAX_STARTS = 4
"""Maximum number of random initialisations of a network for points; the best one counts.

A small network sometimes starts with weights from which half of its units stay inactive, even with
correct code. Wrong code gains little from another start.
"""

SAFE_MARGIN = 2
"""Number of correct points above the requirement that ends the search for a better start."""

MAX_LOSS_SHARE = 0.75
"""Maximum loss of a network that has learnt, as a fraction of the best constant guess's loss."""

GRADIENT_STARTS = 12
"""Number of initialisations to combine in the search for parameters without a gradient."""


class Learner:
    """Training and prediction with a network of the submission.

    Args:
        subject: The code under test.
        problem: The name of the problem in the driver.
        options: Options of the network.
        arrays: Tables for the network, such as word vectors.
        batch: Examples per batch in training and prediction; networks of the course may support
            one batch size only.
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
        self.response = subject.call("learn.begin", arrays, {"problem": problem, **options})
        expect(self.response.plain > 0, "the network has no parameters", self.response)

    def learn(
        self,
        inputs: Array,
        labels: Array,
        epochs: int,
        rng: np.random.Generator,
        after_epoch: Callable[[], None] | None = None,
    ) -> None:
        """Train with shuffled batches and a triangular learning rate.

        Adam's first steps have the full length of the learning rate. Because all weights of the
        course's networks start near zero, a full rate would permanently deactivate units
        (decision 13).

        L. N. Smith: Cyclical learning rates for training neural networks, WACV 2017, section 3.1.

        Shape:
            inputs (N, …), labels (N,).
        """
        # Compilation is split: this request compiles the forward pass, the next the backward pass.
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
            self.response = self.subject.call(
                "learn.steps", [inputs[chosen], labels[chosen], factors]
            )
            expect(self.response.array.shape == (len(chosen),), "expected losses", self.response)
            done += len(chosen)
            if after_epoch is not None and done % count == 0:
                after_epoch()
            # The next request has as many steps as fit; the first request compiles.
            a_step = (time.monotonic() - began) / len(chosen)
            size = int(min(4 * size, max(1.0, REQUEST_SECONDS / max(a_step, 1e-4))))

    def predict(self, inputs: Array, outputs: tuple[int, ...]) -> Array:
        """Return the network's outputs.

        Shape:
            (N, …) → (N, *outputs).
        """
        predictions = []
        for part in _padded(inputs, self.batch):
            self.response = self.subject.call("learn.predict", [part])
            shape = (*part.shape[:2], *outputs)
            expect(self.response.array.shape == shape, f"expected the shape {shape}", self.response)
            predictions.append(self.response.array.reshape(-1, *outputs))
        return np.concatenate(predictions)[: len(inputs)]


def _padded(inputs: Array, batch: int, batches: int = 10) -> Iterator[Array]:
    """Yield inputs in stacks of full batches; the last batch is padded with zeros.

    Shape:
        (N, …) → (up to batches, batch, …).
    """
    spare = -len(inputs) % batch
    filled = np.concatenate([inputs, np.zeros((spare, *inputs.shape[1:]))])
    stacked = filled.reshape(-1, batch, *inputs.shape[1:])
    for start in range(0, len(stacked), batches):
        yield stacked[start : start + batches]


def check_accuracy(
    subject: Subject,
    name: str,
    required: Accuracy,
    record: Record | None = None,
    seed: int = 0,
) -> None:
    """Train a network of the submission and check its accuracy.

    Args:
        subject: The code under test.
        name: "digits", "sentences", or a set of points.
        required: The required accuracy, with the options of the training.
        record: Receives the measurement for the report.
        seed: Seed of the weights and of the order of the examples.

    Raises:
        MismatchError: The accuracy is too low.
    """
    setting = dict(required.setting)
    rng = np.random.default_rng(seed)
    began = time.monotonic()
    measure = {"digits": _digits, "sentences": _sentences}.get(name, _points)
    right, response = measure(subject, name, required, setting, seed, rng)
    if record is not None:
        measurement = {
            "name": f"{name} correct",
            "value": right,
            "of": required.of,
            "least": required.least,
            "remark": f"took {time.monotonic() - began:.0f} s",
        }
        record("measured", measurement)
    message = f"{name}: {right} of {required.of} are correct, expected at least {required.least}"
    expect(right >= required.least, message, response)


def check_short_training(subject: Subject, name: str, least: int, setting: Plain) -> None:
    """Train a network on points and check how many of them it classifies correctly.

    Args:
        subject: The code under test.
        name: A set of points.
        least: Required number of correct points.
        setting: Options of the training.

    Raises:
        MismatchError: The accuracy is too low.
    """
    check_accuracy(subject, name, Accuracy(least, COUNT, setting))


def check_learning(subject: Subject, name: str, setting: Plain) -> None:
    """Train a network on points and check that its loss is well below that of a constant guess.

    The course's documentation names no accuracy. A network with the same output for every point has
    at least the loss of the best constant guess.

    Args:
        subject: The code under test.
        name: A set of points.
        setting: Options of the training.

    Raises:
        MismatchError: The loss is too high, or an output is not a probability.
    """
    best: tuple[float, Response] | None = None
    for predictions, labels, response in _starts(subject, name, setting, 0):
        check_probabilities(predictions, response)
        loss = cross_entropy(np.stack([1.0 - predictions, predictions], axis=1), labels)
        if best is None or loss < best[0]:
            best = loss, response
        if loss < MAX_LOSS_SHARE * constant_guess_loss(labels):
            return
    assert best is not None
    check_loss(best[0], labels, best[1])


def check_loss(loss: float, labels: Array, response: Response) -> None:
    """Check that the loss of a network is below `MAX_LOSS_SHARE` of a constant guess's loss."""
    guess = constant_guess_loss(labels)
    message = (
        f"the loss after training is {loss:.3f}, expected less than "
        f"{MAX_LOSS_SHARE * guess:.3f}: the best constant output has {guess:.3f}"
    )
    expect(loss < MAX_LOSS_SHARE * guess, message, response)


def check_probabilities(outputs: Array, response: Response) -> None:
    """Check that all outputs are probabilities."""
    inside = bool(((outputs >= 0.0) & (outputs <= 1.0)).all())
    expect(inside, "an output of the network is not a probability from 0 to 1", response)


def cross_entropy(probabilities: Array, labels: Array) -> float:
    """Return the mean cross-entropy of probabilities.

    Shape:
        (N, classes), (N,).
    """
    chosen = probabilities[np.arange(len(labels)), labels.astype(np.int64)]
    return float(-np.log(np.clip(chosen, 1e-12, None)).mean())


def constant_guess_loss(labels: Array) -> float:
    """Return the mean loss of the best constant guess: the entropy of the labels."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def check_layers(subject: Subject, setting: Plain) -> None:
    """Check by the number of parameters that a network for points has three linear layers."""
    hidden = setting["hidden"]
    response, sizes, _ = describe(*_points_at_a_start(subject, setting, 0))
    weights, biases = 2 * hidden + hidden * hidden + hidden, 2 * hidden + 1
    total = sum(sizes)
    message = (
        f"the network has {total} parameters, expected {weights + biases} for three linear layers: "
        f"2 → {hidden} → {hidden} → 1"
    )
    # The documentation does not mention biases.
    expect(total in (weights, weights + biases), message, response)


def check_all_parameters_are_trained(subject: Subject, setting: Plain) -> None:
    """Check that every parameter of a network for points receives a gradient."""
    check_gradients_exist(lambda start: _points_at_a_start(subject, setting, start))


def _points_at_a_start(
    subject: Subject, setting: Plain, start: int
) -> tuple[Learner, Array, Array]:
    points, labels = draw("Xor", 0)
    options = {"rate": 0.05, "hidden": setting["hidden"], "seed": start}
    return Learner(subject, setting["model"], options, len(points)), points, labels


def check_gradients_exist(begin: Callable[[int], tuple[Learner, Array, Array]]) -> None:
    """Check that every parameter of a network receives a gradient from the loss.

    Inactive units pass no gradient on; so the results of several initialisations are combined.

    Args:
        begin: Returns a network for the number of an initialisation, with inputs and labels.

    Raises:
        MismatchError: A parameter receives no gradient from any initialisation.
    """
    reached: list[bool] = []
    for start in range(GRADIENT_STARTS):
        response, _, now = describe(*begin(start))
        reached = [a or b for a, b in zip(reached or now, now, strict=True)]
        if all(reached):
            return
    missing = reached.count(False)
    expect(False, f"{missing} of {len(reached)} parameters receive no gradient", response)


def describe(
    learner: Learner, inputs: Array, labels: Array
) -> tuple[Response, list[int], list[bool]]:
    """Return a network's parameter sizes, and a flag for each that receives a gradient."""
    response = learner.subject.call("learn.describe", [inputs, labels])
    plain = response.plain
    known = isinstance(plain, dict) and {"sizes", "reached"} <= plain.keys()
    expect(known and len(plain["sizes"]) == len(plain["reached"]), "no parameters", response)
    return response, plain["sizes"], plain["reached"]


def check_text(
    subject: Subject, required: Accuracy, record: Record | None = None, seed: int = 0
) -> None:
    """Train the language model of a submission and check its loss on the validation text.

    Args:
        subject: The code under test.
        required: The required number of next characters that are right, with the options of the
            training and the largest loss.
        record: Receives the measurement for the report.
        seed: Seed of the weights and of the places in the text.

    Raises:
        MismatchError: The loss is too high, or too few characters are right.
    """
    setting: Plain = dict(required.setting)
    began = time.monotonic()
    loss, right, response = validated_text(subject, setting, required.of, seed)
    if record is not None:
        measurement = {
            "name": "next characters correct",
            "value": right,
            "of": required.of,
            "least": required.least,
            "remark": f"validation loss {loss:.3f}, took {time.monotonic() - began:.0f} s",
        }
        record("measured", measurement)
    message = f"the validation loss is {loss:.3f}, expected at most {setting['loss']}"
    expect(loss <= setting["loss"], message, response)
    message = f"{right} of {required.of} characters are right, expected at least {required.least}"
    expect(right >= required.least, message, response)


def validated_text(
    subject: Subject, setting: Plain, count: int, seed: int
) -> tuple[float, int, Response]:
    """Train a language model; return loss and right characters on the validation text.

    Args:
        subject: The code under test.
        setting: Options of the training.
        count: Number of characters of the validation text, from its start.
        seed: Seed of the weights and of the places in the text.
    """
    rng = np.random.default_rng(seed)
    length, batch, steps = setting["length"], setting["batch"], setting["steps"]
    characters, others = text("train"), text("validation")
    classes = int(max(characters.max(), others.max())) + 1
    sizes = {"n_vocab": classes, "n_positions": length, "p_dropout": 0.0}
    sizes |= {name: setting[name] for name in ("n_embd", "n_head")}
    learner = Learner(subject, "text", {"rate": setting["rate"], "seed": seed, **sizes}, batch)
    starts = rng.integers(0, len(characters) - length, batch * steps)
    places = starts[:, None] + np.arange(length + 1)
    chosen = characters[places]
    learner.learn(chosen[:, :-1], chosen[:, 1:], 1, rng)
    inputs, labels = others[:count].reshape(-1, length), others[1 : count + 1].astype(np.int64)
    scores = learner.predict(inputs, (length, classes)).reshape(count, classes)
    right = int((scores.argmax(axis=1) == labels).sum())
    return float(transformer.losses(scores, labels).mean()), right, learner.response


def seconds_of_an_epoch(
    subject: Subject, problem: str, hidden: int, batch: int, rounds: int = 5
) -> float:
    """Return the shortest time of an epoch of a submission's network for points, in seconds.

    Args:
        subject: The code under test.
        problem: "scalar", "simple" or "fast".
        hidden: Units per layer.
        batch: Points per training step.
        rounds: Number of timed epochs, after one that compiles.
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
    subject: Subject, name: str, required: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    images, labels = digits("train", setting["examples"])
    others, hidden = digits("t10k", required.of)
    options = {"rate": setting["rate"], "seed": seed}
    learner = Learner(subject, "digits", options, setting["batch"])
    learner.learn(images, labels, setting["epochs"], rng)
    predictions = learner.predict(others, (10,))
    return int((predictions.argmax(axis=1) == hidden).sum()), learner.response


def _sentences(
    subject: Subject, name: str, required: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    rows, labels = sentences("train-sentences")
    others, hidden = sentences("dev")
    chosen = rng.permutation(len(rows))[: setting["examples"]]
    options = {"rate": setting["rate"], "decay": setting["decay"], "seed": seed}
    learner = Learner(subject, "sentences", options, setting["batch"], (word_vectors(),))
    right: list[int] = []

    def count() -> None:
        predictions = learner.predict(others[: required.of], ())
        right.append(int(((predictions > 0.5) == (hidden[: required.of] > 0.5)).sum()))

    # The best of all epochs counts, as the course's guide says.
    learner.learn(rows[chosen], labels[chosen], setting["epochs"], rng, count)
    return max(right), learner.response


def _points(
    subject: Subject, name: str, required: Accuracy, setting: Plain, seed: int, rng: Plain
) -> tuple[int, Response]:
    assert required.of == COUNT
    best: tuple[int, Response] | None = None
    for predictions, labels, response in _starts(subject, name, setting, seed):
        right = int(((predictions > 0.5) == (labels > 0.5)).sum())
        if best is None or right > best[0]:
            best = right, response
        if right >= min(required.least + SAFE_MARGIN, required.of):
            break
    assert best is not None
    return best


def _starts(
    subject: Subject, name: str, setting: Plain, seed: int
) -> Iterator[tuple[Array, Array, Response]]:
    """Train a network on points from several initialisations.

    Yields:
        For each initialisation: predictions and labels of shape (COUNT,), and the last response.
    """
    points, labels = draw(name, seed)
    rng = np.random.default_rng(seed)
    for start in range(MAX_STARTS):
        options = {"rate": setting["rate"], "hidden": setting["hidden"], "seed": seed + start}
        learner = Learner(subject, setting["model"], options, setting["batch"])
        learner.learn(points, labels, setting["epochs"], rng)
        yield learner.predict(points, ()), labels, learner.response
