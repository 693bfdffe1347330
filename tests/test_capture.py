"""Captured steps do what the steps themselves do, bit by bit (`mt_nn.capture`)."""

import copy
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import Scalar, Tensor, from_numpy, no_grad, tensor
from mt_kernels_cpu import Fast, Tuned
from mt_kernels_cpu.tuned import memory, threads
from mt_kernels_cpu.tuned.convolution import launch
from mt_kernels_cpu.tuned.layers import pooling
from mt_models.networks import CourseLeNet, LeNet5
from mt_nn import (
    SGD,
    Adam,
    AdamW,
    AvgPool2d,
    BatchNorm1d,
    CaptureWarning,
    Conv2d,
    Dropout,
    Embedding,
    Linear,
    MaxPool2d,
    Module,
    Optimizer,
    Parameter,
    Sequential,
    capture,
    cross_entropy,
    is_finite,
    nll_loss,
)
from mt_tensor import REFERENCE, recording

BACKEND = Tuned(np.float32)


class Small(Module):
    """Convolution, both poolings, dropout and a linear layer."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.conv = Conv2d(1, 3, 3, padding="trailing", activation="relu", rng=rng, backend=BACKEND)
        self.pools = Sequential(MaxPool2d(2), AvgPool2d(2))
        self.dropout = Dropout(0.5, rng=rng)
        self.linear = Linear(12, 3, rng=rng, backend=BACKEND)

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.linear(self.dropout(self.pools(self.conv(images)).view(-1, 12)))
        return out


class Trainer:
    """A network, its optimiser, its generator, and a step of training."""

    def __init__(self, optimizer: Callable[..., Optimizer], captured: bool) -> None:
        self.rng = np.random.default_rng(1)
        self.network = Small(self.rng)
        self.optimizer = optimizer(self.network.parameters())
        self.run: Any = capture(self.step) if captured else self.step

    def step(self, images: Tensor, labels: Any) -> Tensor:
        self.network.zero_grad()
        loss = cross_entropy(self.network(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self) -> list[Any]:
        slots = self.optimizer.state_dict()
        return [
            *(each.to_numpy() for each in (p.value for p in self.network.parameters())),
            *(str(each.grad) for each in self.network.parameters()),
            *(slots["slots"][name] for name in sorted(slots["slots"])),
            str(slots["steps"]),
            str(self.rng.bit_generator.state),
        ]


def batch(number: int, size: int = 4) -> tuple[Tensor, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(number)
    images = rng.standard_normal((size, 1, 8, 8)).astype(np.float32)
    return from_numpy(images, BACKEND), rng.integers(0, 3, size)


def assert_equal(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()
        else:
            assert a == b


def momentum(parameters: Any) -> SGD:
    return SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)


def groups(parameters: Any) -> Optimizer:
    first, *others = parameters
    return Adam([{"params": others}, {"params": [first], "lr": 0.02}], lr=0.01)


OPTIMIZERS = {
    "sgd": lambda parameters: SGD(parameters, lr=0.1),
    "momentum": momentum,
    "adam": lambda parameters: Adam(parameters, lr=0.01),
    "adamw": lambda parameters: AdamW(parameters, lr=0.01, weight_decay=0.1),
    "groups": groups,
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_captured_step_equals_the_step(name: str) -> None:
    ours, theirs = Trainer(OPTIMIZERS[name], True), Trainer(OPTIMIZERS[name], False)
    for number in range(8):
        for each in (ours, theirs):
            each.optimizer.lr = 0.1 / (number + 1)
        losses = [each.run(*batch(number)) for each in (ours, theirs)]
        assert losses[0].item() == losses[1].item()
        assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions == 5


class Tagger(Module):
    """An embedding and a linear layer with a frozen bias."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.embedding = Embedding(9, 4, rng=rng, backend=BACKEND)
        self.linear = Linear(12, 2, rng=rng, backend=BACKEND)
        assert self.linear.bias is not None
        self.linear.bias.value.requires_grad_(False)

    def forward(self, words: Any) -> Tensor:
        out: Tensor = self.linear(self.embedding(words).view(-1, 12))
        return out


