"""Names of PyTorch that this package does not have, and what to use instead.

A name that is missing raises an error with its row of a table. The tests evaluate each row.
"""

import sys
from collections.abc import Callable
from typing import Any

from mt_autodiff.names import MissingMember, missing

EXPRESSIONS: dict[str, str] = {
    # torch.nn
    "ModuleList": "[Linear(2, 3), Linear(3, 1)]  # a plain list as an attribute of a Module",
    "ModuleDict": '{"first": Linear(2, 3)}  # a plain dict as an attribute of a Module',
    "ParameterList": "[Parameter(x)]  # a plain list as an attribute of a Module",
    "Conv3d": "Conv2d(3, 8, kernel=3)  # for each slice of the third dimension",
    "MaxPool1d": "MaxPool2d((1, 2))(sequences.view(2, 3, 1, 8)).view(2, 3, 4)",
    "AvgPool1d": "AvgPool2d((1, 2))(sequences.view(2, 3, 1, 8)).view(2, 3, 4)",
    "AdaptiveAvgPool2d": "images.mean((2, 3))  # for one number of each channel",
    "Dropout1d": "sequences * dropout(ones((2, 3, 1)), 0.5)  # whole channels",
    "Dropout2d": "images * dropout(ones((2, 3, 1, 1)), 0.5)  # whole channels",
    "MultiheadAttention": "MultiHeadAttention(8, heads=2)",
    "TransformerEncoderLayer": "TransformerBlock(8, heads=2, causal=False)",
    "TransformerDecoderLayer": "TransformerBlock(8, heads=2)  # for text; without a second source",
    "LogSoftmax": "Sequential(lambda x: logsoftmax(x, 1))",
    "KLDivLoss": "cross_entropy(scores, probabilities)  # the same gradient",
    # torch.nn.functional
    "relu": "x.relu()",
    "sigmoid": "x.sigmoid()",
    "tanh": "x.tanh()",
    "log_softmax": "logsoftmax(x, 1)",
    "conv1d": "Conv1d(3, 8, kernel=5, padding=2)(sequences)",
    "conv2d": "Conv2d(3, 8, kernel=5, padding=2)(images)",
    "kl_div": "cross_entropy(scores, probabilities)  # the same gradient",
    "one_hot": "mt_autodiff.one_hot(classes, 10)",
    "pad": "mt_autodiff.pad(x, [(0, 0), (1, 1)])",
    "embedding": "mt_autodiff.take(table, classes)",
    "normalize": "x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)",
    "cosine_similarity": "(x * y).sum(1) / ((x * x).sum(1) * (y * y).sum(1)).sqrt()",
    "batch_norm": "BatchNorm1d(4)(x)",
    "flatten": "x.view(x.shape[0], -1)",
    "interpolate": "images.view(2, 3, 8, 1, 8, 1).expand(2, 3, 8, 2, 8, 2).contiguous()"
    ".view(2, 3, 16, 16)  # the nearest pixel, twice as large",
    "scaled_dot_product_attention": "attention(q, k, v)  # heads are blocks of columns",
    # torch.nn.init
    "kaiming_uniform_": "Linear(2, 3, init=init.kaiming_uniform)",
    "xavier_uniform_": "Linear(2, 3, init=init.xavier_uniform)",
    "uniform_": "Linear(2, 3, init=partial(init.uniform, low=-1.0, high=1.0))",
    "zeros_": "Linear(2, 3, init=init.zeros)",
    "normal_": "Linear(2, 3, init=partial(init.normal, std=0.02))",
    # torch.nn.utils
    "clip_grad_norm_": "clip_grad_norm(parameters, 1.0)",
    "clip_grad_value_": "clip_grad_value(parameters, 1.0)",
    # torch.optim
    "lr_scheduler": "schedules",
    "StepLR": "StepDecay(lr=0.1, every=30, factor=0.1)",
    "MultiStepLR": "MultiStepDecay(lr=0.1, milestones=(30, 80), factor=0.1)",
    "ExponentialLR": "StepDecay(lr=0.1, every=1, factor=0.9)",
    "CosineAnnealingLR": "CosineDecay(lr=0.1, steps=100)",
    "OneCycleLR": "OneCycle(lr=0.1, steps=100)",
    "ReduceLROnPlateau": "Plateau(lr=0.1, patience=10)",
    "LambdaLR": "lambda step: 0.1 * 0.95**step  # any function of the step is a schedule",
    "LinearLR": "LinearWarmup(5, ConstantRate(0.1))",
    # torch
    "save": 'save_weights("weights.safetensors", model)',
    "load": 'load_weights("weights.safetensors")',
    "manual_seed": "Linear(2, 3, rng=0)  # each layer takes a seed or a generator",
}
"""The expression to use instead of each name of the package."""

