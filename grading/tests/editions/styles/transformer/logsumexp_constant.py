def logsumexp(input, dim):
    largest = input.to_numpy().max(axis=dim, keepdims=True)
    m = minitorch.Tensor.make(largest.reshape(-1).copy(), largest.shape, backend=input.backend)
    return (input - m).exp().sum(dim).log() + m
