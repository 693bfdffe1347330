"""How NumPy's BLAS waits, in processes that have not imported it yet."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("package", "before", "after"),
    [("mt_tensor", None, "4"), ("mt_tensor", "20", "20"), ("numpy", None, "None")],
)
def test_importing_lets_idle_threads_sleep(package: str, before: str | None, after: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_THREAD_TIMEOUT"}
    if before is not None:
        environment["OPENBLAS_THREAD_TIMEOUT"] = before
    code = f"import os, {package}; print(os.environ.get('OPENBLAS_THREAD_TIMEOUT'))"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == after


def test_it_is_said_before_numpy_is_imported() -> None:
    code = """
import sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            import os
            print(os.environ["OPENBLAS_THREAD_TIMEOUT"])
sys.meta_path.insert(0, Watch())
import mt_tensor
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [os.environ.get("OPENBLAS_THREAD_TIMEOUT", "4")]
