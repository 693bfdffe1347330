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
