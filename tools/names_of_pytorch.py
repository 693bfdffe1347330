"""The names that users of PyTorch and NumPy type, and what this library has in their place.

`python -m tools.names_of_pytorch` writes the tables of names into the page of differences.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import mt_autodiff
import mt_nn
from mt_autodiff import Tensor, names
from mt_nn import _names as nn_names
from tools.blocks import write_block
from tools.workspace import ROOT

DOCUMENT = ROOT / "docs" / "guides" / "differences.md"
BLOCK = "names"


@dataclass(frozen=True, slots=True)
class Group:
    """Names of one kind.

    Attributes:
        title: The heading.
        names: The names, separated by spaces.
        owner: The object that has the name, or raises the error that says what to write.
        tables: What to write instead of a missing name: an expression, and a comment after two
            spaces.
        sentences: What to do instead of a missing name that no expression replaces.
    """

    title: str
    names: str
    owner: object
    tables: tuple[Mapping[str, str], ...]
    sentences: Mapping[str, str] = field(default_factory=dict)

    @property
    def there(self) -> list[str]:
        """The names that exist."""
        return [name for name in self.names.split() if hasattr(self.owner, name)]

    @property
    def instead(self) -> Iterator[tuple[str, str]]:
        """The names that do not exist, each with its row."""
        for name in self.names.split():
            if not hasattr(self.owner, name):
                yield name, self.row(name)

    def row(self, name: str) -> str:
        """Return what to write instead of a name.

        Raises:
            KeyError: No table has the name.
        """
        for table in (*self.tables, self.sentences):
            if name in table:
                return table[name]
        raise KeyError(name)


class _Methods(Mapping[str, str]):
    """The methods of tensors as rows for functions: ``sin(x)`` is ``x.sin()``."""

    def __getitem__(self, name: str) -> str:
        if not hasattr(Tensor, name):
            raise KeyError(name)
        return f"x.{name}(…)"

    def __iter__(self) -> Iterator[str]:
        return iter(dir(Tensor))

    def __len__(self) -> int:
        return len(dir(Tensor))


def groups() -> list[Group]:
    """Return all names."""
    model = mt_nn.Linear(1, 1, rng=0)
    functions = (names.FUNCTIONS, _Methods(), names.MEMBERS)
    nn = (nn_names.EXPRESSIONS,)
    return [
        Group(
            "Members of tensors",
            "shape size ndim dtype device numel dim grad requires_grad requires_grad_ is_leaf "
            "grad_fn backward detach item tolist numpy clone cpu to float int bool double data "
            "retain_grad register_hook zero_ view reshape flatten permute transpose t T squeeze "
            "unsqueeze expand expand_as contiguous repeat split chunk unbind flip roll "
            "index_select gather scatter_ masked_fill masked_select take sum mean max min prod "
            "std var argmax argmin any all cumsum norm sort argsort topk median unique "
            "logsumexp softmax log_softmax count_nonzero nonzero exp log log1p log2 log10 sqrt "
            "rsqrt abs sigmoid tanh relu erf sin cos pow square clamp clip round floor sign "
            "reciprocal maximum minimum add sub mul div matmul mm bmm dot outer eq ne lt gt "
            "isnan isfinite allclose add_ mul_ fill_ copy_ clamp_ astype copy",
            mt_autodiff.tensor([[1.0]]),
            (names.MEMBERS,),
        ),
        Group(
            "Functions",
            "tensor from_numpy zeros ones full empty eye arange linspace rand randn randint "
            "randperm zeros_like ones_like rand_like cat concatenate stack where einsum matmul "
            "tril triu meshgrid one_hot no_grad set_grad_enabled is_grad_enabled manual_seed "
            "save load allclose isclose maximum minimum",
            mt_autodiff,
            functions,
        ),
        Group(
            "Layers and losses",
            "Module Parameter Sequential ModuleList ModuleDict Linear Conv1d Conv2d "
            "ConvTranspose2d MaxPool1d MaxPool2d AvgPool2d AdaptiveAvgPool2d BatchNorm1d "
            "BatchNorm2d LayerNorm RMSNorm GroupNorm Dropout Dropout2d Embedding Flatten "
            "Identity ReLU LeakyReLU GELU Sigmoid Tanh Softmax RNN LSTM GRU MultiheadAttention "
            "TransformerEncoderLayer TransformerDecoderLayer CrossEntropyLoss MSELoss L1Loss "
            "SmoothL1Loss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss ELU SiLU Softplus",
            mt_nn,
            nn,
            nn_names.ABSENT,
        ),
        Group(
            "Functions of networks",
            "relu leaky_relu gelu elu softplus silu tanh sigmoid softmax log_softmax dropout "
            "linear conv1d conv2d max_pool2d avg_pool2d cross_entropy nll_loss mse_loss l1_loss "
            "smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits "
            "kl_div one_hot pad embedding normalize cosine_similarity layer_norm rms_norm "
            "batch_norm interpolate scaled_dot_product_attention",
            mt_nn,
            nn,
            nn_names.ABSENT,
        ),
        Group(
            "Optimisers and schedules",
            "SGD Adam AdamW RMSprop Adagrad LBFGS StepLR MultiStepLR ExponentialLR "
            "CosineAnnealingLR OneCycleLR ReduceLROnPlateau LambdaLR LinearLR clip_grad_norm_",
            mt_nn,
            nn,
            nn_names.ABSENT,
        ),
        Group(
            "Members of modules",
            "parameters named_parameters modules named_modules children named_children buffers "
            "register_buffer register_parameter add_module state_dict load_state_dict train "
            "eval zero_grad requires_grad_ apply to cuda cpu float double half "
            "register_forward_hook training forward extra_repr",
            model,
            (nn_names.MODULE_MEMBERS,),
        ),
        Group(
            "Members of optimisers",
            "step zero_grad state_dict load_state_dict param_groups add_param_group state",
            mt_nn.SGD(model.parameters(), lr=0.1),
            (nn_names.OPTIMIZER_MEMBERS,),
        ),
    ]


FORMS: dict[str, str] = {
    # Operators and protocols
    "t[mask]": "x[x > 2]",
    "t[indices]": "x[tensor([1, 0])]",
    "2 ** t": "2**x",
    "t ** t": "x**y",
    "t % 2": "x % 2",
    "t // 2": "x // 2",
    "-t": "-x",
    "abs(t)": "abs(x)",
    "t & u": "(x > 0) & (y > 0)",
    "~t": "~(x > 0)",
    "t += 1": "x += 1",
    'f"{t:.3f}"': 'f"{x.sum():.3f}"',
    "len(t)": "len(x)",
    "for row in t": "[row for row in x]",
    "bool(t) of one element": "bool(x.sum() > 0)",
    "np.mean(t)": "np.mean(x.detach())",
    "np.sum(t)": "np.sum(x.detach())",
    "from_dlpack(t)": "np.from_dlpack(x.detach())",
    "with no_grad()": "with no_grad(): x * 2",
    "@no_grad": "no_grad(lambda: x * 2)()",
    "@no_grad()": "no_grad()(lambda: x * 2)()",
    # Arguments
    "Dropout(p=)": "mt_nn.Dropout(rate=0.5)",
    "Conv2d(kernel_size=, stride=, padding=, dilation=, groups=)": (
        "mt_nn.Conv2d(3, 8, kernel=5, stride=2, padding=2)"
    ),
    "MaxPool2d(stride=, padding=)": "mt_nn.MaxPool2d(3, stride=2, padding=1)",
    "Embedding(padding_idx=)": "mt_nn.Embedding(10, 4, padding_row=0)",
    "cross_entropy(weight=, ignore_index=, reduction=, label_smoothing=)": (
        'mt_nn.cross_entropy(x, [0, 1], weight=[1.0, 2.0], ignore_index=-100, reduction="sum", '
        "label_smoothing=0.1)"
    ),
    "Module.train(False)": "model.train(False)",
    "load_state_dict(strict=False)": "model.load_state_dict({}, strict=False)",
    "Tensor.sum(dim=, keepdim=)": "x.sum(dim=1, keepdim=True)",
    "Tensor.to(dtype)": "x.to(Reference(np.float32))",
    "zeros(2, 3), ones(2, 3), rand(2, 3)": "zeros(2, 3), ones(2, 3), rand(2, 3)",
    "Adam(amsgrad=)": "mt_nn.Adam(model.parameters(), lr=0.001)",
}
"""The code to write for each operator, protocol and argument of PyTorch."""


def tables() -> str:
    """Return the tables of names as Markdown."""
    parts = []
    for group in groups():
        parts.append(f"### {group.title}\n")
        parts.append(f"Under the same name: {', '.join(f'`{name}`' for name in group.there)}.\n")
        rows = [(f"`{name}`", _cell(name, row, group)) for name, row in group.instead]
        if rows:
            parts.append(_table(("name", "write"), rows))
    parts.append("### Operators and arguments\n")
    parts.append(_table(("in PyTorch", "write"), [(f"`{a}`", f"`{b}`") for a, b in FORMS.items()]))
    return "\n".join(parts)


def _cell(name: str, row: str, group: Group) -> str:
    """Return a row as Markdown: code and a comment, or a sentence."""
    if name in group.sentences:
        return row
    code, _, comment = row.partition("  # ")
    return f"`{code}`" + (f" ({comment})" if comment else "")


def _table(heads: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [" | ".join(heads), "--- | ---", *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


if __name__ == "__main__":
    write_block(DOCUMENT, BLOCK, tables())
