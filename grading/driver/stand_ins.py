"""Stand-ins for what a tree needs of a GPU, if a course that assigns a transformer wrote it.

The template imports torch to compare gradients in a function that no check calls. Its
`cuda_kernel_ops` imports pycuda and loads compiled kernels, and `nn.py` uses that file only if
there is a GPU. With the stand-ins the file runs unchanged, on kernels in NumPy.
"""

import ctypes
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from grading.driver.attribution import grader_code
from grading.driver.cuda_library import Library

MODULES = (
    "torch",
    "pycuda",
    "pycuda.autoinit",
    "pycuda.compiler",
    "pycuda.driver",
    "pycuda.gpuarray",
)
"""Modules that become empty; the template imports them and calls nothing that its kernels need."""


@contextmanager
def stand_ins() -> Iterator[None]:
    """Provide the stand-ins for the import of the submission's package.

    Only trees in the layout of such a course get them. The modules and the library stay, for files
    that are imported later; numba reports a GPU only during the block.
    """
    with grader_code:
        package = course_package()
        if package is not None:
            _provide_modules()
        own_kernels = package is not None and (package / "cuda_kernel_ops.py").is_file()
        if package is not None and own_kernels:
            _provide_library(package.parent)
    if not own_kernels:
        yield
        return
    cuda: Any = importlib.import_module("numba.cuda")
    before = cuda.is_available
    cuda.is_available = lambda: True
    try:
        yield
    finally:
        cuda.is_available = before


def course_package() -> Path | None:
    """Return the folder of the package in the layout of such a course; None for other layouts."""
    package = _spec("minitorch")
    if package is None or _spec("mt_tensor") is not None:
        return None
    folders = [Path(folder) for folder in package.submodule_search_locations or []]
    return next((each for each in folders if (each / "modules_basic.py").is_file()), None)


def _spec(name: str) -> ModuleSpec | None:
    """Return the spec of a package; None if the worker has no such package."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # The worker's own search raises it.
        return None


def _provide_modules() -> None:
    """Make the modules importable; a module that is imported already stays."""
    for name in MODULES:
        module: Any = sys.modules.setdefault(name, ModuleType(name))
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    # The template imports this name and does not use it.
    compiler: Any = sys.modules["pycuda.compiler"]
    compiler.SourceModule = getattr(compiler, "SourceModule", type("SourceModule", (), {}))


def _provide_library(root: Path) -> None:
    """Load the kernels in NumPy in place of every compiled library in the tree.

    Compiled files of a submission are not copied to the worker.

    Args:
        root: The folder of the tree.
    """
    module: Any = ctypes
    original = module.CDLL
    library = Library(root)

    def load(name: Any = None, *arguments: Any, **options: Any) -> Any:
        # The loader of the system searches other folders for a name without a slash.
        own = name is not None and "/" in str(name)
        if own and (Path.cwd() / str(name)).resolve().is_relative_to(root.resolve()):
            return library
        return original(name, *arguments, **options)

    module.CDLL = load
    module.cdll = module.LibraryLoader(load)
