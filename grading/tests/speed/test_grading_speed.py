"""Speed is judged by the judge's clock, on fresh inputs, and only on a machine with time for it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asv_benchmarks.workloads import GRADED, LAYERS, WORKLOADS, Workload
from grading.checking.compare import MismatchError
from grading.checking.oracles.convolution import conv
from grading.driver.in_process import InProcessSubject
from grading.driver.timed_inputs import Rows
from grading.isolation import CheckAbandoned, IsolatedSubject, WorkerError
from grading.judge.records import Status
from grading.judge.speed import speed_results
from grading.paths import ROOT
from grading.protocol.messages import Array, DriverError, Request, Response, Subject, SubjectError
from grading.speed import measure as measuring
from grading.speed.baseline import BASELINES
from grading.speed.constants import with_constants
from grading.speed.measure import measure
from grading.speed.trial import CALLS, CHAINED, Bench, Trial
from grading.speed.verdict import judge
from grading.tasks.model import Task
from grading.tasks.table import PATH, load, table

JUDGED = [name for task in table().tasks if task.speed for name in task.speed.workloads]

SMALL = Workload("small", "matmul", ((3, 4), (4, 2)))

TICK = 1e-7
"""Seconds that the clock of these tests advances at each reading."""


class FakeClock:
    """A clock that goes forward a little whenever it is asked, and further when told to."""

    def __init__(self, tick: float = TICK) -> None:
        self.now = 0.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


class Worker(Subject):
    """Does what the driver does, with NumPy; each call takes a given time of the fake clock."""

    def __init__(self, clock: FakeClock, seconds: float, operation: str = "matmul") -> None:
        self.clock = clock
        self.seconds = seconds
        self.operation = operation
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        options = request.options
        if request.operation == "speed.prepare":
            self.rows = Rows(
                options["seed"], options["sizes"], options["results"], options["domain"]
            )
            return Response(request)
        digests = []
        for starts in options["starts"]:
            self.clock.now += self.seconds
            operands = [
                self.rows.operand(i, start, int(np.prod(shape))).reshape(shape)
                for i, (start, shape) in enumerate(zip(starts, options["shapes"], strict=True))
            ]
            digests.append(self.rows.digest(self.result(operands)))
        return Response(request, plain=digests)

    def result(self, operands: list[Array]) -> Array:
        result: Array = operands[0] @ operands[1]
        return result


class Recovering(Worker):
    """Takes ten times as long until it is given its inputs for the second time."""

    def answer(self, request: Request) -> Response:
        number = sum(each.operation == "speed.prepare" for each in self.requests)
        self.seconds = 0.1 if number < 2 else 0.01
        return super().answer(request)


class Forgetful(Worker):
    """Remembers its first results and gives them again."""

    def result(self, operands: list[Array]) -> Array:
        if not hasattr(self, "first"):
            self.first = super().result(operands)
        return self.first


@pytest.mark.parametrize("operation", ["conv1d", "conv2d"])
@given(data=st.data())
def test_the_baseline_convolves(operation: str, data: st.DataObject) -> None:
    dims = 1 if operation == "conv1d" else 2
    size = st.integers(1, 4)
    image, kernel = (data.draw(st.tuples(*[size] * dims)) for _ in range(2))
    n, c, o = (data.draw(size) for _ in range(3))
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(n, c, *image)), rng.normal(size=(o, c, *kernel))
    np.testing.assert_allclose(BASELINES[operation](x, weight), conv(x, weight), atol=1e-12)


@pytest.mark.parametrize(
    ("operation", "options", "shapes", "expected"),
    [
        ("sigmoid", {}, [(3, 4)], lambda x: 1 / (1 + np.exp(-x))),
        ("mul", {}, [(3, 4), (3, 1)], lambda a, b: a * b),
        ("sum", {"dim": 0}, [(3, 4)], lambda x: x.sum(0, keepdims=True)),
        ("sum", {"dim": 1}, [(3, 4)], lambda x: x.sum(1, keepdims=True)),
        ("matmul", {}, [(3, 4), (4, 2)], lambda a, b: a @ b),
        ("matmul", {}, [(5, 3, 4), (5, 4, 2)], lambda a, b: a @ b),
        (
            "avgpool2d",
            {"kernel": (2, 3)},
            [(1, 2, 4, 6)],
            lambda x: x.reshape(1, 2, 2, 2, 2, 3).mean((3, 5)),
        ),
        (
            "maxpool2d",
            {"kernel": (2, 3)},
            [(1, 2, 4, 6)],
            lambda x: x.reshape(1, 2, 2, 2, 2, 3).max((3, 5)),
        ),
    ],
)
def test_the_baseline_is_right(
    operation: str,
    options: dict[str, object],
    shapes: list[tuple[int, ...]],
    expected: Callable[..., Array],
) -> None:
    rng = np.random.default_rng(1)
    operands = [rng.normal(size=shape) for shape in shapes]
    result = BASELINES[operation](*operands, **options)
    np.testing.assert_allclose(result, expected(*operands), rtol=1e-12)


@pytest.mark.parametrize("workload", LAYERS.values(), ids=lambda each: each.name)
def test_the_baseline_of_layers_agrees_with_our_layers(workload: Workload) -> None:
    bench = Bench(workload, 0)
    subject = InProcessSubject()
    subject.answer(bench.prepare())
    trial = bench.trial()
    assert trial.is_answered_by(subject.answer(trial.request()).plain, trial.by_baseline())


def test_a_layer_in_single_precision_agrees() -> None:
    bench = Bench(GRADED["layer_norm"], 0)
    results = bench.trial().by_baseline()
    trial = Trial(bench, (), None)
    single = [bench.rows.digest(result.astype(np.float32).astype(float)) for result in results]
    assert trial.is_answered_by(single, results)
    without_a_row = [np.concatenate([0.0 * result[:1], result[1:]]) for result in results]
    wrong = [bench.rows.digest(result) for result in without_a_row]
    assert not trial.is_answered_by(wrong, results)


def test_every_workload_of_the_table_can_be_judged() -> None:
    assert JUDGED
    for name in JUDGED:
        assert GRADED[name].operation in BASELINES
        assert GRADED[name].operation in CALLS


def test_workloads_have_unique_names_and_repeatable_inputs() -> None:
    assert len(GRADED) == len(WORKLOADS) + len(LAYERS)
    small = Workload("small", "mul", ((2, 3), (3,)), layout="permuted", dtype="float32")
    first, second = small.inputs()
    assert first.shape == (2, 3) and first.dtype == np.float32 and first.flags.f_contiguous
    assert np.array_equal(first, small.inputs()[0])
    assert not np.array_equal(first, small.inputs(seed=1)[0])
    assert second.shape == (3,)


def measured_with(seconds: float, tick: float = TICK) -> measuring.Measurement:
    clock = FakeClock(tick)
    return measure(Worker(clock, seconds), SMALL, 0, clock)


def test_a_measurement_is_wall_time_divided_by_the_baseline() -> None:
    measured = measured_with(seconds=0.01)
    assert not measured.too_busy
    assert len(measured.rounds) == measuring.MAX_ROUNDS
    assert measured.seconds == pytest.approx(0.01 * CALLS["matmul"], rel=1e-3)
    assert measured.seconds_per_call == pytest.approx(0.01, rel=1e-3)
    assert measured.ratio == pytest.approx(measured.seconds / TICK, rel=1e-3)
    assert measured.transport == pytest.approx(TICK)


def test_slow_code_is_measured_briefly() -> None:
    assert len(measured_with(seconds=60.0).rounds) == measuring.MIN_QUIET_ROUNDS


def test_a_machine_on_which_the_baseline_waits_is_busy() -> None:
    assert measured_with(seconds=0.01, tick=100.0).too_busy


@pytest.mark.parametrize(("others", "busy"), [(0, False), (-1, False), (1, True)])
def test_a_machine_without_a_free_processor_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int, busy: bool
) -> None:
    clock = FakeClock()
    load = tmp_path / "loadavg"
    load.write_text(f"0.00 0.00 0.00 {(os.cpu_count() or 1) + others}/300 4711\n")
    monkeypatch.setattr(measuring, "LOAD", load)
    monkeypatch.setattr("grading.speed.measure.time.perf_counter", clock)
    assert measure(Worker(clock, 0.01), SMALL, 0, clock).too_busy == busy


@pytest.mark.parametrize(
    ("times", "outcome", "repeated"),
    [(1.0, "fast enough", False), (3.9, "fast enough", False), (4.1, "too slow", True)],
)
def test_two_measurements_beyond_the_limit_are_too_slow(
    times: float, outcome: str, repeated: bool
) -> None:
    clock = FakeClock()
    worker = Worker(clock, 0.01)
    verdict = judge(worker, SMALL, measured_with(0.01).ratio / times, clock=clock)
    assert (verdict.outcome, verdict.repeated) == (outcome, repeated)
    assert verdict.ratio == pytest.approx(times, rel=1e-3)
    number = [request for request in worker.requests if request.operation == "speed.prepare"]
    assert len(number) == 1 + repeated


def test_a_slow_first_measurement_is_repeated() -> None:
    clock = FakeClock()
    worker = Recovering(clock, 0.01)
    verdict = judge(worker, SMALL, measured_with(0.01).ratio, clock=clock)
    assert (verdict.outcome, verdict.repeated) == ("fast enough", True)


def test_on_a_busy_machine_no_submission_is_too_slow() -> None:
    clock = FakeClock(tick=100.0)
    verdict = judge(Worker(clock, 1e9), SMALL, 1.0, clock=clock)
    assert verdict.outcome == "too busy"
    assert verdict.ratio is None


def test_the_reference_is_measured_in_the_same_run() -> None:
    clock = FakeClock()
    verdict = judge(Worker(clock, 0.03), SMALL, 1e9, reference=Worker(clock, 0.01), clock=clock)
    assert verdict.reference == pytest.approx(3.0, rel=1e-3)


class Ending(Subject):
    """Every request ends with the same exception."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def answer(self, request: Request) -> Response:
        raise self.error


