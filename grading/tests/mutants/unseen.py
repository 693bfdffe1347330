"""Generic mistakes in the right solutions, drawn at random by `grading.tests.causes.generated`.

Nothing is fitted to them. The pattern of each right cause was written before the diagnosis ran on
the mistake. By the rule for these patterns, a cause is right if it names the expression or the
statement that is changed and the change, or an effect that no other mistake has. A cause that names
a changed line is right, too.
"""

from grading.tests.mutants.mutant import Mutant, mutant

MUTANTS: list[Mutant] = [
    mutant(
        "0.1",
        "54, sigmoid, line 92: replace an operator",
        "mt_tensor/operators.py",
        "        return 1.0 / (1.0 + math.exp(-x))\n",
        "        return (1.0 * (1.0 + math.exp(-x)))\n",
        "`?sigmoid`?.*(multipl|divid|reciprocal|inverse|1 / )",
    ),
    mutant(
        "0.3",
        "7, zipWith, line 335: use another name",
        "mt_tensor/operators.py",
        "        return [fn(x, y) for x, y in zip(xs, ys, strict=False)]\n",
        "        return [fn(x, y) for x, y in zip(xs, xs, strict=False)]\n",
        "`?zipWith`?.*(first (list|argument)|both|itself|second (list|argument))",
    ),
    mutant(
        "1.1",
        "27, central_difference, line 41: swap arguments",
        "mt_autodiff/derivatives.py",
        "    below = f(*before, x - epsilon, *after)\n",
        "    below = f(x - epsilon, *before, *after)\n",
        "(order|position|place) of the argument|first argument|wrong argument",
    ),
    mutant(
        "1.2",
        "32, EQ.forward, line 175: use another name",
        "mt_autodiff/scalar_functions.py",
        "        return operators.eq(x, y)\n",
        "        return operators.eq(x, x)\n",
        "`?eq`?.*(itself|same operand|first operand|always|every)",
    ),
    mutant(
        "1.4",
        "24, LT.backward, line 166: change a constant",
        "mt_autodiff/scalar_functions.py",
        '        return operators.lt(x, y)\n\n    @staticmethod\n    def backward(ctx: Context, d_output: float) -> tuple[float, float]:\n        """Return 0 and 0."""\n        return 0.0, 0.0\n',
        '        return operators.lt(x, y)\n\n    @staticmethod\n    def backward(ctx: Context, d_output: float) -> tuple[float, float]:\n        """Return 0 and 0."""\n        return 1.0, 0.0\n',
        "`?lt`?.*(derivative|gradient).*(0|zero|constant)",
    ),
    mutant(
        "2.1",
        "30, to_index, line 64: change a constant",
        "mt_tensor/layout.py",
        "    for dim in range(len(shape) - 1, -1, -1):\n",
        "    for dim in range(len(shape) - 1, -1, -2):\n",
        "step|(every )?second dimension|skip",
    ),
    mutant(
        "2.2",
        "65, shape_broadcast, line 115: drop a call",
        "mt_tensor/layout.py",
        "        result.append(size2 if size1 == 1 else size1)\n",
        "        (size2 if size1 == 1 else size1)\n",
        "never|missing|empty|append|left out|not added",
    ),
    mutant(
        "2.2",
        "77, shape_broadcast, line 115: change a constant",
        "mt_tensor/layout.py",
        "        result.append(size2 if size1 == 1 else size1)\n",
        "        result.append(size2 if size1 == 2 else size1)\n",
        "size(s)? (of )?1|`size1 == 1`|2 stands",
    ),
    mutant(
        "2.3",
        "76, tensor_reduce, line 88: use another name",
        "mt_tensor/reference_loops.py",
        "                result = fn(result, a[first + i * a_strides[dim]])\n",
        "                result = fn(result, a[first + i * out_strides[dim]])\n",
        "stride.*(operand|input|`a`|result|output)",
    ),
]
