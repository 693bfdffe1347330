"""Mistakes of all modules that were written before most models of the diagnosis.

They measured how the diagnosis performs on unknown mistakes. Later models were fitted to them.
"""

from grading.tests.mutants.mutant import Mutant, mutant
from grading.tests.mutants.rewriting import Rewrite

OPERATORS = "mt_tensor/operators.py"
MODULE = "mt_nn/module.py"
SCALAR = "mt_autodiff/scalar.py"
SCALARS = "mt_autodiff/scalar_functions.py"
GRAPH = "mt_autodiff/graph.py"
DIFFERENCE = "mt_autodiff/derivatives.py"
LAYOUT = "mt_tensor/layout.py"
DATA = "mt_tensor/tensor_data.py"
LOOPS = "mt_tensor/reference_loops.py"
TENSOR = "mt_autodiff/basic_tensor.py"
ELEMENTWISE = "mt_autodiff/functions/elementwise.py"
REDUCTIONS = "mt_autodiff/functions/reductions.py"
OPS = "mt_kernels_cpu/fast_ops.py"
CONV = "mt_kernels_cpu/fast_conv.py"
POOLING = "mt_nn/functional/pooling.py"
MAXIMUM = "mt_nn/functional/maximum.py"
PROBABILITIES = "mt_nn/functional/probabilities.py"
NOISE = "mt_nn/functional/noise.py"

