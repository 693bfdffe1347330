"""The trees of each edition are right by themselves: small programs run, without the grader."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grading.tests.upstream_trees import (
    EDITIONS,
    SIGNATURES,
    WITHOUT_SCALARS,
    Edition,
    write_upstream,
)

BACKENDS: dict[Edition, tuple[str, str]] = {
    "2021": ("minitorch.TensorFunctions", "minitorch.make_tensor_backend(minitorch.FastOps)"),
    "2022": ("minitorch.SimpleBackend", "minitorch.TensorBackend(minitorch.FastOps)"),
    "2024": ("minitorch.SimpleBackend", "minitorch.TensorBackend(minitorch.FastOps)"),
}
"""The default backend and the fast one, as an edition writes them."""

COMPILED = {"2021", "mixture"}
"""Editions of which all sources of kernels are compiled here; the mixture has those of 2024."""

MIXTURE: dict[int, Edition] = {1: "2022", 2: "2022"}
"""The older modules on the default branches of the course, beside modules of 2024."""

PREAMBLE = """
import random
import sys
import types

import numpy as np

import minitorch

sys.path.insert(0, "project")
random.seed(1)
rng = np.random.default_rng(1)


def refused(f, kind=TypeError):
    try:
        f()
    except kind:
        return True
    return False


def tensor(array, backend=None):
    array = np.asarray(array, float)
    kind = {} if backend is None else {"backend": backend}
    return minitorch.tensor(array.tolist(), **kind)


def array(t):
    return np.array([t[i] for i in np.ndindex(*t.shape)]).reshape(t.shape)
