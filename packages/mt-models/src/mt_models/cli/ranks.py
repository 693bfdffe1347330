"""The ranks of a training on several processes: they begin together, and end together on an error.

If `mt_models.cli.launch` started the ranks, each has a file in a folder that it watches.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from mt_models.cli.errors import EXPECTED
from mt_models.training import DivergedError
from mt_nn.distributed import (
    LIMIT,
    CommunicationError,
    Communicator,
    Measured,
    Mpi,
    RankFailure,
    gather_texts,
    world,
)

FOLDER = "MINITORCH_RANKS"
"""The environment variable with the folder of the ranks' files."""
NEXT = "next"
"""The file in it in which rank 0 writes how to continue the run."""
ENDED = ".ended"
"""The suffix of a rank's file after the end of its command."""
FAILED = ".failed"
"""The suffix of a rank's file after an error that it prints itself."""


@contextmanager
def agreeing(communicator: Communicator) -> Iterator[None]:
    """Run a block on every rank; an expected error on one of them ends the command on all.

    The error is printed once, by rank 0, with the number of the rank on which it occurred.
    """
    if communicator.size == 1:
        yield
        return
    failure: click.ClickException | None = None
    try:
        yield
    except click.ClickException as error:
        failure = error
    except EXPECTED as error:
        failure = click.ClickException(str(error))
    own = "" if failure is None else f"{failure.exit_code} {failure.format_message()}"
    for rank, text in enumerate(gather_texts(communicator, own)):
        if text:
            code, _, message = text.partition(" ")
            if failure is None or rank != 0:
                failure = click.ClickException(f"rank {rank}: {message}")
            end_together(communicator, failure, int(code))


def end_together(
    communicator: Communicator, error: click.ClickException, code: int = 1
) -> NoReturn:
    """End this rank with an error that every rank has; rank 0 prints it."""
    if communicator.rank == 0:
        error.show()
        sys.stderr.flush()
    sys.exit(code)


@contextmanager
def joined(limit: float = LIMIT, measures: bool = False) -> Iterator[Communicator]:
    """Join the ranks of this launch; an error that leaves the block ends all of them.

    Args:
        limit: The time, in seconds, that a rank waits for the others.
        measures: True measures the communication of each rank.
    """
    communicator = world(limit)
    if not isinstance(communicator, Mpi):
        yield communicator
        return
    with communicator, _registered(communicator):
        try:
            yield Measured(communicator) if measures else communicator
        except click.ClickException as error:
            end_together(communicator, error, error.exit_code)
        except DivergedError as error:
            end_together(communicator, click.ClickException(str(error)))
        except CommunicationError:
            raise
        except EXPECTED as error:
            # The communicator prints its own errors without a traceback.
            raise RankFailure(communicator.rank, str(error)) from error


@contextmanager
def _registered(communicator: Communicator) -> Iterator[None]:
    """Tell the process that watches the ranks, if there is one, about this rank."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        yield
        return
    file = Path(folder) / f"rank-{communicator.rank}"
    file.write_text(f"{os.getpid()}", encoding="utf-8")
    try:
        yield
    except SystemExit:
        file.rename(file.with_suffix(ENDED))
        raise
    except BaseException:
        file.rename(file.with_suffix(FAILED))
        raise
    else:
        file.rename(file.with_suffix(ENDED))


def announce(state: Path, way_on: str) -> None:
    """Tell the process that watches the ranks the file of the last state, and how to continue."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        (Path(folder) / NEXT).write_text(f"{state.absolute()}\n{way_on}", encoding="utf-8")
