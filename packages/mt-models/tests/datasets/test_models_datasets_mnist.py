"""MNIST: the embedded files, IDX round trips, folders of users."""

import gzip
import itertools
import shutil
import struct
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mt_models import datasets
from mt_models.datasets import DataFormatError, parse_idx

Bytes = NDArray[np.uint8]

arrays = st.integers(1, 3).flatmap(
    lambda ndim: hnp.arrays(np.uint8, hnp.array_shapes(min_dims=ndim, max_dims=ndim, min_side=0))
)


def to_idx(array: Bytes) -> bytes:
    """The content of an IDX file of unsigned bytes."""
    header = struct.pack(f">{1 + array.ndim}I", 0x800 | array.ndim, *array.shape)
    return header + array.tobytes()


def write_folder(
    folder: Path, images: Bytes, labels: Bytes, *, dot: str = "-", gz: bool = False
) -> None:
    """Write the same images and labels as both splits."""
    for split, (kind, array) in itertools.product(
        ("train", "t10k"), [("images", images), ("labels", labels)]
    ):
        name = f"{split}-{kind}{dot}idx{array.ndim}-ubyte"
        content = to_idx(array)
        if gz:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (folder / name).write_bytes(content)


@st.composite
def image_sets(draw: st.DrawFn) -> tuple[Bytes, Bytes]:
    """A few images of one size, odd sizes and none at all included, with labels."""
    n, rows, columns = draw(st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(1, 5)))
    images = draw(hnp.arrays(np.uint8, (n, rows, columns)))
    labels = draw(hnp.arrays(np.uint8, n, elements=st.integers(0, 9)))
    return images, labels


@pytest.fixture(scope="module")
def mnist() -> datasets.Mnist:
    return datasets.load_mnist()


