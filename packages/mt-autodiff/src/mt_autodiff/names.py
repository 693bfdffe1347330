"""Names of PyTorch and NumPy that this package does not have, and what to write instead.

A name that is missing raises an error with its row of a table. A row is an expression, and a
comment after two spaces; x and y are matrices of equal shape. The tests evaluate each expression.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PAGE = 'the page "Differences from PyTorch" of the documentation lists other names'
"""The reference to the page in messages."""

MEMBERS: dict[str, str] = {
    # Place and dtype
    "device": "x.backend.memory  # the backend decides where and how a tensor is computed",
    "is_cuda": 'x.backend.memory == "device"',
    "cuda": "x.to(backend)  # such as TunedCuda(numpy.float32)",
    "cpu": "x.to(backend)  # such as Fast(numpy.float32)",
    "float": "x.to(Reference(np.float32))  # the dtype belongs to the backend",
    "double": "x.to(Reference(np.float64))  # the dtype belongs to the backend",
    "half": "x.to(Reference(np.float32))  # float16 is not supported",
    "type": "x.to(Reference(np.float32))  # the dtype belongs to the backend",
    "astype": "x.to_numpy().astype(np.float32)  # an array; the dtype of a tensor is its backend's",
    "int": "x.to_numpy().astype(int)  # an array; floor() and round() give whole numbers",
    "long": "x.to_numpy().astype(int)  # an array; floor() and round() give whole numbers",
    "bool": "x != 0  # 1.0 for true, 0.0 for false",
    "is_contiguous": "x.data.is_contiguous()",
    "stride": "x.data.strides",
    "strides": "x.data.strides  # they count elements",
    "storage": "x.data.storage",
    "nbytes": "x.size * x.dtype.itemsize",
    "element_size": "x.dtype.itemsize",
    "nelement": "x.numel()",
    "ndimension": "x.dim()",
    # Gradients
    "grad_fn": "x.history  # history.last_fn is the function",
    "retain_grad": "x.detach().requires_grad_()  # only leaves keep a gradient",
    "register_hook": "Function  # write one whose backward changes the gradient",
    "detach_": "x.detach()",
    # Copies and creation
    "copy": "x.clone()",
    "new_zeros": "zeros((2, 3), backend=x.backend)",
    "new_ones": "ones((2, 3), backend=x.backend)",
    "new_full": "full((2, 3), 7.0, backend=x.backend)",
    "new_tensor": "tensor([1.0, 2.0], backend=x.backend)",
    "fill": "x.detach().fill_(7.0)",
    # Shape
    "view_as": "x.view(y.shape)",
    "reshape_as": "x.reshape(y.shape)",
    "ravel": "x.flatten()",
    "swapaxes": "x.transpose(0, 1)",
    "swapdims": "x.transpose(0, 1)",
    "movedim": "x.permute(1, 0)",
    "moveaxis": "x.permute(1, 0)",
    "mT": "x.transpose(-2, -1)",
    "broadcast_to": "x.expand(2, 2)",
    "tile": "x.repeat(2, 2)",
    "repeat_interleave": "x.unsqueeze(1).repeat(1, 3, 1).flatten(0, 1)",
    "narrow": "x[0:1]",
    "select": "x[0]",
    "diagonal": "x[[0, 1], [0, 1]]",
    "diag": "x[[0, 1], [0, 1]]",
    "trace": "x[[0, 1], [0, 1]].sum()",
    "fliplr": "x.flip(1)",
    "flipud": "x.flip(0)",
    "unfold": "mt_nn.tile(images, (2, 2))  # windows that do not overlap",
    # Elements
    "take": "x.flatten()[[0, 3]]  # mt_autodiff.take(x, rows) selects rows",
    "take_along_dim": "x.gather(1, [[1], [0]])",
    "where": "where(x > 0, x, y)  # a function of mt_autodiff",
    "masked_fill_": "x.masked_fill(x > 0, 0.0)  # or x[mask] = 0.0 in place",
    "scatter": "x.detach().clone().scatter_(1, [[1], [0]], 5.0)",
    "scatter_add": "one_hot([1, 0], 2).T @ x  # rows that are added up by position",
    "index_fill": "x.masked_fill(one_hot(1, 2) > 0, 5.0)",
    # Reductions
    "softmax": "mt_nn.softmax(x, 1)",
    "log_softmax": "mt_nn.logsoftmax(x, 1)",
    "nansum": "where(x.isnan(), 0.0, x).sum()",
    "nanmean": "where(x.isnan(), 0.0, x).sum() / (~x.isnan()).sum()",
    "cumprod": "x.abs().log().cumsum(1).exp()  # of positive elements",
    "quantile": "np.quantile(x.to_numpy(), 0.9)  # an array without a gradient",
    "histc": "np.histogram(x.to_numpy(), 10)  # arrays without a gradient",
    "bincount": "one_hot([0, 1, 1], 2).sum(0)",
    "mode": "np.unique(x.to_numpy(), return_counts=True)  # arrays without a gradient",
    "ptp": "x.max() - x.min()",
    # Functions of elements
    "exp2": "2.0**x",
    "expm1": "x.exp() - 1.0  # near 0 with fewer digits",
    "erfc": "1.0 - x.erf()  # of large numbers with fewer digits",
    "tan": "x.sin() / x.cos()",
    "sinh": "(x.exp() - (-x).exp()) / 2.0",
    "cosh": "(x.exp() + (-x).exp()) / 2.0",
    "logit": "(x / (1.0 - x)).log()",
    "trunc": "x.sign() * x.abs().floor()",
    "frac": "x - x.sign() * x.abs().floor()",
    "fmod": "x - y * ((x / y).sign() * (x / y).abs().floor())",
    "neg": "-x",
    "absolute": "x.abs()",
    "negative": "-x",
    "true_divide": "x / y",
    "divide": "x / y",
    "multiply": "x * y",
    "subtract": "x - y",
    "float_power": "x**y",
    "lerp": "x + 0.5 * (y - x)",
    "addcmul": "x + 0.5 * x * y",
    "addmm": "x + x @ y",
    "mv": "x @ y[0].unsqueeze(1)  # or matmul(x, y[0])",
    "inner": "x @ y.T",
    "cross": "np.cross([1, 0, 0], [0, 1, 0])  # of arrays, without a gradient",
    "equal": "bool((x == y).all())",
    "less": "x < y",
    "greater": "x > y",
    "clamp_min": "x.clamp(min=0.0)",
    "clamp_max": "x.clamp(max=1.0)",
    "argwhere": "x.nonzero()",
    # In place
    "sqrt_": "x.detach().copy_(x.sqrt().detach())",
    "exp_": "x.detach().copy_(x.exp().detach())",
    "relu_": "x.relu()",
    "sigmoid_": "x.sigmoid()",
    "normal_": "x.detach().copy_(randn_like(x, rng=0))",
    "uniform_": "x.detach().copy_(rand_like(x, rng=0))",
    "bernoulli_": "x.detach().copy_(rand_like(x, rng=0) < 0.5)",
}
"""The expression to write instead of each member of a tensor."""

SCALAR_MEMBERS: dict[str, str] = {
    "grad": "x.derivative",
    "item": "x.data",
    "value": "x.data",
    "detach": "Scalar(x.data, back=None)",
    "requires_grad": "not x.is_constant()",
    "grad_fn": "x.history  # history.last_fn is the function",
    "zero_grad": 'setattr(x, "derivative", None)',
    "ln": "x.log()  # it adds a small number; tensors have ln()",
    "abs": "x.relu() + (-x).relu()",
    "square": "x * x",
    "reciprocal": "1.0 / x",
    "tanh": "2.0 * (2.0 * x).sigmoid() - 1.0",
    "sqrt": "(0.5 * x.log()).exp()  # almost; tensors have sqrt()",
    "pow": "x * x  # powers as products; tensors have all powers",
    "is_close": "abs(x.data - y.data) < 0.01",
}
"""The expression to write instead of each member of a Scalar; x and y are Scalars."""

FUNCTIONS: dict[str, str] = {
    "empty": "zeros(2, 3)",
    "empty_like": "zeros_like(x)",
    "as_tensor": "tensor([1.0, 2.0])  # a copy; from_numpy shares memory",
    "asarray": "tensor([1.0, 2.0])  # a copy; from_numpy shares memory",
    "array": "tensor([1.0, 2.0])",
    "from_array": "from_numpy(np.ones(3))",
    "Generator": "np.random.default_rng(0)  # pass it as rng=",
    "manual_seed": "randn(2, 3, rng=0)  # there is no global generator: pass a seed or a generator",
    "seed": "randn(2, 3, rng=0)  # there is no global generator: pass a seed or a generator",
    "is_grad_enabled": "grad_enabled()",
    "set_grad_enabled": "no_grad()  # operations are recorded outside of it",
    "enable_grad": "grad_enabled()  # operations are recorded outside of no_grad",
    "inference_mode": "no_grad()",
    "save": "mt_nn.save_weights  # saves a module; np.save(path, x.to_numpy()) one tensor",
    "load": "mt_nn.load_weights  # of a module; tensor(np.load(path)) one tensor",
    "vstack": "concatenate([x, y], 0)",
    "hstack": "concatenate([x, y], 1)",
    "column_stack": "stack([x[0], y[0]], 1)",
    "broadcast_tensors": "x.expand(2, 2)",
    "logspace": "10.0 ** linspace(0.0, 2.0, 3)",
    "normal": "randn(2, 3, rng=0) * 0.5 + 1.0",
    "multinomial": "np.random.default_rng(0).choice(3, 2, p=[0.2, 0.3, 0.5])",
    "bernoulli": "rand(2, 3, rng=0) < 0.5",
    "is_tensor": "isinstance(x, Tensor)",
    "is_available": "mt_kernels_cuda.is_usable()",
    "device": "x.to(backend)  # the backend decides where a tensor is computed",
    "float32": "np.float32  # the dtype belongs to the backend, Reference(np.float32)",
    "float64": "np.float64  # the dtype belongs to the backend, Reference(np.float64)",
    "int64": "np.int64  # whole numbers are floats in a tensor",
    "long": "np.int64  # whole numbers are floats in a tensor",
    "autograd": "Function  # write a subclass with forward and backward",
    "nn": "mt_nn  # a package of its own",
    "optim": "mt_nn  # a package of its own",
    "softmax": "mt_nn.softmax(x, 1)",
    "log_softmax": "mt_nn.logsoftmax(x, 1)",
    "relu": "x.relu()",
    "cdist": "((x.unsqueeze(1) - y) ** 2).sum(2).sqrt()",
    "tensordot": 'einsum("ij,jk->ik", x, y)',
    "kron": 'einsum("ij,kl->ikjl", x, y).reshape(4, 4)',
    "inverse": "np.linalg.inv(x.to_numpy())  # an array without a gradient",
    "linalg": "np.linalg.inv(x.to_numpy())  # an array without a gradient",
}
"""The expression to write instead of each function of the package that tensors lack, too."""


def way_out(row: str) -> str:
    """Return the row of a table as a part of a sentence: its code, and its comment."""
    code, _, comment = row.partition("  # ")
    return f"write {code}" + (f" ({comment})" if comment else "")


def missing(
    owner: str,
    name: str,
    table: Mapping[str, str],
    sentences: Mapping[str, str] = MappingProxyType({}),
    similar: object = None,
) -> AttributeError:
    """Return the error of a missing name, with its row of a table.

    Args:
        owner: The class or the package, for the message.
        name: The name.
        table: The expressions to write instead of names.
        sentences: The ways out of names that no expression replaces.
        similar: The object whose names Python may suggest if the name has no row.
    """
    problem = f"{owner} has no attribute {name!r}"
    if name.startswith("__"):
        return AttributeError(problem)
    # Python suggests a similar name of `obj`, which is often wrong if the name has a row:
    # `reshape_as` is not `reshape`.
    if name in table:
        return AttributeError(f"{problem}; {way_out(table[name])}", name=name, obj=None)
    if name in sentences:
        return AttributeError(f"{problem}; {sentences[name]}", name=name, obj=None)
    return AttributeError(f"{problem}; {PAGE}", name=name, obj=similar)


def missing_member(instance: object, name: str, table: Mapping[str, str]) -> AttributeError:
    """Return the error of a missing attribute of an object, for a method ``__getattr__``.

    Python calls ``__getattr__`` also if a property raises AttributeError: that error is raised
    again, because it names what is missing in the property.

    Args:
        instance: The object.
        name: The name.
        table: The expressions to write instead of names.
    """
    if hasattr(type(instance), name):
        object.__getattribute__(instance, name)
    return missing(type(instance).__name__, name, table, similar=instance)


class MissingMember:
    """A member that a class does not have: reading it raises an error that says what to write.

    It takes the place of a method ``__getattr__`` in classes whose attributes are read often: with
    that method, Python reads every attribute more slowly.
    """

    def __init__(self, name: str, table: Mapping[str, str], sentences: Mapping[str, str]) -> None:
        self.name, self.table, self.sentences = name, table, sentences

    def __get__(self, instance: object, owner: type) -> Any:
        raise missing(owner.__name__, self.name, self.table, self.sentences)

    @classmethod
    def add_to(
        cls,
        owner: type,
        names: Iterable[str],
        table: Mapping[str, str],
        sentences: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Add a member to a class for each name that it does not have.

        Args:
            owner: The class.
            names: The names.
            table: The expressions to write instead of names.
            sentences: The ways out of names that no expression replaces.
        """
        for name in names:
            if not hasattr(owner, name):
                setattr(owner, name, cls(name, table, sentences))
        setattr(owner, "__dir__", _existing_names)  # noqa: B010 - mypy refuses the assignment


