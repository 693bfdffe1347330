"""Makes the pages that `asv publish` writes work without a network."""

import re
import shutil
from pathlib import Path

VENDOR = Path(__file__).parent / "vendor"

_ADDRESS = re.compile(r'(src|href)="https://[^"]*/([^"/]+\.(?:js|css))"')
# A browser would compare the file with a checksum of another one, or ask another server for it.
_CHECKS = re.compile(r' (?:integrity|crossorigin|referrerpolicy)="[^"]*"')


class MissingCopyError(LookupError):
    """The pages want a script of which there is no copy here."""


def make_offline(html: Path) -> None:
    """Let the pages in a folder load our copies of their scripts.

    Args:
        html: Where `asv publish` wrote.

    Raises:
        MissingCopyError: The pages want a script that `vendor` does not have.
    """
    index = html / "index.html"
    index.write_text(with_local_scripts(index.read_text("utf-8")), "utf-8")
    shutil.copytree(VENDOR, html / VENDOR.name, dirs_exist_ok=True)


def with_local_scripts(page: str) -> str:
    """Return a page whose scripts and styles come from the folder beside it."""
    return _CHECKS.sub("", _ADDRESS.sub(_local, page))


def _local(match: re.Match[str]) -> str:
    wanted = match[2]
    # Some exist only as they were written, not minified.
    for name in (wanted, wanted.replace(".min.", ".")):
        if (VENDOR / name).is_file():
            return f'{match[1]}="{VENDOR.name}/{name}"'
    raise MissingCopyError(
        f"the dashboard of this version of asv needs {wanted}; put a copy and its licence into "
        f"{VENDOR.relative_to(Path(__file__).parents[2])}"
    )
