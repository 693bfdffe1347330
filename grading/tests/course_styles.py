"""Right solutions in the course's layout that look nothing like the trees of `upstream_trees`.

Each is a writer's habit: lambdas, recursion, NumPy, closures, loops in another order. What is
written here replaces the definitions of the same names; see `restyled`.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.tests.upstream_trees import Edition, write_upstream

Named = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class CourseStyle:
    """A right solution in another style.

    Attributes:
        tasks: The tasks whose points it earns.
        files: Definitions for files of `minitorch/`, by the name of the file.
        edition: The edition of the tree around them.
    """

    tasks: Sequence[str]
    files: Mapping[str, str]
    edition: Edition = "2022"

    def write(self, folder: Path) -> Path:
        """Write the submission, as far as the module of its last task, into a folder."""
        module = max(int(task[0]) for task in self.tasks)
        write_upstream(folder, self.edition, module)
        for name, piece in self.files.items():
            path = folder / "minitorch" / f"{name}.py"
            path.write_text(restyled(path.read_text(encoding="utf-8"), piece), encoding="utf-8")
        return folder


def restyled(source: str, piece: str) -> str:
    """Return a source with other definitions.

    Args:
        source: The text of a file.
        piece: Definitions. Those of a name that the file has replace it, in a class method by
            method; others and imports are added at the top; `del name` takes a name away.
    """
    tree = ast.parse(source)
    tree.body = _merged(tree.body, ast.parse(piece).body)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _merged(body: list[ast.stmt], new: list[ast.stmt]) -> list[ast.stmt]:
    result = list(body)
    added: list[ast.stmt] = []
    for node in new:
        if isinstance(node, ast.Delete):
            gone = {target.id for target in node.targets if isinstance(target, ast.Name)}
            result = [each for each in result if _name(each) not in gone]
            continue
        places = [i for i, each in enumerate(result) if _name(each) == _name(node) is not None]
        if not places:
            added.append(node)
            continue
        old = result[places[0]]
        if isinstance(node, ast.ClassDef) and isinstance(old, ast.ClassDef) and not node.bases:
            old.body = _merged(old.body, node.body)
        else:
            result[places[0]] = node
    top = max((i + 1 for i, each in enumerate(result) if _is_import(each)), default=1)
    return result[:top] + added + result[top:]


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _name(node: ast.stmt) -> str | None:
    if isinstance(node, Named):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


STYLES: dict[str, CourseStyle] = {
    "formulas as lambdas": CourseStyle(
        ["0.1"],
        {
            "operators": """
mul = lambda x, y: x * y
id = lambda x: x
add = lambda a, b: a + b
neg = lambda number: -number
lt = lambda x, y: float(x < y)
eq = lambda x, y: float(x == y)
max = lambda x, y: (y, x)[x > y]
is_close = lambda x, y: float(abs(x - y) < 0.01)
relu = lambda x: x * (x > 0)
inv = lambda x: x**-1
inv_back = lambda x, d: -d * x**-2
relu_back = lambda x, d: (x > 0) * d
log_back = lambda x, d: d * inv(x + EPS)
"""
        },
    ),
    "formulas of Python's own functions": CourseStyle(
        ["0.1"],
        {
            "operators": """
import builtins
import operator

mul = operator.mul
add = operator.add
neg = operator.neg


def lt(a, b):
    return int(operator.lt(a, b))


def eq(a, b):
    return operator.eq(a, b)


def max(*numbers):
    return builtins.max(numbers)


def is_close(x, y, distance=1e-2):
    return -distance < x - y < distance


def sigmoid(x):
    return (1.0 + math.tanh(x / 2)) / 2 if x >= 0 else exp(x) / (exp(x) + 1)


def relu(x):
    return max(x, 0.0)


def exp(x):
    return math.e**x if x < -700 else math.exp(x)
"""
        },
    ),
    "list functions of `functools` and `itertools`": CourseStyle(
        ["0.3"],
        {
            "operators": """
import builtins
import functools
import itertools
from functools import partial


def map(fn):
    return lambda xs: list(builtins.map(fn, xs))


def zipWith(fn):
    return lambda xs, ys: list(itertools.starmap(fn, zip(xs, ys)))


def reduce(fn, start):
    return lambda xs: functools.reduce(lambda total, x: fn(x, total), xs, start)


negList = partial(map(neg))


def prod(factors):
    return functools.reduce(mul, factors, 1.0)
