"""Mistakes of module 5: functions and layers of a transformer, and the language model."""

from grading.tests.mutants.mutant import Mutant, mutant

NN = "minitorch/nn.py"
BASIC = "minitorch/modules_basic.py"
TRANSFORMER = "minitorch/transformer.py"

LOOKUP = """
        from minitorch._function import Function

        class Lookup(Function):
            @staticmethod
            def forward(ctx, ids, table):
                ctx.save_for_backward(ids, table)
                return tensor(table.to_numpy()[ids.to_numpy().astype(int)], table.backend)

            @staticmethod
            def backward(ctx, grad_output):
                ids, table = ctx.saved_values
                grad = np.zeros(table.shape)
                grad[ids.to_numpy().astype(int)] = grad_output.to_numpy()
                return 0.0, tensor(grad, table.backend)

        return Lookup.apply(x, self.weights.value)
"""
"""A lookup whose gradient keeps one of the gradients of a repeated token."""


def nn(name: str, old: str, new: str, cause: str, group: str) -> Mutant:
    return mutant("5.1", name, NN, old, new, cause, group=group)


def basic(name: str, old: str, new: str, cause: str, group: str) -> Mutant:
    return mutant("5.2", name, BASIC, old, new, cause, group=group)


def norm(name: str, old: str, new: str, cause: str, group: str = "LayerNorm1d") -> Mutant:
    return mutant("5.3", name, BASIC, old, new, cause, group=group)


def attention(name: str, old: str, new: str, cause: str, group: str = "self-attention") -> Mutant:
    return mutant("5.4", name, TRANSFORMER, old, new, cause, group=group)


def model(name: str, old: str, new: str, cause: str, group: str) -> Mutant:
    return mutant("5.5", name, TRANSFORMER, old, new, cause, group=group)


