"""Names of PyTorch and NumPy behave as the page of differences says."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitorch
import mt_autodiff
import mt_kernels_cuda
import mt_nn
from mt_autodiff import Scalar, Tensor, names, rand, tensor
from mt_autodiff.names import FUNCTIONS, MEMBERS, SCALAR_MEMBERS
from mt_tensor import Reference
from tools.names_of_pytorch import BLOCK, DOCUMENT, FORMS, Group, groups, tables

ROWS = [pytest.param(g, name, id=f"{g.title}-{name}") for g in groups() for name in g.names.split()]


def given() -> dict[str, Any]:
    """Return the names with which the expressions of the page are evaluated."""
    functions = {name: getattr(mt_autodiff, name) for name in mt_autodiff.__all__}
    return {
        **functions,
        "x": rand((2, 2), rng=0),
        "y": rand((2, 2), rng=1) + 1.0,
        "images": rand((1, 1, 2, 4), rng=2),
        "backend": Reference(np.float32),
        "model": mt_nn.Linear(2, 2, rng=0),
        "np": np,
        "Reference": Reference,
        "mt_autodiff": mt_autodiff,
        "mt_kernels_cuda": mt_kernels_cuda,
        "mt_nn": mt_nn,
    }


@pytest.mark.parametrize(("group", "name"), ROWS)
def test_a_name_exists_or_its_error_has_the_row(group: Group, name: str) -> None:
    if name in group.there:
        return
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; ") as caught:
        getattr(group.owner, name)
    # Python suggests a similar name of `obj`, which would contradict the row.
    assert caught.value.obj is None
    expression, _, comment = group.row(name).partition("  # ")
    assert expression in str(caught.value)
    assert comment in str(caught.value)


def test_the_page_has_the_tables() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert tables().strip() in text, "run `python -m tools.names_of_pytorch`"
    assert f"<!-- end of {BLOCK} -->" in text


@pytest.mark.parametrize(
    ("name", "row"), [*MEMBERS.items(), *FUNCTIONS.items()], ids=[*MEMBERS, *FUNCTIONS]
)
def test_a_row_is_an_expression_that_runs(name: str, row: str) -> None:
    value = eval(row, given())
    if isinstance(value, Tensor):
        assert np.isfinite(value.to_numpy()).all()


@pytest.mark.parametrize(("name", "row"), SCALAR_MEMBERS.items(), ids=list(SCALAR_MEMBERS))
def test_a_row_of_scalars_is_an_expression_that_runs(name: str, row: str) -> None:
    x = Scalar(3.0)
    expression, _, comment = row.partition("  # ")
    with pytest.raises(AttributeError, match=f"Scalar has no attribute '{name}'; ") as caught:
        getattr(x, name)
    assert expression in str(caught.value)
    assert comment in str(caught.value)
    eval(row, {"x": x, "y": Scalar(2.0), "Scalar": Scalar})


def test_functions_of_scalars_that_rows_compose() -> None:
    for name, function in (("tanh", math.tanh), ("sqrt", math.sqrt), ("abs", abs)):
        value = eval(SCALAR_MEMBERS[name], {"x": Scalar(1.7)})
        assert value.data == pytest.approx(function(1.7), rel=1e-6)


@pytest.mark.parametrize("code", FORMS.values(), ids=list(FORMS))
def test_an_operator_or_an_argument_runs(code: str) -> None:
    exec(code, given())


# Rows whose result is that of NumPy's function of that name
SAME: dict[str, Callable[[Any], Any]] = {
    "exp2": np.exp2,
    "expm1": np.expm1,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "trunc": np.trunc,
    "diagonal": np.diagonal,
    "trace": lambda x: [np.trace(x)],
    "cumprod": lambda x: np.cumprod(x, 1),
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "ravel": np.ravel,
    "repeat_interleave": lambda x: np.repeat(x, 3, 0),
    "frac": lambda x: np.modf(x)[0],
    "logit": lambda x: np.log(x / (1 - x)),
    "ptp": lambda x: [np.ptp(x)],
    "tile": lambda x: np.tile(x, (2, 2)),
    "take": lambda x: np.take(x, [0, 3]),
    "nanmean": lambda x: [np.nanmean(x)],
}


@pytest.mark.parametrize("name", SAME)
def test_a_row_is_the_same_function(name: str) -> None:
    space = given()
    received = eval(MEMBERS[name], space).to_numpy()
    np.testing.assert_allclose(received, SAME[name](space["x"].to_numpy()), rtol=1e-12)


def test_the_row_of_the_remainder_and_of_the_error_function() -> None:
    space = given() | {"x": tensor([-3.5, 3.5]), "y": tensor([2.0, -2.0])}
    assert eval(MEMBERS["fmod"], space).tolist() == [-1.5, 1.5]
    space["x"] = tensor([0.5, -1.0, 2.0])
    erfc = [0.4795001222, 1.8427007929, 0.0046777350]
    np.testing.assert_allclose(eval(MEMBERS["erfc"], space), erfc, atol=1e-10)


def test_other_names_point_to_the_page() -> None:
    owners: list[Any] = [mt_autodiff, minitorch]
    for owner in owners:
        with pytest.raises(AttributeError, match=r"'quux'; .* \"Differences from PyTorch\"") as e:
            owner.quux  # noqa: B018
        # Python suggests names of `obj` that are similar, such as `reshape` for `reshap`.
        assert e.value.obj is owner
    title = re.search(r"^# (.*)$", DOCUMENT.read_text("utf-8"), re.M)
    assert title is not None
    assert title[1] in names.PAGE


def test_other_members_point_to_the_page() -> None:
    for x in (tensor([1.0]), minitorch.tensor([1.0])):
        for name in ("digamma", "tanh_"):
            with pytest.raises(AttributeError, match=f"'{name}'; .* \"Differences from PyTorch\""):
                getattr(x, name)


def test_missing_members_are_not_suggested() -> None:
    x: Any = tensor([1.0])
    assert not hasattr(x, "cuda")
    assert "cuda" not in dir(x)
    assert "relu" in dir(x)
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'reshap'") as e:
        x.reshap  # noqa: B018
    assert e.value.obj is x


def test_names_of_the_library_in_the_facade() -> None:
    course: Any = minitorch
    for package, name in [("mt_autodiff", "where"), ("mt_nn", "Adam")]:
        message = f"no attribute '{name}', .*; write `from {package} import {name}`"
        with pytest.raises(AttributeError, match=message):
            getattr(course, name)
    with pytest.raises(AttributeError, match=r"'tanh'; write x\.tanh\(…\)"):
        course.tanh  # noqa: B018


def test_arguments_that_are_no_backend() -> None:
    with pytest.raises(TypeError, match=r"to: .*float32.* x\.to\(Reference\(numpy\.float32\)"):
        tensor([1.0]).to(np.float32)  # type: ignore[arg-type]


# The two classes of tensors


@pytest.mark.parametrize("kind", ["library", "course"])
def test_the_classes_differ_as_the_page_says(kind: str) -> None:
    make: Any = tensor if kind == "library" else minitorch.tensor
    library = kind == "library"
    x = make([[1.0, 2.0, 4.0], [0.0, 1.0, 3.0]])
    assert x.sum(1).shape == x.mean(1).shape == x.all(1).shape == ((2,) if library else (2, 1))
    assert x.sum(1, keepdim=True).shape == (2, 1)
    assert x.sum(1, keepdim=False).shape == (2,)
    assert x.sum().shape == (1,)
    assert x.log()[1, 0] == (-np.inf if library else np.log(1e-6))
    assert x.ln()[1, 0] == -np.inf
    assert x.argmax(1).tolist() == [2.0, 2.0]
    assert mt_nn.argmax(x, 1).tolist() == [[0.0, 0.0, 1.0]] * 2
    leaf = make([1.0, 2.0], requires_grad=True)
    assert type(leaf[0]) is (Tensor if library else float)
    same = x
    same += 1
    assert (same is x) == library
    assert type(x.size) is mt_autodiff.tensor([1.0]).size.__class__
    assert (x.size, x.size(), x.size(-1)) == (6, (2, 3), 3)


# Other differences from PyTorch that the page lists


def test_results_that_differ_from_pytorch() -> None:
    x = tensor([2.0, 3.0])
    assert x.all().item() == 6.0
    assert (x != 0).all().item() == 1.0
    assert (tensor(np.inf) // 2.0).item() == np.inf
    assert np.copysign(1.0, mt_autodiff.where(tensor([1.0]), -0.0, 1.0).item()) == 1.0
    assert mt_autodiff.take(tensor([[1.0], [2.0]]), [1]).tolist() == [[2.0]]
    assert mt_autodiff.pad(x, [(1, 0)]).tolist() == [0.0, 2.0, 3.0]
    assert mt_autodiff.conv1d(tensor([[[1.0, 2.0, 3.0]]]), tensor([[[1.0, 1.0]]])).shape == (
        1,
        1,
        3,
    )


def test_results_that_are_those_of_pytorch_and_not_of_numpy() -> None:
    x = tensor([1.0, 2.0, 3.0, 6.0])
    assert x.var().item() == np.var(x.to_numpy(), ddof=1)
    assert x.var(correction=0).item() == np.var(x.to_numpy())
    assert x.median().item() == 2.0
    assert [part.tolist() for part in x.split(3)] == [[1.0, 2.0, 3.0], [6.0]]
    assert len(x.chunk(2)) == 2
    assert x.repeat(2).tolist() == [*x.tolist(), *x.tolist()]
    assert x.nonzero().shape == (4, 1)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.max(), [1.0, 0.0]),
        (lambda x: x.amin(0), [1.0, 0.0]),
        (lambda x: x.maximum(5.0).sum(), [0.5, 0.5]),
        (lambda x: (x > 1.0).sum(), [0.0, 0.0]),
        (lambda x: x.round().sum(), [0.0, 0.0]),
        (lambda x: (x / 0.0 * 0.0).relu().sum(), [0.0, 0.0]),
    ],
)
def test_gradients_that_the_page_names(function: Any, expected: list[float]) -> None:
    x = tensor([5.0, 5.0], requires_grad=True)
    function(x).backward()
    gradient = np.nan_to_num(x.grad.to_numpy())
    assert gradient.tolist() == expected


def test_backward_may_be_called_again() -> None:
    x = tensor([3.0], requires_grad=True)
    y = x * x
    y.backward()
    y.backward()
    assert x.grad.item() == 12.0