"""
        },
    ),
    "lists by recursion": CourseStyle(
        ["0.3"],
        {
            "operators": """
def map(function):
    def inner(list_of_numbers):
        if not list_of_numbers:
            return []
        head, *tail = list_of_numbers
        return [function(head), *inner(tail)]

    return inner


def zipWith(fn):
    def inner(ls1, ls2):
        if len(ls1) == 0 or len(ls2) == 0:
            return []
        return [fn(ls1[0], ls2[0])] + inner(ls1[1:], ls2[1:])

    return inner


def reduce(fn, start):
    def inner(ls, total=start):
        return inner(ls[1:], fn(ls[0], total)) if len(ls) else total

    return inner


def sum(ls):
    return add(ls[0], sum(ls[1:])) if len(ls) else 0.0
"""
        },
    ),
    "lists that are consumed in while loops": CourseStyle(
        ["0.3"],
        {
            "operators": """
class map:
    def __init__(self, fn):
        self.fn = fn

    def __call__(self, ls):
        result = []
        i = 0
        while i < len(ls):
            result.append(self.fn(ls[i]))
            i += 1
        return result


def zipWith(fn):
    def zipped(ls1, ls2):
        return [fn(ls1[i], ls2[i]) for i in range(len(ls1))]

    return zipped


def reduce(fn, start):
    def folded(ls):
        left = list(ls)[::-1]
        value = start
        while left:
            value = fn(left.pop(), value)
        return value

    return folded
"""
        },
    ),
    "lazy lists": CourseStyle(
        ["0.3"],
        {
            "operators": """
def map(fn, numbers):
    for number in numbers:
        yield fn(number)


def zipWith(fn, first, second):
    return (fn(x, y) for x, y in zip(first, second))


def negList(numbers):
    return list(map(neg, numbers))


def addLists(first, second):
    return list(zipWith(add, first, second))


def reduce(fn, numbers, initial=None):
    total = initial
    for x in numbers:
        total = x if total is None else fn(total, x)
    return total


def sum(numbers):
    return reduce(add, numbers, 0)


def prod(numbers):
    return reduce(mul, numbers)
"""
        },
        "2024",
    ),
    "modules by a stack; names in a dictionary": CourseStyle(
        ["0.4"],
        {
            "module": """
class Module:
    def _below(self):
        left = [("", self)]
        while left:
            prefix, module = left.pop()
            yield prefix, module
            left.extend((f"{prefix}{name}.", child) for name, child in module._modules.items())

    def _switch(self, training):
        for _, module in self._below():
            module.training = training
        return self

    def train(self):
        return self._switch(True)

    def eval(self):
        return self._switch(False)

    def named_parameters(self):
        return {
            prefix + name: parameter
            for prefix, module in self._below()
            for name, parameter in module._parameters.items()
        }

    def parameters(self):
        return tuple(self.named_parameters().values())
"""
        },
    ),
    "names handed down by a default argument": CourseStyle(
        ["0.4"],
        {
            "module": """
class Module:
    def train(self, mode=True):
        self.training = mode
        [child.train(mode) for child in self.__dict__["_modules"].values()]

    eval = lambda self: self.train(False)

    def named_parameters(self, prefix=""):
        pairs = []
        for name in self._modules:
            pairs.extend(self._modules[name].named_parameters(prefix + name + "."))
        pairs.extend((prefix + name, p) for name, p in self._parameters.items())
        return pairs

    def parameters(self):
        found = list(self._parameters.values())
        for module in self.modules():
            found.extend(module.parameters())
        return found
"""
        },
    ),
    "differences in a list comprehension": CourseStyle(
        ["1.1"],
        {
            "autodiff": """
def central_difference(function, *point, arg=0, epsilon=1e-6):
    def shifted(step):
        return function(*[x + step * (i == arg) for i, x in enumerate(point)])

    return shifted(epsilon) / (2 * epsilon) - shifted(-epsilon) / (2 * epsilon)
"""
        },
    ),
    "operators of one helper; attributes of the context": CourseStyle(
        ["1.2", "1.3", "1.4"],
        {
            "scalar": """
def _applied(function, *operands):
    return function.apply(*operands)


