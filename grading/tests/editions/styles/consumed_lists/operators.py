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
