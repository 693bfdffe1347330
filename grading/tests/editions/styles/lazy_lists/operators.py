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
