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
