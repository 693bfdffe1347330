"""The model of scaling agrees with its formula, and its command writes what it computes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from asv_benchmarks.scaling import __main__ as command
from asv_benchmarks.scaling.model import (
    RANKS,
    Step,
    all_reduce,
    efficiency,
    least_parameters,
    speed_up,
)
from mt_nn.distributed import Network

NETWORK = Network(1e-5, 1e9)
TIMES = {"2": 1.2e-3, "8": 1.8e-3, "32": 4.2e-3, "128": 13.8e-3}
FOUND = {
    "conditions": {"date": "2030-01-01", "commit": "abc", "processor": "P", "load": 0.1},
    "networks": {
        "course LeNet": {"parameters": 26_154, "seconds": TIMES},
        "Kim CNN": {"parameters": 60_401, "seconds": TIMES},
    },
    "dense": {"parameters": 2_000_000, "seconds": TIMES},
    "messages": {"latency": 1e-6, "bandwidth": 5e9},
}


def test_a_line_through_times() -> None:
    step = Step.fitted({int(batch): t for batch, t in TIMES.items()}, 7)
    assert step.fixed == pytest.approx(1e-3)
    assert step.each == pytest.approx(1e-4)
    through_zero = Step.fitted({1: 1.0, 2: 4.0}, 7)
    assert through_zero.fixed == 0.0
    assert through_zero.each > 0.0


def test_scaling_without_communication_is_ideal() -> None:
    step, free = Step(0.0, 1e-3, 1000), Network(0.0, 1e30)
    for ranks in RANKS:
        assert speed_up(step, 128, ranks, free) == pytest.approx(ranks)
        assert efficiency(step, 10, ranks, free) == pytest.approx(1.0)


def test_one_rank_is_as_fast_as_itself() -> None:
    step = Step(1e-3, 1e-4, 10**6)
    assert speed_up(step, 50, 1, NETWORK) == efficiency(step, 50, 1, NETWORK) == 1.0


def test_the_largest_part_decides() -> None:
    step, free = Step(0.0, 1.0, 1), Network(0.0, 1e30)
    assert speed_up(step, 9, 8, free) == pytest.approx(4.5)


def test_the_faster_all_reduce_counts() -> None:
    assert all_reduce(NETWORK, 64, 10) == NETWORK.tree_all_reduce(64, 40)
    assert all_reduce(NETWORK, 64, 10**8) == NETWORK.ring_all_reduce(64, 4 * 10**8)


def test_the_least_number_of_parameters_is_a_boundary() -> None:
    least = least_parameters(1e-10, 1e-10, 1024, 16, NETWORK)
    assert least is not None
    for parameters, pays in ((least, True), (int(0.8 * least), False)):
        step = Step(1e-10 * parameters, 1e-10 * parameters, parameters)
        assert (speed_up(step, 1024, 16, NETWORK) >= 2.0) is pays
    # Too few examples on each rank: the messages take longer at any size.
    assert least_parameters(1e-10, 1e-10, 16, 16, Network(1e-5, 1e8)) is None


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a measurement and a guide, in place of the repository's."""
    (tmp_path / "scaling.json").write_text(json.dumps(FOUND), "utf-8")
    (tmp_path / "scaling.md").write_text(command.GUIDE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    for name, file in (("FILE", "scaling.json"), ("GUIDE", "scaling.md"), ("PICTURE", "a.svg")):
        monkeypatch.setattr(command, name, tmp_path / file)
    return tmp_path


def test_the_command_writes_the_guide_and_the_picture(files: Path) -> None:
    done = CliRunner().invoke(command.main, [])
    assert done.exit_code == 0, done.output
    text = (files / "scaling.md").read_text("utf-8")
    assert "Measured on 2030-01-01 at commit abc: P, one thread" in text
    assert "latency 1 µs, bandwidth 5 GB/s" in text
    assert "| Ethernet, 1 Gbit/s |" in text
    first = (files / "a.svg").read_bytes()
    CliRunner().invoke(command.main, [])
    assert (files / "a.svg").read_bytes() == first


def test_the_command_prints_the_tables_of_a_cluster(files: Path) -> None:
    before = (files / "scaling.md").read_text("utf-8")
    done = CliRunner().invoke(command.main, ["--latency", "1e-6", "--bandwidth", "1e10"])
    assert "| your cluster |" in done.output
    assert "Ethernet" not in done.output
    assert (files / "scaling.md").read_text("utf-8") == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--latency", "1e-6"], "give both"),
        (["--latency", "1e-6", "--bandwidth", "0"], "bandwidth positive"),
    ],
)
def test_impossible_clusters(files: Path, options: list[str], words: str) -> None:
    done = CliRunner().invoke(command.main, options)
    assert done.exit_code == 2
    assert words in done.output


def test_a_command_without_a_measurement(files: Path) -> None:
    (files / "scaling.json").unlink()
    done = CliRunner().invoke(command.main, [])
    assert "measure with --measure" in done.output


def test_a_measurement_without_messages(files: Path) -> None:
    text = command.measured({**FOUND, "messages": None})
    assert "No messages were measured" in text
    assert "this machine" not in command.known_networks({**FOUND, "messages": None})


def test_the_guide_is_that_of_the_last_measurement() -> None:
    found = json.loads(command.FILE.read_text("utf-8"))
    text = command.GUIDE.read_text("utf-8")
    assert command.measured(found) in text
    assert command.tables(found, command.known_networks(found)) in text
