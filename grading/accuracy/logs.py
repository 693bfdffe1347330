"""Accuracies and times per epoch in a submission's logs: `mnist.txt`, `sentiment.txt`, the README.

A report shows the claim beside the grader's measurement; it earns no points. Logs may be in UTF-8
or UTF-16, with colours and carriage returns.
"""

import re

from grading.submissions.submission import Submission

MAX_LOG_BYTES = 2_000_000
"""Maximum number of bytes to read of a log."""

EPOCH = "seconds an epoch"
"""Name of the measured time per epoch."""

FILES = {
    "digits": ("mnist.txt", "project/mnist.txt", "README.md"),
    "sentences": ("sentiment.txt", "project/sentiment.txt", "README.md"),
    EPOCH: ("README.md",),
}
"""Paths of logs, in the order of the search."""

COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

DIGITS = re.compile(
    r"(?:valid acc|correct|accuracy)\D{0,3}(\d{1,6})\s*/\s*(\d{1,6})(?!\d)", re.IGNORECASE
)
"""Pattern of accuracies such as "Epoch 3 loss 1.2 valid acc 15/16"."""

SENTENCES = re.compile(
    r"(?:best valid|validation accuracy)\D{0,15}(\d{1,3}(?:\.\d+)?)\s*%", re.IGNORECASE
)
"""Pattern of accuracies: "Validation accuracy: 71.00%", "Best Valid accuracy: 73.00%"."""

EPOCHS = re.compile(
    r"(?:\btime (?:per|/) ?epoch|\bepoch time)\W{0,3}(\d{1,6}(?:\.\d+)?)"
    r"|\b(\d{1,6}(?:\.\d+)?) ?s(?:ec(?:ond)?s?)?\.? ?(?:per|an|each|/) ?epoch",
    re.IGNORECASE,
)
"""Pattern of times: "Time per epoch: 0.12s", "average epoch time 0.12", "0.12 sec/epoch"."""


def claim(submission: Submission, name: str) -> str:
    """Return the best result in the logs, with the name of the file; empty if there is none.

    Args:
        submission: The submission with the logs.
        name: The measurement: "digits", "sentences" or `EPOCH`.
    """
    for file in FILES.get(name, ()):
        path = submission.root / file
        if not path.is_file() or not path.resolve().is_relative_to(submission.root):
            continue
        try:
            with path.open("rb") as opened:
                text = readable(opened.read(MAX_LOG_BYTES))
        except OSError:
            continue
        claimed = CLAIMS[name](text)
        if claimed:
            return f"{claimed} in {file}"
    return ""


def readable(content: bytes) -> str:
    """Return a log as text; a carriage return starts a new line."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    elif content[1::2].count(0) > len(content) // 4:
        # UTF-16 without a byte-order mark.
        text = content.decode("utf-16-le", errors="replace")
    else:
        text = content.decode("utf-8-sig", errors="replace")
    return COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _digits(text: str) -> str:
    shares = [(int(right) / int(of), right, of) for right, of in DIGITS.findall(text) if int(of)]
    return "/".join(max(shares)[1:]) if shares else ""


def _sentences(text: str) -> str:
    percents = [float(percent) for percent in SENTENCES.findall(text)]
    return f"{max(percents)} %" if percents else ""


def _epochs(text: str) -> str:
    seconds = [float(before or after) for before, after in EPOCHS.findall(text)]
    return f"{min(seconds):g} s" if seconds else ""


CLAIMS = {"digits": _digits, "sentences": _sentences, EPOCH: _epochs}
"""Functions that return the best result in a text, by the name of the measurement."""
