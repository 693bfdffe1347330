"""Script for the Python of a new environment: import one package and print its contents as JSON.

Usage: python installed_probe.py MODULE [NAME OF A MODULE THAT MAY BE MISSING ...]
"""

import hashlib
import importlib
import importlib.metadata
import json
import pkgutil
import sys
from pathlib import Path


def probe(name: str, may_be_missing: set[str]) -> dict[str, object]:
    """Import the package `name` and every module in it."""
    package = importlib.import_module(name)
    folder = Path(package.__path__[0])
    (distribution,) = importlib.metadata.packages_distributions()[name]
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in may_be_missing:
                raise
    data = folder / "data"
    return {
        "folder": str(folder),
        "version": importlib.metadata.version(distribution),
        "typed": (folder / "py.typed").is_file(),
        "data": {
            file.relative_to(data).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in data.rglob("*")
            if file.is_file()
        },
    }


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], set(sys.argv[2:]))))
