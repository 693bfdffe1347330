"""Folders of pictures by class, and IDX files of users."""

import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mt_models.datasets import (
    DataError,
    DataFormatError,
    MissingDataError,
    load_images,
    load_mnist_split,
    load_picture_folder,
    load_test_images,
    read_digit,
)

IMAGES, LABELS = load_mnist_split("test")


def write_pictures(folder: Path, names: dict[int, str], count: int, start: int = 0) -> None:
    """Write the next `count` test images of each of the digits as a picture of its class."""
    for digit, name in names.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in np.flatnonzero(digit == LABELS)[start : start + count].tolist():
            Image.fromarray(255 - IMAGES[number]).save(folder / name / f"{number:04}.png")


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an IDX file of unsigned bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">{1 + array.ndim}I", 0x800 | array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())


def digits_of(images: np.ndarray, folder: Path) -> set[bytes]:
    """The pictures of a folder as they are read, to compare sets."""
    expected = {read_digit(path).tobytes() for path in folder.rglob("*.png")}
    assert {image.tobytes() for image in images} <= expected
    return expected


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    write_pictures(tmp_path, {3: "three", 7: "seven"}, 4)
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "three" / "Thumbs.db").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_text("where the pictures are from")
    found = load_picture_folder(tmp_path)
    assert found.classes == ("seven", "three")
    assert found.labels.tolist() == [0] * 4 + [1] * 4
    assert repr(found) == "LabelledImages(8, classes seven, three)"
    for image, label, file in zip(found.images, found.labels, found.files, strict=True):
        assert file.parent.name == found.classes[label]
        np.testing.assert_array_equal(image, read_digit(file))


def test_a_fifth_of_each_class_is_held_out(tmp_path: Path) -> None:
    write_pictures(tmp_path, {3: "three", 7: "seven"}, 10)
    mnist = load_images(tmp_path)
    assert np.bincount(mnist.train_labels).tolist() == [8, 8]
    assert np.bincount(mnist.test_labels).tolist() == [2, 2]
    assert mnist.classes == ("seven", "three")
    both = np.concatenate([mnist.train_images, mnist.test_images])
    assert {image.tobytes() for image in both} == digits_of(both, tmp_path)


@pytest.mark.parametrize("name", ["validation", "valid", "val", "test"])
def test_folders_of_training_and_test_pictures(tmp_path: Path, name: str) -> None:
    write_pictures(tmp_path / "train", {3: "three", 7: "seven"}, 5)
    write_pictures(tmp_path / name, {3: "three"}, 2, start=5)
    mnist = load_images(tmp_path)
    assert len(mnist.train_labels) == 10
    assert mnist.test_labels.tolist() == [1, 1]
    digits_of(mnist.test_images, tmp_path / name)
    assert len(set(mnist.train_labels[:6].tolist())) == 2  # not in the order of the classes
    judged = load_test_images(tmp_path, mnist.classes)
    assert judged.labels.tolist() == [1, 1]


def test_validation_pictures_come_before_test_pictures_in_training_only(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "val", "test")):
        write_pictures(tmp_path / name, {3: "three", 7: "seven"}, 2 + number)
    assert len(load_images(tmp_path).test_labels) == 6
    assert len(load_test_images(tmp_path, ("seven", "three"))) == 8


