"""SST-2 with Hugging Face `datasets`; tests that need it run in a separate environment."""

import http.server
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mt_models import datasets
from mt_models.datasets.hub import _answers, _is_path, _local_files
from tools.fresh_venv import FreshVenv

PROBE = Path(__file__).with_name("hub_probe.py")
SIBLINGS = ["mt-tensor", "mt-autodiff", "mt-kernels-cpu", "mt-nn"]
ANSWER_SOON = 0.2
"""The timeout for a server that never answers, in seconds."""


def test_the_error_without_the_extra_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install mt-models\[hub\]"):
        datasets.load_sst2_from_hub(tmp_path)


class TestReachingTheHub:
    @staticmethod
    @contextmanager
    def server(status: int) -> Iterator[str]:
        """The address of a server that answers every request with a status."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    @pytest.mark.parametrize("status", [200, 401, 404, 500])
    def test_any_answer_counts(self, status: int) -> None:
        with self.server(status) as address:
            assert _answers(address)

    def test_no_server(self, closed_port: int) -> None:
        assert not _answers(f"http://127.0.0.1:{closed_port}")

    def test_a_server_that_never_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent_server:
            assert not _answers(f"http://127.0.0.1:{silent_server.getsockname()[1]}", ANSWER_SOON)

    def test_a_server_that_answers_with_garbage(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def talk() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"nonsense\r\n\r\n")

            thread = threading.Thread(target=talk)
            thread.start()
            assert not _answers(f"http://127.0.0.1:{server.getsockname()[1]}")
            thread.join()


@pytest.fixture
def closed_port() -> int:
    """A port without a server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sst2", False),
        ("stanfordnlp/sst2", False),
        ("/data/sst2", True),
        ("./sst2", True),
        ("~/sst2", True),
        ("data/sets/sst2", True),
        ("C:\\sst2", True),
    ],
)
def test_names_and_paths(name: str, path: bool) -> None:
    assert _is_path(name) is path


class TestLocalFiles:
    """The selection of files in a folder."""

    @staticmethod
    def make(folder: Path, *names: str) -> tuple[str, dict[str, list[str]]]:
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        kind, files = _local_files(folder)
        return kind, {
            split: [Path(file).relative_to(folder).as_posix() for file in of_split]
            for split, of_split in files.items()
        }

    def test_the_layout_of_the_hub(self, tmp_path: Path) -> None:
        shards = [f"data/train-0000{i}-of-00002.parquet" for i in range(2)]
        found = self.make(tmp_path, *shards, "data/validation-00000-of-00001.parquet")
        dev = ["data/validation-00000-of-00001.parquet"]
        assert found == (".parquet", {"train": shards, "dev": dev})

    def test_the_layout_of_the_embedded_data(self, tmp_path: Path) -> None:
        names = ["train.tsv.gz", "dev.tsv.gz", "test.tsv.gz"]
        kind, files = self.make(tmp_path, *names, "train-sentences.tsv.gz", "README.md")
        assert kind == ".tsv"
        assert files == {name.split(".")[0]: [name] for name in sorted(names)}

    def test_parquet_before_text(self, tmp_path: Path) -> None:
        assert self.make(tmp_path, "train.csv", "train.tsv", "train.parquet")[0] == ".parquet"

    def test_a_folder_without_files(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError, match="no train, validation or test file"):
            self.make(tmp_path, "training.tsv", "train.json")


@pytest.mark.slow
def test_with_the_extra_installed(
    fresh_venv: Callable[[], FreshVenv], tmp_path: Path, closed_port: int
) -> None:
    """Install the extra once, then read local files of each kind, and an unreachable hub."""
    venv = fresh_venv()
    venv.pip_install(*(f"./packages/{name}" for name in SIBLINGS), "./packages/mt-models[hub]")

    def probe(*sources: str | Path, offline: bool) -> list[Any]:
        printed = venv.python(
            *(str(each) for each in (PROBE, tmp_path / "cache", *sources)),
            HF_HOME=str(tmp_path / "home"),
            HF_HUB_OFFLINE=str(int(offline)),
            HF_ENDPOINT=f"http://127.0.0.1:{closed_port}",
        )
        answers: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return [answers[str(source)] for source in sources]

    check_installed_data(venv)
    check_local_files(probe, tmp_path, venv)
    check_bad_files(probe, tmp_path)
    check_hub_out_of_reach(probe)


