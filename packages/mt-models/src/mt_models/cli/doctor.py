"""The command `doctor`: problems of an installation."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import numpy as np

from mt_kernels_cpu import Fast
from mt_kernels_cpu.compiling.disk_cache import folders
from mt_models.backends import BackendNotAvailableError, make_backend
from mt_models.datasets import load_glove, load_mnist_split, load_plain_text, load_sst2_split
from mt_tensor import TensorData, operators

PACKAGES = ("mt-tensor", "mt-autodiff", "mt-kernels-cpu", "mt-nn", "mt-models")
"""The packages that the command line needs."""
SPACE = 200 * 2**20
"""The free disk space in bytes below which a run may not be saved."""

Finding = tuple[str, str, str]
"""A sign (ok, note or problem), the subject, and a text."""


@click.command()
def doctor() -> None:
    """Check this installation: packages, compiler, data, disk.

    The exit code is 1 if there is a problem.
    """
    problems = 0
    for check in (_python, _packages, _kernels, _data, _gpu, _disk):
        for sign, subject, text in _guarded(check):
            problems += sign == "problem"
            click.echo(f"{sign:8}{subject}: {text}")
    if problems:
        raise click.ClickException(f"problems: {problems}; the lines above name a way out")
    click.echo("No problems found")


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check; an exception in it is a problem."""
    try:
        yield from check()
    except Exception as error:
        subject = check.__name__.strip("_")
        text = f"{type(error).__name__}: {error}; reinstall the packages in a new environment"
        yield "problem", subject, text


def _python() -> Iterator[Finding]:
    yield "ok", "Python", f"{sys.version.split()[0]} in {sys.prefix}"


def _packages() -> Iterator[Finding]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            yield "problem", name, "not installed; install it from the same source as mt-models"
    if len(set(found.values())) > 1:
        text = ", ".join(f"{name} {number}" for name, number in found.items())
        yield "problem", "packages", f"different versions: {text}; install all from one source"
    elif found:
        yield "ok", "packages", f"version {next(iter(found.values()))} of {', '.join(found)}"


def _kernels() -> Iterator[Finding]:
    result = Fast().map(operators.neg, TensorData([1.0, -2.0], (2,)))
    if result.storage.tolist() != [-1.0, 2.0]:
        yield "problem", "compiler", f"a kernel computes {result.storage}; reinstall numba"
        return
    cores = os.cpu_count()
    yield "ok", "compiler", f"numba {version('numba')}, NumPy {np.__version__}, {cores} cores"
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        yield "note", "compiler", "NUMBA_DISABLE_JIT is set: kernels run as plain Python, slowly"
    writable = [folder for folder in folders() if _is_writable(folder)]
    if writable:
        yield "ok", "compiled kernels", f"stored in {writable[0]}"
    else:
        yield (
            "note",
            "compiled kernels",
            "not stored on disk, so that every start compiles them again; set NUMBA_CACHE_DIR to "
            "a writable folder",
        )


def _is_writable(folder: Path) -> bool:
    """Return whether files can be written in a folder, or it can be created."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def _data() -> Iterator[Finding]:
    images = len(load_mnist_split("test")[0])
    sentences = len(load_sst2_split("dev"))
    words = len(load_glove().words)
    characters = len(load_plain_text())
    yield (
        "ok",
        "data",
        f"{images:,} test digits, {sentences} sentences, {words:,} word vectors, "
        f"{characters:,} characters of plays",
    )


def _gpu() -> Iterator[Finding]:
    try:
        make_backend("cuda")
    except ImportError:
        yield "ok", "GPU", "not used: the package mt-kernels-cuda is not installed"
    except BackendNotAvailableError as error:
        yield "ok", "GPU", f"not used: {str(error).splitlines()[0]}"
    else:
        yield "ok", "GPU", "available with --backend cuda or cuda-tuned"


def _disk() -> Iterator[Finding]:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    if not os.access(here, os.W_OK):
        yield "problem", "disk", f"{here} is not writable; runs are saved here, unless --out is set"
    elif free < SPACE:
        yield "problem", "disk", f"{free // 2**20} MB are free in {here}; free disk space"
    else:
        yield "ok", "disk", f"{free // 2**20:,} MB are free in {here}"
