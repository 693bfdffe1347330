"""Speed of a submission's kernels, as a ratio to a baseline that is timed in the same run.

- `baseline` implements the operations with NumPy, on one thread and without BLAS; its results are
  the expected ones.
- `trial` defines one timed request: inputs, number of calls, and expected results.
- `measure` times baseline and submission alternately.
- `verdict` converts the time to a multiple of our `fast` kernels' time and compares it with the
  limit in the table; `python -m grading.speed` measures the constants for the conversion.
"""
