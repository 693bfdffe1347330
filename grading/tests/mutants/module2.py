"""Mistakes of module 2: layouts, broadcasting, loops, gradients of tensors."""

from grading.tests.mutants.mutant import Mutant, mutant
from grading.tests.mutants.rewriting import Rewrite

LAYOUT = "mt_tensor/layout.py"
DATA = "mt_tensor/tensor_data.py"
LOOPS = "mt_tensor/reference_loops.py"
TENSOR = "mt_autodiff/basic_tensor.py"
ELEMENTWISE = "mt_autodiff/functions/elementwise.py"
SHAPING = "mt_autodiff/functions/shaping.py"
BROADCASTING = "mt_autodiff/broadcasting.py"
ENGINE = "mt_autodiff/engine.py"
MLP = "mt_models/networks/mlp.py"

MUTANTS: list[Mutant] = [
    mutant(
        "2.1",
        "a position without the last dimension",
        LAYOUT,
        "for dim in range(len(strides)):\n        position +=",
        "for dim in range(len(strides) - 1):\n        position +=",
        "last dimension",
    ),
    mutant(
        "2.1",
        "a position without strides",
        LAYOUT,
        "position += index[dim] * strides[dim]",
        "position += index[dim]",
        "not multiplied by the strides",
    ),
    mutant(
        "2.1",
        "to_index does not divide",
        LAYOUT,
        "        rest = rest // shape[dim]\n",
        "",
        "not divided",
    ),
    mutant(
        "2.1",
        "permute leaves the strides",
        DATA,
        "tuple(self.strides[dim] for dim in order),",
        "self.strides,",
        "strides are not permuted",
    ),
    mutant(
        "2.1",
        "permute makes new strides",
        DATA,
        "tuple(self.strides[dim] for dim in order),",
        "strides_from_shape(tuple(self.shape[dim] for dim in order)),",
        "new strides",
    ),
    mutant(
        "2.2",
        "broadcasting lines indices up at the left",
        LAYOUT,
        "big_index[offset + dim]",
        "big_index[dim]",
        "at the left",
    ),
    mutant(
        "2.2",
        "a size of 1 keeps the large index",
        LAYOUT,
        "big_index[offset + dim] if shape[dim] > 1 else 0",
        "big_index[offset + dim]",
        "size 1",
    ),
    Mutant(
        "2.2",
        "shapes are lined up at the left",
        (
            Rewrite(
                LAYOUT,
                "(1,) * (dims - len(shape1)) + tuple(shape1)",
                "tuple(shape1) + (1,) * (dims - len(shape1))",
            ),
            Rewrite(
                LAYOUT,
                "(1,) * (dims - len(shape2)) + tuple(shape2)",
                "tuple(shape2) + (1,) * (dims - len(shape2))",
            ),
        ),
        "at the left",
    ),
    mutant(
        "2.2",
        "shapes that do not fit are not refused",
        LAYOUT,
        "if size1 != size2 and size1 != 1 and size2 != 1:",
        "if size1 > size2 > 1:",
        "not refused",
    ),
    mutant(
        "2.3",
        "map reads at the output's index",
        LOOPS,
        "value = fn(a[index_to_position(a_index, a_strides)])",
        "value = fn(a[index_to_position(out_index, a_strides)])",
        "broadcast|`index` stands in place of `own`",
    ),
    mutant(
        "2.3",
        "zip reads both operands at the first one's index",
        LOOPS,
        "b[index_to_position(b_index, b_strides)],",
        "b[index_to_position(a_index, b_strides)],",
        "index of the first",
    ),
    mutant(
        "2.3",
        "map ignores strides",
        LOOPS,
        "        for out_index in itertools.product(*map(range, out_shape)):\n"
        "            broadcast_index(out_index, out_shape, a_shape, a_index)\n"
        "            value = fn(a[index_to_position(a_index, a_strides)])",
        "        for i, out_index in enumerate(itertools.product(*map(range, out_shape))):\n"
        "            broadcast_index(out_index, out_shape, a_shape, a_index)\n"
        "            value = fn(a[i % len(a)])",
        "strides",
    ),
    mutant(
        "2.3",
        "reduce leaves the first element out",
        LOOPS,
        "for i in range(a_shape[dim]):",
        "for i in range(1, a_shape[dim]):",
        "first element",
    ),
    mutant(
        "2.3",
        "reduce begins with the first element",
        LOOPS,
        "result = out[index_to_position(out_index, out_strides)]\n"
        "            for i in range(a_shape[dim]):",
        "result = a[first]\n            for i in range(1, a_shape[dim]):",
        "begins with the first element",
        advice="test_initial_value_of_the_reduce_kernel",
    ),
    mutant(
        "2.3",
        "reduce begins with 0",
        LOOPS,
        "result = out[index_to_position(out_index, out_strides)]",
        "result = 0.0",
        "begins with 0",
    ),
    mutant(
        "2.3",
        "mean divides by all elements",
        TENSOR,
        "count = self.size if dims is None else math.prod(self.shape[d] for d in dims)",
        "count = self.size",
        "all elements",
    ),
    mutant(
        "2.4",
        "the gradients of a product are exchanged",
        ELEMENTWISE,
        "            ctx.backend.zip(operators.mul, b, grad) if need_a else None,\n"
        "            ctx.backend.zip(operators.mul, a, grad) if need_b else None,",
        "            ctx.backend.zip(operators.mul, a, grad) if need_a else None,\n"
        "            ctx.backend.zip(operators.mul, b, grad) if need_b else None,",
        "exchanged",
    ),
    mutant(
        "2.4",
        "sigmoid's gradient uses its input",
        ELEMENTWISE,
        "out = ctx.backend.map(operators.sigmoid, a)\n        ctx.save_for_backward(out)",
        "out = ctx.backend.map(operators.sigmoid, a)\n        ctx.save_for_backward(a)",
        "its input",
    ),
    mutant(
        "2.4",
        "exp's gradient ignores the upstream gradient",
        ELEMENTWISE,
        "return ctx.backend.zip(operators.mul, out, grad)",
        "return out",
        "not multiplied",
    ),
    mutant(
        "2.4",
        "log_back with its arguments exchanged",
        ELEMENTWISE,
        "operators.log_back, a, grad",
        "operators.log_back, grad, a",
        "exchanged",
    ),
    mutant(
        "2.4",
        "permute's gradient is permuted forward again",
        SHAPING,
        "grad.permute(*(order.index(dim) for dim in range(len(order))))",
        "grad.permute(*order)",
        "inverse",
    ),
    mutant(
        "2.4",
        "gradients of broadcast operands are not summed",
        BROADCASTING,
        "grad = backend.reduce(operators.add, grad, dim, 0.0)",
        "grad = backend.reduce(lambda x, y: y, grad, dim, 0.0)",
        "added up",
    ),
    mutant(
        "2.4",
        "a second gradient overwrites the first",
        ENGINE,
        "total = self.backend.zip(operators.add, self.grad.data, x)",
        "total = self.backend.copy(x)",
        "overwritten",
    ),
    mutant(
        "2.5",
        "no inputs reach the last layer",
        MLP,
        "        x = self.layer2(x).relu()\n",
        "        x = self.layer2(x).relu() * 0.0\n",
    ),
    mutant(
        "2.5",
        "the classes are exchanged",
        MLP,
        "self.layer3(x).sigmoid().view(-1)",
        "(1.0 - self.layer3(x).sigmoid().detach()).view(-1)",
    ),
    mutant(
        "2.1",
        "permute orders the other way",
        DATA,
        "            tuple(self.shape[dim] for dim in order),\n"
        "            tuple(self.strides[dim] for dim in order),",
        "            tuple(self.shape[order.index(dim)] for dim in range(self.dims)),\n"
        "            tuple(self.strides[order.index(dim)] for dim in range(self.dims)),",
        "inverse",
        group="permute",
    ),
    mutant(
        "2.1",
        "to_index takes the last size in every dimension",
        LAYOUT,
        "        rest = rest // shape[dim]\n",
        "        rest = rest // shape[-1]\n",
        "last size|size of the last",
        group="to_index",
    ),
    mutant(
        "2.2",
        "a size of 1 stretches in the first shape only",
        LAYOUT,
        "if size1 != size2 and size1 != 1 and size2 != 1:",
        "if size1 != size2 and size1 != 1:",
        "size of 1",
        group="shape_broadcast",
    ),
    mutant(
        "2.2",
        "dimensions that only the second shape has are lost",
        LAYOUT,
        "    padded1 = (1,) * (dims - len(shape1)) + tuple(shape1)\n"
        "    padded2 = (1,) * (dims - len(shape2)) + tuple(shape2)\n",
        "    dims = len(shape1)\n"
        "    padded1 = tuple(shape1)\n"
        "    padded2 = ((1,) * (dims - len(shape2)) + tuple(shape2))[-dims:]\n",
        "dimensions",
        group="shape_broadcast",
    ),
    mutant(
        "2.2",
        "broadcast_index writes at the large shape's dimensions",
        LAYOUT,
        "        out_index[dim] = big_index[offset + dim] if shape[dim] > 1 else 0\n",
        "        out_index[offset + dim] = big_index[offset + dim] if shape[dim] > 1 else 0\n",
        "large shape",
        group="broadcast_index",
    ),
    mutant(
        "2.3",
        "zip finds the second operand by the first one's strides",
        LOOPS,
        "b[index_to_position(b_index, b_strides)],",
        "b[index_to_position(b_index, a_strides[-len(b_index) :])],",
        "strides of the first|second operand: `a_strides`",
        group="tensor_zip",
    ),
    mutant(
        "2.3",
        "reduce steps along the last dimension",
        LOOPS,
        "a[first + i * a_strides[dim]]",
        "a[first + i * a_strides[-1]]",
        "last dimension",
        group="tensor_reduce",
    ),
    mutant(
        "2.3",
        "less than compares the other way round",
        ELEMENTWISE,
        "return ctx.backend.zip(operators.lt, a, b)",
        "return ctx.backend.zip(operators.lt, b, a)",
        "exchanged|opposite",
        group="functions of two tensors",
    ),
    mutant(
        "2.4",
        "relu_back with its arguments exchanged",
        ELEMENTWISE,
        "return ctx.backend.zip(operators.relu_back, a, grad)",
        "return ctx.backend.zip(operators.relu_back, grad, a)",
        "exchanged",
        group="functions of one tensor",
    ),
    mutant(
        "2.4",
        "comparisons pass on their gradient",
        ELEMENTWISE,
        "        zeros = ctx.backend.zeros(grad.shape)\n        return zeros, zeros\n",
        "        return grad, grad\n",
        "Comparisons",
        group="functions of two tensors",
    ),
    mutant(
        "2.4",
        "the gradient of neg without its sign",
        ELEMENTWISE,
        "return ctx.backend.map(operators.neg, grad)",
        "return grad",
        "`neg`.*sign",
        group="functions of two tensors",
    ),
]