def test_whole_numbers_are_inputs_and_frozen_parameters_stay() -> None:
    networks = [Tagger(np.random.default_rng(0)) for _ in range(2)]
    optimizers = [SGD(each.parameters(), lr=0.3) for each in networks]

    def step(network: Tagger, optimizer: SGD, words: Any, labels: Any) -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(network(words), labels)
        loss.backward()
        optimizer.step()
        return loss

    captured = capture(lambda words, labels: step(networks[0], optimizers[0], words, labels))
    for number in range(6):
        rng = np.random.default_rng(number)
        words, labels = rng.integers(0, 9, (5, 3)), rng.integers(0, 2, 5)
        captured(words, labels)
        step(networks[1], optimizers[1], words, labels)
    assert captured.repetitions == 3
    for a, b in zip(*(each.parameters() for each in networks), strict=True):
        assert a.value.to_numpy().tobytes() == b.value.to_numpy().tobytes()


def test_a_batch_of_another_size_is_captured_separately() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for number, size in enumerate((4, 4, 4, 3, 4, 3, 3, 4, 3, 4)):
        losses = [each.run(*batch(number, size)) for each in (ours, theirs)]
        assert losses[0].item() == losses[1].item()
    assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions == 4


def test_the_training_mode_is_part_of_the_recording() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for number in range(9):
        for each in (ours, theirs):
            each.network.train(number % 4 != 3)
            each.run(*batch(number))
    assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions > 0


def test_values_that_are_replaced_between_steps_are_used() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    start = theirs.network.state_dict()
    slots: dict[str, Any] = {}
    for number in range(9):
        for each in (ours, theirs):
            each.run(*batch(number))
            if number == 4:
                slots = copy.deepcopy(theirs.optimizer.state_dict())
                each.network.load_state_dict(start)
            if number == 6:
                each.optimizer.load_state_dict(slots)
                each.network.conv.weight.value[0, 0] = 0.5
        assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions == 6


def test_a_parameter_that_is_frozen_later_stays() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for number in range(9):
        for each in (ours, theirs):
            if number == 4:
                each.network.conv.weight.requires_grad = False
            each.run(*batch(number))
    for a, b in zip(ours.network.parameters(), theirs.network.parameters(), strict=True):
        assert a.value.to_numpy().tobytes() == b.value.to_numpy().tobytes()


def test_an_invalid_value_raises_before_anything_changes() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for number in range(5):
        for each in (ours, theirs):
            each.run(*batch(number))
    images, labels = batch(5)
    invalid = labels.copy()
    invalid[1] = 3
    for each in (ours, theirs):
        with pytest.raises(IndexError, match="class"):
            each.run(images, invalid)
    # The draws of dropout come before the labels are read, in both.
    for number in range(6, 9):
        for each in (ours, theirs):
            each.run(*batch(number))
        assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions == 5


def test_a_check_of_finite_values_ends_a_repetition() -> None:
    network = Linear(2, 1, rng=0, backend=BACKEND)
    optimizer = SGD(network.parameters(), lr=0.1)

    @capture
    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = plain_loss(network, x)
        if not is_finite(loss):
            raise ArithmeticError("not finite")
        loss.backward()
        optimizer.step()
        return loss

    x = tensor([[1.0, 2.0]], backend=BACKEND)
    for _ in range(5):
        step(x)
    before = network.weight.value.to_numpy().copy()
    with pytest.raises(ArithmeticError, match="not finite"):
        step(tensor([[np.nan, 2.0]], backend=BACKEND))
    assert np.array_equal(network.weight.value.to_numpy(), before)
    step(x)
    assert step.repetitions == 3


def plain_loss(network: Module, x: Tensor) -> Tensor:
    loss: Tensor = (network(x) * network(x)).mean()
    return loss


def reading(network: Module, x: Tensor) -> Tensor:
    loss = plain_loss(network, x)
    return loss if loss.item() > 0 else -loss


def printing(network: Module, x: Tensor) -> Tensor:
    loss = plain_loss(network, x)
    repr(loss)
    return loss


def computing_with_numpy(network: Module, x: Tensor) -> Tensor:
    # The private storage: no function of the library reads it.
    return plain_loss(network, x) * float(np.sum(x.data.storage))


def counting(network: Module, x: Tensor) -> Tensor:
    network.count = getattr(network, "count", 0) + 1  # type: ignore[attr-defined]
    return plain_loss(network, x)


def returning_a_number(network: Module, x: Tensor) -> tuple[Tensor, float]:
    return plain_loss(network, x), 1.5


