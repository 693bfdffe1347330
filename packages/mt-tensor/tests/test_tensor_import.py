"""Importing the package changes nothing in the process."""

import subprocess
import sys


def test_importing_leaves_the_environment_as_it_is() -> None:
    code = """
import os
before = dict(os.environ)
import mt_tensor
assert dict(os.environ) == before, sorted(set(os.environ.items()) ^ set(before.items()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
