"""Answer requests. Started as ``python -I -S …/grading/worker/__main__.py SETTINGS SOCKET FILE``.

SETTINGS is a `Settings` in JSON. SOCKET and FILE are file descriptors: one end of a socket, and the
file that tells the judge whether the worker compiles or imports, and in which calls it ended. The
worker sends a first frame before it imports code under test. This distinguishes a worker that
cannot start from a submission that ends it.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from grading.worker.compiling import CompilerListener
from grading.worker.imports import install
from grading.worker.last_calls import LastCalls
from grading.worker.rights import drop_privileges
from grading.worker.settings import Settings

SCRIPT = "run.py"
"""Value of `sys.argv[0]` for the submission, as if a script of the learner ran it."""


def main(settings: Settings, channel: int, shared: int) -> None:
    """Drop privileges, install the import rules, and serve requests."""
    drop_privileges(settings)
    os.set_inheritable(shared, False)
    last_calls = LastCalls(shared)
    last_calls.register()
    listener = CompilerListener(shared)
    install(settings, listener.register, last_calls.importing)
    os.chdir(settings.root)
    # The loop needs NumPy, which can be imported only now.
    from grading.worker.loop import serve

    serve(channel, listener.importing)


if __name__ == "__main__":
    _, plain, *descriptors = sys.argv
    # A submission that parses arguments must not see those of the worker.
    sys.argv[:] = sys.orig_argv[:] = [SCRIPT]
    main(Settings.from_plain(json.loads(plain)), *map(int, descriptors))
