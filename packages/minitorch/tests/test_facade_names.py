"""Names of the course: in submodules, flat, and for all orders of imports."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import minitorch

SUBMODULES = {
    "operators": """EPS mul id add neg lt eq max is_close sigmoid relu log exp log_back inv inv_back
        div div_back relu_back map zipWith reduce negList addLists sum prod""",
    "autodiff": "central_difference Variable topological_sort backpropagate Context",
    "scalar": """Scalar ScalarHistory ScalarFunction Add Mul Neg Inv Div Log Exp Sigmoid ReLU LT EQ
        derivative_check""",
    "scalar_functions": "ScalarFunction Add Mul Neg Inv Div Log Exp Sigmoid ReLU LT EQ",
    "module": "Module Parameter",
    "tensor_data": """MAX_DIMS IndexingError index_to_position to_index broadcast_index
        shape_broadcast strides_from_shape Storage OutIndex Index Shape Strides UserIndex UserShape
        UserStrides TensorData""",
    "tensor_ops": """TensorOps TensorBackend SimpleOps SimpleBackend tensor_map tensor_zip
        tensor_reduce""",
    "tensor_functions": """Function Neg Inv Add Mul Div Sigmoid ReLU Log Exp Sum All LT EQ
        IsClose Permute View Copy MatMul zeros rand tensor grad_central_difference grad_check""",
    "tensor": "Tensor History",
    "fast_ops": "FastOps tensor_map tensor_zip tensor_reduce tensor_matrix_multiply",
    "cuda_ops": """CudaOps tensor_map tensor_zip tensor_reduce tensor_matrix_multiply sum_practice
        mm_practice THREADS_PER_BLOCK""",
    "fast_conv": "tensor_conv1d tensor_conv2d Conv1dFun Conv2dFun conv1d conv2d",
    "cuda_conv": "Conv1dCudaFun Conv2dCudaFun conv1d conv2d",
    "nn": """tile avgpool2d max_reduce argmax Max max softmax logsoftmax maxpool2d dropout
        GELU logsumexp one_hot softmax_loss""",
    "modules_basic": "Embedding Dropout Linear LayerNorm1d",
    "transformer": "MultiHeadAttention FeedForward TransformerLayer DecoderLM",
    "distributed": """partition epoch_order epoch_part reassemble ring_all_reduce
        average_gradients""",
    "optim": "Optimizer SGD",
    "datasets": "datasets Graph simple diag split xor circle spiral",
    "testing": "MathTest MathTestVariable",
}
"""The names of the course, and those of a division that is rounded once, by submodule."""

COLLIDING = {"tensor_map", "tensor_zip", "tensor_reduce"}
"""Names of several submodules that are not flat."""

WINNERS = {
    "max": "nn",
    "datasets": "datasets",
    "tensor": "tensor_functions",
    "conv1d": "fast_conv",
    "conv2d": "fast_conv",
    "tensor_conv1d": "fast_conv",
    "tensor_conv2d": "fast_conv",
    "tensor_matrix_multiply": "fast_ops",
    **dict.fromkeys(SUBMODULES["tensor_functions"].split(), "tensor_functions"),
}
"""The owner of each flat name that several submodules, or a submodule and a name, share."""

SOURCE = Path(inspect.getfile(minitorch)).parent


def submodule(name: str) -> ModuleType:
    return importlib.import_module(f"minitorch.{name}")


def test_submodules_of_the_course() -> None:
    public = {path.stem for path in SOURCE.glob("*.py") if not path.stem.startswith("_")}
    # The module that runs the course's scripts is not part of the course.
    assert public == set(SUBMODULES) | {"course_scripts"}


@pytest.mark.parametrize("name", SUBMODULES)
def test_names_of_submodules(name: str) -> None:
    module = submodule(name)
    assert set(module.__all__) == set(SUBMODULES[name].split())
    assert all(hasattr(module, each) for each in module.__all__)


def test_flat_names_are_all_names_but_those_that_collide() -> None:
    flat = {"prod"}
    for module, names in SUBMODULES.items():
        if module != "operators":
            flat |= set(names.split()) - COLLIDING
    assert set(minitorch.__all__) - set(SUBMODULES) == flat - set(SUBMODULES)
    assert set(SUBMODULES) <= set(minitorch.__all__)


@pytest.mark.parametrize("name", sorted(set(minitorch.__all__) - set(SUBMODULES)))
def test_owners_of_flat_names(name: str) -> None:
    homes = [module for module, names in SUBMODULES.items() if name in names.split()]
    expected = submodule(WINNERS.get(name, homes[0] if name != "prod" else "operators"))
    assert getattr(minitorch, name) is getattr(expected, name)
    unclear = {getattr(submodule(home), name) for home in homes if home != "operators"}
    assert len(unclear) <= 1 or name in WINNERS


def test_operators_other_names_are_not_flat() -> None:
    assert minitorch.max is minitorch.nn.max
    for name in ("mul", "id", "add", "neg", "map", "zipWith", "reduce", "sum", "EPS", "sigmoid"):
        assert not hasattr(minitorch, name)


def test_colliding_loops_are_not_flat() -> None:
    assert not any(hasattr(minitorch, name) for name in COLLIDING)


def test_tensor_is_the_function_and_datasets_the_dict() -> None:
    assert isinstance(minitorch.tensor, FunctionType)
    assert isinstance(minitorch.datasets, dict)


@pytest.mark.parametrize("name", sorted(set(SUBMODULES) - {"tensor", "datasets"}))
def test_other_submodules_are_attributes(name: str) -> None:
    assert getattr(minitorch, name) is submodule(name)


@pytest.mark.parametrize("path", sorted(SOURCE.glob("*.py")), ids=lambda path: path.stem)
def test_names_are_listed_and_no_import_is_a_star(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert "*" not in imported
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert len(listed) == (0 if path.stem in PRIVATE else 1)
    for names in listed:
        assert names == sorted(names, key=_constants_classes_functions)
        assert len(names) == len(set(names))


PRIVATE = {path.stem for path in SOURCE.glob("_*.py")} - {"__init__"}


def _constants_classes_functions(name: str) -> tuple[int, str]:
    """Return the sort key of `__all__`."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name


