"""Mistakes of module 1: derivatives, scalars, the chain rule, backpropagation."""

from grading.tests.mutants.mutant import Mutant, mutant
from grading.tests.mutants.rewriting import Rewrite

DERIVATIVES = "mt_autodiff/derivatives.py"
SCALAR = "mt_autodiff/scalar.py"
ENGINE = "mt_autodiff/scalar_engine.py"
FUNCTIONS = "mt_autodiff/scalar_functions.py"
GRAPH = "mt_autodiff/graph.py"
MLP = "mt_models/networks/mlp.py"

PATH_BY_PATH = """\
    todo = [(variable, deriv)]
    while todo:
        current, derivative = todo.pop()
        if current.is_leaf():
            current.accumulate_derivative(derivative)
            continue
        for parent, contribution in current.chain_rule(derivative):
            if contribution is not None and not parent.is_constant():
                todo.append((parent, contribution))
    return
    pending = {variable.unique_id: deriv}
"""

LISTED_WHEN_MET = """\
            visited.add(key)
            if variable.is_leaf() or not variable.is_constant():
                finished.append(variable)
"""
AS_LEAF = """\
                leaves.add(key)
                finished.append(variable)
"""

MUTANTS: list[Mutant] = [
    mutant(
        "1.1",
        "a difference to one side",
        DERIVATIVES,
        "    below = f(*before, x - epsilon, *after)\n    return (above - below) / (2.0 * epsilon)",
        "    below = f(*vals)\n    return (above - below) / epsilon",
        "to one side",
    ),
    mutant(
        "1.1",
        "divided by one step instead of two",
        DERIVATIVES,
        "/ (2.0 * epsilon)",
        "/ epsilon",
        "two steps",
    ),
    mutant(
        "1.1",
        "always the first argument",
        DERIVATIVES,
        "vals[:arg], vals[arg], vals[arg + 1 :]",
        "vals[:0], vals[0], vals[1:]",
        "first argument",
    ),
    mutant(
        "1.2",
        "greater than is less than",
        SCALAR,
        "return functions.LT.apply(b, self)",
        "return functions.LT.apply(self, b)",
        "arguments are exchanged",
    ),
    mutant(
        "1.2",
        "a number on the left of a minus is taken for the right",
        SCALAR,
        "return functions.Add.apply(b, -self)",
        "return functions.Add.apply(self, -b)",
        "arguments are exchanged",
    ),
    mutant(
        "1.2",
        "a number on the left of a division is taken for the right",
        SCALAR,
        "return Scalar(b, back=None) / self",
        "return self / Scalar(b, back=None)",
        "arguments are exchanged",
    ),
    mutant(
        "1.2",
        "division multiplies",
        SCALAR,
        "return functions.Div.apply(self, b)",
        "return functions.Mul.apply(self, b)",
        "a product",
    ),
    mutant(
        "1.2",
        "results have no history",
        ENGINE,
        "ScalarHistory(cls, ctx, inputs)",
        "ScalarHistory(cls, ctx, ())",
        "inputs",
    ),
    mutant(
        "1.4",
        "the derivatives of a product are exchanged",
        FUNCTIONS,
        "return operators.mul(d_output, y), operators.mul(d_output, x)",
        "return operators.mul(d_output, x), operators.mul(d_output, y)",
        "exchanged",
    ),
    mutant(
        "1.4",
        "the derivative of neg without its sign",
        FUNCTIONS,
        "return operators.neg(d_output)",
        "return d_output",
        "sign",
    ),
    mutant(
        "1.4",
        "sigmoid's derivative ignores d_output",
        FUNCTIONS,
        "return operators.sigmoid_back(result, d_output)",
        "return operators.sigmoid_back(result, 1.0)",
        "`sigmoid` is not multiplied by the upstream",
    ),
    mutant(
        "1.4",
        "sigmoid's derivative uses its input",
        FUNCTIONS,
        "result = operators.sigmoid(x)\n        ctx.save_for_backward(result)",
        "result = operators.sigmoid(x)\n        ctx.save_for_backward(x)",
        "its input",
    ),
    mutant(
        "1.4",
        "exp's derivative uses its input",
        FUNCTIONS,
        "result = operators.exp(x)\n        ctx.save_for_backward(result)",
        "result = operators.exp(x)\n        ctx.save_for_backward(x)",
        "its input",
    ),
    mutant(
        "1.4",
        "log_back with its arguments exchanged",
        FUNCTIONS,
        "operators.log_back(x, d_output)",
        "operators.log_back(d_output, x)",
        "exchanged",
    ),
    mutant(
        "1.3",
        "the chain rule ignores the upstream gradient",
        SCALAR,
        "history.last_fn.backward(history.ctx, d_output)",
        "history.last_fn.backward(history.ctx, 1.0)",
        "d_output",
    ),
    mutant(
        "1.3",
        "derivatives are paired with the wrong inputs",
        SCALAR,
        "zip(history.inputs, derivatives, strict=True)",
        "zip(history.inputs, derivatives[::-1], strict=True)",
        "wrong input|order|revers",
    ),
    mutant(
        "1.4",
        "only the last path counts",
        GRAPH,
        "contribution = add(parent, pending[key], contribution)",
        "pass",
        "overwritten",
    ),
    mutant(
        "1.4",
        "each path is followed separately",
        GRAPH,
        "    pending = {variable.unique_id: deriv}\n",
        PATH_BY_PATH,
        "path by path",
    ),
    mutant(
        "1.4",
        "a leaf keeps its last derivative only",
        ENGINE,
        "self.derivative = (0.0 if self.derivative is None else self.derivative) + x",
        "self.derivative = x",
        "overwritten",
    ),
    mutant(
        "1.4",
        "the order is not reversed",
        GRAPH,
        "    finished.reverse()\n",
        "",
        "reversed",
    ),
    mutant(
        "1.4",
        "visited variables are not marked",
        GRAPH,
        "visited.add(key)",
        "pass",
        "visited",
    ),
    mutant(
        "1.4",
        "constants are sorted, too",
        GRAPH,
        "                constants.add(key)\n",
        "                constants.add(key)\n                finished.append(variable)\n",
        "constant",
    ),
    mutant(
        "1.5",
        "no activation between the layers",
        MLP,
        "        (logit,) = self.layer3(units)",
        "        units = [unit * 0.0 for unit in units]\n        (logit,) = self.layer3(units)",
    ),
    mutant(
        "1.5",
        "the inputs are left out",
        MLP,
        "            outputs = [y + x * weight.value for y, weight in "
        "zip(outputs, row, strict=True)]",
        "            outputs = [y + weight.value for y, weight in zip(outputs, row, strict=True)]",
    ),
    mutant(
        "1.1",
        "every argument moves",
        DERIVATIVES,
        "    above = f(*before, x + epsilon, *after)\n"
        "    below = f(*before, x - epsilon, *after)\n",
        "    above = f(*(v + epsilon for v in vals))\n"
        "    below = f(*(v - epsilon for v in vals))\n",
        "All arguments",
        group="central_difference",
    ),
    mutant(
        "1.1",
        "the step grows with the argument",
        DERIVATIVES,
        "    before, x, after = vals[:arg], vals[arg], vals[arg + 1 :]\n",
        "    before, x, after = vals[:arg], vals[arg], vals[arg + 1 :]\n"
        "    epsilon = epsilon * (abs(x) + 1.0)\n",
        "step.*argument",
        group="central_difference",
    ),
    mutant(
        "1.2",
        "Scalars that are close are equal",
        FUNCTIONS,
        "return operators.eq(x, y)",
        "return operators.is_close(x, y)",
        "close",
        group="comparisons",
    ),
    mutant(
        "1.2",
        "a difference the other way round",
        SCALAR,
        "return functions.Add.apply(self, -b)",
        "return functions.Add.apply(-self, b)",
        "exchanged",
        group="add and sub",
    ),
    mutant(
        "1.3",
        "an input that is used twice is listed once",
        SCALAR,
        "return list(zip(history.inputs, derivatives, strict=True))",
        "pairs = zip(history.inputs, derivatives, strict=True)\n"
        "        return list({v.unique_id: (v, d) for v, d in pairs}.values())",
        "used several times|twice",
        group="chain_rule",
    ),
    mutant(
        "1.3",
        "constants are left out before derivatives are paired",
        SCALAR,
        "return list(zip(history.inputs, derivatives, strict=True))",
        "inputs = [v for v in history.inputs if not v.is_constant()]\n"
        "        return list(zip(inputs, derivatives))",
        "constants",
        group="chain_rule",
    ),
    Mutant(
        "1.4",
        "variables are listed when they are met",
        (
            Rewrite(GRAPH, "            visited.add(key)\n", LISTED_WHEN_MET),
            Rewrite(GRAPH, AS_LEAF, "                leaves.add(key)\n"),
            Rewrite(GRAPH, "            finished.append(current)\n", ""),
            Rewrite(GRAPH, "    finished.pop()  # The sentinel.\n    finished.reverse()\n", ""),
        ),
        "the search finds them",
        group="topological_sort",
    ),
    mutant(
        "1.4",
        "leaves are listed at every use",
        GRAPH,
        "            visited.add(key)\n",
        "            if not variable.is_leaf():\n                visited.add(key)\n",
        "visited|every use",
        group="topological_sort",
    ),
    mutant(
        "1.4",
        "backpropagation begins with 1",
        GRAPH,
        "pending = {variable.unique_id: deriv}",
        "pending = {variable.unique_id: 1.0}",
        "ignore the derivative",
        group="backpropagate",
    ),
    mutant(
        "1.4",
        "sigmoid's derivative lacks a factor",
        FUNCTIONS,
        "return operators.sigmoid_back(result, d_output)",
        "return d_output * (1.0 - result)",
        "`sigmoid`.*factor",
        group="sigmoid and relu",
    ),
    mutant(
        "1.4",
        "the reciprocal's derivative ignores the upstream gradient",
        FUNCTIONS,
        "return operators.inv_back(x, d_output)",
        "return operators.inv_back(x, 1.0)",
        "1 / x.*(upstream|not multiplied)",
        group="mul and div",
    ),
]
