"""The conditions of a measurement: its environment, and what is written down of the machine."""

import json

from asv_benchmarks.conditions import BLAS_WAIT, CLEARED, Conditions, environment
from tools.workspace import ROOT


def test_conditions_name_neither_the_machine_nor_its_paths() -> None:
    told = json.dumps(Conditions.now(1).to_json())
    assert str(ROOT) not in told
    assert "/" not in told


def test_a_benchmark_has_its_own_environment() -> None:
    base = {"PATH": "p", CLEARED[0]: "x", "OMP_NUM_THREADS": "64"}
    env = environment(2, base)
    assert CLEARED[0] not in env
    assert env["OMP_NUM_THREADS"] == env["NUMBA_NUM_THREADS"] == "2"
    assert env["PATH"] == "p"
    assert base["OMP_NUM_THREADS"] == "64"


def test_only_pip_leaves_the_blas_as_it_is() -> None:
    assert environment(1, {})[BLAS_WAIT] == "4"
    assert environment(1, {BLAS_WAIT: "20"})[BLAS_WAIT] == "20"
    assert BLAS_WAIT not in environment(1, {BLAS_WAIT: "4"}, as_installed=True)
