"""A process that answers requests: one line in, one line out.

Started as ``python -m grading.worker``. Whatever the code under test prints goes to the standard
error; the standard output carries answers only.
"""

import os
import sys

from grading.driver import perform
from grading.wire import decode_request, encode_answer, encode_error


def main() -> None:
    """Answer until there are no more requests."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            try:
                reply = encode_answer(perform(decode_request(line)))
            except Exception as error:
                reply = encode_error(error)
            answers.write(reply + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
