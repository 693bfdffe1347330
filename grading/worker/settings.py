"""Settings that the judge passes to a worker at its start."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class KernelLimits:
    """Limits that the kernel enforces for each process of a worker; None for no limit.

    Attributes:
        cpu_seconds: Processor time, in seconds.
        memory: Private memory, in bytes.
        address_space: Address space, in bytes.
        processes: Number of processes and threads of the user.
        file_bytes: Size of a file, in bytes.
    """

    cpu_seconds: int | None
    memory: int | None
    address_space: int | None
    processes: int | None
    file_bytes: int | None


@dataclass(frozen=True)
class Settings:
    """Settings of a worker.

    Attributes:
        root: The folder with the submission, which becomes the working directory.
        submission: Folders with the submission's modules, in search order.
        third_party: Folders with installed libraries.
        user: The user and group to change to; None for no change.
        limits: Limits that the kernel enforces.
    """

    root: str
    submission: tuple[str, ...]
    third_party: tuple[str, ...]
    user: int | None
    limits: KernelLimits

    def as_plain(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Settings":
        """Return the settings of plain values."""
        return cls(
            plain["root"],
            tuple(plain["submission"]),
            tuple(plain["third_party"]),
            plain["user"],
            KernelLimits(**plain["limits"]),
        )
