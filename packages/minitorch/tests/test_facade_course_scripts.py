"""Unmodified scripts of the course on the data of this repository."""

import subprocess
import sys
from pathlib import Path

import pytest

from minitorch.course_scripts import GloveEmbedding, load_dataset, main
from mt_models.datasets import load_glove, load_sst2

SCRIPT = """
import sys

import embeddings
from datasets import load_dataset
from mnist import MNIST

import helper

images, labels = MNIST("project/data/").load_training()
lookup = embeddings.GloveEmbedding("wikipedia_gigaword", d_emb=50, show_progress=True)
train = load_dataset("glue", "sst2")["train"]

if __name__ == "__main__":
    print(helper.WORD, sys.argv[1:], len(images), len(images[0]), labels[:3])
    print(lookup.d_emb, "movie" in lookup, len(lookup.emb("movie")))
    print(len(train["sentence"]), train["label"][:2])
"""


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "minitorch.course_scripts", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_an_unmodified_script(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("WORD = 'beside'", encoding="utf-8")
    (tmp_path / "run_something.py").write_text(SCRIPT, encoding="utf-8")
    done = run(str(tmp_path / "run_something.py"), "--fast")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "beside ['--fast'] 60000 784 [5, 0, 4]",
        "50 True 50",
        f"67349 {load_sst2(train='phrases').train.labels[:2].tolist()}",
    ]


@pytest.mark.parametrize("own", [False, True])
def test_a_script_imports_the_minitorch_of_its_tree_if_there_is_one(
    tmp_path: Path, own: bool
) -> None:
    (tmp_path / "project").mkdir()
    script = tmp_path / "project" / "run.py"
    script.write_text("import minitorch\nprint(minitorch.__file__)", encoding="utf-8")
    if own:
        (tmp_path / "minitorch").mkdir()
        (tmp_path / "minitorch" / "__init__.py").touch()
    done = run("project/run.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path) == own


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "the argument SCRIPT is missing"), (["nowhere.py"], "nowhere.py is not a file")],
)
def test_usage_without_a_script(arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=rf"{message}\nusage: python -P -m minitorch\."):
        main(arguments)


def test_word_vectors_are_those_of_the_table() -> None:
    glove, lookup = load_glove(), GloveEmbedding("wikipedia_gigaword", d_emb=50)
    assert lookup.emb("movie") == glove.vectors[glove.index["movie"]].tolist()
    assert lookup.emb("no such word") == [None] * 50
    assert lookup.emb("no such word", default="zero") == [0.0] * 50
    assert "no such word" not in lookup
    assert len(lookup) == len(glove.words)
    with pytest.raises(ValueError, match="d_emb is 300; only 50 dimensions"):
        GloveEmbedding(d_emb=300)


def test_the_data_set_is_read_by_column_and_by_row() -> None:
    dev = load_dataset("glue", "sst2", split="validation")
    assert len(dev) == len(dev["sentence"]) == 872
    assert dev[3] == {"sentence": dev["sentence"][3], "label": dev["label"][3], "idx": 3}
    assert dev[:2]["label"] == dev["label"][:2]
    assert [row["idx"] for row in dev] == list(range(872))
    with pytest.raises(
        ValueError, match='glue/cola is not available; use load_dataset\\("glue", "sst2"\\)'
    ):
        load_dataset("glue", "cola")
