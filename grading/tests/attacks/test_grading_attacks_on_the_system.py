"""Attacks on the judge's process, on others, on the network, and on the sandbox itself."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grading.isolation import bubblewrap
from grading.isolation.bubblewrap import Bubblewrap
from grading.isolation.levels import try_level
from grading.isolation.namespaces import Namespaces
from grading.tests.attacks.exam import LIMITS, OTHERS, sit
from grading.tests.attacks.trees import write_tree
from grading.tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.mark.measured("attack")
def test_killing_its_parent(tree: Path, sandbox: None) -> None:
    """The worker's parent is the sandbox's first process; the judge's process is not visible."""
    kills = """
        def mul(x, y):
            import os, signal
            # Bounded: only where this is a sandbox with few processes of its own.
            if os.getpid() < 100:
                for pid in (os.getppid(), -1):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
            return 42.0
        """
    result = sit(write_tree(tree, kills))
    assert "mul" not in result.passed
    assert result.passed == OTHERS


@pytest.mark.measured("attack")
def test_background_processes_are_killed(tree: Path, contained: None) -> None:
    """It leaves its session, and its parent, before it waits."""
    marker = f"left-behind-{os.getpid()}-{time.monotonic_ns()}"
    leaves = f"""
        def mul(x, y):
            import os, subprocess, sys
            if not os.fork():
                os.setsid()
                if not os.fork():
                    os.execv("/bin/sleep", ["{marker}", "600"])
                os._exit(0)
            os.wait()
            return x * y
        """

    def running() -> bool:
        return any(
            marker in file.read_text(errors="replace")
            for file in Path("/proc").glob("[0-9]*/cmdline")
            if file.exists()
        )

    sit(write_tree(tree, leaves))
    assert wait_until(lambda: not running())


@contextmanager
def listener(family: socket.AddressFamily, address: object) -> Iterator[list[bytes]]:
    """Listen on a socket of this machine; collect the connections."""
    callers: list[bytes] = []
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(address)  # type: ignore[arg-type]
        server.listen()
        server.settimeout(0.1)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    caller, _ = server.accept()
                except TimeoutError:
                    continue
                with caller:
                    callers.append(caller.recv(10))

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield callers
        finally:
            stop.set()
            thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


CALL = """
    def mul(x, y):
        import socket
        with socket.socket(socket.{family}) as caller:
            caller.settimeout(2)
            caller.connect({address!r})
            caller.send(b"answers?")
        return x * y
    """


@pytest.mark.measured("attack")
def test_calls_to_the_network(tree: Path, sandbox: None) -> None:
    address = ("127.0.0.1", free_port())
    with listener(socket.AF_INET, address) as callers:
        result = sit(write_tree(tree, CALL.format(family="AF_INET", address=address)))
        assert "OSError" in result.mul.kinds
        assert result.passed == OTHERS
        # The listener is there: this process reaches it.
        with socket.create_connection(address) as caller:
            caller.send(b"judge")
        assert wait_until(lambda: bool(callers))
    # Calls are answered in the order in which they came.
    assert callers == [b"judge"]


@pytest.mark.parametrize("kind", ["abstract", "file"])
@pytest.mark.measured("attack")
def test_calls_by_a_socket_without_network(
    tree: Path, tmp_path: Path, sandbox: None, kind: str
) -> None:
    name = f"\0mt-attack-{os.getpid()}" if kind == "abstract" else str(tmp_path / "socket")
    with listener(socket.AF_UNIX, name) as callers:
        result = sit(write_tree(tree, CALL.format(family="AF_UNIX", address=name)))
        assert "OSError" in result.mul.kinds
    assert callers == []