class Scalar:
    __add__ = lambda self, b: _applied(Add, self, b)
    __lt__ = lambda self, b: _applied(LT, self, b)
    __gt__ = lambda self, b: _applied(LT, b, self)
    __eq__ = lambda self, b: _applied(EQ, self, b)
    __neg__ = lambda self: _applied(Neg, self)

    def __sub__(self, other):
        return self + (-other)

    def chain_rule(self, d_output):
        history = self.history
        derivatives = history.last_fn.backward(history.ctx, d_output)
        if not isinstance(derivatives, tuple):
            derivatives = [derivatives]
        for variable, derivative in zip(history.inputs, derivatives):
            if not variable.is_constant():
                yield variable, derivative
""",
            "scalar_functions": """
class Mul(ScalarFunction):
    @staticmethod
    def forward(ctx, *factors):
        ctx.factors = factors
        return operators.prod(factors)

    @staticmethod
    def backward(ctx, d_output):
        return tuple(d_output * other for other in ctx.factors[::-1])


class Neg(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        return 0.0 - x

    @classmethod
    def backward(cls, ctx, d):
        return (cls.forward(ctx, d),)


class Exp(ScalarFunction):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return operators.exp(x)

    @staticmethod
    def backward(context, d):
        return operators.exp(*context.saved_values) * d


class Sigmoid(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, operators.sigmoid(x))
        return ctx.saved_values[1]

    @staticmethod
    def backward(ctx, d):
        return operators.prod([d, ctx.saved_values[1], operators.sigmoid(-ctx.saved_values[0])])


class ReLU(ScalarFunction):
    @staticmethod
    def forward(ctx, x):
        ctx.positive = x > 0
        return x if ctx.positive else 0.0

    @staticmethod
    def backward(ctx, d):
        return d * ctx.positive


class LT(ScalarFunction):
    @staticmethod
    def forward(ctx, a, b):
        return float(a < b)

    @staticmethod
    def backward(ctx, d_output):
        return (0.0,) * 2
""",
            "autodiff": """
from collections import deque


def topological_sort(variable):
    order, known = deque(), set()

    def search(v):
        known.add(v.unique_id)
        for parent in [] if v.is_leaf() else v.parents:
            if parent.unique_id not in known and not parent.is_constant():
                search(parent)
        order.appendleft(v)

    if not variable.is_constant():
        search(variable)
    return order


def backpropagate(variable, deriv):
    received = dict.fromkeys([v.unique_id for v in topological_sort(variable)], 0)
    received[variable.unique_id] += deriv
    for v in topological_sort(variable):
        if v.is_leaf():
            v.accumulate_derivative(received[v.unique_id])
        else:
            for parent, d in v.chain_rule(received[v.unique_id]):
                if parent.unique_id in received:
                    received[parent.unique_id] = received[parent.unique_id] + d
    return received
""",
        },
    ),
    "a sort by counting uses; scalars of 2024": CourseStyle(
        ["1.2", "1.3", "1.4"],
        {
            "autodiff": """
def _uses(variable):
    uses, seen, left = {}, {variable.unique_id}, [variable]
    while left:
        for parent in _inputs(left.pop()):
            uses[parent.unique_id] = uses.get(parent.unique_id, 0) + 1
            if parent.unique_id not in seen:
                seen.add(parent.unique_id)
                left.append(parent)
    return uses


def _inputs(variable):
    if variable.is_leaf():
        return []
    return [parent for parent in variable.parents if not parent.is_constant()]


def topological_sort(variable):
    uses, ready = _uses(variable), [variable]
    while ready:
        v = ready.pop(0)
        if v.is_constant():
            continue
        yield v
        for parent in _inputs(v):
            uses[parent.unique_id] -= 1
            if uses[parent.unique_id] == 0:
                ready.append(parent)


def backpropagate(variable, deriv):
    table = {variable.unique_id: [deriv]}
    for node in topological_sort(variable):
        first, *others = table.pop(node.unique_id)
        total = first
        for other in others:
            total = total + other
        if node.is_leaf():
            node.accumulate_derivative(total)
            continue
        for parent, part in node.chain_rule(total):
            table.setdefault(parent.unique_id, []).append(part)
""",
            "scalar": """
class Scalar:
    def chain_rule(self, d_output):
        made_by, saved, operands = self.history.last_fn, self.history.ctx, self.history.inputs
        return dict(enumerate(zip(operands, made_by._backward(saved, d_output)))).values()
""",
        },
        "2024",
    ),
    "positions by NumPy; shapes by recursion": CourseStyle(
        ["2.1", "2.2"],
        {
            "tensor_data": """
def index_to_position(index, strides):
    return int((np.asarray(index) * np.asarray(strides)).sum())


def to_index(ordinal, shape, out_index):
    for dim, i in enumerate(np.unravel_index(ordinal, tuple(shape))):
        out_index[dim] = i


def broadcast_index(big_index, big_shape, shape, out_index):
    kept = np.asarray(big_index)[len(big_shape) - len(shape) :]
    out_index[:] = np.where(np.asarray(shape) > 1, kept, 0)


def shape_broadcast(shape1, shape2):
    if not shape1 or not shape2:
        return tuple(shape1) + tuple(shape2)
    *left1, a = shape1
    *left2, b = shape2
    if 1 not in (a, b) and a != b:
        raise IndexingError(shape1, shape2)
    return (*shape_broadcast(left1, left2), max(a, b))


class TensorData:
    def permute(self, *order):
        assert sorted(order) == list(range(self.dims))
        shape, strides = zip(*[(self.shape[dim], self.strides[dim]) for dim in order])
        return TensorData(self._storage, shape, strides)
"""
        },
    ),
    "column-major ordinals; indices from the right": CourseStyle(
        ["2.1", "2.2", "2.3", "3.1"],
        {
            "tensor_data": """
from itertools import zip_longest


def index_to_position(index, strides):
    position = 0
    for dim in range(len(strides) - 1, -1, -1):
        position += strides[dim] * index[dim]
    return position


def to_index(ordinal, shape, out_index):
    rest = ordinal + 0
    for dim in range(len(shape)):
        out_index[dim] = rest % shape[dim]
        rest = (rest - out_index[dim]) // shape[dim]
    return out_index


def broadcast_index(big_index, big_shape, shape, out_index):
    behind = 1
    while behind <= len(shape):
        out_index[-behind] = big_index[-behind] % shape[-behind]
        behind += 1
    return out_index


def shape_broadcast(*shapes):
    result = []
    for sizes in zip_longest(*map(reversed, shapes), fillvalue=1):
        others = set(sizes) - {1}
        if len(others) > 1:
            raise IndexingError(f"{shapes} do not go together")
        result.insert(0, others.pop() if others else 1)
    return tuple(result)
"""
        },
    ),
    "loops over positions; operands of NumPy": CourseStyle(
        ["2.3"],
        {
            "tensor_ops": """
import functools
import itertools


def _positions(out_shape, shape, strides):
    steps = [0] * (len(out_shape) - len(shape))
    steps += [0 if size == 1 else step for size, step in zip(shape, strides)]
    for index in itertools.product(*map(range, out_shape)):
        yield sum(i * step for i, step in zip(index, steps))


def tensor_map(fn):
    def _map(to, to_shape, to_strides, source, shape, strides):
        targets = _positions(to_shape, to_shape, to_strides)
        for o, i in zip(targets, _positions(to_shape, shape, strides)):
            to[o] = fn(source[i])

    return _map


def tensor_zip(fn):
    def _zip(out, out_shape, out_strides, *operands):
        triples = [operands[:3], operands[3:]]
        walks = [_positions(out_shape, shape, strides) for _, shape, strides in triples]
        for o, i, j in zip(_positions(out_shape, out_shape, out_strides), *walks):
            out[o] = fn(operands[0][i], operands[3][j])

    return _zip


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, dim):
        view = np.lib.stride_tricks.as_strided(a, a_shape, [8 * int(s) for s in a_strides])
        for index in np.ndindex(*out_shape):
            o = index_to_position(index, out_strides)
            row = view[index[:dim] + (slice(None),) + index[dim + 1 :]]
            out[o] = functools.reduce(lambda total, x: fn(x, total), row, out[o])

    return _reduce
