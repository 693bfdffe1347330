"""asv in the environment of a measurement: `python -m asv_benchmarks.run_asv run …`.

asv imports NumPy before any benchmark, and NumPy's BLAS then starts a thread for each core that it
may use. On the one core that benchmarks are pinned to these threads would be in each other's way.
So the environment is made before asv begins; `BENCH_THREADS` says how many threads it is for.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from asv_benchmarks.conditions import environment


def main(arguments: Sequence[str]) -> int:
    """Run asv with arguments and return its exit code."""
    env = environment(int(os.environ.get("BENCH_THREADS", "1")))
    return subprocess.run([sys.executable, "-m", "asv", *arguments], env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
