"""Compiled kernels on disk, so that only the first process that needs one waits for it.

numba has such a cache; this one takes its place because the promise here is stronger: it is never
stale, never mixes up two kernels, and never stops a program.

- Never stale: the key is the function's `fingerprint`, which changes with anything that the code
  depends on, not the date of a file.
- Never mixed up: one file for each kernel and signature, written in one step and checked by its
  SHA-256, so that processes that compile at the same time, or die in between, do no harm.
- Never in the way: where nothing can be read or written, kernels are compiled as if there were no
  cache, with one note.

Private parts of numba are used here and in `mt_kernels_cpu.compiling.process`, nowhere else. If a
version lacks them, there is no cache.
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

from mt_kernels_cpu.compiling.fingerprint import fingerprint
from mt_kernels_cpu.compiling.process import SYMBOLS_CAN_BE_UNIQUE, configure, symbols_are_unique

CompileResult: Any = compiler.CompileResult
settings: Any = config
dumps: Any = serialize.dumps

_log = logging.getLogger(__name__)

SUFFIX = ".nbc"
DISK_CACHE_SIZE = 1000
"""Number of compiled kernels in a folder; those unused for the longest time are deleted first."""

CHECKSUM_BYTES = hashlib.sha256().digest_size


class NoCache:
    """A cache that keeps nothing, with the methods that a dispatcher calls."""

    @property
    def cache_path(self) -> str | None:
        """The folder to which new files go first, None if there are none."""
        return None

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Prepare the process for what is compiled next; return None."""
        configure()

    def save_overload(self, signature: Any, result: Any) -> None:
        """Do nothing."""

    def enable(self) -> None:
        """Do nothing: a cache is always on or always off."""

    def disable(self) -> None:
        """Do nothing: a cache is always on or always off."""

    def flush(self) -> None:
        """Do nothing: files of another meaning have another name."""


class DiskCache(NoCache):
    """The cache of one dispatcher, on disk."""

    def __init__(self, fn: FunctionType, options: dict[str, Any]) -> None:
        self._fn = fn
        self._options = options
        self._fingerprint = fingerprint(fn, options)

    @property
    def cache_path(self) -> str:
        """The folder to which new files go first."""
        return str(next(iter(folders()), ""))

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return what an earlier process compiled for a signature, or None."""
        super().load_overload(signature, target)
        target.refresh()
        if not self.is_cacheable():
            return None
        for folder in folders():
            # Whatever is wrong with a file, compiling is always an answer.
            with contextlib.suppress(Exception):
                path = folder / self._file_name(signature, target.codegen())
                content = path.read_bytes()
                checksum, payload = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
                if hashlib.sha256(payload).digest() == checksum:
                    _mark_used(path)
                    return CompileResult._rebuild(target, *pickle.loads(payload))
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep what was just compiled for a signature, if it can be kept."""
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
        """Return whether this process compiles what the next one would.

        Not if the function's meaning is unknown, and not if something that it names was assigned
        to since it was created: its helpers may have been compiled with the older value.
        """
        current = fingerprint(self._fn, self._options)
        return current is not None and current == self._fingerprint

    def _file_name(self, signature: Any, codegen: Any) -> str:
        """Return the name for a signature on this kind of processor."""
        key = repr((self._fingerprint, str(signature), codegen.magic_tuple()))
        return f"{self._fn.__name__}-{hashlib.sha256(key.encode()).hexdigest()[:32]}{SUFFIX}"


def attach(dispatcher: Any, cache: bool) -> None:
    """Let a dispatcher call `configure` before it compiles, and keep the result on disk if asked.

    numba asks a dispatcher's cache before each compilation.
    """
    if cache and SYMBOLS_CAN_BE_UNIQUE:
        dispatcher._cache = DiskCache(dispatcher.py_func, dispatcher.targetoptions)
    else:
        dispatcher._cache = NoCache()


def folders() -> Iterator[Path]:
    """Go through the folders for compiled kernels, the preferred one first.

    ``NUMBA_CACHE_DIR`` if it is set, and nothing else; or this package's own ``__pycache__``, as
    numba has it, and the user's cache folder for when that one is read-only.
    """
    if settings.CACHE_DIR:
        yield Path(settings.CACHE_DIR) / "mt_kernels_cpu"
        return
    yield Path(__file__).parents[1] / "__pycache__"
    with contextlib.suppress(RuntimeError):  # There may be no home.
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        yield home / "mt_kernels_cpu"


def _write(name: str, content: bytes) -> None:
    """Write a file in one step, into the first folder where that succeeds."""
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
    """Put a file at the end of the queue of those to be deleted, where that is allowed."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _delete_oldest(folder: Path) -> None:
    """Delete the files that were not used for the longest time."""
    with contextlib.suppress(OSError):
        files = sorted(folder.glob("*" + SUFFIX), key=lambda path: -path.stat().st_mtime)
        for path in files[DISK_CACHE_SIZE:]:
            path.unlink(missing_ok=True)


_warnings: list[str] = []


def _warn_once(problem: str) -> None:
    """Log once why every process compiles the kernels again."""
    if not _warnings:
        _log.warning(
            "compiled kernels are not kept for the next run: %s. Everything works, only the start "
            "is slower; NUMBA_CACHE_DIR names another folder.",
            problem,
        )
    _warnings.append(problem)
