"""What the judge tells a worker when it starts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class KernelLimits:
    """What the kernel holds each process of a worker to; None for no limit.

    Attributes:
        cpu_seconds: Processor time.
        memory: Bytes of private memory.
        address_space: Bytes of addresses.
        processes: Processes and threads of the user.
        file_bytes: The size of a file.
    """

    cpu_seconds: int | None
    memory: int | None
    address_space: int | None
    processes: int | None
    file_bytes: int | None


@dataclass(frozen=True)
class Settings:
    """What a worker is told when it starts.

    Attributes:
        root: The folder with the submission, where the worker works.
        submission: Folders in which the submission's modules are found, in order.
        third_party: Folders with installed libraries.
        user: The user and group to become, None to stay.
        limits: What the kernel enforces.
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
