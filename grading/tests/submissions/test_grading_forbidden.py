"""The search finds forbidden calls under every alias, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions.forbidden import Use, forbidden_uses
from grading.submissions.submission import LARGEST_SOURCE, Submission
from grading.tasks.table import PATH, load
from grading.tests.upstream_trees import Edition, write_upstream

CONVOLUTION = "minitorch.fast_conv:_tensor_conv2d"
FORBIDDEN = ["numpy.matmul", "numpy.dot", "numpy.einsum", "numpy.convolve", "torch", "scipy"]

HONEST = """
import numpy as np
from numba import njit as _njit, prange
from .tensor_data import broadcast_index, index_to_position
from .autodiff import Context

def njit(fn, **kwargs):
    return _njit(inline="always", **kwargs)(fn)

index_to_position = njit(index_to_position)

def _tensor_conv2d(out, out_shape, input, weight, reverse):
    # Neither np.einsum nor torch: loops.
    for i in prange(len(out)):
        index = np.empty(4, np.int32)
        out[i] = input[index_to_position(index, out_shape)]

tensor_conv2d = njit(_tensor_conv2d, parallel=True)

class Conv2dFun:
    @staticmethod
    def forward(ctx, a, b):
        tensor_conv2d(a, b)
"""

FILES = {
    "__init__.py": "from .fast_conv import *\n",
    "fast_conv.py": HONEST,
    "tensor_data.py": """
import numpy as np
from numpy import array, float64

def index_to_position(index, strides):
    return int(np.sum(np.array(index) * strides))

def broadcast_index():
    pass
