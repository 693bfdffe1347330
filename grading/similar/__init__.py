"""Similar work: the functions that learners write, compared between the submissions of a class.

- `documents`: the text of a submission that is compared: the bodies of its holes, and its helpers.
- `measure`: the comparison with compare50, run as a script in an environment of its own.
- `compare`: the start of this script, and the ranked pairs.
- `pages`: the pairs as HTML, side by side, and as CSV.

No submission runs: its sources are parsed.
"""