def _existing_names(instance: object) -> list[str]:
    """Return the names of an object's attributes without missing members, for `dir`."""
    kind = type(instance)
    return [
        name
        for name in object.__dir__(instance)
        if not isinstance(inspect.getattr_static(kind, name, None), MissingMember)
    ]


def missing_function(package: str, name: str, members: Any) -> AttributeError:
    """Return the error of a missing name of a package, which a method of tensors may replace.

    Args:
        package: The name of the package.
        name: The name.
        members: The class of tensors.
    """
    if name not in FUNCTIONS and not name.startswith("_"):
        if callable(getattr(members, name, None)):
            return AttributeError(
                f"{package} has no attribute {name!r}; write x.{name}(…), a method of tensors",
                name=name,
                obj=None,
            )
        if name in MEMBERS:
            return missing(package, name, MEMBERS)
    return missing(package, name, FUNCTIONS, similar=sys.modules[package])


def renamed(
    positional: int | None = None, /, **instead: str | None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that an argument of PyTorch raises an error that names ours.

    Args:
        positional: The number of arguments that may be passed without a name; more of them are an
            error that lists the names of the others.
        **instead: For each argument of PyTorch, the argument to use instead; None if there is none.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if positional is not None and len(args) > positional:
                own = inspect.signature(function).parameters.values()
                names = ", ".join(p.name for p in own if p.kind is p.KEYWORD_ONLY)
                ways = [
                    f"; PyTorch's {a}= is {b}"
                    for a, b in instead.items()
                    if b is not None and "=" in b
                ]
                raise TypeError(
                    f"{function.__name__}: {len(args)} arguments without a name, and at most "
                    f"{positional} are allowed; name the others: {names}{''.join(ways)}"
                )
            for name in kwargs:
                if name in instead:
                    is_class = function.__name__ == "__init__"
                    owner = type(args[0]).__name__ if is_class else function.__name__
                    kind = "class" if is_class else "function"
                    raise _no_argument(owner, kind, name, instead[name])
            return function(*args, **kwargs)

        return checked

    return decorate


_OF_NUMPY = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction", "unbiased": "correction"}

of_numpy = renamed(**_OF_NUMPY)
"""The decorator of reductions: NumPy's arguments raise an error that names ours."""


def refuse_options(function: str, options: Mapping[str, object]) -> NoReturn:
    """Raise the error of `of_numpy`, for functions that are called too often to be decorated.

    Args:
        function: The name of the function.
        options: The arguments that it does not have, at least one.
    """
    name = next(iter(options))
    raise _no_argument(function, "function", name, _OF_NUMPY.get(name))


def _no_argument(owner: str, kind: str, name: str, instead: str | None) -> TypeError:
    """Return the error of an argument that a function or a class does not have."""
    way_out = "leave it out" if instead is None else f"use {instead}"
    return TypeError(f"{owner}: {name!r} is no argument of the {kind}; {way_out}")
