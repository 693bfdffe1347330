"""Conversion of the pages of `asv publish` to local copies of their scripts."""

import re
import shutil
from pathlib import Path

VENDOR = Path(__file__).parent / "vendor"

_ADDRESS = re.compile(r'(src|href)="https://[^"]*/([^"/]+\.(?:js|css))"')
# The checksums belong to the remote files, and local files need no cross-origin request.
_CHECKS = re.compile(r' (?:integrity|crossorigin|referrerpolicy)="[^"]*"')


class MissingCopyError(LookupError):
    """The pages load a script or style sheet that `vendor` does not contain."""


def make_offline(html: Path) -> None:
    """Copy the scripts into a folder of pages, and make the pages load the copies.

    Args:
        html: The folder that `asv publish` wrote.

    Raises:
        MissingCopyError: The pages load a script that `vendor` does not contain.
    """
    index = html / "index.html"
    index.write_text(with_local_scripts(index.read_text("utf-8")), "utf-8")
    shutil.copytree(VENDOR, html / VENDOR.name, dirs_exist_ok=True)


def with_local_scripts(page: str) -> str:
    """Return a page that loads scripts and styles from the folder `vendor` beside it."""
    return _CHECKS.sub("", _ADDRESS.sub(_local, page))


def _local(match: re.Match[str]) -> str:
    name = match[2]
    # Some copies are not minified.
    for copy in (name, name.replace(".min.", ".")):
        if (VENDOR / copy).is_file():
            return f'{match[1]}="{VENDOR.name}/{copy}"'
    raise MissingCopyError(
        f"the dashboard of this version of asv loads {name}; add a copy and its licence to "
        f"{VENDOR.relative_to(Path(__file__).parents[2])}"
    )
