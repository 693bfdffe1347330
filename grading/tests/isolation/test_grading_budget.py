"""Time budgets of calls, with a simulated clock and a simulated worker."""

from dataclasses import dataclass, field

import pytest

from grading.isolation.budget import Allowance, Budget
from grading.isolation.called import CalledFunctions, name_of
from grading.isolation.errors import LostError
from grading.isolation.watch import CpuTime
from grading.protocol.messages import Request


@dataclass
class Machine:
    """A simulated clock and worker.

    Attributes:
        now: The time in seconds.
        had: Processor time of the worker so far; None if the system does not report it.
        compiling: True if the worker reports that numba compiles.
        importing: True if it reports that it imports.
    """

    now: float = 0.0
    had: CpuTime | None = field(default_factory=CpuTime)
    compiling: bool = False
    importing: bool = False

    def budget(self, **limits: float) -> Budget:
        """Return a budget with a limit of ten seconds and optional other limits."""
        allowance = Allowance(**{"run": 10.0, "compile": 60.0, "idle": 60.0, **limits})
        return Budget(
            allowance,
            lambda: self.had,
            lambda: self.compiling,
            lambda: self.importing,
            lambda: self.now,
        )

    def go_on(self, budget: Budget, run: float, wait: float = 0.0, samples: int = 1) -> None:
        """Advance the clock in steps of one second; check the budget after each."""
        for _ in range(samples):
            self.now += 1.0
            if self.had is not None:
                self.had += CpuTime(run, wait)
            budget.check()


def test_a_computing_call_is_stopped_by_processor_time() -> None:
    machine = Machine()
    budget = machine.budget()
    machine.go_on(budget, run=1.0, samples=9)
    with pytest.raises(LostError, match=r"^did not return within 10 s of processor time$") as lost:
        machine.go_on(budget, run=1.0)
    assert lost.value.kind == "TimedOut"


def test_a_busy_machine_does_not_shorten_processor_time() -> None:
    """The worker gets 1/50 of a processor, so that 450 s pass on the clock."""
    machine = Machine()
    budget = machine.budget()
    machine.go_on(budget, run=0.02, wait=0.98, samples=450)
    assert budget.run == pytest.approx(9.0)
    assert budget.idle == pytest.approx(0.0, abs=1e-6)
    assert budget.charged == pytest.approx(9.0)


def test_the_threads_of_a_parallel_loop_count_once() -> None:
    machine = Machine()
    budget = machine.budget()
    machine.go_on(budget, run=64.0, wait=10.0, samples=9)
    assert (budget.run, budget.idle) == (9.0, 0.0)


def test_a_sleeping_call_is_stopped_by_wall_time() -> None:
    machine = Machine()
    budget = machine.budget()
    machine.go_on(budget, run=0.001, samples=60)
    with pytest.raises(LostError, match="did not return, and used no processor for 60 s"):
        machine.go_on(budget, run=0.001)


def test_intervals_in_which_the_judge_is_suspended_are_not_charged() -> None:
    machine = Machine()
    budget = machine.budget()
    machine.now += 3600.0
    budget.check()
    assert budget.idle == 1.0


def test_compilation_is_credited_and_the_credit_is_limited() -> None:
    machine = Machine(compiling=True)
    budget = machine.budget()
    machine.go_on(budget, run=1.0, samples=60)
    assert (budget.compiled, budget.run) == (60.0, 0.0)
    machine.go_on(budget, run=1.0, samples=9)
    with pytest.raises(LostError, match="within 10 s of processor time beyond compilation"):
        machine.go_on(budget, run=1.0)


def test_elapsed_time_of_compilation_and_imports() -> None:
    machine = Machine(importing=True)
    budget = machine.budget()
    machine.go_on(budget, run=1.0, samples=2)
    machine.compiling = True
    machine.go_on(budget, run=1.0, samples=3)
    assert (budget.elapsed_importing, budget.elapsed_compiling) == (2.0, 3.0)
    assert (budget.run, budget.compiled) == (2.0, 3.0)