def test_a_folder_train_without_others_is_divided(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", {3: "three", 7: "seven"}, 5)
    mnist = load_images(tmp_path)
    assert (len(mnist.train_labels), len(mnist.test_labels)) == (8, 2)
    assert len(load_test_images(tmp_path, mnist.classes)) == 10


def test_train_with_pictures_is_a_class(tmp_path: Path) -> None:
    write_pictures(tmp_path, {3: "train", 7: "car"}, 5)
    assert load_images(tmp_path).classes == ("car", "train")


def test_labels_are_the_classes_of_the_network(tmp_path: Path) -> None:
    write_pictures(tmp_path, {3: "3", 7: "7"}, 2)
    assert load_test_images(tmp_path, tuple("0123456789")).labels.tolist() == [3, 3, 7, 7]
    with pytest.raises(DataFormatError, match="class '7', and the network has only 3, 4"):
        load_test_images(tmp_path, ("3", "4"))


def folder_without_classes(folder: Path) -> None:
    folder.mkdir()
    Image.new("L", (9, 9)).save(folder / "one.png")


def one_class(folder: Path) -> None:
    write_pictures(folder, {3: "three"}, 3)


def one_picture_in_each_class(folder: Path) -> None:
    write_pictures(folder, {3: "three", 7: "seven"}, 1)


def empty_class(folder: Path) -> None:
    write_pictures(folder, {3: "three", 7: "seven"}, 2)
    (folder / "eight").mkdir()


def stray_picture(folder: Path) -> None:
    write_pictures(folder, {3: "three", 7: "seven"}, 2)
    Image.new("L", (9, 9)).save(folder / "stray.PNG")


def folder_in_a_class(folder: Path) -> None:
    write_pictures(folder, {3: "three", 7: "seven"}, 2)
    (folder / "three" / "loop").symlink_to(folder, target_is_directory=True)


def unreadable_files(folder: Path) -> None:
    write_pictures(folder, {3: "three", 7: "seven"}, 2)
    (folder / "three" / "text.png").write_text("no picture")
    Image.new("L", (9, 9)).save(folder / "three" / "white.png")
    (folder / "seven" / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "seven" / "pipe.png")
    for number in range(4):
        (folder / "seven" / f"empty{number}.png").touch()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, r"does not exist; allowed: a folder with a folder of pictures"),
        (lambda folder: folder.write_text("x"), r"is a file; allowed: a folder"),
        (lambda folder: folder.mkdir(), r"contains no folder of a class; allowed"),
        (folder_without_classes, r"contains no folder of a class; allowed"),
        (one_class, r"of classes is 1 \('three'\); a network needs from 2 to 256"),
        (one_picture_in_each_class, r"one picture in each class.*Add pictures"),
        (empty_class, r"eight contains no picture; add some, or remove the folder"),
        (stray_picture, r"stray.PNG is in no folder of a class; move it into one of seven, three"),
        (folder_in_a_class, r"loop is a folder inside of the class 'three'; move its pictures"),
        (
            unreadable_files,
            r"(?s)8 of 12 files cannot be used; repair them.*empty0.png: the file is not a readable"
            r".*loop.png: a file expected, a broken link or a device found.*and 3 more",
        ),
    ],
)
def test_errors_name_the_file_and_the_way_out(tmp_path: Path, make: object, message: str) -> None:
    assert callable(make)
    make(tmp_path / "pictures")
    with pytest.raises(DataError, match=message):
        load_images(tmp_path / "pictures")


@pytest.mark.parametrize("kaggle", ["folders", "folders beside files", "files"])
def test_idx_files_as_kaggle_unpacks_them(tmp_path: Path, kaggle: str) -> None:
    for prefix, size in (("train", 6), ("t10k", 3)):
        for name, array in (
            (f"{prefix}-images-idx3-ubyte", IMAGES[:size]),
            (f"{prefix}-labels-idx1-ubyte", LABELS[:size]),
        ):
            if kaggle != "files":
                write_idx(tmp_path / name / name, array)
            if kaggle != "folders":
                write_idx(tmp_path / name.replace("-idx", ".idx"), array)
    mnist = load_images(tmp_path)
    np.testing.assert_array_equal(mnist.train_images, IMAGES[:6])
    np.testing.assert_array_equal(mnist.test_labels, LABELS[:3])
    assert mnist.classes == tuple("0123456789")


def test_an_empty_folder_with_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    with pytest.raises(MissingDataError, match="contains none of train-images-idx3-ubyte"):
        load_images(tmp_path)


def test_idx_labels_are_names_of_digits(tmp_path: Path) -> None:
    write_idx(tmp_path / "t10k-images-idx3-ubyte", IMAGES[:3])
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.array([5, 2, 5], np.uint8))
    found = load_test_images(tmp_path, ("2", "5"))
    assert found.labels.tolist() == [1, 0, 1]
    with pytest.raises(DataFormatError, match="class '2', and the network has only five, two"):
        load_test_images(tmp_path, ("five", "two"))


def test_idx_images_of_another_size(tmp_path: Path) -> None:
    for prefix in ("train", "t10k"):
        write_idx(tmp_path / f"{prefix}-images-idx3-ubyte", np.zeros((2, 32, 30), np.uint8))
        write_idx(tmp_path / f"{prefix}-labels-idx1-ubyte", np.zeros(2, np.uint8))
    for load in (load_images, lambda path: load_test_images(path, tuple("0123456789"))):
        with pytest.raises(DataFormatError, match="32 x 30 pixels, and the networks need 28 x 28"):
            load(tmp_path)


def test_without_a_path_the_embedded_images_are_read() -> None:
    assert len(load_images().test_labels) == 10_000


def test_a_corrupt_idx_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "t10k-images-idx3-ubyte" / "t10k-images-idx3-ubyte", IMAGES[:3])
    shutil.copytree(tmp_path / "t10k-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte")
    (tmp_path / "t10k-labels-idx1-ubyte" / "t10k-images-idx3-ubyte").rename(
        tmp_path / "t10k-labels-idx1-ubyte" / "t10k-labels-idx1-ubyte"
    )
    with pytest.raises(DataFormatError, match=r"0x00000801 expected.*0x00000803 found"):
        load_test_images(tmp_path, tuple("0123456789"))
