"""A class: a folder of submissions, each judged by a grader of its own.

- `find`: which submissions a folder holds, and what they are called.
- `digest`: whether a submission is still the one that was graded.
- `job`: one run of the grader, in a process that may fail as it likes.
- `store`: what is known about each submission, in files that are there whole or not at all.
- `engine`: what is left to do, here or on a Dask cluster, with progress.
- `similar`: submissions that go wrong in the same way.
- `summary`: the table of the class, on the screen and as CSV.

Nothing in here opens a submission but to read its bytes for the digest. A submission costs the
others nothing but its time.
"""
