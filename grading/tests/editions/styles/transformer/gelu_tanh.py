def tanh(x):
    return (x * 2.0).sigmoid() * 2.0 - 1.0


def GELU(input):
    cube = input * input * input
    return 0.5 * input * (1.0 + tanh(math.sqrt(2.0 / math.pi) * (input + 0.044715 * cube)))