REFUSED = {
    "reads the elements": reading,
    "reads the elements of": printing,
    "another result": computing_with_numpy,
    "sets the attribute": counting,
    "returns an object of type float": returning_a_number,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_step_that_cannot_be_captured_runs_as_usual_and_warns_once(reason: str) -> None:
    function = REFUSED[reason]
    networks = [Linear(2, 1, rng=0, backend=BACKEND) for _ in range(2)]

    def step(network: Module, x: Tensor) -> Any:
        optimizer = SGD(network.parameters(), lr=0.01)
        network.zero_grad()
        result: Any = function(network, x)
        (result[0] if isinstance(result, tuple) else result).backward()
        optimizer.step()
        return result

    captured = capture(lambda x: step(networks[0], x))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for number in range(5):
            x = tensor([[1.0 + number, 2.0]], backend=BACKEND)
            captured(x)
            step(networks[1], x)
    assert [each.category for each in found] == [CaptureWarning]
    assert reason in str(found[0].message)
    assert captured.repetitions == 0
    assert captured.reason is not None
    ours, theirs = (each.weight.value.to_numpy() for each in networks)
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("backend", [REFERENCE, Fast(np.float32)], ids=["reference", "fast"])
def test_other_backends_run_as_usual(backend: Any) -> None:
    network = Linear(2, 1, rng=0, backend=backend)
    captured = capture(lambda x: network(x))
    x = tensor([[1.0, 2.0]], backend=backend)
    captured(x)
    with pytest.warns(CaptureWarning, match="cannot be recorded; compute on mt_kernels_cpu.Tuned"):
        captured(x)
    assert captured(x).item() == network(x).item()


def test_scalars_run_as_usual() -> None:
    weight = Parameter(Scalar(3.0))
    optimizer = SGD([weight], lr=0.1)

    @capture
    def step() -> None:
        optimizer.zero_grad()
        (weight.value * weight.value).backward()
        optimizer.step()

    step()
    with pytest.warns(CaptureWarning):
        step()
    step()
    assert weight.value.data == pytest.approx(3.0 * 0.8**3)


def test_batch_normalisation_in_training_runs_as_usual() -> None:
    network = Sequential(Linear(2, 2, rng=0, backend=BACKEND), BatchNorm1d(2, backend=BACKEND))
    captured = capture(lambda x: network(x))
    x = tensor([[1.0, 2.0], [3.0, 5.0]], backend=BACKEND)
    captured(x)
    with pytest.warns(CaptureWarning, match="attribute"):
        captured(x)


def test_a_forward_hook_runs() -> None:
    network = Linear(2, 1, rng=0, backend=BACKEND)
    seen: list[int] = []
    captured = capture(no_grad(lambda x: network(x)))
    x = tensor([[1.0, 2.0]], backend=BACKEND)
    for _ in range(4):
        captured(x)
    assert captured.repetitions == 1
    with network.register_forward_hook(lambda *_: seen.append(1)):
        with pytest.warns(CaptureWarning, match="hook"):
            captured(x)
        captured(x)
    assert len(seen) == 2


def test_answers_without_gradients_are_captured() -> None:
    network = Small(np.random.default_rng(0))
    network.eval()

    @capture
    def answer(images: Tensor) -> Tensor:
        with no_grad():
            out: Tensor = network(images)
        return out

    for number in range(6):
        images, _ = batch(number)
        with no_grad():
            expected = network(images).to_numpy()
        assert answer(images).to_numpy().tobytes() == expected.tobytes()
    assert answer.repetitions == 3


def test_results_have_no_history_and_are_written_again() -> None:
    trainer = Trainer(momentum, True)
    losses = [trainer.run(*batch(number)) for number in range(6)]
    assert losses[4] is losses[5]
    assert losses[5].is_constant()


def test_work_divided_among_threads_is_repeated_on_threads(monkeypatch: Any) -> None:
    def halves(count: int, steps: int) -> list[tuple[int, int]]:
        return [(0, 1), (1, count)]

    monkeypatch.setattr(launch, "partition", halves)
    for module in (launch, pooling):
        monkeypatch.setattr(module, "partition_independent", halves)
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for number in range(6):
        for each in (ours, theirs):
            each.run(*batch(number))
    assert_equal(ours.state(), theirs.state())
    assert ours.run.repetitions == 3


def test_planned_memory_is_at_most_that_of_the_step(monkeypatch: Any) -> None:
    network = CourseLeNet(np.random.default_rng(0), BACKEND)
    optimizer = SGD(network.parameters(), lr=0.1)

    def step(images: Tensor, labels: Any) -> Tensor:
        optimizer.zero_grad()
        loss = nll_loss(network(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    images = from_numpy(rng.standard_normal((128, 1, 28, 28)).astype(np.float32), BACKEND)
    labels = rng.integers(0, 10, 128)
    captured = capture(step)
    for _ in range(2):
        captured(images, labels)
    # Buffers that are reused would hide what is alive.
    monkeypatch.setattr(memory.Memory, "storage", lambda self, count: np.empty(count, self.dtype))
    step(images, labels)
    tracemalloc.start()
    step(images, labels)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < captured.planned_bytes <= most


def test_a_result_whose_gradient_is_computed_later_keeps_its_history() -> None:
    network = Linear(2, 1, rng=0, backend=BACKEND)
    captured = capture(lambda x: plain_loss(network, x))
    x = tensor([[1.0, 2.0]], backend=BACKEND)
    captured(x)
    with pytest.warns(CaptureWarning, match="history"):
        captured(x)
    captured(x).backward()
    assert network.weight.grad is not None


def test_an_argument_that_requires_a_gradient_gets_it() -> None:
    captured = capture(lambda x: (x * x).sum().backward())
    x = tensor([[1.0, 2.0]], backend=BACKEND, requires_grad=True)
    captured(x)
    with pytest.warns(CaptureWarning, match="requires a gradient"):
        captured(x)
    assert x.grad.tolist() == [[4.0, 8.0]]


def test_gradients_that_the_caller_removes_are_computed_once() -> None:
    ours, theirs = (Linear(2, 1, rng=0, backend=BACKEND) for _ in range(2))

    def step(network: Linear, x: Tensor) -> None:
        plain_loss(network, x).backward()

    captured = capture(lambda x: step(ours, x))
    for number in range(6):
        x = tensor([[1.0 + number, 2.0]], backend=BACKEND)
        ours.zero_grad()
        theirs.zero_grad()
        captured(x)
        step(theirs, x)
        assert ours.weight.grad.tolist() == theirs.weight.grad.tolist()
    assert captured.repetitions == 3


def test_a_decay_that_begins_later_is_applied() -> None:
    ours, theirs = (
        Trainer(lambda parameters: AdamW(parameters, lr=0.01, weight_decay=0.0), captured)
        for captured in (True, False)
    )
    for number in range(9):
        for each in (ours, theirs):
            each.optimizer.weight_decay = 0.5 if number >= 5 else 0.0  # type: ignore[attr-defined]
            each.run(*batch(number))
        assert_equal(ours.state(), theirs.state())


def test_parameters_that_are_added_later_are_updated() -> None:
    ours, theirs = Trainer(momentum, True), Trainer(momentum, False)
    for each in (ours, theirs):
        each.optimizer = SGD(each.network.conv.parameters(), lr=0.1)
    for number in range(10):
        for each in (ours, theirs):
            if number == 5:
                each.optimizer.add_param_group({"params": each.network.linear.parameters()})
            each.run(*batch(number))
    for a, b in zip(ours.network.parameters(), theirs.network.parameters(), strict=True):
        assert a.value.to_numpy().tobytes() == b.value.to_numpy().tobytes()


def test_buffers_that_are_loaded_are_used() -> None:
    network = Sequential(BatchNorm1d(2, backend=BACKEND), Linear(2, 1, rng=0, backend=BACKEND))
    network.eval()
    answer = capture(no_grad(lambda x: network(x)))
    x = tensor([[1.0, 2.0]], backend=BACKEND)
    for _ in range(4):
        answer(x)
    state = network.state_dict()
    network.load_state_dict(state | {"0.running_mean": np.array([5.0, 6.0])})
    with no_grad():
        assert answer(x).item() == network(x).item()


def test_a_captured_function_in_another_is_part_of_it() -> None:
    network = Linear(2, 1, rng=0, backend=BACKEND)
    inner = capture(no_grad(lambda x: network(x)))
    outer = capture(lambda x: inner(x) * 2.0)
    for number in range(6):
        x = tensor([[1.0 + number, 2.0]], backend=BACKEND)
        with no_grad():
            assert outer(x).item() == 2.0 * network(x).item()
    assert outer.repetitions == 3


def test_numbers_that_change_are_constants_up_to_a_limit() -> None:
    captured = capture(lambda x, factor: x * factor)
    x = tensor([1.0, 2.0], backend=BACKEND)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for number in range(30):
            assert captured(x, float(number)).tolist() == [number, 2.0 * number]
    assert len(found) == 1
    assert "pass numbers that change as arrays" in str(found[0].message)
    assert captured(x, {1, 2} and 3.0).tolist() == [3.0, 6.0]


def test_an_argument_that_is_not_hashable_runs_as_usual() -> None:
    captured = capture(lambda x, chosen: x * float(len(chosen)))
    x = tensor([1.0, 2.0], backend=BACKEND)
    for _ in range(4):
        assert captured(x, {1, 2}).tolist() == [2.0, 4.0]
    assert captured.repetitions == 0
    assert "not hashable" in str(captured.reason)


class Doubling:
    """An object with a captured method."""

    def __init__(self, factor: float) -> None:
        self.factor = tensor([factor], backend=BACKEND)

    @capture
    def times(self, x: Tensor) -> Tensor:
        return x * self.factor

    def plain(self, x: Tensor) -> Tensor:
        return x * self.factor

    captured = capture(plain)


def test_each_object_has_recordings_of_its_method() -> None:
    two, three = Doubling(2.0), Doubling(3.0)
    for number in range(5):
        x = tensor([1.0 + number], backend=BACKEND)
        assert two.times(x).item() == 2.0 * (1.0 + number)
        assert three.times(x).item() == 3.0 * (1.0 + number)
    assert two.times.repetitions == three.times.repetitions == 2
    twin = copy.deepcopy(two)
    assert twin.times(x).item() == 10.0


def test_a_captured_method_with_another_name_leaves_the_method() -> None:
    two, x = Doubling(2.0), tensor([1.0], backend=BACKEND)
    for _ in range(4):
        assert two.captured(x).item() == two.plain(x).item() == 2.0
    assert two.captured.repetitions == 1
    assert not hasattr(two.plain, "repetitions")


def test_kernels_in_a_row_are_one_call_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[tuple[int, int]] = []
    joined = recording.joined

    def counted(calls: Any) -> Any:
        result = joined(calls)
        counts.append((len(calls), len(result)))
        return result

    monkeypatch.setattr(recording, "joined", counted)
    network = CourseLeNet(np.random.default_rng(0), BACKEND)
    network.eval()
    answer = capture(no_grad(lambda x: network(x)))
    image = from_numpy(np.ones((1, 1, 28, 28), np.float32), BACKEND)
    expected = answer(image).to_numpy().copy()
    for _ in range(3):
        assert answer(image).to_numpy().tobytes() == expected.tobytes()
    ((before, after),) = counts
    # Two products by BLAS, and the kernels before, between and behind them.
    assert before > after
    assert after <= 5


@pytest.mark.parametrize("network", [CourseLeNet, LeNet5])
def test_divided_work_without_sums_gives_the_same_results(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads.settings, "NUMBA_NUM_THREADS", 3)
    monkeypatch.setattr("numba.get_num_threads", lambda: 3)
    monkeypatch.setattr(threads, "INDEPENDENT_FROM", 1)
    monkeypatch.setattr(threads, "RECORDED_COST", 0)
    networks = [network(np.random.default_rng(0), BACKEND) for _ in range(2)]
    optimizers = [SGD(each.parameters(), lr=0.1) for each in networks]

    def step(at: int, images: Tensor, labels: Any) -> Tensor:
        optimizers[at].zero_grad()
        loss = nll_loss(networks[at](images), labels)
        loss.backward()
        optimizers[at].step()
        return loss

    captured = capture(lambda images, labels: step(0, images, labels))
    rng = np.random.default_rng(1)
    for _ in range(5):
        images = from_numpy(rng.random((5, 1, 28, 28), np.float32), BACKEND)
        labels = rng.integers(0, 10, 5)
        assert captured(images, labels).item() == step(1, images, labels).item()
    assert captured.repetitions == 2
    for ours, theirs in zip(*(each.parameters() for each in networks), strict=True):
        assert ours.value.to_numpy().tobytes() == theirs.value.to_numpy().tobytes()
