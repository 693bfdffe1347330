"""What a submission's own logs claim: `mnist.txt`, `sentiment.txt`, or a log in the README.

Accuracies and times per epoch are read.

A claim is shown beside what was measured, and proves nothing. Logs come from all kinds of shells:
in UTF-8 or UTF-16, with colours, and with lines that overwrote one another.
"""

import re

from grading.submissions.submission import Submission

LARGEST_LOG = 2_000_000
"""Bytes of a log that are read; the rest is left alone."""

EPOCH = "seconds an epoch"
"""How the time of an epoch is called among what is measured."""

FILES = {
    "digits": ("mnist.txt", "project/mnist.txt", "README.md"),
    "sentences": ("sentiment.txt", "project/sentiment.txt", "README.md"),
    EPOCH: ("README.md",),
}
"""Where logs are looked for, in this order."""

COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

DIGITS = re.compile(
    r"(?:valid acc|correct|accuracy)\D{0,3}(\d{1,6})\s*/\s*(\d{1,6})(?!\d)", re.IGNORECASE
)
"""As in "Epoch 3 loss 1.2 valid acc 15/16"."""

SENTENCES = re.compile(
    r"(?:best valid|validation accuracy)\D{0,15}(\d{1,3}(?:\.\d+)?)\s*%", re.IGNORECASE
)
"""As in "Validation accuracy: 71.00%" and "Best Valid accuracy: 73.00%"."""

EPOCHS = re.compile(
    r"(?:\btime (?:per|/) ?epoch|\bepoch time)\W{0,3}(\d{1,6}(?:\.\d+)?)"
    r"|\b(\d{1,6}(?:\.\d+)?) ?s(?:ec(?:ond)?s?)?\.? ?(?:per|an|each|/) ?epoch",
    re.IGNORECASE,
)
"""As in "Time per epoch: 0.12s", "average epoch time 0.12" and "0.12 sec/epoch"."""


def claim(submission: Submission, name: str) -> str:
    """Return the best result that a log claims, empty if there is none.

    Args:
        submission: Whose logs are read.
        name: What was measured: "digits", "sentences" or `EPOCH`.
    """
    for file in FILES.get(name, ()):
        path = submission.root / file
        if not path.is_file() or not path.resolve().is_relative_to(submission.root):
            continue
        try:
            with path.open("rb") as opened:
                text = readable(opened.read(LARGEST_LOG))
        except OSError:
            continue
        claimed = CLAIMS[name](text)
        if claimed:
            return f"{claimed} in {file}"
    return ""


def readable(content: bytes) -> str:
    """Return a log as text, one line for each that was ever shown."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    elif content[1::2].count(0) > len(content) // 4:
        # Written by a shell that leaves out the mark.
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
"""For each name, what the best result in a text is; empty if there is none."""
