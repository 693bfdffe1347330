"""Right solutions of module 5 in other styles earn all points."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.judge.forbidden_calls import forbidden_calls
from grading.judge.records import Status
from grading.protocol.messages import Subject
from grading.submissions.submission import Submission
from grading.tasks.table import table
from grading.tests.test_grading_transformer_trees import failing, worker_for
from grading.tests.transformer_trees import STYLES, write_styles

TREES: dict[str, tuple[str, ...]] = {
    "gradients in closed form": (
        "gelu_function",
        "softmax_loss_function",
        "embedding_lookup",
        "layer_norm_function",
        "mask_large",
        "qkv_joined",
        "dropout_of_weights",
        "positions_one_hot",
    ),
    "composed functions": (
        "gelu_exp",
        "logsumexp_constant",
        "one_hot_eye",
        "softmax_loss_logsoftmax",
        "linear_uniform",
        "dropout_rand",
        "layer_norm_centred",
        "mask_infinite",
        "query_scaled",
        "without_attention_dropout",
        "positions_of_batch",
    ),
    "on the kernels of the tree": (
        "gelu_tanh",
        "mask_product",
        "dropout_after_view",
        "layer_flat",
    ),
}
"""Trees with several styles each, so that few workers start."""


@pytest.fixture(scope="module", params=TREES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with the styles."""
    folder = tmp_path_factory.mktemp("styles")
    return write_styles(folder, TREES[request.param], request.param.endswith("of the tree"))


@pytest.fixture(scope="module")
def subject(tree: Path) -> Iterator[Subject]:
    with worker_for(tree) as worker:
        yield worker


@pytest.mark.slow
@pytest.mark.parametrize("task", ["5.1", "5.2", "5.3", "5.4", "5.5"])
def test_right_styles_pass(subject: Subject, tree: Path, task: str) -> None:
    submission = Submission.at(tree)
    assert forbidden_calls(table().task(task), submission)[""].status is Status.PASSED
    assert failing(subject, task, examples=4) == []


def test_every_style_is_in_one_tree() -> None:
    assert sorted(style for styles in TREES.values() for style in styles) == sorted(STYLES)
    assert {task for _, task in STYLES.values()} == {"5.1", "5.2", "5.3", "5.4", "5.5"}
