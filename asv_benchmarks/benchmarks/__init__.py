"""The benchmarks that asv runs.

They time the installed packages, which are those of the measured commit. Modules outside the
packages, such as `asv_benchmarks.workloads`, come from this checkout.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# asv imports this folder without its parent.
sys.path.insert(0, str(ROOT))
# Set the number of threads before the imports that read it. asv itself has imported NumPy by now;
# see `asv_benchmarks.run_asv`.
from asv_benchmarks.conditions import environment  # noqa: E402

os.environ.update(environment(int(os.environ.get("BENCH_THREADS", "1"))))