REQUEST = Request("speed.run")
ERRORS: list[tuple[BaseException, Status, str]] = [
    (SubjectError(["ValueError"], "no such shape", REQUEST), Status.FAILED, "no such shape"),
    (
        CheckAbandoned(WorkerError("TimedOut", "did not return", REQUEST), "did not return"),
        Status.FAILED,
        "did not return",
    ),
    (DriverError(["KeyError"], "'starts'", REQUEST), Status.ERROR, "'starts'"),
]


@pytest.mark.parametrize(
    ("error", "status", "remark"), ERRORS, ids=[type(error).__name__ for error, _, _ in ERRORS]
)
def test_an_exception_ends_only_the_measurement(
    error: BaseException, status: Status, remark: str
) -> None:
    task = table().task("4.2")
    assert task.speed is not None
    (result,) = speed_results(task, task.speed, Ending(error), seed=3)
    assert (result.status, result.ratio) == (status, None)
    assert remark in result.remark


@pytest.mark.parametrize(
    "error", [error for error, _, _ in ERRORS], ids=[type(error).__name__ for error, _, _ in ERRORS]
)
def test_an_exception_of_the_reference_is_not_charged(error: BaseException) -> None:
    clock = FakeClock()
    verdict = judge(Worker(clock, 0.01), SMALL, 1e9, reference=Ending(error), clock=clock)
    assert (verdict.outcome, verdict.reference) == ("fast enough", None)


