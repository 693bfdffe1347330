"""A description of a folder that is not a submission, for the error."""

from pathlib import Path

from grading.judge.text import clean_line
from grading.submissions.edition import FILES

MOST_LEVELS = 5
"""Number of folders around the contents that a description names."""

MOST_NAMED = 6
"""Number of files or folders that a description names."""

COURSE_FILES = frozenset(f"{name}.py" for names in FILES.values() for name in names)


def describe(folder: Path) -> str:
    """Return a description of the contents of a folder, on one line.

    Folders that contain nothing but one folder are skipped.
    """
    inside = ""
    entries = _visible(folder)
    while len(entries) == 1 and entries[0].is_dir() and inside.count("/") < MOST_LEVELS:
        if entries[0].is_symlink():
            break
        folder = entries[0]
        inside += f"{clean_line(folder.name)}/"
        entries = _visible(folder)
    if not entries:
        return f"{inside or 'it'} is empty"
    links = [each.name for each in entries if each.is_symlink()]
    folders = [f"{each.name}/" for each in entries if each.is_dir() and not each.is_symlink()]
    files = [each.name for each in entries if not each.is_dir() and not each.is_symlink()]
    found = [
        f"{len(names)} {kind if len(names) == 1 else f'{kind}s'} ({_some(names)})"
        for kind, names in (("folder", folders), ("file", files), ("link", links))
        if names
    ]
    text = f"{inside or 'it'} holds {', '.join(found)}"
    package = folder if folder.name == "minitorch" else folder / "minitorch"
    loose = COURSE_FILES.intersection(files)
    if (package / "__init__.py").exists():
        text += "; minitorch/ is below too many folders, or a link"
    elif package.is_dir():
        text += "; minitorch/ has no __init__.py"
    elif loose:
        text += f"; {min(loose)} belongs into a folder minitorch/, with all other files of it"
    return text


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(
            each for each in folder.iterdir() if not each.name.startswith((".", "__MACOSX"))
        )
    except OSError:
        return []


def _some(names: list[str]) -> str:
    named = [clean_line(name, 80) for name in names[:MOST_NAMED]]
    return ", ".join([*named, "…"] if len(names) > MOST_NAMED else named)
