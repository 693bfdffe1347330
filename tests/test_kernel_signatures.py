"""Functions have few parameters, and kernels unpack strides and sizes by name."""

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from tools.workspace import ROOT

MOST = 7
"""Largest number of parameters; `self` and `cls` do not count."""

COURSE = "a signature of the course"
FORM = "the arguments of the function of which it is the fused form"
OPTIONS = "options that callers pass by name, or leave out"
COMMAND = "one parameter for each option of a command"

LONG_SIGNATURES = {
    "minitorch/transformer.py:DecoderLM.__init__": COURSE,
    "mt_app/drawing.py:Drawing.text": OPTIONS,
    "mt_kernels_cpu/fast_conv.py:tensor_conv1d": COURSE,
    "mt_kernels_cpu/fast_conv.py:tensor_conv2d": COURSE,
    "mt_kernels_cpu/fast_ops.py:tensor_matrix_multiply": COURSE,
    "mt_kernels_cpu/fast_ops.py:tensor_zip.kernel": COURSE,
    "mt_kernels_cpu/tuned/attention/form.py:Attention.forward": FORM,
    "mt_kernels_cpu/tuned/attention/form.py:SelfAttention.forward": FORM,
    "mt_kernels_cpu/tuned/convolution/form.py:Convolution.forward": FORM,
    "mt_kernels_cpu/tuned/convolution/max_over_time.py:MaxOverTime.forward": FORM,
    "mt_kernels_cpu/tuned/layers/dropout.py:Dropout.forward": FORM,
    "mt_kernels_cuda/convolution.py:convolve": COURSE,
    "mt_kernels_cuda/elementwise.py:tensor_zip.zip_kernel": COURSE,
    "mt_kernels_cuda/matrix_multiply.py:tensor_matrix_multiply": COURSE,
    "mt_kernels_cuda/reduction.py:tensor_reduce.reduce_kernel": COURSE,
    "mt_kernels_cuda/tuned/convolution/form.py:Convolution.forward": FORM,
    "mt_kernels_cuda/tuned/convolution/max_over_time.py:MaxOverTime.forward": FORM,
    "mt_kernels_cuda/tuned/layers/dropout.py:Dropout.forward": FORM,
    "mt_models/cli/generate.py:generate": COMMAND,
    "mt_models/cli/train.py:common_options": COMMAND,
    "mt_models/generation.py:generate": OPTIONS,
    "mt_models/networks/gpt.py:GPT.__init__": OPTIONS,
    "mt_models/training/loop.py:train": OPTIONS,
    "mt_models/problems/sentiment.py:Sentiment.__init__": OPTIONS,
    "mt_nn/functional/attention.py:attention": OPTIONS,
    "mt_nn/functional/attention.py:self_attention": OPTIONS,
    "mt_nn/layers/attention.py:MultiHeadAttention.__init__": OPTIONS,
    "mt_nn/layers/convolution.py:_Convolution.__init__": OPTIONS,
    "mt_nn/layers/transformer.py:TransformerBlock.__init__": OPTIONS,
    "mt_tensor/reference_loops.py:tensor_zip.loop": COURSE,
}
"""Reason of each function with more parameters. A kernel is here only if the course prescribes its
signature, or if groups of arguments make a training step slower by more than 2 %."""

KERNELS = ("mt_kernels_cpu", "mt_kernels_cuda")

COMPILERS = {
    "Kernel",
    "Operand",
    "Product",
    "device_function",
    "fastmath_helper",
    "fastmath_kernel",
    "helper",
    "inlined_device_function",
    "inlined_helper",
    "kernel",
    "nogil_kernel",
    "strict_kernel",
    "strict_nogil_kernel",
    "waiting_kernel",
}
"""Decorators, and functions of functions, whose argument is compiled."""

ENTRIES = {
    "Kernel",
    "fastmath_kernel",
    "kernel",
    "nogil_kernel",
    "strict_kernel",
    "strict_nogil_kernel",
}
"""Those of functions that Python calls or launches; the others are parts of these."""

LAYOUTS = ("place", "sequence", "shape", "size", "sizes", "steps", "strides")
"""Last words of the names of strides, sizes and positions."""