MUTANTS: list[Mutant] = [
    mutant(
        "0.1",
        "eq tests for a difference",
        OPERATORS,
        "1.0 if x == y else 0.0",
        "1.0 if x != y else 0.0",
        "opposite|negat|unequal|different",
    ),
    mutant(
        "0.1",
        "the logarithm has base 10",
        OPERATORS,
        "return math.log(shifted)",
        "return math.log10(shifted)",
        "base|log10|natural",
    ),
    mutant(
        "0.1",
        "sigmoid mixes its two formulas for negative numbers",
        OPERATORS,
        "return z / (1.0 + z)",
        "return 1.0 / (1.0 + z)",
        "exponent has the wrong sign|negative",
    ),
    mutant(
        "0.1",
        "the square is missing in inv_back",
        OPERATORS,
        "return -(d / x) / x",
        "return -(d / x)",
        "square",
    ),
    mutant(
        "0.3",
        "addLists multiplies",
        OPERATORS,
        "return zipWith(add)(xs, ys)",
        "return zipWith(mul)(xs, ys)",
        "multipl",
    ),
    mutant(
        "0.3",
        "map applies its function twice",
        OPERATORS,
        "return [fn(x) for x in xs]",
        "return [fn(fn(x)) for x in xs]",
        "twice",
    ),
    mutant(
        "0.4",
        "train sets the evaluation mode",
        MODULE,
        "module.training = mode",
        "module.training = False",
        "`train`.*(evaluation|False)",
    ),
    mutant(
        "1.1",
        "half a step to each side",
        DIFFERENCE,
        "    above = f(*before, x + epsilon, *after)\n"
        "    below = f(*before, x - epsilon, *after)\n",
        "    above = f(*before, x + epsilon / 2, *after)\n"
        "    below = f(*before, x - epsilon / 2, *after)\n",
        "half|one step",
    ),
    mutant(
        "1.2",
        "a number on the left of a product is ignored",
        SCALAR,
        "return functions.Mul.apply(b, self)",
        "return functions.Mul.apply(1.0, self)",
        "on the left.*ignored|ignore.*on the left",
    ),
    mutant(
        "1.3",
        "only the first input has a derivative",
        SCALAR,
        "return list(zip(history.inputs, derivatives, strict=True))",
        "return list(zip(history.inputs[:1], derivatives[:1], strict=True))",
        "only.*first input|other inputs|missing",
    ),
    mutant(
        "1.4",
        "both derivatives of a product are the second factor",
        SCALARS,
        "return operators.mul(d_output, y), operators.mul(d_output, x)",
        "return operators.mul(d_output, y), operators.mul(d_output, y)",
        "product|factor|`mul`",
    ),
    mutant(
        "1.4",
        "the square is missing in the derivative of 1 / x",
        SCALARS,
        "return operators.inv_back(x, d_output)",
        "return -d_output / x",
        "square",
    ),
    mutant(
        "1.4",
        "the order lacks its root",
        GRAPH,
        "    finished.reverse()\n",
        "    finished.reverse()\n    finished = finished[1:] or finished\n",
        "lacks (the root|the result|the variable itself|its root)|root is missing",
    ),
    mutant(
        "2.1",
        "permute reverses the order",
        DATA,
        "            tuple(self.shape[dim] for dim in order),\n"
        "            tuple(self.strides[dim] for dim in order),",
        "            tuple(self.shape[dim] for dim in order[::-1]),\n"
        "            tuple(self.strides[dim] for dim in order[::-1]),",
        "revers",
    ),
    mutant(
        "2.2",
        "the smaller size counts",
        LAYOUT,
        "result.append(size2 if size1 == 1 else size1)",
        "result.append(min(size1, size2))",
        "smaller|minimum",
    ),
    mutant(
        "2.2",
        "broadcast_index leaves the last dimension",
        LAYOUT,
        "    for dim in range(len(shape)):\n        out_index[dim] = big_index[offset",
        "    for dim in range(len(shape) - 1):\n        out_index[dim] = big_index[offset",
        "last dimension",
    ),
    mutant(
        "2.3",
        "zip reads both operands at the second one's index",
        LOOPS,
        "a[index_to_position(a_index, a_strides)],\n                b[",
        "a[index_to_position(b_index, a_strides)],\n                b[",
        "index of the second",
    ),
    mutant(
        "2.3",
        "reduce counts the first element twice",
        LOOPS,
        "for i in range(a_shape[dim]):",
        "for i in [0, *range(a_shape[dim])]:",
        "first element.*twice|twice.*first element",
    ),
    mutant(
        "2.3",
        "the mean of all elements is divided by the first size",
        TENSOR,
        "count = self.size if dims is None else",
        "count = self.shape[0] if dims is None else",
        "first (dimension|size)|size of the first|number of all elements",
    ),
    mutant(
        "2.4",
        "the gradient of a sum grows with its size",
        REDUCTIONS,
        "        # Every element has the same gradient: the engine expands it.\n"
        "        return grad",
        "        return ctx.backend.map(lambda g: 2.0 * g, grad)",
        "sum.*(multipl|twice|times|large)",
    ),
    mutant(
        "2.4",
        "a factor of sigmoid's gradient is missing",
        ELEMENTWISE,
        "return ctx.backend.zip(operators.sigmoid_back, out, grad)",
        "return ctx.backend.zip(operators.mul, out, grad)",
        "`sigmoid`.*(factor|gradient)",
    ),
    mutant(
        "2.4",
        "the gradient of a product ignores the upstream gradient",
        ELEMENTWISE,
        "            ctx.backend.zip(operators.mul, b, grad) if need_a else None,\n"
        "            ctx.backend.zip(operators.mul, a, grad) if need_b else None,",
        "            b if need_a else None,\n            a if need_b else None,",
        "upstream",
    ),
    mutant(
        "3.1",
        "zip writes its results in row-major order",
        OPS,
        "out[index_to_position(out_index, out_strides)] = fn(x, y)",
        "out[ordinal] = fn(x, y)",
        "output.*(strides|contiguous|row-major)|strides of the (output|result)",
        style="loops",
    ),
    mutant(
        "3.1",
        "reduce leaves the last element out",
        OPS,
        "for k in range(length):",
        "for k in range(length - 1):",
        "last element",
        style="loops",
    ),
    mutant(
        "3.2",
        "the result is transposed",
        OPS,
        "out[to + row * out_strides[-2] + column * out_strides[-1]] = total",
        "out[to + row * out_strides[-1] + column * out_strides[-2]] = total",
        "(output|result).*(transposed|exchanged)",
        style="matmul",
    ),
    mutant(
        "3.2",
        "the first operand's batch does not advance",
        OPS,
        "                a_at += i * a_strides[-from_right]\n",
        "                a_at += 0\n",
        "first matri.*(batch|every)|batch.*first",
        style="matmul",
    ),
    mutant(
        "4.1",
        "the channels of the weight are exchanged",
        CONV,
        "w = weight[o * s2[0] + c * s2[1] + k * s2[2]]",
        "w = weight[c * s2[0] + o * s2[1] + k * s2[2]]",
        "channels.*exchanged|exchange.*channels",
        style="conv1d",
    ),
    mutant(
        "4.1",
        "the first position of the image does not count",
        CONV,
        "if at >= 0 and at < width:",
        "if at > 0 and at < width:",
        "first (position|element|row|column|input)|position 0",
        style="conv1d",
    ),
    mutant(
        "4.2",
        "both loops over the kernel use its width",
        CONV,
        "            for k in range(kh):\n",
        "            for k in range(min(kh, kw)):\n",
        "kernel.*(height|width)|(height|width).*kernel",
        style="conv2d",
    ),
    mutant(
        "4.3",
        "the mean is divided by the size of the image",
        POOLING,
        "return windows.mean(4).view(",
        "return (windows.sum(4) / float(input.shape[2] * input.shape[3])).view(",
        "divided by the.*image",
    ),
    mutant(
        "4.3",
        "tile returns width and height",
        POOLING,
        "return windows.view(batch, channels, rows, columns, kh * kw), rows, columns",
        "return windows.view(batch, channels, rows, columns, kh * kw), columns, rows",
        "exchanged",
    ),
    mutant(
        "4.4",
        "softmax of the negative scores",
        PROBABILITIES,
        "powers = (input - max(input.detach(), dim)).exp()",
        "powers = (max(input.detach(), dim) - input).exp()",
        "sign|negative",
    ),
    mutant(
        "4.4",
        "logsoftmax adds the logarithm of the sum",
        PROBABILITIES,
        "return shifted - shifted.exp().sum(dim, keepdim=True).ln()",
        "return shifted + shifted.exp().sum(dim, keepdim=True).ln()",
        "add.*logarithm|sign|subtract.*logarithm",
    ),
    mutant(
        "4.4",
        "dropout scales by the rate",
        NOISE,
        "(kept * scale)",
        "(kept * rate)",
        "kept element|scale|multipl",
    ),
    Mutant(
        "4.4",
        "the maximum is taken over the first dimension",
        (
            Rewrite(
                MAXIMUM,
                "        result = Max.apply(result, d)\n",
                "        result = Max.apply(result, 0)\n",
            ),
        ),
        "dimension",
    ),
]
