"""Importing the package has no effect on the process."""

import subprocess
import sys


def test_importing_does_not_change_the_environment() -> None:
    code = """
import os
before = dict(os.environ)
import mt_tensor
assert dict(os.environ) == before, sorted(set(os.environ.items()) ^ set(before.items()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
