"""Exchange of texts and of arrays with different lengths, and comparison of the ranks' facts."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mt_nn.distributed.communicator import CommunicationError, Communicator


def gather_rows(communicator: Communicator, array: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Return the arrays of all ranks, which may have different lengths.

    Args:
        communicator: The communicator.
        array: The array of this rank, (N, ...); only N differs from rank to rank.
    """
    lengths = communicator.all_gather(np.array([len(array)], np.int64))[:, 0]
    filled = np.zeros((int(lengths.max()), *array.shape[1:]), array.dtype)
    filled[: len(array)] = array
    if filled.size == 0:
        return [filled for _ in lengths]
    parts = communicator.all_gather(filled)
    return [part[:length] for part, length in zip(parts, lengths, strict=True)]


def gather_texts(communicator: Communicator, text: str) -> list[str]:
    """Return the texts of all ranks.

    >>> from mt_nn.distributed import SingleProcess
    >>> gather_texts(SingleProcess(), "ready")
    ['ready']
    """
    letters = np.frombuffer(text.encode(), np.uint8)
    return [part.tobytes().decode() for part in gather_rows(communicator, letters)]


def broadcast_bytes(communicator: Communicator, content: bytes) -> bytes:
    """Return the bytes of rank 0; the argument of the other ranks is not used."""
    length = np.array([len(content)], np.int64)
    communicator.broadcast(length)
    buffer = np.zeros(int(length[0]), np.uint8)
    if communicator.rank == 0:
        buffer[:] = np.frombuffer(content, np.uint8)
    if buffer.size:
        communicator.broadcast(buffer)
    return buffer.tobytes()


def check_equal(communicator: Communicator, facts: Mapping[str, str], way_out: str) -> None:
    """Raise an error on all ranks unless they have the same facts.

    Args:
        communicator: The communicator.
        facts: Texts by name, such as the version of a library or the checksum of the data.
        way_out: The end of the error message.

    Raises:
        CommunicationError: A fact differs from that of rank 0; the message names the first rank
            and the first fact, and both values.

    >>> from mt_nn.distributed import SingleProcess
    >>> check_equal(SingleProcess(), {"NumPy": np.__version__}, "install the same version")
    """
    texts = gather_texts(communicator, json.dumps(dict(facts)))
    first: dict[str, str] = json.loads(texts[0])
    for rank, text in enumerate(texts):
        other: dict[str, str] = json.loads(text)
        for name in {**first, **other}:
            if other.get(name) != first.get(name):
                raise CommunicationError(
                    f"rank {rank} differs from rank 0 in: {name}. Rank {rank} has "
                    f"{other.get(name, 'none')}, and rank 0 has {first.get(name, 'none')}; "
                    f"{way_out}"
                )
