"""How fast a submission's kernels are: a ratio to a fixed yardstick, measured in the same run.

- `yardstick` does the same work with passes of NumPy over whole arrays. It ships with the judge,
  uses no BLAS and one thread, and its results are the right ones.
- `trial` says what one request asks for: which inputs, how many calls, what has to come back.
- `measure` holds the clock: yardstick and submission in turn.
- `verdict` expresses the time as a multiple of our own `fast` kernels' and compares it with the
  table; `python -m grading.speed` measures that constant again.
"""
