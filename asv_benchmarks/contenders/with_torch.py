"""PyTorch, eager or compiled with `torch.compile`.

Options of the first: ``channels-last`` stores the channels of an image innermost, ``no-onednn``
turns oneDNN off, ``fused`` selects SGD in one kernel. Options of the second: ``max-autotune`` is a
mode of `torch.compile`; ``whole-step`` compiles loss, gradients and update as one function.
"""

from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  (the usual name)
from torch import Tensor

from asv_benchmarks.contenders.contender import Call, Contender, draw
from asv_benchmarks.training_cases import (
    CONTEXT,
    HEADS,
    KERNELS,
    LAYERS,
    LEARNING_RATE,
    TrainingCase,
    Weights,
)
from asv_benchmarks.workloads import Workload

Layers: TypeAlias = Mapping[str, tuple[Tensor, ...]]
"""Weight and bias of each layer by name."""

convolution_backward = torch.ops.aten.convolution_backward

MAPS: dict[str, Callable[..., Any]] = {
    "relu": torch.relu,
    "exp": torch.exp,
    "neg": torch.neg,
    "sigmoid": torch.sigmoid,
    "add": torch.add,
    "mul": torch.mul,
}


class WithTorch(Contender):
    """PyTorch on the CPU."""

    def __init__(self, compiled: bool = False, options: Set[str] = frozenset()) -> None:
        """Build the contender; `compiled` selects `torch.compile` for its networks."""
        torch.backends.mkldnn.set_flags("no-onednn" not in options)
        self.options = options
        self.name = "torch-compile" if compiled else "torch"  # type: ignore[misc]
        self.compiled = compiled

    def versions(self) -> dict[str, str]:
        """Return PyTorch's version."""
        return {"torch": torch.__version__}

    def set_threads(self, threads: int) -> None:
        """Set the number of threads."""
        torch.set_num_threads(threads)

    def operations(self) -> Mapping[str, Callable[[Workload], Call]]:
        """Return, for each operation, the function that prepares a case."""
        training = {"train_step": self.train_step, "answer": self.answer}
        if self.compiled:
            return training
        return {
            **training,
            "generate": _generate,
            **{
                operation: partial(self._on_operands, prepare)
                for operation, prepare in OPERATIONS.items()
            },
        }

    def trainer(self, case: TrainingCase, rate: float = LEARNING_RATE) -> "TorchTrainer":
        """Return a trainer whose network has the weights of a case."""
        return TorchTrainer(case, rate, self.compiled, self.options)

    def _on_operands(self, prepare: Callable[..., Call], case: Workload) -> Call:
        """Prepare an operation on tensors with the memory layout of the case or of the options."""
        operands = [torch.from_numpy(a).to(torch.get_default_device()) for a in draw(case)]
        if "channels-last" in self.options:
            operands = [*map(_channels_last, operands)]
        return prepare(case, operands)


