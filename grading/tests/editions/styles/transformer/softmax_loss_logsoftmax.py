def softmax_loss(logits, target):
    batch_size, classes = logits.shape
    return -(logsoftmax(logits, 1) * one_hot(target, classes)).sum(1).view(batch_size)
