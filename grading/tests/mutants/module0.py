"""Mistakes of module 0: operators, list functions, modules, points."""

from grading.tests.mutants.mutant import Mutant, mutant

OPERATORS = "mt_tensor/operators.py"
MODULE = "mt_nn/module.py"
POINTS = "mt_models/datasets/points.py"

MUTANTS: list[Mutant] = [
    mutant(
        "0.1",
        "lt includes equality",
        OPERATORS,
        "1.0 if x < y else 0.0",
        "1.0 if x <= y else 0.0",
        "less than or equal",
    ),
    mutant(
        "0.1",
        "is_close without the absolute value",
        OPERATORS,
        "abs(x - y) < CLOSE",
        "x - y < CLOSE",
        "absolute value",
    ),
    mutant(
        "0.1",
        "sigmoid by a single formula",
        OPERATORS,
        "    z = math.exp(x)\n    return z / (1.0 + z)",
        "    return 1.0 / (1.0 + math.exp(-x))",
        "one formula for both signs",
    ),
    mutant(
        "0.1",
        "relu_back ignores what follows",
        OPERATORS,
        "return d if x > 0.0 else 0.0",
        "return 1.0 if x > 0.0 else 0.0",
        "not multiplied by d",
    ),
    mutant(
        "0.1",
        "inv_back without its sign",
        OPERATORS,
        "return -(d / x) / x",
        "return d / (x * x)",
        "sign",
    ),
    mutant(
        "0.1",
        "max takes the smaller",
        OPERATORS,
        "return x if x > y or x != x else y",
        "return x if x < y else y",
        "smaller",
    ),
    mutant(
        "0.1",
        "log without EPS",
        OPERATORS,
        "shifted = x + EPS",
        "shifted = x",
        "EPS",
        advice="test_logarithm_of_zero",
    ),
    mutant(
        "0.3",
        "reduce forgets where it starts",
        OPERATORS,
        "        result = start\n        for x in xs:",
        "        result = 0.0\n        for x in xs:",
        "start",
    ),
    mutant(
        "0.3",
        "reduce folds from the right",
        OPERATORS,
        "        result = start\n        for x in xs:",
        "        result = start\n        for x in reversed(list(xs)):",
        "from the right",
    ),
    mutant(
        "0.3",
        "prod starts with 0",
        OPERATORS,
        "return reduce(mul, 1.0)(xs)",
        "return reduce(mul, 0.0)(xs)",
        "starts with 0",
    ),
    mutant(
        "0.3",
        "map loses the last element",
        OPERATORS,
        "return [fn(x) for x in xs]",
        "return [fn(x) for x in list(xs)[:-1]]",
        "last element",
    ),
    mutant(
        "0.4",
        "eval stops at the module itself",
        MODULE,
        "        for _, module in self.named_modules():\n            module.training = False",
        "        self.training = False",
        "only the module itself",
    ),
    mutant(
        "0.4",
        "train stops at the children",
        MODULE,
        "        for _, module in self.named_modules():\n            module.training = True",
        "        for module in [self, *self.modules()]:\n            module.training = True",
        "at the children",
    ),
    mutant(
        "0.4",
        "parameters of grandchildren are missing",
        MODULE,
        "        for prefix, module in self.named_modules():",
        "        for prefix, module in [('', self), *self._modules.items()]:",
        "grandchildren",
    ),
    mutant(
        "0.4",
        "names of parameters lack the module's",
        MODULE,
        "            for name, parameter in module._parameters.items():\n"
        "                found.setdefault(id(parameter), (_dotted(prefix, name), parameter))\n"
        "        return list(_by_name(found.values()).items())",
        "            for name, parameter in module._parameters.items():\n"
        "                found.setdefault(id(parameter), (name, parameter))\n"
        "        return list(found.values())",
        "name of the module",
    ),
    mutant(
        "0.4",
        "add_parameter does not register",
        MODULE,
        "        setattr(self, k, parameter)\n        return parameter",
        "        return parameter",
        "add_parameter",
    ),
    mutant("0.5", "Split with one band only", POINTS, "x1 < 0.2 or x1 > 0.8", "x1 < 0.2"),
    mutant(
        "0.5",
        "Xor with one quarter only",
        POINTS,
        "(x1 < 0.5 and x2 > 0.5) or (x1 > 0.5 and x2 < 0.5)",
        "(x1 < 0.5 and x2 > 0.5)",
    ),
]