"""


def run(tree: Path, program: str, compiled: bool = False) -> str:
    """Run a program in a tree, with compiled kernels or as plain Python; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(program)],
        cwd=tree,
        env={**os.environ, "NUMBA_DISABLE_JIT": "0" if compiled else "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=[*EDITIONS, "mixture"])
def edition(request: pytest.FixtureRequest) -> str:
    """An edition, or the mixture of editions that learners have."""
    name: str = request.param
    return name


def tree_of(folder: Path, edition: str, module: int) -> Path:
    """Write the tree of an edition, or the mixture."""
    if edition == "mixture":
        return write_upstream(folder, "2024", module, mixture=MIXTURE)
    return write_upstream(folder, edition, module)  # type: ignore[arg-type]


def backends_of(edition: str) -> str:
    """Return the lines that name the default backend and the fast one."""
    simple, fast = BACKENDS["2024" if edition == "mixture" else edition]  # type: ignore[index]
    return f"simple, fast = {simple}, {fast}\n"


def test_scalars_learn_points(tmp_path: Path, edition: str) -> None:
    program = """
    import run_scalar

    logged = []
    train = run_scalar.ScalarTrain(4)
    train.train(minitorch.datasets["Simple"](20), 0.3, 10, lambda *args: logged.append(args[3]))
    assert len(logged[-1]) == 10 and logged[-1][-1] < 0.9 * logged[-1][0], logged
    """
    run(tree_of(tmp_path, edition, 1), program)


def test_derivatives_of_scalars(tmp_path: Path, edition: str) -> None:
    program = """
    difference = getattr(minitorch, "central_difference", None)
    functions = {
        "sub": lambda a, b: (a - b) * (a + 2.0),
        "div": lambda a, b: a / b + 3.0 / a,
        "log": lambda a, b: (a * b).log() + a.exp(),
        "sigmoid": lambda a, b: (-a).sigmoid() * b.relu(),
        "lt": lambda a, b: (a < b) * a + (a > 0.0) * b + (a == b),
    }
    for name, f in functions.items():
        a, b = minitorch.Scalar(0.75), minitorch.Scalar(1.5)
        f(a, b).backward()
        for i, x in enumerate((a, b)):
            at = [minitorch.Scalar(0.75), minitorch.Scalar(1.5)]
            expected = difference(f, *at, arg=i).data
            assert abs((x.derivative or 0.0) - expected) < 1e-4, (name, i, x.derivative, expected)
    """
    run(tree_of(tmp_path, edition, 1), program)


TENSORS = """
functions = {
    "arithmetic": lambda a, b: (a + b) * a - 2.0 * b / a,
    "formulas": lambda a, b: (a.sigmoid() + b.relu()) * a.log() + b.exp(),
    "comparisons": lambda a, b: (a < b) * a + (a > b) * b + (a == b) * a,
    "permuted": lambda a, b: a.permute(1, 0) * b.permute(1, 0),
    "sums": lambda a, b: a.sum(0) * b + a.mean(1) + (a * b).sum(),
    "viewed": lambda a, b: a.permute(1, 0).contiguous().view(6, 1) * b.sum(),
}
for name, f in functions.items():
    at = [rng.uniform(0.5, 2.0, (2, 3)), rng.uniform(0.5, 2.0, (1, 3))]
    a, b = tensor(at[0]), tensor(at[1])
    f(a, b).sum().backward()
    for i, x in enumerate((a, b)):
        expected = np.zeros(at[i].shape)
        for place in np.ndindex(*at[i].shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = [part.copy() for part in at]
                moved[i][place] += step
                sides.append(f(tensor(moved[0]), tensor(moved[1])).sum()[0])
            expected[place] = (sides[0] - sides[1]) / 2e-5
        assert np.allclose(array(x.grad), expected, atol=1e-4), (name, i)
"""


def test_gradients_of_tensors(tmp_path: Path, edition: str) -> None:
    run(tree_of(tmp_path, edition, 2), TENSORS)


def test_tensors_learn_points(tmp_path: Path, edition: str) -> None:
    program = """
    import run_tensor

    data = minitorch.datasets["Diag"](20)

    def loss(model):
        out = array(model.forward(tensor(data.X))).reshape(-1)
        return -np.mean([np.log(p if y else 1 - p) for p, y in zip(out, data.y)])

    train = run_tensor.TensorTrain(4)
    random.seed(3)
    train.train(data, 0.5, 0)
    before = loss(train.model)
    random.seed(3)
    train.train(data, 0.5, 15)
    assert loss(train.model) < 0.9 * before
    """
    run(tree_of(tmp_path, edition, 2), program)


def test_known_mistakes_of_the_template_exist(tmp_path: Path, edition: str) -> None:
    copies = {"2021": True, "2022": False, "2024": True, "mixture": False}[edition]
    program = f"""
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    # Numbers stand on the left of + * and /, and not of -.
    for one in (x, minitorch.Scalar(2.0)):
        assert refused(lambda: 1.0 - one)
        assert refused(lambda: hash(one))
        1.0 + one, 2.0 * one, 1.0 / one
    # A gradient is wanted whatever is asked for.
    assert minitorch.rand((2,), requires_grad=False).history is not None
    # A permuted tensor is viewed in no edition, and only some copy it in `all`.
    assert refused(lambda: x.permute(1, 0).view(4), AssertionError)
    assert refused(lambda: x.permute(1, 0).all(), AssertionError) == {not copies}
    # A gradient that is not contiguous is read in the order of its storage.
    v = tensor([1.0, 2.0, 3.0, 4.0])
    v.view(2, 2).permute(1, 0).backward(tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert array(v.grad).tolist() == [1.0, 2.0, 3.0, 4.0]
    # There is no gradient from nowhere.
    assert refused(x.backward, AssertionError)
    # Ends where a block ends: only for the shape (1,) until module 3.
    assert refused(lambda: tensor([[1.0]]).item(), Exception) == {edition != "2024"}
    """
    run(tree_of(tmp_path, edition, 2), program)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_list_functions_of_any_signature(tmp_path: Path, signature: str) -> None:
    program = """
    from minitorch.operators import addLists, negList, prod, sum

    assert list(negList([1.0, -2.0])) == [-1.0, 2.0]
    assert list(addLists([1.0, 2.0], [3.0, 4.0])) == [4.0, 6.0]
    assert (sum([]), sum([1.0, 2.0, 4.0]), prod([2.0, 3.0, 4.0])) == (0.0, 7.0, 24.0)
    """
    run(write_upstream(tmp_path, "2024", 0, changes=SIGNATURES[signature]), program)


@pytest.mark.parametrize("module", [2, 3])
@pytest.mark.parametrize("name", EDITIONS)
def test_tensors_need_no_scalars(tmp_path: Path, name: Edition, module: int) -> None:
    tree = write_upstream(tmp_path, name, module, without=WITHOUT_SCALARS)
    run(tree, "assert array(tensor([1.0]) + 2.0).tolist() == [3.0]\n")


@pytest.mark.slow
def test_fast_loops_agree_with_simple_ones(tmp_path: Path, edition: str) -> None:
    program = """
    a, b = rng.uniform(0.5, 2.0, (3, 2, 4)), rng.uniform(0.5, 2.0, (2, 1))
    functions = {
        "map": lambda a, b: a.sigmoid() + a.log() + (-a).relu() + a.exp(),
        "zip": lambda a, b: a * b + (a < b) + (a == a),
        "permuted": lambda a, b: a.permute(2, 1, 0) * b,
        "reduce": lambda a, b: a.sum(1) * b.sum(0) + a.permute(0, 2, 1).mean(2).sum(),
        "all": lambda a, b: a.contiguous().all() + b.all(0),
    }
    for name, f in functions.items():
        operands = [[tensor(x, backend) for x in (a, b)] for backend in (simple, fast)]
        results = [f(*pair) for pair in operands]
        assert np.allclose(array(results[0]), array(results[1])), name
        if name == "all":
            continue
        for result in results:
            result.sum().backward()
        used = operands[0][: 1 if name == "map" else 2]
        for one, other in zip(used, operands[1]):
            assert np.allclose(array(one.grad), array(other.grad)), name
    for left, right in (((2, 3), (3, 4)), ((2, 2, 3), (1, 3, 4)), ((1, 2, 3), (2, 3, 4))):
        a, b = rng.uniform(-1, 1, left), rng.uniform(-1, 1, right)
        x, y = tensor(a, fast), tensor(b, fast)
        product = x @ y
        assert np.allclose(array(product), a @ b)
        product.sum().backward()
        ones = np.ones((a @ b).shape)
        assert np.allclose(array(x.grad).sum(), (ones @ b.swapaxes(-1, -2)).sum())
    """
    whole = backends_of(edition) + textwrap.dedent(program)
    run(tree_of(tmp_path, edition, 3), whole, compiled=edition in COMPILED)


@pytest.mark.slow
def test_convolution_pooling_and_softmax(tmp_path: Path, edition: str) -> None:
    program = """
    x, w = rng.uniform(-1, 1, (2, 3, 5)), rng.uniform(-1, 1, (2, 3, 2))
    padded = np.pad(x, ((0, 0), (0, 0), (0, 1)))
    expected = sum(np.einsum("bcw,oc->bow", padded[:, :, k : k + 5], w[:, :, k]) for k in range(2))
    a, b = tensor(x, fast), tensor(w, fast)
    out = minitorch.conv1d(a, b)
    assert np.allclose(array(out), expected)
    out.sum().backward()
    sums = [padded[:, :, k : k + 5].sum((0, 2)) for k in range(2)]
    assert np.allclose(array(b.grad)[0], np.stack(sums, 1))

    x, w = rng.uniform(-1, 1, (1, 2, 4, 6)), rng.uniform(-1, 1, (3, 2, 2, 2))
    padded = np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 1)))
    expected = sum(
        np.einsum("bchw,oc->bohw", padded[:, :, i : i + 4, j : j + 6], w[:, :, i, j])
        for i in range(2)
        for j in range(2)
    )
    assert np.allclose(array(minitorch.conv2d(tensor(x, fast), tensor(w, fast))), expected)

    for backend in (simple, fast):
        t = tensor(x, backend)
        windows = x.reshape(1, 2, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(1, 2, 2, 3, 4)
        assert np.allclose(array(minitorch.avgpool2d(t, (2, 2))), windows.mean(-1))
        assert np.allclose(array(minitorch.maxpool2d(t, (2, 2))), windows.max(-1))
        assert np.allclose(array(minitorch.max(t, 3)), x.max(3, keepdims=True))
        soft = np.exp(x) / np.exp(x).sum(2, keepdims=True)
        assert np.allclose(array(minitorch.softmax(t, 2)), soft)
        assert np.allclose(array(minitorch.logsoftmax(t, dim=2)), np.log(soft), atol=1e-5)
        assert np.allclose(array(minitorch.dropout(t, 0.0)), x)
        assert np.allclose(array(minitorch.dropout(t, 1.0)), 0.0)
        assert np.allclose(array(minitorch.dropout(t, 0.9, ignore=True)), x)
        minitorch.max(t, 3).sum().backward()
        assert array(t.grad).tolist() == (x == x.max(3, keepdims=True)).tolist()
    """
    whole = backends_of(edition) + textwrap.dedent(program)
    run(tree_of(tmp_path, edition, 4), whole, compiled=edition in COMPILED)


@pytest.mark.slow
def test_scripts_can_be_imported_and_their_networks_run(tmp_path: Path, edition: str) -> None:
    program = """
    class MNIST:
        def __init__(self, folder): ...

        def load_training(self):
            return [], []

    for name, member in {"mnist": MNIST, "embeddings": None}.items():
        module = sys.modules[name] = types.ModuleType(name)
        setattr(module, name.upper(), member)

    import run_fast_tensor

    points = tensor(rng.uniform(0, 1, (5, 2)), fast)
    assert run_fast_tensor.Network(4, fast).forward(points).shape == (5, 1)
    module = sys.modules["datasets"] = types.ModuleType("datasets")
    module.load_dataset = None
    import run_mnist_multiclass
    import run_sentiment

    run_mnist_multiclass.BATCH = 1
    digits = tensor(rng.uniform(0, 1, (1, 1, 28, 28)), fast)
    outputs = array(run_mnist_multiclass.Network().forward(digits))
    assert outputs.shape == (1, 10) and np.allclose(np.exp(outputs).sum(1), 1.0, atol=1e-4)
    sentences = tensor(rng.uniform(-1, 1, (3, 7, 50)), fast)
    outputs = array(run_sentiment.CNNSentimentKim(feature_map_size=4).forward(sentences))
    assert outputs.shape in ((3,), (3, 2))
    """
    run(tree_of(tmp_path, edition, 4), backends_of(edition) + textwrap.dedent(program))
