"""Every framework computes our loss and our weights, in every setting that is measured.

The environment `peers` has all frameworks: `hatch run peers:test`. A setting runs in a process of
its own, because its environment variables are read at the start.
"""

import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from asv_benchmarks.conditions import environment
from asv_benchmarks.contenders import Absent
from asv_benchmarks.contenders.names import PEERS
from asv_benchmarks.contenders.settings import settings_of, variables
from asv_benchmarks.peers.outcome import NETWORKS, Outcome, outcome, read
from asv_benchmarks.training_cases import Network, TrainingCase
from asv_benchmarks.workloads import Workload
from tools.workspace import ROOT

STEP = Workload("", "train_step", (), {"network": "course", "batch": 3})
SETTINGS = [name for rival in PEERS if rival != "numpy" for name in settings_of(rival, STEP)]


@cache
def ours(network: Network, steps: int) -> Outcome:
    return outcome("fast", network, steps)


def check(network: Network, received: Outcome) -> None:
    """Compare an outcome with the same number of our steps."""
    expected = ours(network, received.steps)
    before = TrainingCase(network, 3).weights()
    assert received.loss == pytest.approx(expected.loss, rel=1e-6)
    np.testing.assert_allclose(received.answer, expected.answer, rtol=1e-5, atol=1e-6)
    assert received.weights.keys() == expected.weights.keys()
    for name, array in expected.weights.items():
        # Weights have a relative rounding error of 6e-8, which is larger relative to a small step.
        step = np.abs(array - before[name]).max()
        error = np.abs(received.weights[name] - array).max()
        assert error <= 1e-3 * step, name
        assert step > 0.0 or name.startswith("embedding")


@pytest.mark.peers
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_computes_our_loss_and_our_step(setting: str, tmp_path: Path) -> None:
    try:
        settings = variables(setting)
    except Absent as reason:
        pytest.skip(str(reason))
    file = tmp_path / "outcome.npz"
    done = subprocess.run(
        [sys.executable, "-m", "asv_benchmarks.peers.outcome", setting, str(file)],
        cwd=ROOT,
        env=environment(1) | settings,
        capture_output=True,
        text=True,
    )
    if "contender.Absent: " in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    for network in NETWORKS:
        check(network, read(str(file), network))


# The environment `oracle` has PyTorch only.
@pytest.mark.oracle
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("contender", ["torch", "torch+channels-last+no-onednn+fused", "tuned"])
@pytest.mark.parametrize("network", NETWORKS)
def test_pytorch_and_tuned_compute_our_loss_and_our_step(network: Network, contender: str) -> None:
    if contender != "tuned" and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    check(network, outcome(contender, network))
