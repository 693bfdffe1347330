"""The conditions of a measurement: its environment, and the description of the machine."""

import json

from asv_benchmarks.conditions import BLAS_WAIT, UNSET_VARIABLES, Conditions, environment
from tools.workspace import ROOT


def test_conditions_name_neither_the_machine_nor_its_paths() -> None:
    described = json.dumps(Conditions.now(1).to_json())
    assert str(ROOT) not in described
    assert "/" not in described


def test_the_environment_sets_threads_and_removes_settings_of_the_machine() -> None:
    base = {"PATH": "p", UNSET_VARIABLES[0]: "x", "OMP_NUM_THREADS": "64"}
    env = environment(2, base)
    assert UNSET_VARIABLES[0] not in env
    assert env["OMP_NUM_THREADS"] == env["NUMBA_NUM_THREADS"] == "2"
    assert env["PATH"] == "p"
    assert base["OMP_NUM_THREADS"] == "64"


def test_as_installed_leaves_the_wait_of_the_blas_unset() -> None:
    assert environment(1, {})[BLAS_WAIT] == "4"
    assert environment(1, {BLAS_WAIT: "20"})[BLAS_WAIT] == "20"
    assert BLAS_WAIT not in environment(1, {BLAS_WAIT: "4"}, as_installed=True)
