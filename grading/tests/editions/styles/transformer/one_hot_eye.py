def one_hot(input, num_classes):
    rows = np.eye(num_classes, dtype=np.float32)[input.to_numpy().astype(int)]
    return minitorch.Tensor.make(rows.reshape(-1).copy(), rows.shape, backend=input.backend)