ARRAYS = {
    "mt_kernels_cpu/fast_ops.py": {"steps"},
    "mt_kernels_cuda/convolution.py": {
        "input_strides",
        "out_shape",
        "out_strides",
        "weight_strides",
    },
}
"""Layouts that are arrays, which compiled code cannot unpack."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the path below `src`, and the syntax tree, of each file of a package."""
    for folder in sorted(ROOT.glob("packages/*/src")):
        for file in sorted(folder.rglob("*.py")):
            yield file.relative_to(folder).as_posix(), ast.parse(file.read_text("utf-8"))


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions of a tree with their qualified names."""
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = f"{within}.{node.name}".lstrip(".")
        if isinstance(node, ast.FunctionDef):
            yield name, node
        yield from functions(node, name)


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    """Return the parameters of a function but `self` and `cls`."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [each for each in every if each.arg not in ("self", "cls")]


def long_signatures(tree: ast.Module) -> list[str]:
    """Return the functions with more than `MOST` parameters."""
    return [name for name, each in functions(tree) if len(parameters(each)) > MOST]


def called_name(node: ast.expr) -> str:
    """Return the name of a decorator or of a called function."""
    if isinstance(node, ast.Call):
        return called_name(node.func)
    return node.id if isinstance(node, ast.Name) else ""


def compiled_functions(
    tree: ast.Module, compilers: AbstractSet[str] = COMPILERS
) -> list[ast.FunctionDef]:
    """Return the functions that a decorator, or a call that takes them, compiles."""
    passed = {
        argument.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called_name(node) in compilers
        for argument in node.args
        if isinstance(argument, ast.Name)
    }
    return [
        each
        for _, each in functions(tree)
        if each.name in passed or any(called_name(d) in compilers for d in each.decorator_list)
    ]


def numbered_fields(function: ast.FunctionDef) -> list[str]:
    """Return the tuples of which a compiled function takes a field by its number.

    These are parameters that are not storages, names of layouts, and fields of fields. Indices from
    the end are dimensions that follow any others, so they are allowed.
    """
    groups = {
        each.arg
        for each in parameters(function)
        if each.annotation is not None
        and not ast.unparse(each.annotation).startswith(
            ("Storage", "Scratch", "Argmax", "npt", "Any")
        )
    }
    found = []
    for node in ast.walk(function):
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
            continue
        value = node.value
        if not isinstance(node.slice.value, int):
            continue
        if isinstance(value, ast.Name):
            is_group = value.id in groups or value.id.rpartition("_")[2] in LAYOUTS
        else:
            is_field = isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant)
            is_group = is_field or isinstance(value, ast.Attribute)
        if is_group:
            found.append(ast.unparse(value))
    return found


def test_functions_with_many_parameters_have_a_reason() -> None:
    found = {f"{path}:{name}" for path, tree in sources() for name in long_signatures(tree)}
    assert sorted(found - LONG_SIGNATURES.keys()) == [], "group their parameters"
    assert sorted(LONG_SIGNATURES.keys() - found) == [], "remove them from the list"


def test_kernels_with_many_parameters_are_the_courses() -> None:
    listed = set()
    for path, tree in sources():
        if path.startswith(KERNELS):
            compiled = {id(each) for each in compiled_functions(tree)}
            for name, each in functions(tree):
                if id(each) in compiled and len(parameters(each)) > MOST:
                    listed.add(LONG_SIGNATURES[f"{path}:{name}"])
    assert listed == {COURSE}


def test_kernels_unpack_strides_and_sizes_by_name() -> None:
    found = {
        f"{path}:{function.name}: {name}"
        for path, tree in sources()
        if path.startswith(KERNELS)
        for function in compiled_functions(tree)
        for name in numbered_fields(function)
        if name not in ARRAYS.get(path, set())
    }
    assert sorted(found) == []


def test_files_with_kernels_begin_with_a_picture() -> None:
    without = [
        path
        for path, tree in sources()
        if path.startswith(KERNELS)
        and compiled_functions(tree, ENTRIES)
        and "::\n\n    " not in (ast.get_docstring(tree) or "")
    ]
    assert without == []


def test_the_rules_find_what_they_forbid() -> None:
    tree = ast.parse(
        "@helper\n"
        "def f(out: Storage, q: Matrix, a_strides: Any, *, b=0, c=0, d=0, e=0, g=0):\n"
        "    return out[0] + q[1][0] + q[0] + a_strides[1] + a_strides[-1] + x.shape[0]\n"
        "def plain(strides):\n"
        "    return strides[0]\n"
    )
    assert long_signatures(tree) == ["f"]
    (function,) = compiled_functions(tree)
    assert sorted(numbered_fields(function)) == ["a_strides", "q", "q", "q[1]", "x.shape"]


@pytest.mark.parametrize("path", ARRAYS)
def test_lists_name_files_that_exist(path: str) -> None:
    assert any(Path(folder, path).exists() for folder in ROOT.glob("packages/*/src"))