Probe = Callable[..., list[Any]]


def check_installed_data(venv: FreshVenv) -> None:
    """Check that the installed package reads the data that it contains."""
    code = "from mt_models.datasets import *; print(data_folder(), load_mnist())"
    folder, mnist = venv.python("-c", code).split(maxsplit=1)
    assert Path(folder).is_relative_to(venv.folder)
    assert mnist.strip() == "Mnist(train=60000, test=10000)"


def check_local_files(probe: Probe, folder: Path, venv: FreshVenv) -> None:
    """Check that TSV, CSV and Parquet give the same as `load_sst2`."""
    (folder / "csv").mkdir()
    content = 'idx,sentence,label\n0,nan,0\n1,null,1\n2,"a , ""b""",1\n'
    for name in ("train", "validation"):
        (folder / f"csv/{name}.csv").write_text(content)
    # As in GLUE: a space after each sentence, one more column, hidden labels of the test split.
    make_parquet = (
        "import datasets, pathlib, sys\n"
        "folder = pathlib.Path(sys.argv[1]); folder.mkdir()\n"
        "for name, label in [('train', 1), ('validation', 0), ('test', -1)]:\n"
        "    table = {'sentence': [f'from {name} '], 'label': [label], 'idx': [0]}\n"
        "    file = folder / f'{name}-00000-of-00001.parquet'\n"
        "    datasets.Dataset.from_dict(table).to_parquet(str(file))\n"
    )
    venv.python("-c", make_parquet, str(folder / "parquet"), HF_HOME=str(folder / "home"))

    embedded = datasets.data_folder() / "sst2"
    tsv, csv, parquet = probe(embedded, folder / "csv", folder / "parquet", offline=True)
    expected = datasets.load_sst2(train="phrases")
    for (texts, labels), split in zip(
        tsv, (expected.train, expected.dev, expected.test), strict=True
    ):
        assert tuple(texts) == split.texts
        assert labels == split.labels.tolist()
    rows = [["nan", "null", 'a , "b"'], [0, 1, 1]]
    assert csv == [rows, rows, [[], []]]
    assert parquet == [[["from train"], [1]], [["from validation"], [0]], [[], []]]


def check_bad_files(probe: Probe, folder: Path) -> None:
    """Check that each gives a `DataError` that names the split."""
    good = b"sentence\tlabel\nfine\t1\n"
    bad = {
        b"sentence\nfine\n": "dev: no column 'label' among sentence",
        b"sentence\tlabel\nfine\t2\n": "dev, row 0: label 2 is neither 0 nor 1",
        b"sentence\tlabel\n \t1\n": "dev, row 0: ' ' is not a sentence",
        b"sentence\tlabel\n\xff\t1\n": "dev: `datasets` cannot read it: 'utf-8' codec",
    }
    sources = [folder / f"bad{number}" for number in range(len(bad))]
    for source, content in zip(sources, bad, strict=True):
        source.mkdir()
        (source / "train.tsv").write_bytes(good)
        (source / "dev.tsv").write_bytes(content)
    for answer, message in zip(probe(*sources, offline=True), bad.values(), strict=True):
        assert answer["error"] == "DataFormatError"
        assert message in answer["message"]

    (folder / "half").mkdir()
    (folder / "half/train.tsv").write_bytes(good)
    (folder / "none").mkdir()
    half, none, missing = probe(folder / "half", folder / "none", folder / "nowhere", offline=True)
    assert {each["error"] for each in (half, none, missing)} == {"MissingDataError"}
    assert "has no dev split, only train" in half["message"]
    assert "no train, validation or test file" in none["message"]
    assert "is not a folder" in missing["message"]


def check_hub_out_of_reach(probe: Probe) -> None:
    """Check that there is one request without a retry, or none if the environment forbids it."""
    name = "stanfordnlp/sst2"
    (forbidden,) = probe(name, offline=True)
    (unanswered,) = probe(name, offline=False)
    for answer in (forbidden, unanswered):
        assert answer["error"] == "HubUnreachableError"
        assert "ConnectionError" in answer["kinds"]
        assert "load_sst2()" in answer["message"]
    assert "does not answer" in unanswered["message"]
    assert "HF_HUB_OFFLINE=1" in unanswered["message"]
