"""Response requests. Started as ``python -I -S …/grading/worker/__main__.py SETTINGS DESCRIPTOR``.

The settings, in JSON, say where things are and what is allowed; the descriptor is one end of a
socket. A first frame goes out before any code under test is imported, so that a worker that cannot
start is told from a submission that ends it.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from grading.worker.imports import install
from grading.worker.rights import give_up
from grading.worker.settings import Settings


def main(settings: Settings, descriptor: int) -> None:
    """Give up rights, say where modules are, and answer."""
    give_up(settings)
    install(settings)
    # Needs NumPy, which is found only now.
    from grading.worker.loop import serve

    serve(descriptor)


if __name__ == "__main__":
    main(Settings.from_plain(json.loads(sys.argv[1])), int(sys.argv[2]))
