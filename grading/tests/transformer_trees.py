"""Right submissions in the layout of the courses that assign a transformer, one for each year.

Their tensors are float32, and their kernels are those of a compiled library for a GPU, which
`cuda_kernel_ops` calls. The template imports torch and pycuda.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grading.tests.course_styles import restyled
from grading.tests.upstream_trees import HERE, Change, write_upstream

PIECES = HERE / "transformer"
"""The folder with the files of the layers and of the kernels."""

KERNELS = "minitorch/cuda_kernel_ops.py"

LIBRARY = 'lib = ctypes.CDLL("minitorch/cuda_kernels/combine.so")\n'
"""The line that loads the library by a path below the working directory."""

BESIDE = """\
try:
    lib = ctypes.CDLL(str(Path(__file__).parent / "cuda_kernels" / "combine.so"))
except OSError:
    lib = None
"""
"""The lines that load the library from the folder of the file, as in 2026."""

OLD_NAMES = {"self.v_projection": "self.v_project"}
"""An attribute as docstrings until the spring of 2025 name it."""

FLOAT32: tuple[Change, ...] = (
    (
        "minitorch/tensor_data.py",
        "np.array(storage, dtype=np.float64)",
        "np.array(storage, dtype=np.float32)",
    ),
    (
        "minitorch/tensor.py",
        "np.zeros(int(operators.prod(size)))",
        "np.zeros(int(operators.prod(size)), np.float32)",
    ),
    (
        "minitorch/tensor_functions.py",
        "np.array(ls, dtype=np.float64)",
        "np.array(ls, dtype=np.float32)",
    ),
)
"""The changes by which the tensors of the tree are float32."""

CORRECTED: tuple[Change, ...] = (
    (
        "minitorch/tensor.py",
        "        self.history = History()\n\n    def requires_grad(",
        "        self.history = History() if x else None\n\n    def requires_grad(",
    ),
    (
        "minitorch/tensor_functions.py",
        "        storage = grad_output._tensor._storage\n",
        "        storage = grad_output.contiguous()._tensor._storage\n",
    ),
)
"""The corrections of the template since 2025."""


@dataclass(frozen=True)
class Year:
    """The differences between the trees of the years.

    Attributes:
        file: The file with the transformer.
        names: Texts of the layers that differ.
        imports: Imports of `cuda_kernel_ops`.
        library: The lines that load the library.
        template: Changes of the template.
    """

    file: str
    names: dict[str, str] = field(default_factory=dict)
    imports: str = ""
    library: str = LIBRARY
    template: tuple[Change, ...] = ()


YEARS: dict[str, Year] = {
    "2024": Year(
        "modules_transformer",
        OLD_NAMES | {"self.weights = Parameter(made(table": "self.weight = Parameter(made(table"},
        "import pycuda.gpuarray\nfrom pycuda.compiler import SourceModule\n",
    ),
    "spring 2025": Year("modules_transfomer", OLD_NAMES),
    "fall 2025": Year("modules_transfomer", template=CORRECTED),
    "2026": Year(
        "transformer", imports="from pathlib import Path\n", library=BESIDE, template=CORRECTED
    ),
}
"""The years by their names."""


def write_tree(
    folder: Path, year: str = "2026", own_kernels: bool = True, changes: Iterable[Change] = ()
) -> Path:
    """Write a right submission.

    Args:
        folder: The folder to write to.
        year: A name in `YEARS`.
        own_kernels: False for a tree without `cuda_kernel_ops`.
        changes: Rewrites of the files; the first occurrence of a text is replaced.
    """
    of_year = YEARS[year]
    template = (*FLOAT32, *of_year.template) if own_kernels else of_year.template
    write_upstream(folder, "2022", 4, template)
    package = folder / "minitorch"
    nn = package / "nn.py"
    for piece in ("nn", "gpu_nn") if own_kernels else ("nn",):
        nn.write_text(restyled(nn.read_text(encoding="utf-8"), _piece(piece)), encoding="utf-8")
    with (package / "tensor_functions.py").open("a", encoding="utf-8") as functions:
        functions.write("\n\nimport torch\n")
    for piece, target in (("modules_basic", "modules_basic"), ("transformer", of_year.file)):
        text = _piece(piece)
        for old, new in of_year.names.items():
            text = text.replace(old, new)
        if "self.weight =" in text:
            text = text.replace("hot @ self.weights.value", "hot @ self.weight.value")
        (package / f"{target}.py").write_text(text, encoding="utf-8")
    if own_kernels:
        text = _piece("cuda_kernel_ops")
        assert text.count(LIBRARY) == 1
        text = text.replace(LIBRARY, of_year.library).replace(
            "import ctypes\n", f"import ctypes\n{of_year.imports}"
        )
        (folder / KERNELS).write_text(text, encoding="utf-8")
        (folder / "src").mkdir()
        (folder / "src" / "combine.cu").write_text(_definitions(text), encoding="utf-8")
    for path, old, new in changes:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} lacks {old!r}"
        (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    init = package / "__init__.py"
    flat = f"from .modules_basic import *\nfrom .{of_year.file} import *\n"
    init.write_text(init.read_text(encoding="utf-8") + flat, encoding="utf-8")
    return folder


def _piece(name: str) -> str:
    return (PIECES / f"{name}.py").read_text(encoding="utf-8")


def _definitions(kernels: str) -> str:
    """Return the lines of a CUDA source that give the functions their numbers."""
    found = re.findall(r"operators\.(\w+): (\d+),", kernels)
    return "".join(f"#define {name.upper()}_FUNC {number}\n" for name, number in found)


STYLES: dict[str, tuple[str, str]] = {
    "gelu_exp": ("nn", "5.1"),
    "gelu_tanh": ("nn", "5.1"),
    "gelu_function": ("nn", "5.1"),
    "logsumexp_constant": ("nn", "5.1"),
    "one_hot_eye": ("nn", "5.1"),
    "softmax_loss_logsoftmax": ("nn", "5.1"),
    "softmax_loss_function": ("nn", "5.1"),
    "embedding_lookup": ("modules_basic", "5.2"),
    "linear_uniform": ("modules_basic", "5.2"),
    "dropout_rand": ("modules_basic", "5.2"),
    "layer_norm_centred": ("modules_basic", "5.3"),
    "layer_norm_function": ("modules_basic", "5.3"),
    "mask_infinite": ("transformer", "5.4"),
    "mask_large": ("transformer", "5.4"),
    "mask_product": ("transformer", "5.4"),
    "query_scaled": ("transformer", "5.4"),
    "qkv_joined": ("transformer", "5.4"),
    "dropout_of_weights": ("transformer", "5.4"),
    "without_attention_dropout": ("transformer", "5.4"),
    "dropout_after_view": ("transformer", "5.5"),
    "layer_flat": ("transformer", "5.5"),
    "positions_of_batch": ("transformer", "5.5"),
    "positions_one_hot": ("transformer", "5.5"),
}
"""Other right ways to write a function or a class: the file and the task of each style."""


def write_styles(folder: Path, styles: Iterable[str], own_kernels: bool = False) -> Path:
    """Write a right submission with some of its functions and classes in other styles."""
    write_tree(folder, own_kernels=own_kernels)
    for style in styles:
        path = folder / "minitorch" / f"{STYLES[style][0]}.py"
        piece = (HERE / "styles" / "transformer" / f"{style}.py").read_text(encoding="utf-8")
        path.write_text(restyled(path.read_text(encoding="utf-8"), piece), encoding="utf-8")
    return folder
