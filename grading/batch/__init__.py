"""Grading of a class: a folder of submissions, each judged by a separate grader process.

- `find`: the submissions in a folder, and their names.
- `digest`: digests that detect changed submissions and graders.
- `job`: one run of the grader in a separate process.
- `store`: the results of each submission, in files that are written atomically.
- `engine`: execution of open jobs, on this machine or a Dask cluster, with progress.
- `same_failures`: submissions with the same wrong answers.
- `summary`: the table of the class, on the screen and as CSV.

This package reads submissions as bytes for the digest only. A failure of one submission does not
affect the others.
"""
