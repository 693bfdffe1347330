"""Settings of rivals, and the search for the best one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from asv_benchmarks.contenders import Absent, load
from asv_benchmarks.contenders.names import BEST, PEERS
from asv_benchmarks.contenders.settings import OPTIONS, options_of, settings_of, title, variables
from asv_benchmarks.peers import floors, search
from asv_benchmarks.peers.floors import with_floors
from asv_benchmarks.peers.measure import WorkerError
from asv_benchmarks.peers.processes import ProcessRow, process_rows
from asv_benchmarks.peers.rows import Row, Target, rows
from asv_benchmarks.peers.search import Searches
from asv_benchmarks.peers.start import command
from asv_benchmarks.workloads import Workload

BY_KEY = {row.key: row for row in rows(1)}


@pytest.mark.parametrize(
    ("rival", "key", "number"),
    [
        ("torch", "step-course-16", 24),
        ("torch", "step-kim-10", 12),  # sentences have no channels-last format
        ("torch", "answer-course-1", 12),
        ("torch", "conv2d-4to8-forward", 12),
        ("torch", "matmul-64", 3),
        ("torch-compile", "step-course-16", 12),
        ("jax", "step-course-16", 12),
        ("numpy", "matmul-64", 1),
    ],
)
def test_the_settings_of_a_rival_are_all_combinations_that_differ(
    rival: str, key: str, number: int
) -> None:
    names = [*settings_of(rival, BY_KEY[key].workload)]
    assert names[0] == rival
    assert len(names) == len({*names}) == number
    for name in names:
        assert {option.name for option in options_of(name)} == {*name.split("+")[1:]}


def test_a_wrong_option_is_an_error_that_names_the_choice() -> None:
    with pytest.raises(ValueError, match=r"torch has no option 'donated'; choose from channels"):
        load("torch+donated")
    with pytest.raises(ValueError, match="numpy has no option 'fused'; it is measured with"):
        load("numpy+fused")
    with pytest.raises(ValueError, match="exclude each other"):
        options_of("torch+thresholds+jemalloc")


def test_a_missing_library_makes_a_setting_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    monkeypatch.setattr(Path, "glob", lambda *_: [])
    with pytest.raises(Absent, match="apt install libjemalloc2"):
        variables("torch+jemalloc")
    assert "MALLOC_TRIM_THRESHOLD_" in variables("torch+thresholds")
    assert variables("torch+fused") == {}


class FakeWorker:
    """A process whose settings take known times; one of them fails."""

    seconds: ClassVar = {"jax": 4.0, "jax+donated": 2.0, "jax+scan": 2.1, "jax+donated+scan": 9.0}
    started: ClassVar[list[str]] = []
    absent = None

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.started.append(name)

    def prepare(self, workload: Workload, warm: float | None = None) -> float:
        if "thresholds" in self.name:
            raise WorkerError("no memory")
        return self.seconds[self.name]

    def run(self, calls: int) -> tuple[float, float]:
        assert calls == 1
        return self.seconds[self.name], 100.0

    def kill(self) -> None:
        pass

    close = kill


def test_the_search_continues_after_an_interruption_and_keeps_the_best_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Row("s", "a step", "g", BY_KEY["step-kim-10"].workload, {"jax": Target()})
    path = tmp_path / "kind" / "rivals.json"
    monkeypatch.setattr(search, "Worker", FakeWorker)
    monkeypatch.setattr(search, "installed", lambda rival: "1.0")
    monkeypatch.setattr(search, "usable", lambda name: "absent" if "jemalloc" in name else None)
    started: list[str] = []
    monkeypatch.setattr(FakeWorker, "started", started)
    in_turn: list[list[str]] = []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "_decide", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search.search([step], 1, Searches(path), lambda line: None)
    assert len(started) == 8
    assert Searches(path).best(step, 1, "jax") == "jax"
    monkeypatch.undo()

    def measured(row: Row, names: list[str], *_: object) -> dict[str, object]:
        in_turn.append([*names])
        # In alternating turns, the order of the two fastest ones changes.
        return {name: search_timing(3.0 - at) for at, name in enumerate(names)}

    monkeypatch.setattr(search, "measure", measured)
    monkeypatch.setattr(search, "installed", lambda rival: "1.0")
    monkeypatch.setattr(search, "usable", lambda name: "absent" if "jemalloc" in name else None)
    monkeypatch.setattr(search, "Worker", None)
    search.search([step], 1, searches := Searches(path), lambda line: None)
    assert in_turn == [["jax+donated", "jax+scan"]]
    assert searches.best(step, 1, "jax") == Searches(path).best(step, 1, "jax") == "jax+scan"
    (found,) = json.loads(path.read_text("utf-8")).values()
    assert found["jax"]["seconds"] == FakeWorker.seconds
    assert found["jax"]["failed"]["jax+thresholds"] == "no memory"
    # Another version is searched again, and so is another number of threads.
    assert searches.best(step, 2, "jax") == "jax"
    monkeypatch.setattr(search, "installed", lambda rival: "2.0")
    assert searches.best(step, 1, "jax") == "jax"
    searches.forget([step], 1)
    assert searches.found["s, 1 thread"] == {}


def search_timing(seconds: float) -> object:
    from asv_benchmarks.peers.measure import Timing

    return Timing((seconds,), (seconds,))


def test_floors_of_a_kind_replace_targets() -> None:
    step = BY_KEY["step-course-16"]
    intel = with_floors(step, "intel-6-167", 1)
    assert intel.targets[BEST] == Target(4.5, 7.0)
    assert intel.targets["torch"] == Target()
    (on_two,) = (row for row in rows(2) if row.key == step.key)
    assert with_floors(on_two, "intel-6-167", 2).targets["tuned-one-thread"] == Target(1.2, 1.5)
    other = with_floors(step, "amd-25-1", 1)
    assert other.targets == {**step.targets, BEST: Target()}
    # Rivals that the user left out stay left out.
    alone = replace(step, targets={"jax": Target()})
    assert with_floors(alone, "intel-6-167", 1).targets.keys() == {"jax", BEST}
    product = with_floors(BY_KEY["matmul-1024"], "intel-6-167", 1).targets
    assert (product["numpy"], product["torch"]) == (Target(0.95, 1.0), Target(aim=0.95))
    assert with_floors(BY_KEY["matmul-16"], "intel-6-167", 1).targets["numpy"] == Target()
    assert "BLAS alone takes 43" in floors.reason_of("matmul-128", "amd-epyc", 1)


def test_every_floor_belongs_to_a_row_and_a_rival() -> None:
    for kind, tables in floors._read().items():
        for number, threads in (("one", 1), ("several", 2)):
            every: list[Row | ProcessRow] = [
                *rows(threads),
                *process_rows("tuned", threads, True),
            ]
            for keys, values in tables.get(number, {}).items():
                changed = [
                    row
                    for row in every
                    if floors._of(row.key, f"{kind}-1", threads).keys() >= values.keys()
                ]
                assert changed, keys
                rivals = {BEST}.union(*(row.targets for row in changed))
                assert values.keys() - {"reason"} <= rivals
        assert tables.keys() <= {"one", "several"}


def test_titles_of_settings_are_unique() -> None:
    for rival, options in OPTIONS.items():
        assert rival in PEERS
        assert len({title(f"{rival}+{option.name}") for option in options}) == len(options)


def test_only_measurements_need_the_environment_of_the_rivals() -> None:
    assert command(["--list"])[1:3] == ["-m", "asv_benchmarks.peers"]
    assert command(["--against=HEAD~1"])[1:3] == ["-m", "asv_benchmarks.peers"]
    assert command(["--quick"])[1:] == ["-m", "hatch", "run", "peers:table", "--quick"]