ABSENT: dict[str, str] = {
    "ConvTranspose2d": "enlarge the images with view and expand, then apply Conv2d",
    "GroupNorm": "write a Module with standardize of mt_nn.functional on a view of the groups",
    "RNN": "write a Module whose forward loops over the time steps",
    "LSTM": "write a Module whose forward loops over the time steps",
    "GRU": "write a Module whose forward loops over the time steps",
    "RMSprop": "use Adam, or write an Optimizer with the method rule",
    "Adagrad": "use Adam, or write an Optimizer with the method rule",
    "LBFGS": "use Adam, or write an Optimizer with the method step",
    "DataLoader": "draw the indices of each batch with numpy.random.Generator.permutation",
    "autocast": "the dtype belongs to the backend, for example Tuned(numpy.float32)",
}
"""The way out for each name whose replacement is not an expression."""

MODULE_MEMBERS: dict[str, str] = {
    "cuda": "model.to(backend)  # such as TunedCuda(np.float32)",
    "cpu": "model.to(backend)  # such as Tuned(np.float32)",
    "float": "model.to(Reference(np.float32))  # the dtype belongs to the backend",
    "double": "model.to(Reference(np.float64))  # the dtype belongs to the backend",
    "half": "model.to(Reference(np.float32))  # float16 is not supported",
    "type": "model.to(Reference(np.float32))  # the dtype belongs to the backend",
    "register_parameter": 'model.add_parameter("scale", tensor([1.0]))',
    "add_module": 'setattr(model, "last", Linear(2, 2))',
    "register_module": 'setattr(model, "last", Linear(2, 2))',
    "register_forward_pre_hook": "model.register_forward_hook(lambda module, args, output: None)",
    "register_full_backward_hook": "[p.grad for p in model.parameters()]  # after backward()",
    "get_submodule": "dict(model.named_modules())",
    "get_parameter": "dict(model.named_parameters())",
    "get_buffer": "dict(model.named_buffers())",
    "compile": "model.to(backend)  # Fast and Tuned compile their kernels",
}
"""The expression to use instead of each member of a module."""

OPTIMIZER_MEMBERS: dict[str, str] = {
    "state": 'optimizer.state_dict()["slots"]',
    "defaults": 'optimizer.state_dict()["hyperparameters"]',
}
"""The expression to use instead of each member of an optimiser."""


SCHEDULE_MEMBERS: dict[str, str] = {
    "step": "schedule(step)  # assign the result: optimizer.lr = schedule(step)",
    "get_last_lr": "[schedule(step)]",
    "last_epoch": "step  # a schedule has no state; count the steps",
    "base_lrs": "[schedule(0)]",
    "state_dict": "{}  # a schedule has no state; store the step",
    "load_state_dict": "step  # a schedule has no state; store the step",
}
"""The expression to use instead of each member of a schedule."""

PLATEAU_MEMBERS: dict[str, str] = {
    "step": "plateau(loss)  # assign the result: optimizer.lr = plateau(loss)",
    "get_last_lr": "[plateau.lr]",
    "num_bad_epochs": "plateau.waited",
    "min_lrs": "[plateau.minimum]",
}
"""The expression to use instead of each member of a `Plateau`."""

STOPPING_MEMBERS: dict[str, str] = {"step": "stop(loss)  # True when training stops"}
"""The expression to use instead of each member of an `EarlyStopping`."""


def package_getattr(package: str) -> Callable[[str], Any]:
    """Return the function ``__getattr__`` of a module of this package, which raises an error."""

    def unknown(name: str) -> Any:
        table = EXPRESSIONS
        if name not in ABSENT and name in getattr(sys.modules["mt_nn"], "__all__", ()):
            table = {name: f"mt_nn.{name}", **EXPRESSIONS}
        raise missing(package, name, table, ABSENT, sys.modules[package])

    return unknown


class ReadOnlyMember(MissingMember):
    """A missing member whose assignment is an error, too."""

    def __set__(self, instance: object, value: object) -> None:
        self.__get__(instance, type(instance))
