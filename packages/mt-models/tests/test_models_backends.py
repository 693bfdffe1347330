"""Backends by name, and errors of backends that are not available."""

import os
import subprocess
import sys

import pytest

from mt_kernels_cuda import is_usable
from mt_models.backends import BACKENDS, BackendNotAvailableError, default_dtype, make_backend


@pytest.mark.parametrize("name", ["reference", "fast", "tuned"])
def test_make_backend_returns_the_named_backend(name: str) -> None:
    backend = make_backend(name, default_dtype(name))
    assert name in BACKENDS
    assert backend.name == name
    assert backend.dtype == default_dtype(name)


def test_default_dtypes() -> None:
    single = {name for name in BACKENDS if default_dtype(name) == "float32"}
    assert single == {"tuned", "cuda-tuned"}


@pytest.mark.skipif(is_usable(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda-tuned"])
def test_the_error_without_a_gpu_names_the_missing_part(name: str) -> None:
    with pytest.raises(BackendNotAvailableError, match="NUMBA_ENABLE_CUDASIM=1"):
        make_backend(name)


def test_an_unknown_backend() -> None:
    with pytest.raises(ValueError, match=r"'gpu' does not exist; allowed: .*cuda-tuned"):
        make_backend("gpu")


def test_the_command_line_prints_at_most_five_lines() -> None:
    variables = {name: value for name, value in os.environ.items() if "CUDA" not in name}
    run = subprocess.run(
        [sys.executable, "-m", "mt_models", "train", "mnist", "--backend", "cuda-tuned"],
        env={**variables, "NUMBA_DISABLE_CUDA": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith("Error: CUDA: no usable GPU\n")
    assert len(run.stderr.splitlines()) == 5


@pytest.mark.parametrize("name", ["cuda", "cuda-tuned"])
def test_the_error_without_the_package_of_the_gpu_names_the_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mt_kernels_cuda", None)
    with pytest.raises(ImportError, match=rf'{name}.*mt-kernels-cuda.*"mt-models\[cuda\]"'):
        make_backend(name)


def test_the_error_of_another_missing_package_keeps_its_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for loaded in [each for each in sys.modules if each.startswith("mt_kernels_cuda")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"numba|llvmlite"):
        make_backend("cuda")
