"""Submissions in the course's own layout: one package, up to a module, of one edition or another.

What the editions have in common is in the folder `upstream`, solved the plain way. They differ in
how they compile and in how a scalar is made.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Edition = Literal["2022", "2023"]

HERE = Path(__file__).with_name("upstream")

FILES: dict[int, tuple[str, ...]] = {
    0: ("operators", "module", "datasets"),
    1: ("autodiff", "scalar_functions", "scalar", "optim"),
    2: ("tensor_data", "tensor_ops", "tensor_functions", "tensor"),
    3: ("fast_ops",),
    4: ("fast_conv", "nn"),
}
"""The files of `minitorch/` that each module adds."""

CUDA_FILES: dict[int, tuple[str, ...]] = {3: ("cuda_ops",), 4: ("cuda_conv",)}
"""The files for a GPU that each module adds."""

SCRIPTS: dict[int, tuple[str, ...]] = {
    1: ("run_scalar",),
    2: ("run_tensor",),
    3: ("run_fast_tensor",),
    4: ("run_mnist_multiclass", "run_sentiment"),
}
"""The files of `project/` that each module adds."""

FLAT = {
    0: ["from .module import *", "from .datasets import *"],
    1: ["from .autodiff import *", "from .scalar import *", "from .optim import *"],
    2: [
        "from .tensor_data import *",
        "from .tensor import *",
        "from .tensor_ops import *",
        "from .tensor_functions import *",
    ],
    3: ["from .fast_ops import *"],
    4: ["from .fast_conv import *", "from .nn import *"],
}
"""What `minitorch/__init__.py` imports."""

BEFORE = {
    "fast_ops": """
from numba import njit, prange

from .tensor_data import broadcast_index, index_to_position, shape_broadcast, to_index
from .tensor_ops import TensorOps

to_index = njit(inline="always")(to_index)
index_to_position = njit(inline="always")(index_to_position)
broadcast_index = njit(inline="always")(broadcast_index)
""",
    "fast_conv": """
from numba import njit, prange

from .tensor_functions import Function
""",
    "cuda_ops": """
def device_jit(fn):
    return cuda.jit(device=True)(fn)


def jit(fn):
    return cuda.jit()(fn)


to_index = cuda.jit(device=True)(to_index)
index_to_position = cuda.jit(device=True)(index_to_position)
broadcast_index = cuda.jit(device=True)(broadcast_index)
""",
    "scalar": """
class Scalar:
    def __init__(self, v, back=ScalarHistory(), name=None):
        global _var_count
        _var_count += 1
        self.unique_id = _var_count
        self.data = float(v)
        self.history = back
        self.derivative = None
        self.name = name if name is not None else str(self.unique_id)

""",
}
"""What stands in the edition of 2022 in place of a marked block."""


def write_upstream(
    folder: Path,
    edition: Edition,
    module: int,
    changes: Iterable[tuple[str, str, str]] = (),
    without: Iterable[str] = (),
    cuda: bool = False,
) -> Path:
    """Write a submission.

    Args:
        folder: Where to.
        edition: Which edition of the course.
        module: The last module that is in it.
        changes: Rewrites of the files: path, old text, new text.
        without: Paths to leave out.
        cuda: Whether the files for a GPU are there, too.

    Returns:
        The folder.
    """
    texts = {"minitorch/__init__.py": _flat(module), "requirements.txt": "numba == 0.56\n"}
    for number in range(module + 1):
        for name in (*FILES[number], *(CUDA_FILES.get(number, ()) if cuda else ())):
            source = (HERE / "minitorch" / f"{name}.py").read_text(encoding="utf-8")
            texts[f"minitorch/{name}.py"] = _of_edition(source, name, edition)
        for name in SCRIPTS.get(number, ()):
            script = HERE / "project" / f"{name}.py"
            texts[f"project/{name}.py"] = script.read_text(encoding="utf-8")
    for path, old, new in changes:
        assert texts[path].count(old) == 1, f"{path} has {old!r} {texts[path].count(old)} times"
        texts[path] = texts[path].replace(old, new)
    for path in without:
        del texts[path]
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _flat(module: int) -> str:
    return "\n".join(line for number in range(module + 1) for line in FLAT[number]) + "\n"


def _of_edition(source: str, name: str, edition: Edition) -> str:
    """Replace the marked block, and calls of the wrapper, for the edition of 2022."""
    if edition == "2022" and name in BEFORE:
        source = re.sub(r" *# BEGIN \w+\n.*?# END \w+\n", BEFORE[name], source, flags=re.DOTALL)
        source = re.sub(r"njit\((\w+), (parallel.*?)\)$", r"njit(\2)(\1)", source, flags=re.M)
        source = source.replace("njit(fn)", "njit()(fn)")
    return re.sub(r" *# (BEGIN|END) \w+\n", "", source)
