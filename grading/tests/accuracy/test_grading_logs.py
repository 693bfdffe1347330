"""Claims are read from logs, whatever shell wrote them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grading.accuracy.logs import EPOCH, claim
from grading.submissions.submission import Submission

MNIST = "Epoch 1 loss 2.3 valid acc 2/16\r\nEpoch 2 loss 0.4 valid acc 15/16\r\n"
SENTIMENT = (
    "Epoch 1, loss 31.2, train accuracy: 51.11%\nValidation accuracy: 54.00%\n"
    "Best Valid accuracy: 54.00%\nValidation accuracy: 71.5%\nBest Valid accuracy: 71.5%\n"
)

ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "UTF-16 without one": lambda text: text.encode("utf-16-le"),
    "colours": lambda text: text.replace("acc", "\x1b[32macc\x1b[0m").encode(),
    "overwritten lines": lambda text: text.replace("\n", "\r").encode(),
    "other bytes around": lambda text: b"\xff\xfa\xf0" * 3 + b"\n" + text.encode(),
}


def submission(folder: Path, **files: bytes) -> Submission:
    (folder / "minitorch").mkdir()
    (folder / "minitorch" / "__init__.py").write_text("", encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Submission.at(folder)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_logs_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    write = ENCODINGS[encoding]
    tree = submission(tmp_path, **{"mnist.txt": write(MNIST), "sentiment.txt": write(SENTIMENT)})
    assert claim(tree, "digits") == "15/16 in mnist.txt"
    assert claim(tree, "sentences") == "71.5 % in sentiment.txt"


def test_a_log_in_the_readme(tmp_path: Path) -> None:
    tree = submission(tmp_path, **{"README.md": f"# Mine\n```\n{MNIST}```\n".encode()})
    assert claim(tree, "digits") == "15/16 in README.md"
    assert claim(tree, "sentences") == ""


def test_links_out_of_the_folder_are_not_read_as_logs(tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.txt"
    elsewhere.write_text(MNIST, encoding="utf-8")
    (tmp_path / "tree").mkdir()
    tree = submission(tmp_path / "tree")
    (tree.root / "mnist.txt").symlink_to(elsewhere)
    assert claim(tree, "digits") == ""


def test_other_numbers_are_no_claims(tmp_path: Path) -> None:
    tree = submission(tmp_path, **{"mnist.txt": b"valid acc 3/0\n\x00" + bytes(range(256))})
    assert claim(tree, "digits") == ""
    assert claim(tree, "Xor") == ""


EPOCHS = {
    "Time per epoch: 0.12s\nTime per epoch: 0.31s": "0.12 s",
    "Epoch: 10/500, loss: 3.1, correct: 40, time per epoch 0.2": "0.2 s",
    "| CPU | 1.5 sec/epoch |": "1.5 s",
    "about 2 seconds per epoch on my laptop": "2 s",
    "Epoch 10 loss 0.25 correct 48": "",
    "Average epoch time: 7.25 seconds": "7.25 s",
}


@pytest.mark.parametrize("text", EPOCHS)
def test_times_of_epochs(tmp_path: Path, text: str) -> None:
    expected = f"{EPOCHS[text]} in README.md" if EPOCHS[text] else ""
    tree = submission(tmp_path, **{"README.md": text.encode()})
    assert claim(tree, EPOCH) == expected


@pytest.mark.parametrize("name", ["digits", "sentences", EPOCH])
def test_very_long_numbers_are_no_claims(tmp_path: Path, name: str) -> None:
    nines = "9" * 5000
    text = f"valid acc {nines}/{nines}\nBest Valid accuracy: {nines}%\n{nines} s per epoch"
    assert len(claim(submission(tmp_path, **{"README.md": text.encode()}), name)) < 60
