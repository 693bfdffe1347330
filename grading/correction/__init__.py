"""A change of one place in a submission with which its failed checks pass.

If no known mistake explains all wrong answers of a task, the judge tries small changes of the
learner's own functions. With a change that makes the wrong answers right, and no right answer
wrong, it runs the failed checks. The place of the first change with which they pass is the likely
place of the mistake. This is generate-and-validate program repair ("Automatic Software Repair: A
Bibliography", Monperrus, 2018).

The changed submission runs in a worker of its own, in the same sandbox, and without numba's
compiler. Nothing here changes a mark.
"""
