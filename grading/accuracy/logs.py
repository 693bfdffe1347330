"""What a submission's own logs claim: `mnist.txt`, `sentiment.txt`, or a log in the README.

A claim is shown beside what was measured, and proves nothing. Logs come from all kinds of shells:
in UTF-8 or UTF-16, with colours, and with lines that overwrote one another.
"""

import re

from grading.submission import Submission

LARGEST_LOG = 2_000_000
"""Bytes of a log that are read; the rest is left alone."""

FILES = {
    "digits": ("mnist.txt", "project/mnist.txt", "README.md"),
    "sentences": ("sentiment.txt", "project/sentiment.txt", "README.md"),
}
"""Where logs are looked for, in this order."""

COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

DIGITS = re.compile(r"(?:valid acc|correct|accuracy)\D{0,3}(\d+)\s*/\s*(\d+)", re.IGNORECASE)
"""As in "Epoch 3 loss 1.2 valid acc 15/16"."""

SENTENCES = re.compile(
    r"(?:best valid|validation accuracy)\D{0,15}(\d+(?:\.\d+)?)\s*%", re.IGNORECASE
)
"""As in "Validation accuracy: 71.00%" and "Best Valid accuracy: 73.00%"."""


def claim(submission: Submission, name: str) -> str:
    """Return the best result that a log claims, empty if there is none.

    Args:
        submission: Whose logs are read.
        name: "digits" or "sentences".
    """
    for file in FILES.get(name, ()):
        path = submission.root / file
        if not path.is_file() or not path.resolve().is_relative_to(submission.root):
            continue
        with path.open("rb") as opened:
            text = readable(opened.read(LARGEST_LOG))
        if name == "digits":
            shares = [
                (int(right) / int(of), f"{right}/{of}")
                for right, of in DIGITS.findall(text)
                if int(of)
            ]
        else:
            shares = [(float(percent), f"{percent} %") for percent in SENTENCES.findall(text)]
        if shares:
            return f"{max(shares)[1]} in {file}"
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