def test_the_time_of_a_task_includes_compilation_and_idle_time() -> None:
    machine = Machine(compiling=True)
    budget = machine.budget(left=5.0)
    machine.go_on(budget, run=1.0, samples=4)
    machine.go_on(budget, run=0.0, samples=2)
    assert budget.charged == 6.0
    with pytest.raises(LostError, match="the time of the task was up") as lost:
        machine.go_on(budget, run=1.0)
    assert lost.value.kind == "OutOfTime"


def test_wall_time_counts_without_processor_times() -> None:
    machine = Machine(had=None)
    budget = machine.budget()
    machine.go_on(budget, run=0.0, samples=9)
    with pytest.raises(LostError, match="did not return within 10 s of time"):
        machine.go_on(budget, run=0.0)


def test_times_of_ended_threads_are_not_subtracted() -> None:
    machine = Machine(had=CpuTime(5.0, 5.0))
    budget = machine.budget()
    machine.had = CpuTime(1.0, 0.0)
    machine.now += 0.5
    budget.check()
    assert (budget.run, budget.idle) == (0.0, 0.5)


def test_a_call_may_start_with_the_last_sample_of_the_previous_one() -> None:
    machine = Machine()
    first = machine.budget()
    machine.go_on(first, run=0.5)
    taken: list[CpuTime | None] = []

    def cpu_time() -> CpuTime | None:
        taken.append(machine.had)
        return machine.had

    allowance = Allowance(run=10.0, compile=60.0, idle=60.0)
    second = Budget(allowance, cpu_time, clock=lambda: machine.now, before=first.sample)
    assert not taken
    machine.go_on(second, run=0.25)
    assert (second.run, second.idle) == (0.25, 0.75)
    assert len(taken) == 1


FORMULA = Request("operators.each", (), {"formula": "mul"})


@pytest.mark.parametrize(
    ("endless", "request_", "refused"),
    [
        (FORMULA, Request("operators.each", (), {"formula": "mul", "more": 3}), True),
        (FORMULA, Request("operators.each", (), {"formula": "add"}), False),
        (FORMULA, Request("operators.lists", (), {"function": "mul"}), False),
        # A program with the same steps and one more, and a program without one of them.
        (
            Request("scalar.program", (), {"program": [["log", 0]]}),
            Request("scalar.program", (), {"program": [["log", 0], ["add", 0, 1]]}),
            True,
        ),
        (
            Request("scalar.program", (), {"program": [["log", 0], ["add", 0, 1]]}),
            Request("scalar.program", (), {"program": [["add", 0, 1]]}),
            False,
        ),
        # The backward pass may hang although the forward pass does not.
        (
            Request("scalar.program", (), {"program": [["log", 0]], "backward": [None]}),
            Request("scalar.program", (), {"program": [["log", 0]]}),
            False,
        ),
        # The option `kernel` of pooling is a size, not the name of a function.
        (
            Request("nn.avgpool2d", (), {"kernel": [2, 2]}),
            Request("nn.avgpool2d", (), {"kernel": [1, 3]}),
            True,
        ),
        # Another backend runs other code.
        (
            Request("tensor.mul", (), {"backend": "fast"}),
            Request("tensor.mul", (), {"backend": "simple"}),
            False,
        ),
    ],
)
def test_functions_that_are_not_called_again(
    endless: Request, request_: Request, refused: bool
) -> None:
    assert CalledFunctions.of(request_).calls_all_of(CalledFunctions.of(endless)) is refused


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (FORMULA, "mul"),
        (Request("nn.tile", (), {"kernel": [2, 2]}), "tile"),
        (Request("kernel.run", (), {"kernel": "tensor_map", "fn": "neg"}), "tensor_map"),
        (Request("scalar.program", (), {"program": [["log", 0], ["log", 1]]}), "a program of log"),
        (Request("learn.steps"), "the training of a network (steps)"),
        (Request("learners_tests.run", (), {"file": "test_nn.py"}), "a test in tests/test_nn.py"),
    ],
)
def test_functions_have_the_names_of_their_edition(request_: Request, name: str) -> None:
    assert name_of(request_) == name