ORDERS = [
    "import minitorch",
    "import minitorch; import minitorch.tensor; import minitorch.datasets",
    "import minitorch.tensor, minitorch.datasets, minitorch.module, minitorch.scalar",
    "from minitorch.datasets import simple; from minitorch.tensor import Tensor; import minitorch",
    "import minitorch.tensor_ops, minitorch.tensor; from minitorch import tensor, datasets",
    "from minitorch import *; import minitorch.tensor; import minitorch",
    "import minitorch, importlib, sys; importlib.reload(sys.modules['minitorch.tensor']); "
    "importlib.reload(minitorch)",
]
CHECK = """
assert minitorch.tensor([1, 2]).shape == (2,)
assert minitorch.datasets["Simple"](3).N == 3
from minitorch.tensor import Tensor
from minitorch.datasets import simple, datasets
from minitorch.module import Module
from minitorch.scalar import Scalar
assert isinstance(minitorch.tensor([1, 2]), Tensor) and minitorch.Tensor is Tensor
assert datasets is minitorch.datasets and datasets["Simple"] is simple
assert minitorch.module.Module is Module and minitorch.scalar.Scalar is Scalar
import minitorch.tensor
assert minitorch.tensor([1, 2]).shape == (2,)
"""


@pytest.mark.parametrize("order", ORDERS)
def test_order_of_imports_does_not_matter(order: str) -> None:
    # `import minitorch` afterwards binds the name for orders that only say `from`.
    code = f"{order}\nimport minitorch\n{CHECK}"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("package", "name", "message"),
    [
        (minitorch, "Adam", "it has the names of the course; write `from mt_nn import Adam`"),
        (minitorch, "ones", "names of the course; write `from mt_autodiff import ones`"),
        (minitorch, "sin", r"write x\.sin\(…\), a method of tensors"),
        (minitorch.nn, "Linear", r"minitorch\.nn has .* write `from mt_nn import Linear`"),
        (minitorch.nn, "LSTM", r"minitorch\.nn has no attribute 'LSTM'; write a Module whose"),
        (minitorch.nn, "relu", r"minitorch\.nn has no attribute 'relu'; write x\.relu\(\)"),
        (minitorch.optim, "Adam", r"minitorch\.optim has .* write `from mt_nn import Adam`"),
        (minitorch.optim, "StepLR", r"minitorch\.optim has .*; write StepDecay\(lr=0\.1"),
        (minitorch.optim, "nonsense", 'the page "Differences from PyTorch"'),
    ],
)
def test_missing_names_of_the_course(package: ModuleType, name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        getattr(package, name)
