"""What an exception of a submission means to its author: the line to look at, and the first cause.

numba answers a slip in one line with a page about typing passes, nested in one another. This keeps
the innermost cause and the learner's own line.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from grading.judge.text import ESCAPES, clean, clean_line
from grading.protocol.messages import is_own
from grading.worker.imports import ONLY_FROM_SUBMISSION

Frame = tuple[str, int, str]
"""File, line and function of a call."""

COMPILER_ERRORS = {
    "NumbaError",
    "TypingError",
    "LoweringError",
    "UnsupportedError",
    "CudaSupportError",
}

BLOCK = re.compile(
    r'^File "(?P<file>[^"]+)", line (?P<line>\d+):\n(?P<source>.*?)(?=\n\n|\Z)',
    re.MULTILINE | re.DOTALL,
)
"""Where numba quotes a source: the offending line stands above a caret."""

MISSING_PACKAGE = re.compile(r"No module named '(?P<name>[^'.]+)")
"""What Python says of a package that is not installed."""

NOISE = re.compile(
    r"^(Failed in \w+ mode pipeline.*|.*\(step: .*\).*|During: .*|Overload .*"
    r"|- Resolution failure.*|This is not usually a problem with Numba.*|- of which .*)$"
)

WORKER_LOST = {
    "OutOfTime": "used up the time of the task",
    "OutOfMemory": "used more memory than the task allows",
    "WorkerDied": "ended the process that it ran in",
    "TooManyProcesses": "started too many processes",
    "TooMuchOutput": "printed too much",
    "TooManyFiles": "wrote too much",
    "BadReply": "sent back something that is no answer",
}
"""What a submission did whose worker was lost, by the first of the kinds."""


@dataclass(frozen=True)
class Explanation:
    """What to tell about an exception.

    Attributes:
        sentence: What happened.
        file: Where, if that is known.
        line: The line there.
        excerpt: What that line says.
        details: The rest of the message, shortened.
    """

    sentence: str
    file: str = ""
    line: int = 0
    excerpt: str = ""
    details: str = ""


def explain(
    kinds: Sequence[str], message: str, trace: Sequence[Frame], output: str = ""
) -> Explanation:
    """Explain an exception.

    Args:
        kinds: The names of its class and the class's bases.
        message: What it said.
        trace: The calls on the way to it, outermost first.
        output: What had been printed before.
    """
    kind = clean_line(kinds[0], 80) if kinds else "an exception"
    plain = ESCAPES.sub("", message[:200_000])
    file, line, function = _own(trace)
    if kind == "TimedOut":
        # It names the function and the limit.
        return Explanation(clean_line(plain, 200), file, line, details=_details("", output))
    if kinds and kinds[0] in WORKER_LOST:
        what = f"the code {WORKER_LOST[kinds[0]]}"
        return Explanation(what, file, line, details=_details(plain, output))
    if kind in ("ResultError", "RaceError", "BarrierError"):
        # They say what was returned, or which threads, cell and lines, and need no more words.
        return Explanation(clean_line(plain, 400), file, line, details=_details("", output))
    if COMPILER_ERRORS & set(kinds):
        return _compiler_error(kind, plain)
    missing = MISSING_PACKAGE.match(plain) if "ModuleNotFoundError" in kinds else None
    if missing and not missing["name"].startswith(ONLY_FROM_SUBMISSION):
        package = clean_line(missing["name"], 80)
        sentence = (
            f"the package {package} is missing: the submission imports it, and it is not here"
        )
        return Explanation(sentence, file, line, details=_details("", output))
    said = clean_line(plain.partition("\n")[0], 200)
    where = f" in {clean_line(function, 80)}" if function and function != "<module>" else ""
    sentence = f"{kind} was raised{where}" + (f": {said}" if said else "")
    rest = plain.partition("\n")[2]
    return Explanation(sentence.rstrip("."), file, line, details=_details(rest, output))


def _compiler_error(kind: str, message: str) -> Explanation:
    """Keep the innermost cause of a message of numba's, which comes first."""
    block = next((b for b in BLOCK.finditer(message) if "/numba/" not in b["file"]), None)
    head = message if block is None else message[: block.start()]
    cause = _first_cause(head)
    excerpt = _marked(block["source"]) if block else ""
    return Explanation(
        f"numba cannot compile this: {cause or kind}",
        clean_line(re.sub(r"^(\.\.?/?)+", "", block["file"])) if block else "",
        int(block["line"]) if block else 0,
        excerpt,
    )


def _first_cause(head: str) -> str:
    """Return the first line that names a cause; with the signature if it is about one."""
    lines = [line.strip() for line in head.splitlines()]
    lines = [line for line in lines if line and not NOISE.match(line)]
    if not lines:
        return ""
    first = lines[0]
    signature = next((line for line in lines[1:] if line.startswith(">>>")), None)
    if first.startswith("No implementation of function") and signature is not None:
        return clean_line(f"there is no {signature.removeprefix('>>>').strip()}", 200)
    return clean_line(first, 200)


def _marked(source: str) -> str:
    """Return the line of a quoted source above its caret, or else its last line."""
    lines = [line for line in source.splitlines() if line.strip()]
    for above, below in pairwise(lines):
        if below.strip().startswith("^"):
            return clean_line(above, 120)
    return clean_line(lines[-1], 120) if lines else ""


def _own(trace: Sequence[Frame]) -> Frame:
    """Return the innermost call in the submission's own files."""
    for file, line, function in reversed(trace):
        if is_own(file):
            return clean_line(file), line, function
    return "", 0, ""


def _details(message: str, output: str) -> str:
    parts = [message.strip()]
    if output.strip():
        parts.append("printed before:\n" + "\n".join(output.strip().splitlines()[-8:]))
    return clean("\n".join(part for part in parts if part), 1200)
