"""Write `constraints.txt`: the versions of all packages in this environment, ours left out.

`UV_CONSTRAINT=constraints.txt hatch run test` makes the environment with these versions. The file
contains names and versions only, so that it serves with every index.
"""

import sys
from importlib.metadata import distributions

from tools.workspace import ROOT, normalised, read_packages

CONSTRAINTS = ROOT / "constraints.txt"


def constraints() -> str:
    """Return a line `name==version` for each installed distribution, sorted by name."""
    ours = {package.name for package in read_packages()}
    found = {normalised(each.metadata["Name"]): each.version for each in distributions()}
    lines = [f"{name}=={version}" for name, version in sorted(found.items()) if name not in ours]
    python = ".".join(map(str, sys.version_info[:2]))
    head = f"# Versions for development, Python {python}; written by `hatch run constraints`.\n"
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    CONSTRAINTS.write_text(constraints(), "utf-8")