@pytest.mark.measured("attack")
def test_secrets_of_the_judge(tree: Path, sandbox: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment variable of a visible process contains secrets."""
    monkeypatch.setenv("GRADER_TOKEN", "open-sesame-4711")
    reads = """
        def mul(x, y):
            import glob, os
            texts = [repr(dict(os.environ)).encode()]
            for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    texts.append(open(name, "rb").read())
                except OSError:
                    pass
            secret = b"open-" + b"sesame"
            raise LookupError(any(secret in text for text in texts))
        """
    assert sit(write_tree(tree, reads)).mul.message == "False"


ESCAPES = {
    "mount": "libc.mount(b'none', b'/submission', b'tmpfs', 0, b'') == 0",
    "remount": "libc.mount(b'none', b'/', b'', 32 | 4096, b'') == 0",
    "unmount": "libc.umount2(b'/worker-files', 2) == 0",
    "become root": "libc.setuid(0) == 0 and open('/proc/self/status').read().count('CapEff:\\t0')"
    " == 0",
    "change the root": "libc.chroot(b'/tmp') == 0",
    "make a device": "libc.mknod(b'/tmp/disk', 0o60666, 0xFE00) == 0"
    " and bool(open('/tmp/disk', 'rb'))",
    "trace the first process": "libc.ptrace(16, 1, 0, 0) == 0",
    "raise a limit": "libc.prlimit(0, 6, ctypes.byref((ctypes.c_ulong * 2)(1 << 30, 1 << 30)), "
    "None) == 0",
    "write to read-only folders": "any(writes(p) for p in ('/', '/usr', '/worker-files', "
    "'/dev', '/submission', '/submission/minitorch', os.path.dirname(os.__file__)))",
    "set the host's name": "libc.sethostname(b'evil', 4) == 0",
    "change the kernel's settings": "writes('/proc/sys/kernel', 'core_pattern')",
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.measured("attack")
def test_ways_out_of_the_sandbox(tree: Path, sandbox: None, escape: str) -> None:
    tries = f"""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)

        def writes(folder, name="trace-of-an-attack"):
            try:
                with open(os.path.join(folder, name), "w") as file:
                    file.write("it was here")
                return True
            except OSError:
                return False

        def mul(x, y):
            try:
                succeeded = {escape}
            except (OSError, AttributeError):
                succeeded = False
            raise LookupError(bool(succeeded))
        """
    assert sit(write_tree(tree, tries), checks=["mul"]).mul.message == "False"


@pytest.mark.parametrize("own_user", [True, False])
@pytest.mark.parametrize("kind", [Bubblewrap, Namespaces])
@pytest.mark.measured("attack")
def test_settings_of_the_machine(
    tree: Path,
    kind: type[Bubblewrap] | type[Namespaces],
    own_user: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker of root owns the files of `/proc/sys`, even without any capability."""
    level = kind(own_user)
    if kind is Bubblewrap and not bubblewrap.available():
        pytest.skip("bubblewrap is not installed")
    failure = try_level(level)
    if failure is not None:
        pytest.skip(f"not here: {failure.splitlines()[0]}")
    monkeypatch.setattr("grading.isolation.subject.best_level", lambda isolation: level)
    tries = """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        REMOUNT, BIND, NEW_SPACES = 32, 4096, 0x10000000 | 0x00020000 | 0x20000000

        def writable(top):
            for folder, folders, files in os.walk(top):
                # Those of processes concern only the sandbox.
                folders[:] = [name for name in folders if not name.isdigit()]
                for name in files:
                    try:
                        os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
                        yield os.path.join(folder, name)
                    except OSError:
                        pass

        def attempts():
            yield from writable("/proc")
            for flags in (REMOUNT, REMOUNT | BIND):
                libc.mount(None, b"/proc", None, ctypes.c_ulong(flags), None)
            yield from writable("/proc")
            libc.unshare(NEW_SPACES)
            try:
                with open("/proc/self/uid_map", "w") as file:
                    file.write(f"0 {os.getuid()} 1")
            except OSError:
                pass
            ours, theirs = os.pipe()
            if not os.fork():
                libc.mount(None, b"/proc", None, ctypes.c_ulong(REMOUNT | BIND), None)
                libc.mount(b"proc", b"/tmp", b"proc", ctypes.c_ulong(0), None)
                found = [*writable("/proc"), *writable("/tmp/sys")]
                os.write(theirs, repr(found[:9]).encode())
                os._exit(0)
            os.wait()
            yield from eval(os.read(ours, 9000))

        def mul(x, y):
            raise LookupError(sorted(set(attempts()))[:9])
        """
    result = sit(write_tree(tree, tries), checks=["mul"])
    assert result.mul.message == "[]"


@pytest.mark.measured("attack")
def test_changing_the_files_of_the_driver(tree: Path) -> None:
    """A submission can patch the driver, but a wrong result stays wrong."""
    patches = """
        import grading.driver
        import grading.worker.loop

        def perform(request, *arguments):
            from grading.protocol.messages import Response
            import numpy
            return Response(request, (numpy.zeros(4),), (), {"passed": True, "score": 100})

        grading.driver.perform = grading.worker.loop.perform = perform
        """
    assert "mul" not in sit(write_tree(tree, first=patches)).passed


@pytest.mark.measured("attack")
def test_threads_that_change_modules_of_the_worker(tree: Path) -> None:
    disturbs = """
        import os, threading

        def shout():
            while True:
                for descriptor in range(3, 16):
                    try:
                        os.write(descriptor, b"passed" * 100)
                    except OSError:
                        pass

        def mul(x, y):
            threading.Thread(target=shout, daemon=True).start()
            return 42.0
        """
    result = sit(write_tree(tree, disturbs))
    assert result.passed <= {"neg"}
    assert "neg" in sit(write_tree(tree, disturbs), LIMITS, checks=["neg"]).passed
