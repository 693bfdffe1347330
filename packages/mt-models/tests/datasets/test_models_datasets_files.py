"""The embedded files: search, checksums, errors."""

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mt_models import datasets
from mt_models.datasets import files

CONTENT = b"seven bytes and more"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with one file and its manifest."""
    folder = tmp_path / "data"
    (folder / "set").mkdir(parents=True)
    (folder / "set/file").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    (folder / files.MANIFEST).write_text(f"{digest}  set/file\n")
    return folder


def test_every_embedded_file_is_listed_and_intact() -> None:
    folder = datasets.data_folder()
    beside = {"README.md", files.MANIFEST}
    present = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in beside
    }
    listed = {line.split()[1] for line in (folder / files.MANIFEST).read_text().splitlines()}
    assert present == listed
    for name in listed:
        assert datasets.read_embedded(name) == (folder / name).read_bytes()


def test_an_intact_file_is_read(folder: Path) -> None:
    assert datasets.read_embedded("set/file", folder) == CONTENT


@given(st.integers(0, 8 * len(CONTENT) - 1))
def test_every_flipped_bit_is_detected(tmp_path_factory: pytest.TempPathFactory, bit: int) -> None:
    folder = tmp_path_factory.mktemp("data")
    damaged = bytearray(CONTENT)
    damaged[bit // 8] ^= 1 << bit % 8
    (folder / "file").write_bytes(damaged)
    expected, found = (hashlib.sha256(each).hexdigest() for each in (CONTENT, damaged))
    (folder / files.MANIFEST).write_text(f"{expected}  file\n")
    with pytest.raises(datasets.ChecksumError) as caught:
        datasets.read_embedded("file", folder)
    for part in (str(folder / "file"), expected, found, "git checkout -- data", "reinstall"):
        assert part in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, len(CONTENT) - 1])
def test_a_truncated_file_is_detected(folder: Path, length: int) -> None:
    (folder / "set/file").write_bytes(CONTENT[:length])
    with pytest.raises(datasets.ChecksumError, match=rf"\({length} bytes\)"):
        datasets.read_embedded("set/file", folder)


def test_a_missing_file_suggests_a_command(folder: Path) -> None:
    (folder / "set/file").unlink()
    with pytest.raises(datasets.MissingDataError, match=r"set/file.*git checkout -- data"):
        datasets.read_embedded("set/file", folder)


def test_a_missing_manifest(folder: Path) -> None:
    (folder / files.MANIFEST).unlink()
    with pytest.raises(datasets.MissingDataError, match=files.MANIFEST):
        datasets.read_embedded("set/file", folder)


def test_a_folder_in_the_place_of_a_file_is_unreadable(folder: Path) -> None:
    (folder / "set/file").unlink()
    (folder / "set/file").mkdir()
    with pytest.raises(datasets.UnreadableDataError, match="set/file cannot be read: "):
        datasets.read_embedded("set/file", folder)


def test_a_link_to_itself_is_unreadable(folder: Path) -> None:
    (folder / "set/file").unlink()
    (folder / "set/file").symlink_to(folder / "set/file")
    with pytest.raises(datasets.UnreadableDataError, match="set/file cannot be read: "):
        datasets.read_embedded("set/file", folder)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"0123  set/file\n", b"\xff" * 64 + b"  set/file\n", b"\n", b"zz" * 32 + b"  set/file"],
)
def test_a_damaged_manifest(folder: Path, manifest: bytes) -> None:
    (folder / files.MANIFEST).write_bytes(manifest)
    with pytest.raises(datasets.DataFormatError, match=r"SHA256SUMS.*git checkout -- data"):
        datasets.read_embedded("set/file", folder)


def test_a_manifest_with_other_line_ends_and_markers(folder: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest().upper()
    (folder / files.MANIFEST).write_bytes(f"{digest} *set/file\r\n".encode())
    assert datasets.read_embedded("set/file", folder) == CONTENT


class TestDataFolder:
    """The search for the nearest `data/` with a manifest above the module."""

    @staticmethod
    def make(*parts: Path) -> None:
        for part in parts:
            part.mkdir(parents=True)
            (part / files.MANIFEST).touch()

    def test_a_checkout(self, tmp_path: Path) -> None:
        self.make(tmp_path / "data")
        module = tmp_path / "packages/mt-models/src/mt_models/datasets/files.py"
        assert files._nearest_data_folder(module) == tmp_path / "data"

    def test_an_installed_package(self, tmp_path: Path) -> None:
        """The data of the package, not of the project that contains the environment."""
        site = tmp_path / ".venv/lib/site-packages"
        self.make(tmp_path / "data", site / "mt_models/data")
        module = site / "mt_models/datasets/files.py"
        assert files._nearest_data_folder(module) == site / "mt_models/data"

    def test_a_folder_without_a_manifest_is_ignored(self, tmp_path: Path) -> None:
        self.make(tmp_path / "data")
        (tmp_path / "inner/data").mkdir(parents=True)
        assert files._nearest_data_folder(tmp_path / "inner/file.py") == tmp_path / "data"

    def test_no_data_folder(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError, match="reinstall mt-models"):
            files._nearest_data_folder(tmp_path / "file.py")


class TestGunzip:
    @given(st.binary(max_size=200))
    def test_round_trip(self, content: bytes) -> None:
        assert files.gunzip(gzip.compress(content), "x") == content

    @given(st.binary(max_size=200).filter(lambda content: content[:2] != b"\x1f\x8b"))
    def test_other_content_is_unchanged(self, content: bytes) -> None:
        assert files.gunzip(content, "x") == content

    def test_more_than_one_piece(self) -> None:
        content = bytes(range(256)) * (files._PIECE // 100)
        assert files.gunzip(gzip.compress(content, 1), "x") == content

    def test_every_truncation_is_detected(self) -> None:
        compressed = gzip.compress(CONTENT)
        for length in range(2, len(compressed)):
            with pytest.raises(datasets.DataFormatError, match=r"the file.*damaged or truncated"):
                files.gunzip(compressed[:length], "the file")

    def test_a_flipped_bit_is_detected_or_harmless(self) -> None:
        """The checksum of gzip covers the content, but not the time stamp and the padding bits."""
        compressed, found = gzip.compress(CONTENT, mtime=0), 0
        for bit in range(16, 8 * len(compressed)):
            damaged = bytearray(compressed)
            damaged[bit // 8] ^= 1 << bit % 8
            try:
                content = files.gunzip(bytes(damaged), "the file")
            except datasets.DataFormatError:
                found += 1
            else:
                assert content == CONTENT
        assert found > 8 * len(CONTENT)

    def test_appended_data(self) -> None:
        with pytest.raises(datasets.DataFormatError, match="damaged"):
            files.gunzip(gzip.compress(CONTENT) + b"more", "the file")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (datasets.MissingDataError, FileNotFoundError),
        (datasets.UnreadableDataError, OSError),
        (datasets.ChecksumError, ValueError),
        (datasets.DataFormatError, ValueError),
        (datasets.HubUnreachableError, ConnectionError),
    ],
)
def test_errors_are_subclasses_of_built_in_ones(error: type[Exception], builtin: type) -> None:
    assert issubclass(error, datasets.DataError)
    assert issubclass(error, builtin)
    assert str(error("the message")) == "the message"


def test_public_names_are_sorted_and_exist() -> None:
    constants, classes, functions = (
        [name for name in datasets.__all__ if chosen(name)]
        for chosen in (str.isupper, lambda n: n[0].isupper() and not n.isupper(), str.islower)
    )
    assert datasets.__all__ == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert all(hasattr(datasets, name) for name in datasets.__all__)