@pytest.mark.parametrize("name", JUDGED)
def test_no_two_trials_have_the_same_input(name: str) -> None:
    bench = Bench(GRADED[name], 0)
    first, second = bench.trial(), bench.trial()
    assert first.starts != second.starts
    assert bench.chained == (GRADED[name].operation in CHAINED)
    if len(GRADED[name].shapes) == 1 and bench.chained:
        # The results on all of the held numbers could be known: they are scaled first.
        assert first.factors is not None and second.factors is not None
        assert not np.array_equal(first.factors, second.factors)


def test_cached_results_are_wrong() -> None:
    clock = FakeClock()
    with pytest.raises(MismatchError, match="matmul of shapes"):
        measure(Forgetful(clock, 0.0), SMALL, 0, clock)


def test_only_digests_of_correct_results_pass() -> None:
    bench = Bench(SMALL, 0)
    trial: Trial = bench.trial()
    results = trial.by_baseline()
    right = [bench.rows.digest(result) for result in results]
    assert trial.is_answered_by(right, results)
    for wrong in (
        None,
        right[:-1],
        [*right, 0.0],
        [*right[:-1], right[-1] + 1e-6],
        [*right[:-1], float("nan")],
        [*right[:-1], str(right[-1])],
        [*right[:-1], None],
        dict(enumerate(right)),
    ):
        assert not trial.is_answered_by(wrong, results), wrong


def test_only_the_constants_are_written(tmp_path: Path) -> None:
    text = PATH.read_text(encoding="utf-8")
    written = with_constants(text, {"zip": 12.345, "conv1d": 0.004321}, r"a \1 machine")
    pairs = zip(text.splitlines(), written.splitlines(), strict=True)
    assert sum(before != after for before, after in pairs) == 3
    (tmp_path / "tasks.toml").write_text(written, encoding="utf-8")
    expected = {name: fast for task in table().tasks for name, fast in _constants(task).items()}
    expected |= {"zip": 12.0, "conv1d": 0.0043}
    tasks = load(tmp_path / "tasks.toml").tasks
    assert {name: fast for task in tasks for name, fast in _constants(task).items()} == expected
    assert "; zip, conv1d on a \\1 machine\n" in written


def _constants(task: Task) -> Mapping[str, float]:
    return {} if task.speed is None else task.speed.fast


def test_a_constant_without_a_key_in_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="naps occurs 0 times"):
        with_constants(PATH.read_text(encoding="utf-8"), {"naps": 1.0}, "here")
    with pytest.raises(ValueError, match="no line"):
        with_constants("fast = { zip = 1.0 }", {"zip": 2.0}, "here")


@pytest.mark.slow
def test_the_packages_have_the_speed_of_the_table_and_low_overhead() -> None:
    with IsolatedSubject(ROOT) as subject:
        for task in table().tasks:
            for name, fast in task.speed.fast.items() if task.speed else ():
                measured = measure(subject, GRADED[name], 0)
                if measured.too_busy:
                    continue
                assert measured.transport_share < 0.05, name
                assert measured.ratio < 3 * fast, name


@pytest.mark.slow
def test_speed_is_measured_with_the_isolation_of_the_task() -> None:
    task = table().task("4.2")
    assert task.speed is not None
    with IsolatedSubject(ROOT) as subject:
        (result,) = speed_results(task, task.speed, subject, seed=3)
    if result.status is Status.NOT_JUDGED:
        assert "too busy" in result.remark
    else:
        assert result.status is Status.PASSED
        assert result.low is not None and result.ratio is not None
        assert result.low <= result.ratio < 3