def _channels_last(x: Tensor) -> Tensor:
    """Return a tensor of four dimensions with its channels innermost in memory, others as is."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


class TorchTrainer:
    """One of our networks, written with functions of PyTorch."""

    def __init__(
        self, case: TrainingCase, rate: float, compiled: bool, options: Set[str] = frozenset()
    ) -> None:
        """Build the network with the weights of the case; `compiled` selects `torch.compile`."""
        # Each case has fixed shapes. A process compiles many cases, and after eight versions of a
        # function PyTorch would run it uncompiled.
        torch.compiler.reset()
        mode = "max-autotune" if "max-autotune" in options else "default"
        compile = partial(torch.compile, mode=mode, dynamic=False)
        self.network = NETWORKS[case.network]
        self.run = compile(self.network) if compiled else self.network
        self.convert = _channels_last if "channels-last" in options else torch.Tensor.contiguous
        self.sentences, self.text = case.network == "kim", case.network == "gpt"
        self.drop = 0.25 if case.dropout else 0.0
        self.tensors = {
            name: self.convert(
                torch.from_numpy(array.T if _is_linear(name, array) else array)
                .to(torch.get_default_device())
                .clone(memory_format=torch.contiguous_format)
            ).requires_grad_(not name.startswith("embedding"))
            for name, array in case.weights().items()
        }
        if self.text:
            _merge_maps(self.tensors)
        self.layers = _single(self.tensors) if self.text else layers_of(self.tensors)
        trained = [weight for weight in self.tensors.values() if weight.requires_grad]
        self.optimizer: torch.optim.Optimizer = torch.optim.SGD(
            trained, lr=rate, fused="fused" in options
        )
        if self.text:
            matrices = [weight for weight in trained if weight.dim() > 1]
            others = [weight for weight in trained if weight.dim() < 2]
            groups = [
                {"params": matrices, "weight_decay": 0.1},
                {"params": others, "weight_decay": 0.0},
            ]
            self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)
        # The step of the transformer clips its gradients and has the optimiser's state.
        is_whole = "whole-step" in options and not self.text
        self.whole = compile(self._whole) if is_whole else None
        self.rate = rate

    def place(self, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
        """Return inputs and labels as tensors."""
        device = torch.get_default_device()
        classes = torch.from_numpy(labels).to(device)
        placed = self.convert(torch.from_numpy(inputs).to(device))
        return placed, classes.float() if self.sentences else classes

    def step(self, batch: Any) -> Tensor:
        """Train one step on a converted batch and return the loss before the step."""
        inputs, labels = batch
        if self.whole is not None:
            with torch.no_grad():
                whole: Tensor = self.whole(inputs, labels)
            return whole
        loss = self.loss(self.run(self.layers, inputs, self.drop), labels)
        loss.backward()
        if self.text:
            torch.nn.utils.clip_grad_norm_(self.tensors.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        if self.sentences:
            return F.binary_cross_entropy_with_logits(output, labels)
        if self.text:
            return F.cross_entropy(output.flatten(0, 1), labels.flatten())
        return F.nll_loss(output, labels)

    def _whole(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Compute loss and gradients as a function, update the weights and return the loss."""
        trained = {name: one for name, one in self.tensors.items() if one.requires_grad}

        def loss_of(weights: dict[str, Tensor]) -> Tensor:
            layers = layers_of(self.tensors | weights)
            return self.loss(self.network(layers, inputs, self.drop), labels)

        grads, loss = torch.func.grad_and_value(loss_of)(trained)
        for name, weight in trained.items():
            weight.sub_(self.rate * grads[name])
        answer: Tensor = loss
        return answer

    def answer(self, inputs: npt.NDArray[Any]) -> Callable[[], Any]:
        """Return a call that returns the output of the network for inputs, with dropout off."""
        placed = self.convert(torch.from_numpy(inputs).to(torch.get_default_device()))

        def call() -> Tensor:
            with torch.inference_mode():
                output: Tensor = self.run(self.layers, placed, 0.0)
            return output

        return call

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the output of the network for inputs, with dropout off."""
        with torch.no_grad():
            output: npt.NDArray[Any] = self.network(
                self.layers, torch.from_numpy(inputs), 0.0
            ).numpy()
        return output

    def weights(self) -> Weights:
        """Return the weights in our shapes."""
        found: dict[str, Tensor] = {}
        for name, weight in self.tensors.items():
            names = [name.replace(MERGED, part) for part in MAPS_OF_ATTENTION]
            parts = weight.chunk(3) if MERGED in name else (weight,)
            found |= zip(names if MERGED in name else [name], parts, strict=True)
        return {
            name: (weight.T if _is_linear(name, weight) else weight).detach().numpy()
            for name, weight in found.items()
        }


def layers_of(weights: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """Return weight and bias of each layer by its name; the embedding has no bias."""
    layers: dict[str, tuple[Tensor, ...]] = {
        name.removesuffix(".bias"): (weights[name.replace("bias", "weight")], bias)
        for name, bias in weights.items()
        if name.endswith(".bias")
    }
    if "embedding.weight" in weights:
        layers["embedding"] = (weights["embedding.weight"],)
    return layers


MERGED, MAPS_OF_ATTENTION = "queries_keys_values", ("query", "key", "value")
"""Name of the linear map that makes queries, keys and values at once, and those of its parts."""


def _merge_maps(weights: dict[str, Tensor]) -> None:
    """Replace the maps to queries, keys and values by one, which PyTorch computes faster."""
    for at in range(LAYERS):
        prefix = f"blocks.{at}.attention."
        parts = [weights.pop(f"{prefix}{part}.weight").detach() for part in MAPS_OF_ATTENTION]
        weights[f"{prefix}{MERGED}.weight"] = torch.cat(parts).requires_grad_()


def _single(weights: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """Return the weights of layers without a bias."""
    return {name.removesuffix(".weight"): (weight,) for name, weight in weights.items()}


def _course_lenet(w: Layers, x: Tensor, drop: float) -> Tensor:
    # Our convolutions pad with zeros after the image only.
    x = F.relu(F.conv2d(F.pad(x, (0, 2, 0, 2)), *w["conv1"]))
    x = F.relu(F.conv2d(F.pad(x, (0, 2, 0, 2)), *w["conv2"]))
    x = F.avg_pool2d(x, 4).flatten(1)
    x = F.dropout(F.relu(F.linear(x, *w["hidden"])), drop)
    return F.log_softmax(F.linear(x, *w["output"]), 1)


def _lenet5(w: Layers, x: Tensor, drop: float) -> Tensor:
    x = F.max_pool2d(F.relu(F.conv2d(x, *w["conv1"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, *w["conv2"])), 2).flatten(1)
    x = F.relu(F.linear(x, *w["hidden1"]))
    x = F.relu(F.linear(x, *w["hidden2"]))
    return F.log_softmax(F.linear(x, *w["output"]), 1)


def _kim(w: Layers, rows: Tensor, drop: float) -> Tensor:
    x = F.embedding(rows, *w["embedding"]).transpose(1, 2)
    parts = [
        F.relu(F.conv1d(F.pad(x, (0, kernel - 1)), *w[f"convolutions.{at}"])).max(2).values
        for at, kernel in enumerate(KERNELS)
    ]
    features = parts[0] + parts[1] + parts[2]
    return F.dropout(F.linear(features, *w["output"]), drop).view(-1)


def _heads(x: Tensor) -> Tensor:
    """Return the columns of each head: (batch, length, width) → (batch, heads, length, size)."""
    return x.view(*x.shape[:2], HEADS, -1).transpose(1, 2)


def _gpt(w: Layers, ids: Tensor, drop: float) -> Tensor:
    length = ids.shape[1]
    x = F.embedding(ids, *w["tokens"]) + w["positions"][0][:length]
    for at in range(LAYERS):
        x = _block(w, at, x, None)
    return F.linear(F.layer_norm(x, x.shape[-1:], *w["norm"]), *w["tokens"])


def _block(w: Layers, at: int, x: Tensor, cache: tuple[Tensor, Tensor, int] | None) -> Tensor:
    """Return the result of a block; a cache has keys, values, and the position of x."""
    block, size = f"blocks.{at}.", x.shape[-1:]
    maps = F.linear(F.layer_norm(x, size, *w[f"{block}norm1"]), *w[f"{block}attention.{MERGED}"])
    query, key, value = (_heads(part) for part in maps.split(size[0], 2))
    if cache is None:
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    else:
        keys, values, position = cache
        keys[:, :, position : position + 1], values[:, :, position : position + 1] = key, value
        seen = keys[:, :, : position + 1], values[:, :, : position + 1]
        attended = F.scaled_dot_product_attention(query, *seen)
    x = x + F.linear(attended.transpose(1, 2).flatten(2), *w[f"{block}attention.output"])
    hidden = F.layer_norm(x, size, *w[f"{block}norm2"])
    return x + F.linear(F.gelu(F.linear(hidden, *w[f"{block}linear1"])), *w[f"{block}linear2"])


def _generate(case: Workload) -> Call:
    """Return a call that continues one character by the most probable ones, with a cache."""
    w = TorchTrainer(TrainingCase("gpt", 1), LEARNING_RATE, compiled=False).layers
    width = w["tokens"][0].shape[1]

    def call() -> list[int]:
        text = [0]
        with torch.inference_mode():
            shape = (LAYERS, 1, HEADS, CONTEXT, width // HEADS)
            keys, values = torch.empty(shape), torch.empty(shape)
            for position in range(case.options["length"]):
                token = torch.tensor([[text[-1]]])
                x = F.embedding(token, *w["tokens"]) + w["positions"][0][position : position + 1]
                for at in range(LAYERS):
                    x = _block(w, at, x, (keys[at], values[at], position))
                logits = F.linear(F.layer_norm(x, (width,), *w["norm"]), *w["tokens"])
                text.append(int(logits.argmax()))
        return text

    return call


NETWORKS: dict[str, Callable[..., Tensor]] = {
    "course": _course_lenet,
    "lenet5": _lenet5,
    "kim": _kim,
    "gpt": _gpt,
}


def _is_linear(name: str, weight: Any) -> bool:
    """Return True for the weight of a linear layer, which PyTorch stores as (outputs, inputs)."""
    return weight.ndim == 2 and not name.startswith(("embedding", "tokens", "positions"))


def _chain(case: Workload, operands: list[Tensor]) -> Call:
    """Return a call of a chain of multiplications of few numbers, forward and backward."""
    start, factor = operands
    length = case.options["length"]

    def call() -> None:
        x = start.detach().requires_grad_(True)
        y = x
        for _ in range(length):
            y = y * factor
        y.sum().backward()

    return call


# Convolutions as we define them: zeros after the input, so that output and input have the same
# size. The gradients take the padded input, as in PyTorch's own graph.


def _conv(operands: list[Tensor]) -> tuple[Tensor, Tensor, list[int], Callable[..., Tensor]]:
    """Return input, weight, the padding as `F.pad` takes it, and the convolution function."""
    input, weight = operands
    behind = [size for kernel in reversed(weight.shape[2:]) for size in (0, kernel - 1)]
    return input, weight, behind, F.conv1d if input.dim() == 3 else F.conv2d


def _conv_forward(case: Workload, operands: list[Tensor]) -> Call:
    input, weight, behind, conv = _conv(operands)
    return lambda: conv(F.pad(input, behind), weight)


def _conv_grad(operands: list[Tensor], mask: list[bool]) -> tuple[Callable[[], Any], list[int]]:
    """Return a call that computes one gradient of the padded convolution, and the padding."""
    input, weight, behind, conv = _conv(operands)
    padded = F.pad(input, behind)
    grad = torch.randn_like(conv(padded, weight))
    ones, zeros = [1] * (input.dim() - 2), [0] * (input.dim() - 2)

    def call() -> Any:
        return convolution_backward(
            grad, padded, weight, None, ones, zeros, ones, False, zeros, 1, mask
        )

    return call, behind


def _conv_grad_input(case: Workload, operands: list[Tensor]) -> Call:
    call, behind = _conv_grad(operands, [True, False, False])
    # The gradient of padding crops to the size of the input.
    cut = [-size for size in behind]
    return lambda: F.pad(call()[0], cut)


def _conv_grad_weight(case: Workload, operands: list[Tensor]) -> Call:
    call, _ = _conv_grad(operands, [False, True, False])
    return lambda: call()[1]


def _avgpool_forward(case: Workload, operands: list[Tensor]) -> Call:
    (input,), kernel = operands, case.options["kernel"]
    return lambda: F.avg_pool2d(input, kernel)


def _avgpool_backward(case: Workload, operands: list[Tensor]) -> Call:
    (input,), kernel = operands, list(case.options["kernel"])
    grad = torch.randn_like(F.avg_pool2d(input, kernel))
    backward = torch.ops.aten.avg_pool2d_backward
    return lambda: backward(grad, input, kernel, kernel, [0, 0], False, True, None)


def _maxpool_forward(case: Workload, operands: list[Tensor]) -> Call:
    (input,), kernel = operands, list(case.options["kernel"])
    forward = torch.ops.aten.max_pool2d_with_indices
    return lambda: forward(input, kernel)


def _maxpool_backward(case: Workload, operands: list[Tensor]) -> Call:
    (input,), kernel = operands, list(case.options["kernel"])
    out, indices = torch.ops.aten.max_pool2d_with_indices(input, kernel)
    grad = torch.randn_like(out)
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    return lambda: backward(grad, input, kernel, kernel, [0, 0], [1, 1], False, indices)


def _matmul(case: Workload, operands: list[Tensor]) -> Call:
    a, b = operands
    return lambda: torch.matmul(a, b)


def _elementwise(case: Workload, operands: list[Tensor]) -> Call:
    fn, operands = MAPS[case.operation], operands
    return lambda: fn(*operands)


def _sum(case: Workload, operands: list[Tensor]) -> Call:
    (a,), dim = operands, case.options["dim"]
    return lambda: a.sum(dim, keepdim=True)


OPERATIONS: dict[str, Callable[[Workload, list[Tensor]], Call]] = {
    "chain": _chain,
    "conv1d": _conv_forward,
    "conv1d_grad_input": _conv_grad_input,
    "conv1d_grad_weight": _conv_grad_weight,
    "conv2d": _conv_forward,
    "conv2d_grad_input": _conv_grad_input,
    "conv2d_grad_weight": _conv_grad_weight,
    "avgpool2d": _avgpool_forward,
    "avgpool2d_backward": _avgpool_backward,
    "maxpool2d": _maxpool_forward,
    "maxpool2d_backward": _maxpool_backward,
    "matmul": _matmul,
    "sum": _sum,
    **dict.fromkeys(MAPS, _elementwise),
}
"""The functions that prepare a case on its operands, by operation."""
