"""The benchmarks that asv runs, on every commit that it is asked for.

They time what this folder describes with the packages that are installed: those of the commit. The
repository's own modules, such as `asv_benchmarks.workloads`, are found here, in the checkout.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# asv imports this folder alone.
sys.path.insert(0, str(ROOT))
# One thread, unless the shell says otherwise; before anything is imported that reads it. For what
# asv itself has imported by now, see `asv_benchmarks.run_asv`.
from asv_benchmarks.conditions import environment  # noqa: E402

os.environ.update(environment(int(os.environ.get("BENCH_THREADS", "1"))))
