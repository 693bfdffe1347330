"""The benchmarks that asv runs.

They time the installed packages, which are those of the measured commit. Modules outside the
packages, such as `asv_benchmarks.workloads`, come from this checkout. `asv_benchmarks.run_asv` sets
the number of threads before asv starts. An import of this package must not: the tests import it,
and numba refuses a number of threads that changes after its threads have started.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# asv imports this folder without its parent.
sys.path.insert(0, str(ROOT))