""",
    "autodiff.py": "class Context:\n    pass\n",
    "tensor.py": "def product(a, b):\n    return a @ b\n",
    "datasets.py": "import numpy as np\n\ndef spiral(n):\n    return np.dot(n, n)\n",
}

Write = Callable[..., Submission]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(**changed: str) -> Submission:
        folder = tmp_path / "minitorch"
        folder.mkdir()
        for name, text in {**FILES, **{f"{k}.py": v for k, v in changed.items()}}.items():
            (folder / name).write_text(text)
        return Submission.at(tmp_path)

    return made


def test_code_without_forbidden_calls_has_no_uses(write: Write) -> None:
    assert forbidden_uses(write(), [CONVOLUTION], FORBIDDEN) == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("    out[:] = np.einsum('i,i', input, weight)", "numpy.einsum"),
        ("    out[:] = np.linalg.matmul(input, weight)", "numpy.linalg.matmul"),
        ("    out[:] = getattr(np, 'einsum')(input)", "numpy.einsum"),
        ("    out[:] = getattr(np, 'ein' + 'sum')(input)", "getattr with a computed name"),
        ("    out[:] = np.__dict__['einsum'](input)", "__dict__ of a module"),
        ("    out[:] = input @ weight", "the operator @"),
        ("    out[:] = input.dot(weight)", "the method dot of an array"),
        ("    out[:] = eval('np.einsum')(input)", "eval"),
        ("    out[:] = __import__('torch').conv2d(input)", "torch"),
        ("    import importlib; importlib.import_module('scipy.signal')", "scipy"),
        ("    import scipy.signal as s; s.convolve(input)", "scipy"),
        ("    from numpy import convolve as c; c(input)", "numpy.convolve"),
        ("    from numpy import *", "every name of numpy"),
        ("    n = np; e = n.einsum; e(input)", "numpy.einsum"),
        ("    import ctypes; ctypes.CDLL('libopenblas.so')", "ctypes"),
        ("    import operator; operator.matmul(input, weight)", "operator.matmul"),
        ("    g = getattr; g(np, 'ein' + 'sum')(input)", "getattr under another name"),
        ("    np.array(list(map(eval, ['np.einsum'])))", "eval under another name"),
        ("    type(np).__getattribute__(np, 'ein' + 'sum')(input)", "__getattribute__"),
        ("    __builtins__['eval']('np.einsum')", "__builtins__"),
        ("    import operator as o; o.attrgetter('ein' + 'sum')(np)", "operator.attrgetter"),
        ("    from operator import methodcaller as m; m('dot', 1)(out)", "operator.methodcaller"),
        ("    import sys; sys.modules['numpy'].einsum(input)", "sys.modules"),
        ("    import inspect; inspect.getmembers(np)", "inspect"),
    ],
)
def test_uses_in_the_function_itself(write: Write, line: str, what: str) -> None:
    start = HONEST[: HONEST.index("    # Neither")]
    found = forbidden_uses(write(fast_conv=start + line + "\n"), [CONVOLUTION], FORBIDDEN)
    uses = found[CONVOLUTION]
    assert any(what in use.what for use in uses), uses
    assert {use.file for use in uses} == {"minitorch/fast_conv.py"}
    assert {use.line for use in uses} == {start.count("\n") + 1}


@pytest.mark.parametrize(
    ("files", "use"),
    [
        pytest.param(
            {
                "fast_conv": HONEST.replace(
                    "from .autodiff", "from .helper import work\nfrom .autodiff"
                ).replace("# Neither np.einsum nor torch: loops.", "work(input)"),
                "helper": "import numpy as np\n\ndef work(a):\n    return further(a)\n\n\n"
                "def further(a):\n    return a @ a\n",
            },
            Use("minitorch/helper.py", 8, "the operator @"),
            id="two functions away",
        ),
        pytest.param(
            {
                "tensor": "import numpy\nfrom . import fast_conv\n\n"
                "fast_conv.Conv2dFun.forward = lambda ctx, a, b: numpy.einsum('i', a)\n",
            },
            Use("minitorch/tensor.py", 4, "numpy.einsum"),
            id="replaced by another module",
        ),
        pytest.param(
            {
                "fast_conv": "from .lib import *\n"
                + HONEST.replace("input[index_to_position(index, out_shape)]", "fast(input)"),
                "lib": "import numpy as np\nfast = np.einsum\n",
            },
            Use("minitorch/lib.py", 2, "numpy.einsum"),
            id="by a star import",
        ),
    ],
)
def test_uses_elsewhere(write: Write, files: dict[str, str], use: Use) -> None:
    assert use in forbidden_uses(write(**files), [CONVOLUTION], FORBIDDEN)[CONVOLUTION]


BESIDE = {
    "a use in another file of the folder": {"cuda_ops": "import numpy\nout = numpy.matmul(1, 2)\n"},
    "a use in another function of the file": {
        "fast_conv": HONEST + "\n\ndef reference(a, b):\n    return np.einsum('i,i', a, b)\n"
    },
    "a library that nothing uses": {"run_torch": "import torch\n"},
    "an attribute of its own object": {"tensor": "class A:\n    def f(self): self.x = 1\n"},
}


@pytest.mark.parametrize("files", BESIDE.values(), ids=BESIDE)
def test_calls_outside_of_the_task_are_not_charged(write: Write, files: dict[str, str]) -> None:
    assert forbidden_uses(write(**files), [CONVOLUTION], FORBIDDEN) == {}


def test_only_the_function_that_reaches_it_is_charged(write: Write) -> None:
    other = "\n\ndef _tensor_conv1d(out, a, b):\n    out[:] = np.einsum('i,i', a, b)\n"
    holes = [CONVOLUTION, "minitorch.fast_conv:_tensor_conv1d"]
    uses = forbidden_uses(write(fast_conv=HONEST + other), holes, FORBIDDEN)
    assert list(uses) == holes[1:]


REPLACED = {
    "an attribute of the module": "from . import fast_conv\nfast_conv.tensor_conv2d = print\n",
    "by setattr": "import minitorch.fast_conv as f\nsetattr(f, 'tensor_conv2d', print)\n",
    "by setattr with a computed name": "from . import fast_conv as f\nsetattr(f, name(), print)\n",
    "in its dict": "from . import fast_conv as f\nf.__dict__['tensor_conv2d'] = print\n",
    "by vars": "from . import fast_conv as f\nvars(f)['tensor_conv2d'] = print\n",
    "the whole module": "import sys\nsys.modules['minitorch.fast_conv'] = object()\n",
    "an object that is looked up": "import sys\nm = sys.modules['x']\nm.tensor_conv2d = print\n",
    "in a function": "from . import fast_conv\n\ndef g():\n    fast_conv.prange = range\n",
}


@pytest.mark.parametrize("text", REPLACED.values(), ids=REPLACED)
def test_functions_replaced_by_another_file_are_charged(write: Write, text: str) -> None:
    uses = forbidden_uses(write(tensor=text), [CONVOLUTION], FORBIDDEN)[CONVOLUTION]
    assert {use.file for use in uses} == {"minitorch/tensor.py"}


ALIASES = {
    "assignment": "mm = np.einsum\n",
    "assignment of several names": "_, (*_, mm) = 1, (2, np.einsum)\n",
    "with": "with nullcontext(np.einsum) as mm:\n    pass\n",
    "an exception": "try:\n    raise Holder(np.einsum)\nexcept Holder as mm:\n    pass\n",
    "match": "match np.einsum:\n    case mm:\n        pass\n",
    "match, the rest of a list": "match [np.einsum]:\n    case [*mm]:\n        pass\n",
    "match, the rest of a dict": "match {1: np.einsum}:\n    case {**mm}:\n        pass\n",
    "a named expression": "print(mm := np.einsum)\n",
    "a named expression in a condition": "if (mm := np.einsum):\n    pass\n",
    "a named expression in a comprehension": "[mm := np.einsum for _ in [1]]\n",
    "a named expression in a default": "def f(x=(mm := np.einsum)):\n    pass\n",
    "for": "for mm in [np.einsum]:\n    pass\n",
    "for, an attribute": "for table.mm in [np.einsum]:\n    pass\n",
    "global": "def f():\n    global mm\n    mm = np.einsum\n\n\nf()\n",
    "global, for": "def f():\n    global mm\n    for mm in [np.einsum]:\n        pass\n",
    "global, a method": "class A:\n    def f():\n        global mm\n        mm = np.einsum\n",
}
"""Statements of a module that bind the name `mm` to a forbidden function."""

CALL = "    out[:] = mm('i,i', input, weight)\n"


@pytest.mark.parametrize("text", ALIASES.values(), ids=ALIASES)
def test_uses_under_a_name_that_the_module_binds(write: Write, text: str) -> None:
    start = HONEST[: HONEST.index("    # Neither")]
    file = start + CALL + text
    uses = forbidden_uses(write(fast_conv=file), [CONVOLUTION], FORBIDDEN)[CONVOLUTION]
    assert {use.what for use in uses} == {"numpy.einsum"}


OTHERS = {
    "a comprehension": "[mm for mm in [np.einsum]]\n",
    "a local name": "def f():\n    for mm in [np.einsum]:\n        pass\n",
    "names of built-in functions": (
        "table = {}\n\n\ndef mm(code, vars, compile):\n    eval = code\n"
        "    return [eval, vars, compile, table.eval]\n"
    ),
    "the block of a loop": "for mm in [print]:\n    reference = np.einsum\n",
    "the block of a context": "with nullcontext(print) as mm:\n    reference = np.einsum\n",
    "a global name of another function": (
        "def f():\n    global mm\n    mm = print\n    return np.einsum\n"
    ),
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_uses_under_other_names_are_not_charged(write: Write, text: str) -> None:
    start = HONEST[: HONEST.index("    # Neither")]
    assert forbidden_uses(write(fast_conv=start + CALL + text), [CONVOLUTION], FORBIDDEN) == {}


SHADOWS = {
    "nothing": "",
    "a definition that does not run": "if False:\n    def {0}(): pass\n",
    "a method": "class A:\n    def {0}(self): pass\n",
    "a loop without iterations": "for {0} in ():\n    pass\n",
    "a definition that is deleted": "def {0}(): pass\ndel {0}\n",
    "a definition below": "\n# below\ndef {0}(): pass\n",
}
"""Statements with which a name still stands for a built-in function, or one of a star import."""


@pytest.mark.parametrize("text", SHADOWS.values(), ids=SHADOWS)
@pytest.mark.parametrize(
    ("name", "line", "what"),
    [
        ("getattr", "getattr(np, 'ein' + 'sum')(input)", "getattr with a computed name"),
        ("eval", "eval('np.ein' + 'sum')(input)", "eval"),
        ("einsum", "einsum('i,i', input, weight)", "numpy.einsum"),
    ],
)
def test_a_name_that_is_not_surely_the_files_own(
    write: Write, text: str, name: str, line: str, what: str
) -> None:
    start = "from numpy import *\n" + HONEST[: HONEST.index("    # Neither")]
    called = f"    out[:] = {line}\n"
    shadow = text.format(name)
    file = start + called + shadow if "below" in text else shadow + start + called
    uses = forbidden_uses(write(fast_conv=file), [CONVOLUTION], FORBIDDEN)[CONVOLUTION]
    assert any(what in use.what for use in uses), uses


@pytest.mark.parametrize("name", ["getattr", "eval"])
def test_a_function_of_the_file_may_have_the_name_of_a_built_in(write: Write, name: str) -> None:
    text = f"def {name}(*args):\n    return args\n" + HONEST[: HONEST.index("    # Neither")]
    submission = write(fast_conv=text + f"    out[:] = {name}(input, 'a' + 'b')\n")
    assert forbidden_uses(submission, [CONVOLUTION], FORBIDDEN) == {}


@pytest.mark.parametrize("text", ["def broken(:\n", "\x00", "# coding: klingon\n"])
def test_sources_that_cannot_be_read_are_no_uses(write: Write, text: str) -> None:
    assert forbidden_uses(write(fast_conv=text), [CONVOLUTION], FORBIDDEN) == {}


def test_a_source_too_deep_for_the_search_is_reported(write: Write) -> None:
    deep = "x = " + "+".join(["1"] * 20_000) + "\n"
    uses = forbidden_uses(write(fast_conv=HONEST + deep), [CONVOLUTION], FORBIDDEN)
    deep_use = Use("minitorch/fast_conv.py", 1, "expressions that are nested too deeply to search")
    assert uses == {CONVOLUTION: [deep_use]}


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["2021", "2022", "2024"])
def test_the_packages_have_no_forbidden_calls(tmp_path: Path, edition: Edition) -> None:
    submission = Submission.at(write_upstream(tmp_path, module=4, edition=edition))
    table = load(PATH)
    found = {
        task.id: forbidden_uses(submission, task.upstream, task.forbidden) for task in table.tasks
    }
    assert {task: uses for task, uses in found.items() if uses} == {}


def test_a_use_is_described_in_a_sentence() -> None:
    use = Use("minitorch/fast_conv.py", 7, "numpy.einsum")
    sentence = "minitorch/fast_conv.py:7 uses numpy.einsum, which is forbidden in this task"
    assert str(use) == sentence


def test_definitions_in_every_block_are_searched(write: Write) -> None:
    text = "import numpy as np\n\nmatch 1:\n    case _:\n        def _tensor_conv2d(out):\n"
    submission = write(fast_conv=text + "            np.dot(out, out)\n")
    assert forbidden_uses(submission, [CONVOLUTION], FORBIDDEN)


def test_files_are_read_once_and_only_inside(
    write: Write, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = write(large="#" * (LARGEST_SOURCE + 1), other="x = 1\n")
    outside = tmp_path_factory.mktemp("outside") / "outside.py"
    outside.write_text("import sys\n", "utf-8")
    (submission.root / "minitorch" / "link.py").symlink_to(outside)
    read: list[str] = []
    original = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    holes = [CONVOLUTION, "minitorch.tensor:product", "minitorch.datasets:spiral"]
    forbidden_uses(submission, holes, FORBIDDEN)
    assert read.count("other.py") == 1
    assert not {"large.py", "link.py"} & set(read)
