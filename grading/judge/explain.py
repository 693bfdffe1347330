"""Explanations of exceptions of a submission: the learner's line, and the first cause.

Errors of numba's compiler are long and nested. An explanation keeps the innermost cause and the
learner's line.
"""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from grading.judge.text import ESCAPES, clean, clean_line
from grading.protocol.messages import is_own
from grading.worker.imports import ONLY_FROM_SUBMISSION, REFUSED

Frame = tuple[str, int, str]
"""File, line and function of a stack frame."""

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
"""Pattern of a source quoted by numba, with a caret below the offending line."""

MISSING_PACKAGE = re.compile(r"No module named '(?P<name>[^'.]+)")
"""Pattern of Python's error for a package that is not installed."""

NOISE = re.compile(
    r"^(Failed in \w+ mode pipeline.*|.*\(step: .*\).*|During: .*|Overload .*"
    r"|- Resolution failure.*|This is not usually a problem with Numba.*|- of which .*)$"
)

WORKER_LOST = {
    "OutOfTime": "used up the time of the task",
    "OutOfMemory": "used more memory than the task allows",
    "TooManyProcesses": "started too many processes",
    "TooMuchOutput": "printed too much",
    "TooManyFiles": "wrote too much",
    "BadReply": "sent an invalid response",
}
"""Causes of the loss of a worker, by the name of the exception class."""

MEMORY_FAULT = "the code reads or writes outside of an array"

SIGNALS = {
    "SIGSEGV": f"crashed (SIGSEGV): {MEMORY_FAULT}",
    "SIGBUS": f"crashed (SIGBUS): {MEMORY_FAULT}",
    "SIGKILL": "was killed (SIGKILL); a machine without free memory does this",
    "SIGXCPU": "used up its processor time (SIGXCPU)",
}
"""Ends of a process, by the signal."""

ADVICE = {
    "EOFError": "the grader has no keyboard, so remove `input`",
    "BdbQuit": "the grader has no debugger, so remove `breakpoint`",
    "SystemExit": "the code calls `exit`, so remove the call",
}
"""The way out of an exception that a script may raise but a function must not."""

MODULE = "<module>"
"""Name of the statements outside of functions in a stack frame."""

CONFLICT = re.compile(r"(<{7}|={7}|>{7})( |$)")
"""Pattern of a line that git writes for a conflict."""


@dataclass(frozen=True)
class Explanation:
    """An exception in words.

    Attributes:
        sentence: The error in one sentence.
        file: The file of the error; empty if it is unknown.
        line: The line number; 0 if it is unknown.
        excerpt: The source of the line.
        details: The rest of the message, shortened.
        function: The function that did not return; empty for other errors.
    """

    sentence: str
    file: str = ""
    line: int = 0
    excerpt: str = ""
    details: str = ""
    function: str = ""


def explain(
    kinds: Sequence[str], message: str, trace: Sequence[Frame], output: str = ""
) -> Explanation:
    """Explain an exception.

    Args:
        kinds: The names of its class and the base classes.
        message: Its message.
        trace: The stack frames, outermost first.
        output: The output of the code before the exception.
    """
    kind = clean_line(kinds[0], 80) if kinds else "an exception"
    plain = ESCAPES.sub("", message[:200_000])
    file, line, function = _own(trace)
    if kind in ("TimedOut", "WorkerDied") or kind in WORKER_LOST:
        return _lost(kind, plain, trace, output)
    if kind in ("ResultError", "RaceError", "BarrierError"):
        # These messages are complete sentences with all details.
        return Explanation(clean_line(plain, 400), file, line, details=_details("", output))
    if COMPILER_ERRORS & set(kinds):
        return _compiler_error(kind, plain)
    if "SyntaxError" in kinds and trace and is_own(trace[-1][0]):
        return _syntax_error(file, line, plain)
    refused = plain.partition(" ")[0] if "ModuleNotFoundError" in kinds else ""
    if refused in REFUSED:
        sentence = f"the submission imports {refused}, which no solution may use"
        return Explanation(sentence, file, line, details=_details("", output))
    missing = MISSING_PACKAGE.match(plain) if "ModuleNotFoundError" in kinds else None
    if missing and not missing["name"].startswith(ONLY_FROM_SUBMISSION):
        package = clean_line(missing["name"], 80)
        sentence = f"the submission imports the package {package}, which is not installed here"
        return Explanation(sentence, file, line, details=_details("", output))
    first_line = clean_line(plain.partition("\n")[0], 200)
    location = f" in {clean_line(function, 80)}" if function and function != MODULE else ""
    sentence = f"{kind} was raised{location}" + (f": {first_line}" if first_line else "")
    if kind in ADVICE:
        sentence = f"{sentence}; {ADVICE[kind]}"
    rest = plain.partition("\n")[2]
    return Explanation(sentence.rstrip("."), file, line, details=_details(rest, output))


