"""Comparison of the submissions of a class, with each other and with those of earlier years."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grading.batch.find import Entry
from grading.hand_ins.opening import opened
from grading.paths import ROOT
from grading.similar.documents import text_of
from grading.submissions.submission import SubmissionError
from grading.tasks.model import Table, Task

ENVIRONMENT = ROOT / ".venv-similar"
"""The environment that contains compare50: `hatch env create similar`."""

SCRIPT = Path(__file__).with_name("measure.py")

TOKENS = 8
"""Length of a compared sequence, in tokens. docs/guides/similar-work.md has its measurement."""

MINIMUM = 0.45
"""Similarity of the least similar listed pair, from 0 to 1. Of the pairs of independent solutions
in this measurement, 1 % have a higher one."""

DETAILED = 100
"""Number of pairs whose common parts are determined."""

SHORTEST, LONGEST = 300, 200_000
"""Limits of a compared text, in characters: short texts are the same in many solutions."""

SECONDS = 1800.0
"""Time limit of the comparison, in seconds."""


class SimilarError(Exception):
    """The submissions cannot be compared; the message gives the reason."""


@dataclass(frozen=True)
class Work:
    """The compared text of a submission.

    Attributes:
        name: The name of the submission, after that of its folder if it is of an earlier year.
        text: The text; empty if it is not compared.
        problem: The reason why it is not compared; empty otherwise.
        is_earlier: True for a submission of an earlier year.
    """

    name: str
    text: str
    problem: str = ""
    is_earlier: bool = False


class Pair(msgspec.Struct, frozen=True):
    """Two submissions with similar functions.

    Attributes:
        first: The index of the first one.
        second: The index of the second one.
        similarity: From 0 to 1.
        parts: The common parts, each as a range of characters of both texts.
    """

    first: int
    second: int
    similarity: float
    parts: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


def tool() -> Path:
    """Return the Python of the environment with compare50.

    Raises:
        SimilarError: There is no such environment.
    """
    folder = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
    python = folder / ("python.exe" if sys.platform == "win32" else "python")
    if not python.exists():
        raise SimilarError(
            "--similar needs compare50, which is in a separate environment, and there is no "
            f"{ENVIRONMENT.name}; create it once: hatch env create similar"
        )
    return python


def work_of(entry: Entry, tasks: Sequence[Task], table: Table, year: str = "") -> Work:
    """Return the compared text of a submission.

    Args:
        entry: The submission.
        tasks: The tasks; empty for all tasks.
        table: The table of tasks.
        year: The name of the folder of an earlier year; empty for the class itself.
    """
    name = f"{year}/{entry.name}" if year else entry.name
    try:
        if entry.problem:
            raise SubmissionError(entry.problem)
        with opened(entry.paths, tasks, table) as hand_in:
            text = text_of(hand_in.submission, tasks, table)
    except (SubmissionError, TimeoutError, OSError) as error:
        return Work(name, "", str(error), bool(year))
    problem = ""
    if not SHORTEST <= len(text) <= LONGEST:
        problem = f"{len(text)} characters in its functions; {SHORTEST} to {LONGEST} are compared"
    return Work(name, "" if problem else text, problem, bool(year))


def similar_pairs(works: Sequence[Work], python: Path) -> list[Pair]:
    """Return the pairs of similar submissions, the most similar first.

    Args:
        works: The submissions; their positions are the indices of the pairs.
        python: The Python of the environment with compare50.

    Raises:
        SimilarError: The comparison failed.
    """
    new = [at for at, work in enumerate(works) if work.text and not work.is_earlier]
    earlier = [at for at, work in enumerate(works) if work.text and work.is_earlier]
    question = {
        "texts": [works[at].text for at in new],
        "earlier": [works[at].text for at in earlier],
        "tokens": TOKENS,
        "minimum": MINIMUM,
        "detailed": DETAILED,
    }
    try:
        done = subprocess.run(
            [str(python), str(SCRIPT)],
            input=json.dumps(question).encode("ascii"),
            capture_output=True,
            timeout=SECONDS,
            # compare50 chooses by hash values of texts, which Python draws for each process.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
            check=True,
        )
        found = msgspec.json.decode(done.stdout, type=list[Pair])
    except subprocess.TimeoutExpired:
        raise SimilarError(f"the comparison took more than {SECONDS:g} s") from None
    except (OSError, msgspec.DecodeError) as error:
        raise SimilarError(f"the comparison failed: {error}") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or ["no output"]
        raise SimilarError(
            f"the comparison failed: {lines[-1]}; create its environment again: hatch env remove "
            "similar, then hatch env create similar"
        ) from None
    index = [*new, *earlier]
    return [
        msgspec.structs.replace(pair, first=index[pair.first], second=index[pair.second])
        for pair in found
    ]
