"""Start of `hatch run peers`, which needs the environment `peers` only for measurements of rivals.

`--list`, `--help` and `--against` run in this environment, so that they install nothing.
"""

import os
import sys
from collections.abc import Sequence

HERE = ("--list", "--help", "-h", "--against")


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command that measures or lists with some arguments."""
    if any(word.partition("=")[0] in HERE for word in arguments):
        return [sys.executable, "-m", "asv_benchmarks.peers", *arguments]
    return [sys.executable, "-m", "hatch", "run", "peers:table", *arguments]


if __name__ == "__main__":
    words = command(sys.argv[1:])
    os.execv(words[0], words)
