"""Generic mistakes in the right solutions, drawn at random by `grading.tests.causes.generated`.

No model is fitted to them. The pattern of each right cause was written after the models, and before
the diagnosis ran on the mistake. By the rule for these patterns, a cause is right if it names the
expression or the statement that is changed and the change, or an effect that no other mistake has.
"""

from grading.tests.mutants.mutant import Mutant, mutant

MUTANTS: list[Mutant] = [
    mutant(
        "0.1",
        "124, inv_back, line 246: use another name",
        "mt_tensor/operators.py",
        "    return -(d / x) / x\n",
        "    return -(x / x) / x\n",
        "inv_back.*(ignor|-1 / x|in place of `d`)|1 / x.*(not multiplied|upstream|-1 / x)",
    ),
    mutant(
        "0.1",
        "73, sigmoid, line 94: keep the left operand",
        "mt_tensor/operators.py",
        "    return z / (1.0 + z)\n",
        "    return z / (1.0)\n",
        "negative (x|numbers)",
    ),
    mutant(
        "0.3",
        "6, zipWith, line 335: use another name",
        "mt_tensor/operators.py",
        "        return [fn(x, y) for x, y in zip(xs, ys, strict=False)]\n",
        "        return [fn(x, y) for x, y in zip(ys, ys, strict=False)]\n",
        "second.*(twice|both)|first.*(ignored|not used)|ignores.*first|`ys` stands in place of `xs`",
    ),
    mutant(
        "0.3",
        "14, addLists, line 363: use another name",
        "mt_tensor/operators.py",
        "    return zipWith(add)(xs, ys)\n",
        "    return zipWith(add)(ys, ys)\n",
        "second.*(twice|both)|first.*(ignored|not used)|ignores.*first|`ys` stands in place of `xs`",
    ),
    mutant(
        "0.3",
        "15, addLists, line 363: use another name",
        "mt_tensor/operators.py",
        "    return zipWith(add)(xs, ys)\n",
        "    return zipWith(add)(xs, xs)\n",
        "first.*(twice|both)|second.*(ignored|not used)|ignores.*second|`xs` stands in place of `ys`",
    ),
    mutant(
        "0.4",
        "5, Module.eval, line 137: negate a constant",
        "mt_nn/module.py",
        "            module.training = False\n",
        "            module.training = True\n",
        "`eval` (sets the training mode|changes nothing)",
    ),
    mutant(
        "1.1",
        "37, central_difference, line 42: swap operands",
        "mt_autodiff/derivatives.py",
        "    return (above - below) / (2.0 * epsilon)\n",
        "    return ((below - above)) / (2.0 * epsilon)\n",
        "wrong order|(wrong|opposite) sign|exchanged",
    ),
    mutant(
        "1.1",
        "31, central_difference, line 41: keep the right operand",
        "mt_autodiff/derivatives.py",
        "    below = f(*before, x - epsilon, *after)\n",
        "    below = f(*before, epsilon, *after)\n",
        "point below|below.*epsilon|x - epsilon",
    ),
    mutant(
        "1.1",
        "39, central_difference, line 42: keep the right operand",
        "mt_autodiff/derivatives.py",
        "    return (above - below) / (2.0 * epsilon)\n",
        "    return (below) / (2.0 * epsilon)\n",
        "above.*missing|only.*(below|x - epsilon)",
    ),
    mutant(
        "1.2",
        "21, Sigmoid.forward, line 128: drop a call",
        "mt_autodiff/scalar_functions.py",
        "        result = operators.sigmoid(x)\n",
        "        result = x\n",
        "`sigmoid`.*(unchanged|not applied)",
    ),
    mutant(
        "1.2",
        "35, Scalar.__sub__, line 56: drop a sign",
        "mt_autodiff/scalar.py",
        "        return functions.Add.apply(self, -b)\n",
        "        return functions.Add.apply(self, b)\n",
        "(difference|`-`) is computed as (a sum|`\\+`)|sign of the second",
    ),
    mutant(
        "1.4",
        "6, backpropagate, line 176: delete a statement",
        "mt_autodiff/graph.py",
        "            current.accumulate_derivative(derivative)\n",
        "            pass\n",
        "(leaf|leaves).*(missing|never|not|no )",
    ),
    mutant(
        "1.4",
        "21, Sigmoid.backward, line 136: swap arguments",
        "mt_autodiff/scalar_functions.py",
        "        return operators.sigmoid_back(result, d_output)\n",
        "        return operators.sigmoid_back(d_output, result)\n",
        "sigmoid.*exchanged|exchanged.*sigmoid",
    ),
    mutant(
        "1.4",
        "25, LT.backward, line 166: change a constant",
        "mt_autodiff/scalar_functions.py",
        "        return operators.lt(x, y)\n"
        "\n"
        "    @staticmethod\n"
        "    def backward(ctx: Context, d_output: float) -> tuple[float, float]:\n"
        '        """Return 0 and 0."""\n'
        "        return 0.0, 0.0\n",
        "        return operators.lt(x, y)\n"
        "\n"
        "    @staticmethod\n"
        "    def backward(ctx: Context, d_output: float) -> tuple[float, float]:\n"
        '        """Return 0 and 0."""\n'
        "        return 0.0, 1.0\n",
        "[Cc]omparisons have a nonzero|derivative of `(lt|<)`",
    ),
    mutant(
        "2.1",
        "14, to_index, line 64: keep the right operand",
        "mt_tensor/layout.py",
        "    for dim in range(len(shape) - 1, -1, -1):\n",
        "    for dim in range(1, -1, -1):\n",
        "loop over the dimensions|last dimension.*not written",
    ),
    mutant(
        "2.1",
        "32, TensorData.permute, line 267: replace a comparison",
        "mt_tensor/tensor_data.py",
        "        if sorted(order) != list(range(self.dims)):\n",
        "        if (sorted(order) == list(range(self.dims))):\n",
        "(refus|reject|raises|test|check).*order|order.*(refus|valid|opposite)",
    ),
    mutant(
        "2.2",
        "18, broadcast_index, line 82: change a constant",
        "mt_tensor/layout.py",
        "        out_index[dim] = big_index[offset + dim] if shape[dim] > 1 else 0\n",
        "        out_index[dim] = big_index[offset + dim] if shape[dim] > 0 else 0\n",
        "size 1|test.*broadcast",
    ),
    mutant(
        "2.2",
        "76, shape_broadcast, line 115: replace a comparison",
        "mt_tensor/layout.py",
        "        result.append(size2 if size1 == 1 else size1)\n",
        "        result.append(size2 if (size1 != 1) else size1)\n",
        "smaller (size|one)|size of 1|common size|the two (cases|sizes)",
    ),
]