def _lost(kind: str, message: str, trace: Sequence[Frame], output: str) -> Explanation:
    """Explain the loss of a worker; the trace has the calls in which it was."""
    file, line, function = _own(trace)
    if kind in WORKER_LOST:
        sentence, details = f"the code {WORKER_LOST[kind]}", message
    else:
        # The message of a time-out names the called function and the limit.
        sentence = _end_of_process(message) if kind == "WorkerDied" else clean_line(message, 200)
        imports = [name for name, _, inside in trace if is_own(name) and inside == MODULE]
        if imports:
            sentence = f"while {clean_line(imports[-1], 80)} was imported, {sentence}"
        details = ""
    inside = "" if function == MODULE else clean_line(function, 80)
    return Explanation(sentence, file, line, details=_details(details, output), function=inside)


def _end_of_process(message: str) -> str:
    """Return a sentence about the end of a process, from the message of a lost worker."""
    signal = next((text for name, text in SIGNALS.items() if message.endswith(name)), "")
    status = re.search(r"with status (\d+)$", message)
    if signal:
        return f"the process of the code {signal}"
    if status:
        return f"the code ended its process with status {status[1]}, as `os._exit` does"
    return clean_line(f"the process of the code ended: {message.rpartition(': ')[2]}", 200)


def _syntax_error(file: str, line: int, message: str) -> Explanation:
    """Explain a file that is not valid Python; the second line of the message is its source."""
    first, _, source = message.partition("\n")
    problem = re.sub(r" \([^()]*, line \d+\)$", "", first)
    if CONFLICT.match(source):
        problem = "the line is a conflict of git that is not resolved"
    version = ".".join(platform.python_version_tuple()[:2])
    sentence = f"{PurePosixPath(file).name} is not valid Python {version}: {problem}"
    return Explanation(clean_line(sentence, 200), file, line, clean_line(source, 120))


def _compiler_error(kind: str, message: str) -> Explanation:
    """Return the explanation of numba's message by its innermost cause, which comes first."""
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
    """Return the first informative line of a numba error, or the unsupported signature."""
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
    """Return the line above the caret of a quoted source; without a caret the last line."""
    lines = [line for line in source.splitlines() if line.strip()]
    for above, below in pairwise(lines):
        if below.strip().startswith("^"):
            return clean_line(above, 120)
    return clean_line(lines[-1], 120) if lines else ""


def _own(trace: Sequence[Frame]) -> Frame:
    """Return the innermost stack frame in the submission's files."""
    for file, line, function in reversed(trace):
        if is_own(file):
            return clean_line(file), line, function
    return "", 0, ""


def _details(message: str, output: str) -> str:
    parts = [message.strip()]
    if output.strip():
        lines = (clean_line(line, 120) for line in output.strip().splitlines()[-8:])
        parts.append("\n".join(["printed before:", *lines]))
    return clean("\n".join(part for part in parts if part), 1200)
