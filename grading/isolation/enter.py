"""Set up a sandbox and run a command in it: ``python -I -S enter.py PLAN COMMAND...``.

The plan is a `Mounts` in JSON, with the new root folder ("root"), the working directory ("home"),
and whether to create a user namespace ("new_user"). There are three processes. This one is a child
of the judge and ends with it. It starts the first process of the sandbox; when that ends, the
kernel ends all others in the sandbox. The first process starts the command. The module needs only
the standard library and the system's C library.
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
ALL_CAPABILITIES = range(64)  # More than any kernel has; unknown numbers are refused.

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
        drop_capabilities(keep=() if plan["new_user"] else (SET_GROUP, SET_USER))
        os.chdir(plan["home"])
        os.execv(command[0], list(command))
    while True:
        ended, status = os.wait()
        if ended == child:
            # `os._exit` skips Python's shutdown: the sandbox ends with this process.
            os._exit(status_of(status))


def setup_root(plan: dict[str, Any]) -> None:
    """Make the folder of the plan the root of the file system; it contains only the mounts."""
    root = Path(plan["root"])
    mount("none", "/", None, RECURSIVE | PRIVATE)
    mount("tmpfs", root, "tmpfs", NO_SETUID | NO_DEVICES, "mode=0755,size=1m")
    for path in plan["writable"]:
        make_writable(below(root, path), plan["size"])
    for path in plan["created"]:
        below(root, path).mkdir()
        below(root, path).chmod(0o777)
    for outside, inside in plan["read_only"]:
        mount_again(Path(outside), below(root, inside), READ_ONLY)
    for outside, inside in plan["kept"]:
        mount_again(Path(outside), below(root, inside), NO_EXECUTION)
    for path in plan["hidden"]:
        mount("tmpfs", below(root, path), "tmpfs", READ_ONLY, "size=4k")
    for path, target in plan["links"]:
        below(root, path).symlink_to(target)
    (root / "proc").mkdir()
    # Containers refuse to mount `proc`. Without it, the worker sees no processes at all. It is
    # read-only: `/proc/sys` would let a worker of root change the settings of the machine.
    with contextlib.suppress(OSError):
        flags = READ_ONLY | NO_SETUID | NO_DEVICES | NO_EXECUTION
        mount("proc", root / "proc", "proc", flags)
    (root / "dev").mkdir()
    for device in [*(f"/dev/{name}" for name in DEVICES), *plan["devices"]]:
        file = below(root, device)
        file.touch()
        mount(device, file, None, BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd{target}")
    make_writable(root / "dev/shm", plan["size"])
    os.chdir(root)
    call("pivot_root", b".", b".")
    call("umount2", b".", DETACH)
    mount("none", "/", None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES)
    os.chdir("/")


def make_writable(path: Path, size: int) -> None:
    """Create a writable folder that holds at most `size` bytes."""
    path.mkdir()
    flags = NO_SETUID | NO_DEVICES
    mount("tmpfs", path, "tmpfs", flags, f"mode=1777,size={size}")


def mount_again(source: Path, path: Path, flags: int) -> None:
    """Mount a file or a folder at a path, with flags in addition to the usual ones."""
    if source.is_dir():
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    mount(source, path, None, BIND | RECURSIVE)
    # The kernel refuses to remove restrictions of the original mount, so they are repeated.
    kept = os.statvfs(path).f_flag & (
        os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME | os.ST_RELATIME
    )
    flags |= kept & 15
    for statvfs_flag, mount_flag in (
        (os.ST_NOATIME, 1 << 10),
        (os.ST_NODIRATIME, 1 << 11),
        (os.ST_RELATIME, 1 << 21),
    ):
        if kept & statvfs_flag:
            flags |= mount_flag
    mount("none", path, None, REMOUNT | BIND | NO_SETUID | NO_DEVICES | flags)


def drop_capabilities(keep: Sequence[int]) -> None:
    """Drop every capability except some, for this process and all its descendants."""
    for capability in ALL_CAPABILITIES:
        if capability not in keep:
            # The kernel refuses numbers that it does not know; there is nothing to drop then.
            libc.prctl(DROP_BOUNDING, capability, 0, 0, 0)
    call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def mount(
    source: str | Path, path: str | Path, kind: str | None, flags: int, data: str = ""
) -> None:
    """Call ``mount(2)``."""
    kind_bytes = None if kind is None else kind.encode()
    call("mount", os.fsencode(source), os.fsencode(path), kind_bytes, flags, data.encode())


def below(root: Path, path: str) -> Path:
    """Return the path outside the sandbox of an absolute path inside it."""
    return root / path.lstrip("/")


def call(name: str, *arguments: Any) -> None:
    """Call a function of the C library that returns 0 on success.

    Raises:
        OSError: It returns another number.
    """
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    if getattr(libc, name)(*words):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def status_of(status: int) -> int:
    """Return the exit status as a shell reports it: 128 plus the number of a signal."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))