MUTANTS: list[Mutant] = [
    nn(
        "GELU by a sigmoid",
        "    return input * (inner.tanh() + 1.0) * 0.5\n",
        "    return input * (input * 1.702).sigmoid()\n",
        "by a sigmoid",
        "GELU",
    ),
    nn("GELU without its cubic term", "* 0.044715)", "* 0.0)", "cubic term", "GELU"),
    nn(
        "GELU without its factor",
        "(inner.tanh() + 1.0) * 0.5",
        "(inner.tanh() + 1.0)",
        "factor 0.5",
        "GELU",
    ),
    nn(
        "logsumexp overflows",
        "    return (input - largest).exp().sum(dim).ln() + largest\n",
        "    return input.exp().sum(dim).ln()\n",
        "overflows",
        "logsumexp",
    ),
    nn(
        "logsumexp without the maximum at the end",
        ".sum(dim).ln() + largest\n",
        ".sum(dim).ln()\n",
        "lacks the maximum",
        "logsumexp",
    ),
    nn(
        "logsumexp adds up the whole tensor",
        "(input - largest).exp().sum(dim).ln()",
        "(input - largest).exp().sum().ln()",
        "whole tensor",
        "logsumexp",
    ),
    nn(
        "one-hot rows from class 1 on",
        "np.eye(num_classes)[numbers.astype(np.int64)]",
        "np.eye(num_classes)[numbers.astype(np.int64) - 1]",
        "too far to the left",
        "one_hot",
    ),
    nn(
        "the mean of the losses",
        "    return (logsumexp(logits, 1) - right).view(batch)\n",
        "    return (logsumexp(logits, 1) - right).mean()\n",
        "mean of the losses",
        "softmax_loss",
    ),
    nn(
        "the class of another row",
        "one_hot(target, classes)",
        "one_hot(tensor(np.roll(target.to_numpy(), 1), target.backend), classes)",
        "class of another row",
        "softmax_loss",
    ),
    nn(
        "a loss without a gradient through logsumexp",
        "(logsumexp(logits, 1) - right)",
        "(logsumexp(logits.detach(), 1) - right)",
        "No gradient passes",
        "softmax_loss",
    ),
    nn(
        "a loss with the wrong sign",
        "(logsumexp(logits, 1) - right)",
        "(right - logsumexp(logits, 1))",
        "wrong sign",
        "softmax_loss",
    ),
    basic(
        "the gradient of repeated tokens is overwritten",
        "        batch, length = x.shape\n        rows = one_hot",
        LOOKUP + "        batch, length = x.shape\n        rows = one_hot",
        "several times",
        "Embedding",
    ),
    basic(
        "vectors times the root of their size",
        "return vectors.view(batch, length, self.embedding_dim)",
        "return vectors.view(batch, length, self.embedding_dim) * self.embedding_dim**0.5",
        "root of their size",
        "Embedding",
    ),
    basic(
        "a uniform table",
        "np.random.standard_normal((num_embeddings, embedding_dim))",
        "np.random.uniform(-1, 1, (num_embeddings, embedding_dim))",
        "uniform",
        "Embedding",
    ),
    basic(
        "a table that is no parameter",
        "self.weights = Parameter(tensor(table, backend))",
        "self.weights = tensor(table, backend)",
        "plain tensors",
        "Embedding",
    ),
    basic(
        "dropout in evaluation",
        "if not self.training or self.p_dropout == 0.0:",
        "if self.p_dropout == 0.0:",
        "in evaluation",
        "Dropout",
    ),
    basic(
        "dropout without a scale",
        "tensor(kept / keep, x.backend)",
        "tensor(kept * 1.0, x.backend)",
        "not divided",
        "Dropout",
    ),
    basic(
        "dropout divides by p",
        "tensor(kept / keep, x.backend)",
        "tensor(kept / self.p_dropout, x.backend)",
        "divided by p",
        "Dropout",
    ),
    basic(
        "dropout keeps what it drops",
        "keep = 1.0 - self.p_dropout",
        "keep = self.p_dropout",
        "with the probability to drop",
        "Dropout",
    ),
    basic(
        "dropout with a fixed probability",
        "        if not self.training or self.p_dropout == 0.0:\n"
        "            return x\n"
        "        keep = 1.0 - self.p_dropout\n",
        "        if not self.training:\n            return x\n        keep = 0.9\n",
        "always the same",
        "Dropout",
    ),
    basic(
        "a bias in every linear map",
        "self.bias = Parameter((rand((out_size,), backend) * 2.0 - 1.0) * bound) if bias else None",
        "self.bias = Parameter((rand((out_size,), backend) * 2.0 - 1.0) * bound)",
        "although `bias` is False",
        "Linear",
    ),
    basic(
        "dropout drops columns",
        "np.random.binomial(1, keep, x.shape)",
        "np.random.binomial(1, keep, x.shape[-1:])",
        "row or column",
        "Dropout",
    ),
    basic(
        "the bias is not added",
        "return out if self.bias is None else out + self.bias.value",
        "return out",
        "bias is not added",
        "Linear",
    ),
    basic(
        "weights of too small a range",
        "bound = 1.0 / in_size**0.5",
        "bound = 1.0 / in_size",
        "range",
        "Linear",
    ),
    basic(
        "the input of a linear map is detached",
        "out: Tensor = x @ self.weights.value",
        "out: Tensor = x.detach() @ self.weights.value",
        "gradient is zero",
        "Linear",
    ),
    norm(
        "eps outside the root",
        "(variance + self.eps).sqrt()",
        "(variance.sqrt() + self.eps)",
        "under the root",
    ),
    norm("no eps", "(variance + self.eps).sqrt()", "(variance + 1e-12).sqrt()", "`eps` is missing"),
    norm(
        "the unbiased variance",
        "variance = (centred * centred).mean(1)",
        "variance = (centred * centred).sum(1) * (1.0 / max(self.dim - 1, 1))",
        "n - 1",
    ),
    norm(
        "the variance in place of its root",
        "(variance + self.eps).sqrt()",
        "(variance + self.eps)",
        "root is missing",
    ),
    norm(
        "mean and variance are constants",
        "        centred = x - x.mean(1)\n",
        "        mean, x = x.detach().mean(1), x\n        centred = x - mean\n",
        "constant",
    ),
    norm(
        "the variance is a constant",
        "variance = (centred * centred).mean(1)",
        "variance = (centred * centred).mean(1).detach()",
        "variance as a constant",
    ),
    norm(
        "no gradient of the input",
        "normalized = centred / (",
        "normalized = centred.detach() / (",
        "difference from the mean",
    ),
    norm(
        "the normalised rows are detached",
        "out: Tensor = normalized *",
        "out: Tensor = (normalized.detach() + x * 0.0) *",
        "gradient is zero",
    ),
    norm(
        "the bias before the weights",
        "normalized * self.weights.value + self.bias.value",
        "(normalized + self.bias.value) * self.weights.value",
        "before the weights",
    ),
    norm(
        "the bias of the norm is not added",
        "normalized * self.weights.value + self.bias.value",
        "normalized * self.weights.value + self.bias.value * 0.0",
        "bias is not added",
    ),
    norm(
        "weights that begin with 0",
        "Parameter(tensor(np.ones(dim), backend))",
        "Parameter(tensor(np.zeros(dim), backend))",
        "begin with 0",
        "parameters",
    ),
    attention(
        "no division by the root of the size",
        "scores = (q @ kT) / math.sqrt(size)",
        "scores = q @ kT",
        "not divided",
    ),
    attention(
        "division by the size",
        "scores = (q @ kT) / math.sqrt(size)",
        "scores = (q @ kT) / float(size)",
        "size of a head. Divide by its root",
    ),
    attention(
        "division by the root of the whole size",
        "math.sqrt(size)",
        "math.sqrt(size * heads)",
        "whole vector",
    ),
    attention(
        "the mask hides the own position",
        "seq_len)), 1), self.backend)",
        "seq_len)), 0), self.backend)",
        "own position",
    ),
    attention(
        "the mask begins too late",
        "seq_len)), 1), self.backend)",
        "seq_len)), 2), self.backend)",
        "next one",
    ),
    attention(
        "the mask is transposed",
        "np.triu(np.ones((1, 1, seq_len, seq_len)), 1)",
        "np.tril(np.ones((1, 1, seq_len, seq_len)), -1)",
        "transposed",
    ),
    attention(
        "the mask after the softmax",
        "        if self.causal:\n"
        "            scores = scores + self.create_causal_mask(length)\n"
        "        weights: Tensor = self.dropout(softmax(scores, 3))\n",
        "        weights: Tensor = self.dropout(softmax(scores, 3))\n"
        "        if self.causal:\n"
        "            mask = self.create_causal_mask(length)\n"
        "            weights = weights * (mask.exp())\n",
        "after the softmax",
    ),
    attention(
        "the mask is forgotten", "        if self.causal:\n", "        if False:\n", "not added"
    ),
    attention(
        "softmax along the queries", "softmax(scores, 3)", "softmax(scores, 2)", "along the queries"
    ),
    attention(
        "heads merged without a permutation",
        "merged = (weights @ v).permute(0, 2, 1, 3).contiguous()",
        "merged = (weights @ v).contiguous()",
        "without a permutation",
    ),
    attention(
        "one head only",
        "split = (batch, length, self.n_head, self.attn_hidden_dim)",
        "split = (batch, length, 1, n_embd)",
        "one head",
        "projection",
    ),
    attention(
        "keys and queries are exchanged",
        "q: Tensor = self.q_projection(rows).view(*split).permute(0, 2, 1, 3)\n"
        "        k_transposed = self.k_projection(rows)",
        "q: Tensor = self.k_projection(rows).view(*split).permute(0, 2, 1, 3)\n"
        "        k_transposed = self.q_projection(rows)",
        "exchanged",
        "projection",
    ),
    attention(
        "heads cut by a view",
        "        split = (batch, length, self.n_head, self.attn_hidden_dim)\n"
        "        q: Tensor = self.q_projection(rows).view(*split).permute(0, 2, 1, 3)\n"
        "        k_transposed = self.k_projection(rows).view(*split).permute(0, 2, 3, 1)\n"
        "        v = self.v_projection(rows).view(*split).permute(0, 2, 1, 3)\n",
        "        split = (batch, self.n_head, length, self.attn_hidden_dim)\n"
        "        q: Tensor = self.q_projection(rows).view(*split)\n"
        "        k_transposed = self.k_projection(rows).view(*split).permute(0, 1, 3, 2)\n"
        "        v = self.v_projection(rows).view(*split)\n",
        "by a view",
        "projection",
    ),
    attention(
        "no last projection",
        "out: Tensor = self.out_projection(merged)",
        "out: Tensor = merged",
        "last projection",
        "whole attention",
    ),
    model(
        "no positions",
        "self.token_embeddings(idx) + self.position_embeddings(positions)",
        "self.token_embeddings(idx)",
        "positions are not added",
        "DecoderLM",
    ),
    model(
        "positions twice",
        "self.token_embeddings(idx) + self.position_embeddings(positions)",
        "self.token_embeddings(idx) + self.position_embeddings(positions) * 2.0",
        "added twice",
        "DecoderLM",
    ),
    model(
        "normalisation after the sums",
        "        x = x + self.attention(self.ln_1(x.view(*rows)).view(*whole))\n"
        "        out: Tensor = x + self.ff(self.ln_2(x.view(*rows)).view(*whole))\n",
        "        x = x + self.attention(x)\n"
        "        x = self.ln_1(x.view(*rows)).view(*whole)\n"
        "        x = x + self.ff(x)\n"
        "        out = self.ln_2(x.view(*rows)).view(*whole)\n",
        "normalises after",
        "TransformerLayer",
    ),
    model(
        "no sum around the attention",
        "x = x + self.attention(",
        "x = self.attention(",
        "around the attention",
        "TransformerLayer",
    ),
    model(
        "no sum around the network",
        "out: Tensor = x + self.ff(",
        "out: Tensor = self.ff(",
        "around the network",
        "TransformerLayer",
    ),
    model(
        "one layer four times",
        "for layer in (self.t_layer_1, self.t_layer_2, self.t_layer_3, self.t_layer_4):",
        "for layer in (self.t_layer_1,) * 4:",
        "four times",
        "DecoderLM",
    ),
    model(
        "three layers",
        "for layer in (self.t_layer_1, self.t_layer_2, self.t_layer_3, self.t_layer_4):",
        "for layer in (self.t_layer_1, self.t_layer_2, self.t_layer_3):",
        "three layers",
        "DecoderLM",
    ),
    model(
        "no last normalisation",
        "rows = self.ln(x.view(batch * length, self.n_embd))",
        "rows = x.view(batch * length, self.n_embd)",
        "before the last linear",
        "DecoderLM",
    ),
    model(
        "ReLU in the network",
        "hidden = GELU(self.linear_in(x.view(batch * length, n_embd)))",
        "hidden = self.linear_in(x.view(batch * length, n_embd)).relu()",
        "ReLU",
        "FeedForward",
    ),
    model(
        "no dropout in the network",
        "out: Tensor = self.dropout(self.linear_out(hidden))",
        "out: Tensor = self.linear_out(hidden)",
        "end of the network is missing",
        "FeedForward",
    ),
    model(
        "no dropout after the embeddings",
        "        x = self.dropout(x)\n",
        "",
        "both embeddings",
        "DecoderLM",
    ),
    model(
        "the layer does not pass its dropout on",
        "self.ff = FeedForward(n_embd, p_dropout=p_dropout,",
        "self.ff = FeedForward(n_embd, p_dropout=0.0,",
        "pass its probability",
        "TransformerLayer",
    ),
    attention(
        "a last projection without a bias",
        "self.out_projection = Linear(n_embd, n_embd, bias, self.backend)",
        "self.out_projection = Linear(n_embd, n_embd, False, self.backend)",
        "parameter is missing",
        "whole attention",
    ),
    model(
        "a network that always has a bias",
        "self.ff = FeedForward(n_embd, p_dropout=p_dropout, bias=bias, backend=backend)",
        "self.ff = FeedForward(n_embd, p_dropout=p_dropout, bias=True, backend=backend)",
        "although `bias` is False",
        "TransformerLayer",
    ),
]