"""
        },
    ),
    "tensors walked by recursion": CourseStyle(
        ["2.3"],
        {
            "tensor_ops": """
def _walk(shape, strides, dim=0, at=(0, 0, 0)):
    if dim == len(shape):
        yield at
        return
    for i in range(shape[dim]):
        yield from _walk(
            shape, strides, dim + 1, [a + i * steps[dim] for a, steps in zip(at, strides)]
        )


def _steps(out_shape, shape, strides):
    lost = len(out_shape) - len(shape)
    return [
        strides[d - lost] if d >= lost and shape[d - lost] > 1 else 0 for d in range(len(out_shape))
    ]


def tensor_map(fn):
    def _map(out, out_shape, out_strides, a, a_shape, a_strides):
        steps = [out_strides, _steps(out_shape, a_shape, a_strides)]
        for o, i in _walk(out_shape, steps, 0, (0, 0)):
            out[o] = fn(a[i])

    return _map


def tensor_zip(fn):
    def _zip(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides):
        a_steps = _steps(out_shape, a_shape, a_strides)
        b_steps = _steps(out_shape, b_shape, b_strides)
        for o, i, j in _walk(out_shape, [out_strides, a_steps, b_steps]):
            out[o] = fn(a[i], b[j])

    return _zip


def tensor_reduce(fn):
    def fold(numbers, total):
        return total if not numbers else fold(numbers[1:], fn(numbers[0], total))

    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, reduce_dim):
        step, length = a_strides[reduce_dim], a_shape[reduce_dim]
        for o, i in _walk(out_shape, [out_strides, a_strides], 0, (0, 0)):
            out[o] = fold([a[i + k * step] for k in range(length)], out[o])

    return _reduce
