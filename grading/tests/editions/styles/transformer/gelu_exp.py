def GELU(input):
    inner = (input + input * input * input * 0.044715) * (2.0 / math.pi) ** 0.5
    tanh = -(2.0 / ((inner * 2.0).exp() + 1.0)) + 1.0
    return (tanh + 1.0) * input * 0.5
