"""Start of asv in the environment of a measurement: `python -m asv_benchmarks.run_asv run …`.

asv imports NumPy before any benchmark, and NumPy's BLAS then starts one thread for each core.
Benchmarks are pinned to one core, where these threads would compete. So the environment is set
before asv starts, for `BENCH_THREADS` threads (1 by default).
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from asv_benchmarks.conditions import environment


def main(arguments: Sequence[str]) -> int:
    """Run asv with command-line arguments and return its exit code."""
    env = environment(int(os.environ.get("BENCH_THREADS", "1")))
    return subprocess.run([sys.executable, "-m", "asv", *arguments], env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