"""
        },
    ),
    "gradients by arithmetic on tensors": CourseStyle(
        ["2.3", "2.4"],
        {
            "tensor_functions": """
class Mul(Function):
    @staticmethod
    def forward(ctx, *factors):
        ctx.save_for_backward(*factors)
        return factors[0].f.mul_zip(*factors)

    @staticmethod
    def backward(ctx, grad):
        return tuple(other * grad for other in reversed(ctx.saved_tensors))


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.sigmoid_map(x)

    @staticmethod
    def backward(ctx, grad):
        s = ctx.saved_values[0].sigmoid()
        return grad * s - grad * s * s


class ReLU(Function):
    @staticmethod
    def forward(ctx, x):
        positive = x > 0.0
        ctx.positive = positive
        return x.f.mul_zip(positive, x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.positive * grad


class Log(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.log_map(x)

    @staticmethod
    def backward(ctx, grad):
        return grad / (ctx.saved_values[0] + operators.EPS)


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.f.exp_map(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_values
        return x.f.mul_zip(grad, x.f.exp_map(x))


class LT(Function):
    @staticmethod
    def forward(ctx, a, b):
        return a.f.lt_zip(a, b)

    @staticmethod
    def backward(ctx, grad):
        nothing = grad * 0.0
        return nothing, nothing


class EQ(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a.f.eq_zip(a, b)

    @staticmethod
    def backward(ctx, grad):
        return tuple(each.zeros() for each in ctx.saved_values)


class Permute(Function):
    @staticmethod
    def forward(ctx, a, order):
        ctx.order = order.to_numpy().astype(int)
        return a._new(a._tensor.permute(*ctx.order))

    @staticmethod
    def backward(ctx, grad):
        return grad._new(grad._tensor.permute(*np.argsort(ctx.order))), 0.0
"""
        },
    ),
    "kernels compiled by decorators; `numba.prange` by attribute": CourseStyle(
        ["3.1", "3.2"],
        {
            "fast_ops": """
import numba


def tensor_map(fn):
    @njit(parallel=True)
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        if np.array_equal(out_strides, in_strides) and np.array_equal(out_shape, in_shape):
            for i in numba.prange(out.size):
                out[i] = fn(in_storage[i])
            return
        for i in numba.prange(out.size):
            out_index = np.zeros_like(out_shape)
            in_index = np.zeros_like(in_shape)
            to_index(i, out_shape, out_index)
            broadcast_index(out_index, out_shape, in_shape, in_index)
            value = in_storage[index_to_position(in_index, in_strides)]
            out[index_to_position(out_index, out_strides)] = fn(value)

    return _map


def tensor_reduce(fn):
    @numba.njit(parallel=True)
    def _reduce(out, out_shape, out_strides, a, a_shape, a_strides, dim):
        for i in numba.prange(len(out)):
            index = np.zeros(len(out_shape), np.int64)
            to_index(i, out_shape, index)
            to = index_to_position(index, out_strides)
            at = index_to_position(index, a_strides)
            end = at + a_shape[dim] * a_strides[dim]
            total = out[to]
            while at < end:
                total = fn(total, a[at])
                at += a_strides[dim]
            out[to] = total

    return _reduce


del _tensor_matrix_multiply


@njit(parallel=True, fastmath=True)
def tensor_matrix_multiply(
    out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides
):
    a_batch = a_strides[0] if a_shape[0] > 1 else 0
    b_batch = b_strides[0] if b_shape[0] > 1 else 0
    for row in numba.prange(out_shape[1]):
        for column in range(out_shape[2]):
            for n in range(out_shape[0]):
                x = n * a_batch + row * a_strides[1]
                y = n * b_batch + column * b_strides[2]
                total = 0.0
                for _ in range(a_shape[2]):
                    total += a[x] * b[y]
                    x += a_strides[2]
                    y += b_strides[1]
                out[n * out_strides[0] + row * out_strides[1] + column * out_strides[2]] = total
"""
        },
    ),
    "compiled helpers inside of what makes the kernels": CourseStyle(
        ["3.1", "3.2"],
        {
            "fast_ops": """
def tensor_map(fn):
    @njit
    def element(i, out_shape, out_strides, in_storage, in_shape, in_strides):
        out_index = np.empty(len(out_shape), np.int64)
        in_index = np.empty(len(in_shape), np.int64)
        to_index(i, out_shape, out_index)
        broadcast_index(out_index, out_shape, in_shape, in_index)
        place = index_to_position(out_index, out_strides)
        return place, fn(in_storage[index_to_position(in_index, in_strides)])

    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        for i in prange(len(out)):
            place, value = element(i, out_shape, out_strides, in_storage, in_shape, in_strides)
            out[place] = value

    return njit(_map, parallel=True)


def tensor_zip(fn):
    position = _njit(lambda i, shape, strides: _position(i, shape, strides))

    def _zip(out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides):
        rank = len(out_shape)
        a_steps = _steps(out_shape, a_shape, a_strides)
        b_steps = _steps(out_shape, b_shape, b_strides)
        for i in prange(len(out)):
            x = a[position(i, out_shape, a_steps)]
            y = b[position(i, out_shape, b_steps)]
            out[position(i, out_shape, out_strides[:rank])] = fn(x, y)

    return njit(_zip, parallel=True)


@_njit
def _steps(out_shape, shape, strides):
    steps = np.zeros(len(out_shape), np.int64)
    lost = len(out_shape) - len(shape)
    for dim in range(len(shape)):
        if shape[dim] > 1:
            steps[lost + dim] = strides[dim]
    return steps


@_njit
def _position(ordinal, shape, steps):
    at = 0
    left = np.int64(ordinal)
    for dim in range(len(shape) - 1, -1, -1):
        left, i = divmod(left, shape[dim])
        at += i * steps[dim]
    return at


def tensor_reduce(fn):
    def folded(numbers, start, first, step, length):
        result = start
        for k in range(length):
            result = fn(result, numbers[first + k * step])
        return result

    folded = _njit(folded)

    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        for i in prange(len(out)):
            to = _position(i, out_shape, out_strides)
            first = _position(i, out_shape, a_strides)
            out[to] = folded(a_storage, out[to], first, a_strides[reduce_dim], a_shape[reduce_dim])

    return njit(_reduce, parallel=True)


def _tensor_matrix_multiply(
    out, out_shape, out_strides, a, a_shape, a_strides, b, b_shape, b_strides
):
    rows, columns, inner = out_shape[-2], out_shape[-1], a_shape[-1]
    a_batch = 0 if a_shape[0] == 1 else a_strides[0]
    b_batch = 0 if b_shape[0] == 1 else b_strides[0]
    for line in prange(out_shape[0] * rows):
        n = line // rows
        i = line % rows
        sums = np.zeros(columns)
        for k in range(inner):
            factor = a[n * a_batch + i * a_strides[1] + k * a_strides[2]]
            start = n * b_batch + k * b_strides[1]
            for j in range(columns):
                sums[j] += factor * b[start]
                start += b_strides[2]
        for j in range(columns):
            out[n * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = sums[j]
"""
        },
        "2024",
    ),
    "one pass of the parallel loop for each line of the output": CourseStyle(
        ["3.1", "3.2"],
        {
            "fast_ops": """
from functools import partial

from numba import jit

compiled = partial(jit, nopython=True, parallel=True)


def tensor_map(fn):
    def _map(out, out_shape, out_strides, in_storage, in_shape, in_strides):
        width = out_shape[-1]
        for line in prange(len(out) // width):
            for column in range(width):
                out_index = np.zeros(len(out_shape), np.int32)
                in_index = np.zeros(len(in_shape), np.int32)
                to_index(line * width + column, out_shape, out_index)
                broadcast_index(out_index, out_shape, in_shape, in_index)
                to = index_to_position(out_index, out_strides)
                out[to] = fn(in_storage[index_to_position(in_index, in_strides)])

    return compiled(_map)


def tensor_zip(fn):
    def _zip(
        out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
    ):
        n = len(out)
        for backwards in prange(n):
            i = n - 1 - backwards
            indices = np.zeros((3, len(out_shape)), np.int32)
            to_index(i, out_shape, indices[0])
            broadcast_index(indices[0], out_shape, a_shape, indices[1])
            broadcast_index(indices[0], out_shape, b_shape, indices[2])
            x = a_storage[index_to_position(indices[1][: len(a_shape)], a_strides)]
            y = b_storage[index_to_position(indices[2][: len(b_shape)], b_strides)]
            out[index_to_position(indices[0], out_strides)] = fn(x, y)

    return compiled(_zip)


def tensor_reduce(fn):
    def _reduce(out, out_shape, out_strides, a_storage, a_shape, a_strides, reduce_dim):
        for i in prange(len(out)):
            index = np.zeros(len(out_shape), np.int32)
            to_index(i, out_shape, index)
            place = index_to_position(index, out_strides)
            base = index_to_position(index, a_strides)
            last = base + (a_shape[reduce_dim] - 1) * a_strides[reduce_dim]
            answer = out[place]
            for at in range(base, last + 1, a_strides[reduce_dim]):
                answer = fn(answer, a_storage[at])
            out[place] = answer

    return compiled(_reduce)


def _tensor_matrix_multiply(
    out, out_shape, out_strides, a_storage, a_shape, a_strides, b_storage, b_shape, b_strides
):
    for ordinal in prange(len(out)):
        j = ordinal % out_shape[2]
        i = ordinal // out_shape[2] % out_shape[1]
        n = ordinal // (out_shape[2] * out_shape[1])
        at = (n % a_shape[0]) * a_strides[0] + i * a_strides[1]
        to = (n % b_shape[0]) * b_strides[0] + j * b_strides[2]
        acc = 0.0
        for k in range(b_shape[1]):
            acc += a_storage[at + k * a_strides[2]] * b_storage[to + k * b_strides[1]]
        out[n * out_strides[0] + i * out_strides[1] + j * out_strides[2]] = acc


tensor_matrix_multiply = compiled(_tensor_matrix_multiply)
"""
        },
    ),
    "convolutions parallel over other loops": CourseStyle(
        ["4.1", "4.2"],
        {
            "fast_conv": """
import numba


def _tensor_conv1d(
    out,
    out_shape,
    out_strides,
    out_size,
    image,
    image_shape,
    image_strides,
    taps,
    taps_shape,
    taps_strides,
    reverse,
):
    sign = -1 if reverse else 1
    for oc in numba.prange(taps_shape[0]):
        for n in range(out_shape[0]):
            for w in range(out_shape[2]):
                total, ic = 0.0, 0
                while ic < taps_shape[1]:
                    k = 0
                    while k < taps_shape[2]:
                        at = w + sign * k
                        if at >= 0 and at < image_shape[2]:
                            x = n * image_strides[0] + ic * image_strides[1] + at * image_strides[2]
                            y = oc * taps_strides[0] + ic * taps_strides[1] + k * taps_strides[2]
                            total += image[x] * taps[y]
                        k += 1
                    ic += 1
                out[n * out_strides[0] + oc * out_strides[1] + w * out_strides[2]] = total


@njit(inline="always")
def _inside(y, x, shape):
    return 0 <= y < shape[2] and 0 <= x < shape[3]


@njit
def _at(n, c, y, x, strides):
    return n * strides[0] + c * strides[1] + y * strides[2] + x * strides[3]


@njit
def _sum(n, oc, h, w, image, shape, strides, kernel, k_shape, k_strides, step):
    total = 0.0
    for ic in range(shape[1]):
        for i in range(k_shape[2]):
            for j in range(k_shape[3]):
                if _inside(h + step * i, w + step * j, shape):
                    pixel = image[_at(n, ic, h + step * i, w + step * j, strides)]
                    total += pixel * kernel[_at(oc, ic, i, j, k_strides)]
    return total


def _tensor_conv2d(
    out, out_shape, out_strides, _, image, shape, strides, kernel, k_shape, k_strides, reverse
):
    step = -1 if reverse else 1
    for h in prange(out_shape[2]):
        for n in range(out_shape[0]):
            for oc in range(out_shape[1]):
                for w in range(out_shape[3]):
                    out[_at(n, oc, h, w, out_strides)] = _sum(
                        n, oc, h, w, image, shape, strides, kernel, k_shape, k_strides, step
                    )
"""
        },
    ),
    "poolings as functions with a `backward` of their own": CourseStyle(
        ["4.3", "4.4"],
        {
            "nn": """
import numpy as np

from .tensor import Tensor


def _made(array, like):
    return Tensor.make(np.array(array, float).ravel(), array.shape, backend=like.backend)


def _cut(array, kh, kw):
    batch, channel, height, width = array.shape
    return array.reshape(batch, channel, height // kh, kh, width // kw, kw).swapaxes(3, 4)


class AvgPool(Function):
    @staticmethod
    def forward(ctx, input, kernel):
        kh, kw = (int(size) for size in kernel.to_numpy())
        ctx.save_for_backward(kh, kw)
        return _made(_cut(input.to_numpy(), kh, kw).mean(axis=(4, 5)), input)

    @staticmethod
    def backward(ctx, grad_output):
        kh, kw = ctx.saved_values
        spread = np.kron(grad_output.to_numpy(), np.ones((kh, kw))) / (kh * kw)
        return _made(spread, grad_output), 0.0


def avgpool2d(input, kernel):
    return AvgPool.apply(input, tensor(list(kernel)))


class MaxPool(Function):
    @staticmethod
    def forward(ctx, input, kernel):
        kh, kw = (int(size) for size in kernel.to_numpy())
        x = input.to_numpy()
        best = _cut(x, kh, kw).max(axis=(4, 5))
        ctx.save_for_backward(kh, kw, x, best)
        return _made(best, input)

    @staticmethod
    def backward(ctx, grad_output):
        kh, kw, x, best = ctx.saved_values
        ones = np.ones((kh, kw))
        hits = x == np.kron(best, ones)
        return _made(hits * np.kron(grad_output.to_numpy(), ones), grad_output), 0.0


def maxpool2d(image, window):
    return MaxPool.apply(image, tensor(list(window)))


from .tensor_functions import Function, rand, tensor
"""
        },
    ),
    "tiles by NumPy; a maximum that drops its dimension": CourseStyle(
        ["4.3", "4.4"],
        {
            "nn": """
import numpy as np


class Tile(Function):
    @staticmethod
    def forward(ctx, input, size):
        kh, kw = map(int, size.to_numpy())
        batch, channel, height, width = input.shape
        ctx.shape = batch, channel, height // kh, width // kw, kh, kw
        x = input.to_numpy().reshape(batch, channel, height // kh, kh, width // kw, kw)
        x = np.ascontiguousarray(x.transpose(0, 1, 2, 4, 3, 5))
        return Tensor.make(x.ravel(), ctx.shape[:4] + (kh * kw,), backend=input.backend)

    @staticmethod
    def backward(ctx, grad):
        batch, channel, h, w, kh, kw = ctx.shape
        x = grad.to_numpy().reshape(ctx.shape).transpose(0, 1, 2, 4, 3, 5)
        x = np.ascontiguousarray(x)
        shape = (batch, channel, h * kh, w * kw)
        return Tensor.make(x.ravel(), shape, backend=grad.backend), 0.0


def tile(input, kernel):
    windows = Tile.apply(input, tensor([float(size) for size in kernel]))
    return (windows, *windows.shape[2:4])


def avgpool2d(input, kernel):
    windows = tile(input, kernel)[0]
    return (windows.sum(4) * (1 / windows.shape[4])).view(*windows.shape[:4])


def max(input, dim=None):
    if dim is None:
        return Max.apply(input.contiguous().view(input.size), tensor([0]))
    rest = [size for d, size in enumerate(input.shape) if d != dim]
    return Max.apply(input, tensor([dim])).view(*(rest or [1]))


def maxpool2d(input, kernel):
    return max(tile(input, kernel)[0], 4)


def softmax(input, dim):
    return (input - _logsumexp(input, dim)).exp()


def logsoftmax(input, dim):
    return input - _logsumexp(input, dim)


def _logsumexp(input, dim):
    kept = [1 if d == dim else size for d, size in enumerate(input.shape)]
    top = max(input, dim).view(*kept)
    return (input - top).exp().sum(dim).log() + top


def dropout(input, probability, ignore=False):
    if ignore:
        return input
    kept = np.random.binomial(1, 1 - probability, input.shape)
    return input * tensor(kept.tolist(), backend=input.backend)
"""
        },
        "2024",
    ),
}
