"""Set up a sandbox and run a command in it: ``python -I -S enter.py PLAN COMMAND...``.

The plan is a `Mounts` in JSON, with the folder that becomes the root, the folder to work in, and
whether a namespace of users is needed. Three processes stand behind one another: this one, which
belongs to the judge and ends with it; the first process of the sandbox, which ends everything in it
when it ends; and the command. Needs the standard library and the system's C library only.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# From linux/sched.h, linux/prctl.h and linux/capability.h.
NEW_MOUNTS, NEW_NAMES, NEW_MESSAGES = 0x00020000, 0x04000000, 0x08000000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
SET_DEATH_SIGNAL, DROP_BOUNDING, SET_NO_NEW_PRIVILEGES = 1, 24, 38
SET_GROUP, SET_USER = 6, 7
ALL_CAPABILITIES = range(64)

# From sys/mount.h.
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE, DETACH = 32, 4096, 16384, 1 << 18, 2

DEVICES = ("null", "zero", "full", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def main(plan: dict[str, Any], command: Sequence[str]) -> int:
    """Run the command; return its status, or 128 and the number of the signal that ended it."""
    call("prctl", SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    user, group = os.getuid(), os.getgid()
    spaces = NEW_MOUNTS | NEW_NAMES | NEW_MESSAGES | NEW_PROCESSES | NEW_NETWORK
    call("unshare", spaces | (NEW_USERS if plan["new_user"] else 0))
    if plan["new_user"]:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    first = os.fork()
    if first:
        return status_of(os.waitpid(first, 0)[1])
    call("prctl", SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    setup_root(plan)
    child = os.fork()
    if not child:
        give_up(keep=() if plan["new_user"] else (SET_GROUP, SET_USER))
        os.chdir(plan["home"])
        os.execv(command[0], list(command))
    while True:
        ended, status = os.wait()
        if ended == child:
            # Not `sys.exit`: this is the first process, and everything ends with it.
            os._exit(status_of(status))


def setup_root(plan: dict[str, Any]) -> None:
    """Make the folder of the plan the root, with nothing in it but its mounts."""
    root = Path(plan["root"])
    mount("none", "/", None, RECURSIVE | PRIVATE)
    mount("tmpfs", root, "tmpfs", NO_SETUID | NO_DEVICES, "mode=0755,size=1m")
    for place in plan["writable"]:
        make_writable(below(root, place), plan["size"])
    for place in plan["made"]:
        below(root, place).mkdir()
        below(root, place).chmod(0o777)
    for here, there in plan["shown"]:
        show(Path(here), below(root, there))
    for place in plan["hidden"]:
        mount("tmpfs", below(root, place), "tmpfs", READ_ONLY, "size=4k")
    for place, target in plan["links"]:
        below(root, place).symlink_to(target)
    (root / "proc").mkdir()
    # Containers refuse it; without it, the worker sees no processes at all.
    with contextlib.suppress(OSError):
        mount("proc", root / "proc", "proc", NO_SETUID | NO_DEVICES | NO_EXECUTION)
    (root / "dev").mkdir()
    for device in [*(f"/dev/{name}" for name in DEVICES), *plan["devices"]]:
        place = below(root, device)
        place.touch()
        mount(device, place, None, BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd{target}")
    make_writable(root / "dev/shm", plan["size"])
    os.chdir(root)
    call("pivot_root", b".", b".")
    call("umount2", b".", DETACH)
    mount("none", "/", None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES)
    os.chdir("/")


def make_writable(place: Path, size: int) -> None:
    """Put a folder that holds so many bytes, and no more, at a place."""
    place.mkdir()
    flags = NO_SETUID | NO_DEVICES
    mount("tmpfs", place, "tmpfs", flags, f"mode=1777,size={size}")


def show(here: Path, place: Path) -> None:
    """Make a file or a folder appear at a place, to be read only."""
    if here.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mount(here, place, None, BIND | RECURSIVE)
    # A mount may become stricter and must keep the strictness that it has.
    kept = os.statvfs(place).f_flag & (
        os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME | os.ST_RELATIME
    )
    flags = kept & 15
    for here_flag, there_flag in (
        (os.ST_NOATIME, 1 << 10),
        (os.ST_NODIRATIME, 1 << 11),
        (os.ST_RELATIME, 1 << 21),
    ):
        if kept & here_flag:
            flags |= there_flag
    mount("none", place, None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES | flags)


def give_up(keep: Sequence[int]) -> None:
    """Give up every capability but some, for this process and all that come after."""
    for capability in ALL_CAPABILITIES:
        if capability not in keep:
            # Numbers that this kernel does not know are refused, and need no dropping.
            libc.prctl(DROP_BOUNDING, capability, 0, 0, 0)
    call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def mount(
    source: str | Path, place: str | Path, kind: str | None, flags: int, data: str = ""
) -> None:
    """Call ``mount(2)``."""
    kind_bytes = None if kind is None else kind.encode()
    call("mount", os.fsencode(source), os.fsencode(place), kind_bytes, flags, data.encode())


def below(root: Path, place: str) -> Path:
    """Return an absolute path as seen from outside of the root."""
    return root / place.lstrip("/")


def call(name: str, *arguments: Any) -> None:
    """Call a function of the C library that returns 0.

    Raises:
        OSError: It does not.
    """
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if getattr(libc, name)(*words):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def status_of(status: int) -> int:
    """Return how a process ended, as a shell says it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
