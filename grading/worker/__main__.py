"""Answer requests. Started as ``python -I -S …/grading/worker/__main__.py SETTINGS SOCKET FILE``.

The settings, in JSON, say where things are and what is allowed; the other arguments are descriptors
of one end of a socket, and of the file that says whether numba compiles. A first frame goes out
before any code under test is imported, so that a worker that cannot start is told from a submission
that ends it.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from grading.worker.compiling import CompilerListener
from grading.worker.imports import install
from grading.worker.rights import give_up
from grading.worker.settings import Settings

SCRIPT = "run.py"
"""The name that a submission sees of the script that runs it, where learners have one of theirs."""


def main(settings: Settings, channel: int, compiling: int) -> None:
    """Give up rights, say where modules are, and answer."""
    give_up(settings)
    os.set_inheritable(compiling, False)
    install(settings, CompilerListener(compiling).register)
    os.chdir(settings.root)
    # Needs NumPy, which is found only now.
    from grading.worker.loop import serve

    serve(channel)


if __name__ == "__main__":
    _, plain, *descriptors = sys.argv
    # The worker's arguments are none of the submission's, which may parse its own.
    sys.argv[:] = sys.orig_argv[:] = [SCRIPT]
    main(Settings.from_plain(json.loads(plain)), *map(int, descriptors))
