"""Cache of compiled kernels on disk: only the first process that needs a kernel compiles it.

numba has such a cache. This one replaces it because it promises more:

- No result is stale: the key is the function's `fingerprint`, which changes with everything that
  the code depends on, and not the date of a file.
- Results are not mixed up: there is one file for each kernel and signature, written in one step and
  verified by its SHA-256. Processes that compile at the same time or stop while writing do no harm.
- No error stops a program: if a file cannot be read or written, kernels are compiled as without a
  cache, after one warning.

Only this module and `mt_kernels_cpu.compiling.process` use private parts of numba. If a version of
numba lacks them, there is no cache.
"""

import contextlib
import hashlib
import logging
import os
import pickle
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from numba.core import compiler, config, serialize
from numba.core.runtime.nrt import rtsys

from mt_kernels_cpu.compiling.events import notify
from mt_kernels_cpu.compiling.fingerprint import fingerprint
from mt_kernels_cpu.compiling.process import SYMBOLS_CAN_BE_UNIQUE, configure, symbols_are_unique

CompileResult: Any = compiler.CompileResult
settings: Any = config
dumps: Any = serialize.dumps

runtime: Any = rtsys

_log = logging.getLogger(__name__)

SUFFIX = ".nbc"
"""File name extension of a compiled kernel."""
DISK_CACHE_SIZE = 1000
"""Number of compiled kernels in a folder. Beyond, the longest unused ones are deleted."""

_SECRET = b"numba_hashsecret"
"""Part of the names that numba defines when it imports its hash functions."""
CHECKSUM_BYTES = hashlib.sha256().digest_size
"""Bytes of the SHA-256 at the start of a file."""


class NoCache:
    """Cache that stores nothing, with the methods that a dispatcher calls."""

    @property
    def cache_path(self) -> str | None:
        """The preferred folder of new files, None without a cache."""
        return None

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Prepare the process for the compilation that follows; return None."""
        configure()

    def save_overload(self, signature: Any, result: Any) -> None:
        """Do nothing."""

    def enable(self) -> None:
        """Do nothing: a cache is always on or always off."""

    def disable(self) -> None:
        """Do nothing: a cache is always on or always off."""

    def flush(self) -> None:
        """Do nothing: a changed function has another file name."""


class DiskCache(NoCache):
    """Cache of one dispatcher on disk.

    Attributes:
        is_reported: True if observers receive the events of the dispatcher.
    """

    is_reported = True

    def __init__(self, fn: FunctionType, options: dict[str, Any]) -> None:
        self._fn = fn
        self._options = options
        self._fingerprint = fingerprint(fn, options)

    @property
    def cache_path(self) -> str:
        """The preferred folder of new files."""
        return str(next(iter(folders()), ""))

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the stored result for a signature, None if there is none."""
        super().load_overload(signature, target)
        result = self._stored(signature, target)
        if self.is_reported:
            notify(self._fn.__name__, "compiling" if result is None else "loaded")
        return result

    def _stored(self, signature: Any, target: Any) -> Any:
        if not self.is_cacheable():
            return None
        _prepare_to_load(target)
        for folder in folders():
            # Every error means that the file is not usable; the kernel is compiled instead.
            with contextlib.suppress(Exception):
                path = folder / self._file_name(signature, target.codegen())
                content = path.read_bytes()
                checksum, payload = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
                if hashlib.sha256(payload).digest() == checksum:
                    _mark_used(path)
                    if _SECRET in payload:
                        target.refresh()
                    return CompileResult._rebuild(target, *pickle.loads(payload))
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store a new result for a signature if it can be cached."""
        if self.is_reported:
            notify(self._fn.__name__, "compiled")
        if result.lifted or result.library.has_dynamic_globals or not self.is_cacheable():
            return
        try:
            if not symbols_are_unique(fn.name for fn in result.library.get_defined_functions()):
                return
            name = self._file_name(signature, result.codegen)
            payload = dumps(result._reduce())
            _write(name, hashlib.sha256(payload).digest() + payload)
        except Exception as error:
            _warn_once(f"{self._fn.__name__}: {error!r}")

    def is_cacheable(self) -> bool:
        """Return whether other processes would compile the function to the same code.

        False if the fingerprint is unknown. Also False if a name that the function uses was
        assigned to after its creation: its helpers may have been compiled with the older value.
        """
        current = fingerprint(self._fn, self._options)
        return current is not None and current == self._fingerprint

    def _file_name(self, signature: Any, codegen: Any) -> str:
        """Return the file name for a signature on this kind of processor."""
        key = repr((self._fingerprint, str(signature), codegen.magic_tuple()))
        return f"{self._fn.__name__}-{hashlib.sha256(key.encode()).hexdigest()[:32]}{SUFFIX}"


def _prepare_to_load(target: Any) -> None:
    """Define the functions that machine code may call.

    numba calls ``target.refresh()`` here. That also imports all that the compiler knows, which
    takes longer than to load the kernels of a training step.
    """
    runtime.initialize(target)


def attach(dispatcher: Any, cache: bool) -> None:
    """Make a dispatcher call `configure` before it compiles and, with `cache`, store the results.

    numba asks a dispatcher's cache before each compilation.
    """
    if cache and SYMBOLS_CAN_BE_UNIQUE:
        dispatcher._cache = DiskCache(dispatcher.py_func, dispatcher.targetoptions)
    else:
        dispatcher._cache = NoCache()


def folders() -> Iterator[Path]:
    """Yield the folders of compiled kernels, the preferred one first.

    Only ``NUMBA_CACHE_DIR`` if it is set. Otherwise this package's ``__pycache__``, as numba does,
    and the user's cache folder in case the first is read-only.
    """
    if settings.CACHE_DIR:
        yield Path(settings.CACHE_DIR) / "mt_kernels_cpu"
        return
    yield Path(__file__).parents[1] / "__pycache__"
    with contextlib.suppress(RuntimeError):  # Some users have no home folder.
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        yield home / "mt_kernels_cpu"


def _write(name: str, content: bytes) -> None:
    """Write a file in one step, into the first folder that permits it."""
    errors = []
    for folder in folders():
        temporary = folder / f"{name}.{secrets.token_hex(8)}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(folder / name)
        except OSError as error:
            errors.append(str(error))
            with contextlib.suppress(OSError):
                temporary.unlink()
        else:
            _delete_oldest(folder)
            return
    _warn_once("; ".join(errors))


def _mark_used(path: Path) -> None:
    """Set a file's date to now, if that is permitted: the oldest files are deleted first."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _delete_oldest(folder: Path) -> None:
    """Delete the longest unused files beyond `DISK_CACHE_SIZE`."""
    with contextlib.suppress(OSError):
        files = sorted(folder.glob("*" + SUFFIX), key=lambda path: -path.stat().st_mtime)
        for path in files[DISK_CACHE_SIZE:]:
            path.unlink(missing_ok=True)


_warnings: list[str] = []


def _warn_once(problem: str) -> None:
    """Log one warning per process that kernels are not cached, with the reason."""
    if not _warnings:
        _log.warning(
            "compiled kernels cannot be cached on disk: %s. Results are the same, but every "
            "process compiles the kernels again; set NUMBA_CACHE_DIR to a writable folder.",
            problem,
        )
    _warnings.append(problem)