class TestEmbedded:
    def test_shapes(self, mnist: datasets.Mnist) -> None:
        assert mnist.train_images.shape == (60_000, 28, 28)
        assert mnist.train_labels.shape == (60_000,)
        assert mnist.test_images.shape == (10_000, 28, 28)
        assert mnist.test_labels.shape == (10_000,)

    def test_arrays_are_read_only(self, mnist: datasets.Mnist) -> None:
        for name in ("train_images", "train_labels", "test_images", "test_labels"):
            array = getattr(mnist, name)
            assert array.dtype == np.uint8
            assert array.flags.c_contiguous
            assert not array.flags.writeable

    def test_first_labels(self, mnist: datasets.Mnist) -> None:
        assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert mnist.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

    def test_images_of_each_digit(self, mnist: datasets.Mnist) -> None:
        train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert np.bincount(mnist.train_labels).tolist() == train
        assert np.bincount(mnist.test_labels).tolist() == test

    def test_mean_and_deviation_of_the_pixels(self, mnist: datasets.Mnist) -> None:
        for images, mean, deviation in [
            (mnist.train_images, 0.1307, 0.3081),
            (mnist.test_images, 0.1325, 0.3105),
        ]:
            counts = np.bincount(images.ravel(), minlength=256) / images.size
            values = np.arange(256) / 255
            found = counts @ values
            assert found == pytest.approx(mean, abs=5e-5)
            assert np.sqrt(counts @ values**2 - found**2) == pytest.approx(deviation, abs=5e-5)

    def test_short_repr(self, mnist: datasets.Mnist) -> None:
        assert repr(mnist) == "Mnist(train=60000, test=10000)"

    def test_frozen(self, mnist: datasets.Mnist) -> None:
        with pytest.raises(AttributeError):
            mnist.train_labels = mnist.test_labels  # type: ignore[misc]

    def test_memory_use(self) -> None:
        """The peak memory is 47 MB of pixels and 10 MB of compressed files, without copies."""
        tracemalloc.start()
        try:
            images, _ = datasets.load_mnist_split("train")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1.5 * images.nbytes

    def test_a_damaged_file_raises(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = datasets.data_folder()
        for name in ("SHA256SUMS", "mnist/t10k-images-idx3-ubyte.gz"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(source / name, tmp_path / name)
        labels = bytearray((source / "mnist/t10k-labels-idx1-ubyte.gz").read_bytes())
        labels[-5] ^= 1
        (tmp_path / "mnist/t10k-labels-idx1-ubyte.gz").write_bytes(labels)
        monkeypatch.setattr("mt_models.datasets.files.data_folder", lambda: tmp_path)
        with pytest.raises(datasets.ChecksumError, match=r"t10k-labels-idx1-ubyte.gz is damaged"):
            datasets.load_mnist_split("test")


class TestParseIdx:
    @given(arrays)
    def test_round_trip(self, array: Bytes) -> None:
        parsed = parse_idx(to_idx(array), array.ndim)
        assert parsed.dtype == np.uint8
        np.testing.assert_array_equal(parsed, array, strict=True)

    @given(arrays, st.data())
    def test_every_truncation_is_detected(self, array: Bytes, data: st.DataObject) -> None:
        content = to_idx(array)
        length = data.draw(st.integers(0, len(content) - 1))
        with pytest.raises(DataFormatError, match=r"too few|declares"):
            parse_idx(content[:length], array.ndim)

    @given(arrays, st.binary(min_size=1, max_size=9))
    def test_appended_data_is_detected(self, array: Bytes, more: bytes) -> None:
        with pytest.raises(DataFormatError, match="has data appended"):
            parse_idx(to_idx(array) + more, array.ndim)

    @given(arrays, st.integers(0, 31))
    def test_a_wrong_magic_number_is_detected(self, array: Bytes, bit: int) -> None:
        content = bytearray(to_idx(array))
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DataFormatError, match=r"magic number 0x0000080. expected"):
            parse_idx(content, array.ndim)

    @given(arrays, st.data())
    def test_a_flipped_bit_in_the_sizes_is_detected(
        self, array: Bytes, data: st.DataObject
    ) -> None:
        content = bytearray(to_idx(array))
        bit = data.draw(st.integers(32, 8 * (4 + 4 * array.ndim) - 1))
        content[bit // 8] ^= 1 << bit % 8
        if array.size:
            with pytest.raises(DataFormatError, match="declares"):
                parse_idx(content, array.ndim)
        else:  # A product of zero stays zero, unless the flipped size was the only zero.
            try:
                parsed = parse_idx(content, array.ndim)
            except DataFormatError:
                return
            assert parsed.size == 0

    def test_images_in_place_of_labels(self) -> None:
        images = to_idx(np.zeros((1, 2, 2), np.uint8))
        with pytest.raises(DataFormatError, match=r"0x00000801 expected.*0x00000803 found"):
            parse_idx(images, ndim=1)

    def test_an_error_names_source_and_numbers(self) -> None:
        content = to_idx(np.zeros((2, 3, 5), np.uint8))[:-1]
        message = "^labels: the header declares 2 x 3 x 5 = 30 bytes, and 29 follow it"
        with pytest.raises(DataFormatError, match=message):
            parse_idx(content, 3, "labels")

    def test_sizes_beyond_the_limit_of_numpy(self) -> None:
        content = struct.pack(">4I", 0x803, 0, 2**32 - 1, 2**32 - 1)
        with pytest.raises(DataFormatError, match="impossible shape"):
            parse_idx(content, 3)


class TestFolders:
    images = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    labels = np.array([9, 0], np.uint8)

    @pytest.mark.parametrize("dot", ["-", "."])
    @pytest.mark.parametrize("gz", [False, True])
    def test_names_of_files(self, tmp_path: Path, dot: str, gz: bool) -> None:
        write_folder(tmp_path, self.images, self.labels, dot=dot, gz=gz)
        mnist = datasets.load_mnist(str(tmp_path))
        np.testing.assert_array_equal(mnist.train_images, self.images, strict=True)
        np.testing.assert_array_equal(mnist.train_labels, self.labels, strict=True)
        np.testing.assert_array_equal(mnist.test_images, self.images, strict=True)
        np.testing.assert_array_equal(mnist.test_labels, self.labels, strict=True)

    def test_one_split_without_the_other(self, tmp_path: Path) -> None:
        write_folder(tmp_path, self.images, self.labels)
        for file in tmp_path.glob("t10k*"):
            file.unlink()
        images, _ = datasets.load_mnist_split("train", tmp_path)
        np.testing.assert_array_equal(images, self.images, strict=True)
        with pytest.raises(datasets.MissingDataError, match="t10k-images-idx3-ubyte"):
            datasets.load_mnist(tmp_path)

    def test_the_splits_are_distinguished(self, tmp_path: Path) -> None:
        write_folder(tmp_path, self.images, self.labels)
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(to_idx(self.labels[::-1]))
        mnist = datasets.load_mnist(tmp_path)
        assert mnist.train_labels.tolist() == [9, 0]
        assert mnist.test_labels.tolist() == [0, 9]

    def test_compression_is_detected_by_content(self, tmp_path: Path) -> None:
        write_folder(tmp_path, self.images, self.labels)
        for file in tmp_path.iterdir():
            file.rename(file.with_name(f"{file.name}.gz"))
        np.testing.assert_array_equal(datasets.load_mnist(tmp_path).test_images, self.images)

    @pytest.mark.parametrize("n", [0, 1])
    def test_no_image_and_one(self, tmp_path: Path, n: int) -> None:
        write_folder(tmp_path, self.images[:n], self.labels[:n])
        assert datasets.load_mnist(tmp_path).train_images.shape == (n, 3, 5)

    def test_different_numbers_of_labels_and_images(self, tmp_path: Path) -> None:
        write_folder(tmp_path, self.images, self.labels[:1])
        with pytest.raises(DataFormatError, match=r"contains 2 images, and .* 1 labels"):
            datasets.load_mnist(tmp_path)

    @given(st.integers(10, 255), st.integers(0, 1))
    def test_labels_are_digits(
        self, tmp_path_factory: pytest.TempPathFactory, label: int, index: int
    ) -> None:
        folder = tmp_path_factory.mktemp("mnist")
        labels = self.labels.copy()
        labels[index] = label
        write_folder(folder, self.images, labels)
        with pytest.raises(DataFormatError, match=f"label {label} at index {index}; digits"):
            datasets.load_mnist(folder)

    def test_a_truncated_gz_file(self, tmp_path: Path) -> None:
        write_folder(tmp_path, self.images, self.labels, gz=True)
        file = tmp_path / "train-images-idx3-ubyte.gz"
        file.write_bytes(file.read_bytes()[:-3])
        with pytest.raises(DataFormatError, match=r"train-images-idx3-ubyte.gz.*truncated"):
            datasets.load_mnist(tmp_path)

    def test_the_error_names_the_missing_files(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError) as caught:
            datasets.load_mnist(tmp_path)
        for name in ("train-images-idx3-ubyte", "train-images.idx3-ubyte.gz"):
            assert name in str(caught.value)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(datasets.MissingDataError, match="nowhere is not a folder"):
            datasets.load_mnist(tmp_path / "nowhere")

    def test_no_such_split(self) -> None:
        assert get_args(datasets.MnistSplit) == ("train", "test")
        with pytest.raises(ValueError, match="'dev' is neither 'train' nor 'test'"):
            datasets.load_mnist_split("dev")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def reader() -> Callable[..., Any]:
    """`mnist.MNIST` of python-mnist."""
    with warnings.catch_warnings():
        # It compares strings with `is`, which causes a SyntaxWarning.
        warnings.simplefilter("ignore", SyntaxWarning)
        from mnist import MNIST
    return MNIST  # type: ignore[no-any-return]


class TestAgainstPythonMnist:
    """Comparison with python-mnist, the reader of the course."""

    @staticmethod
    def assert_same(theirs: tuple[Any, Any], ours: tuple[Bytes, Bytes]) -> None:
        images, labels = ours
        assert list(theirs[1]) == labels.tolist()
        assert len(theirs[0]) == len(images)
        # Lists of 47 million Python numbers are compared as bytes, one image at a time.
        assert all(bytes(a) == b.tobytes() for a, b in zip(theirs[0], images, strict=True))

    @pytest.mark.parametrize("gz", [False, True])
    @given(image_sets())
    def test_small_folders(
        self,
        reader: Callable[..., Any],
        tmp_path_factory: pytest.TempPathFactory,
        gz: bool,
        data: tuple[Bytes, Bytes],
    ) -> None:
        folder = tmp_path_factory.mktemp("mnist")
        write_folder(folder, *data, gz=gz)
        theirs = reader(str(folder), gz=gz)
        self.assert_same(theirs.load_training(), datasets.load_mnist_split("train", folder))
        self.assert_same(theirs.load_testing(), datasets.load_mnist_split("test", folder))

    def test_the_real_files(self, reader: Callable[..., Any]) -> None:
        folder = datasets.data_folder() / "mnist"
        theirs = reader(str(folder), gz=True)
        self.assert_same(theirs.load_testing(), datasets.load_mnist_split("test"))
        self.assert_same(theirs.load_training(), datasets.load_mnist_split("train"))
