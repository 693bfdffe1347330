def central_difference(function, *point, arg=0, epsilon=1e-6):
    def shifted(step):
        return function(*[x + step * (i == arg) for i, x in enumerate(point)])

    return shifted(epsilon) / (2 * epsilon) - shifted(-epsilon) / (2 * epsilon)
