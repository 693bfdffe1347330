"""Images of users: folders of pictures by class, or IDX files.

In a folder of pictures, each class has a folder whose name is that of the class. There may be
separate folders of training and test pictures:

    FOLDER/CLASS/*.png              FOLDER/train/CLASS/*.png
                                    FOLDER/test/CLASS/*.png

Each picture contains one digit, letter or symbol. It is converted to the format of MNIST.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mt_models.datasets.classes import class_names, hold_out
from mt_models.datasets.digit_images import SIDE, ImageError, read_digit
from mt_models.datasets.errors import DataFormatError, MissingDataError, UnreadableDataError
from mt_models.datasets.mnist import Mnist, is_idx_folder, load_mnist, load_mnist_split

Bytes = npt.NDArray[np.uint8]

_VALIDATION = ("validation", "valid", "val")
_IGNORED = ("thumbs.db", "desktop.ini", "__macosx")
"""Files that Windows and macOS add to folders, in lower case."""
_SHOWN = 5
"""The number of files that an error lists."""
_LAYOUT = "a folder with a folder of pictures for each class, or a folder of IDX files as MNIST's"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LabelledImages:
    """Pictures of a folder in the format of MNIST.

    Shape:
        - images: (N, 28, 28), uint8, 0 is background and 255 is ink
        - labels: (N,), uint8, the index of a class
        - files: N paths
    """

    images: Bytes
    labels: Bytes
    classes: tuple[str, ...]
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"LabelledImages({len(self)}, classes {', '.join(self.classes)})"


def load_images(path: str | PathLike[str] | None = None) -> Mnist:
    """Read training and test images.

    Without a test folder, a fifth of the pictures of each class is held out; the choice is always
    the same.

    Args:
        path: A folder of pictures by class, or of IDX files; by default the embedded MNIST. The
            test pictures are in its folder `validation`, `valid` or `val`, or else `test`.

    Raises:
        DataError: As for `load_picture_folder` and `load_mnist`, or IDX images have another size
            than 28 by 28 pixels.
    """
    if path is None:
        return load_mnist()
    folder = _folder(path)
    if is_idx_folder(folder):
        mnist = load_mnist(folder)
        _check_size(mnist.train_images, folder)
        _check_size(mnist.test_images, folder)
        return mnist
    if _has_splits(folder):
        train = load_picture_folder(folder / "train")
        separate = _first_folder(folder, (*_VALIDATION, "test"))
        if separate is not None:
            test = load_picture_folder(separate, train.classes)
            # The files are sorted by class, and a part of them would contain only some classes.
            chosen = np.random.default_rng(0).permutation(len(train))
            return Mnist(
                train.images[chosen], train.labels[chosen], test.images, test.labels, train.classes
            )
    else:
        train = load_picture_folder(folder)
    chosen, held_out = hold_out(train.labels)
    if not len(held_out):
        raise DataFormatError(
            f"{folder} has one picture in each class, so that none is left for validation. Add "
            "pictures, or a folder `test` beside a folder `train`."
        )
    return Mnist(
        *(train.images[chosen], train.labels[chosen]),
        *(train.images[held_out], train.labels[held_out]),
        train.classes,
    )


def load_test_images(path: str | PathLike[str], classes: tuple[str, ...]) -> LabelledImages:
    """Read images on which a trained network is evaluated.

    Args:
        path: A folder of pictures by class, or of IDX files. If it has a folder `test`, or else
            `validation`, `valid` or `val`, the pictures in there are read; of IDX files the test
            images.
        classes: The classes of the network.

    Raises:
        DataError: As for `load_images`, or the network does not have one of the classes.
    """
    folder = _folder(path)
    if is_idx_folder(folder):
        images, labels = load_mnist_split("test", folder)
        _check_size(images, folder)
        names = [str(label) for label in range(10)]
        _check_classes([names[label] for label in np.unique(labels)], classes, folder)
        index = np.array([classes.index(n) if n in classes else 0 for n in names], np.uint8)
        return LabelledImages(images, index[labels], classes, ())
    if _has_splits(folder):
        folder = _first_folder(folder, ("test", *_VALIDATION)) or folder / "train"
    return load_picture_folder(folder, classes)


def load_picture_folder(
    path: str | PathLike[str], classes: tuple[str, ...] | None = None
) -> LabelledImages:
    """Read the pictures of a folder that has a folder for each class.

    Hidden files are ignored. The pictures are in the order of their classes and names.

    Args:
        path: The folder.
        classes: The classes; by default the names of the folders in it. Not all of them need a
            folder.

    Raises:
        MissingDataError: It is not a folder, or there is no picture in it.
        UnreadableDataError: The operating system cannot read a folder.
        DataFormatError: Files are not pictures, or a picture belongs to no class, or the classes
            do not exist or are fewer than two. The message names the files.
    """
    root = _folder(path)
    entries = _entries(root)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise MissingDataError(f"{root} contains no folder of a class; allowed: {_LAYOUT}.")
    suffixes = Image.registered_extensions()
    for entry in entries:
        if entry.suffix.lower() in suffixes and not entry.is_dir():
            raise DataFormatError(
                f"{entry} is in no folder of a class; move it into one of "
                f"{', '.join(folder.name for folder in folders[:_SHOWN])}."
            )
    names = [folder.name for folder in folders]
    if classes is None:
        classes = class_names(names, root)
    else:
        _check_classes(names, classes, root)
    files = [file for folder in folders for file in _pictures(folder)]
    images = _read_all(files)
    labels = np.array([classes.index(file.parent.name) for file in files], np.uint8)
    return LabelledImages(images, labels, classes, tuple(files))


def _pictures(folder: Path) -> list[Path]:
    """Return the files of a class."""
    files = _entries(folder)
    for file in files:
        if file.is_dir():
            raise DataFormatError(
                f"{file} is a folder inside of the class {folder.name!r}; move its pictures into "
                f"{folder}."
            )
    if not files:
        raise MissingDataError(f"{folder} contains no picture; add some, or remove the folder.")
    return files


def _read_all(files: list[Path]) -> Bytes:
    """Read pictures, and report all that cannot be read in one error."""
    images = np.empty((len(files), SIDE, SIDE), np.uint8)
    problems = []
    for image, file in zip(images, files, strict=True):
        if not file.is_file():
            problems.append(f"{file}: a file expected, a broken link or a device found")
            continue
        try:
            image[...] = read_digit(file)
        except (ImageError, OSError) as error:
            problems.append(str(error))
    if problems:
        more = len(problems) - _SHOWN
        raise DataFormatError(
            f"{len(problems)} of {len(files)} files cannot be used; repair them, or move them out "
            "of the folder:\n  "
            + "\n  ".join(problems[:_SHOWN])
            + (f"\n  and {more} more" if more > 0 else "")
        )
    return images


def _folder(path: str | PathLike[str]) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise MissingDataError(f"{folder} {found}; allowed: {_LAYOUT}.")
    return folder


def _entries(folder: Path) -> list[Path]:
    """Return files and folders in the order of their names, without hidden ones."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableDataError(f"{folder} cannot be read: {error.strerror}.") from error
    return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _IGNORED]


def _has_splits(folder: Path) -> bool:
    """Return whether a folder has a folder `train` that contains folders.

    A folder `train` with pictures is a class.
    """
    train = folder / "train"
    return train.is_dir() and any(entry.is_dir() for entry in _entries(train))


def _first_folder(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _check_size(images: Bytes, folder: Path) -> None:
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise DataFormatError(
            f"{folder}: the IDX images have {height} x {width} pixels, and the networks need "
            f"{SIDE} x {SIDE}. Save them as pictures with a folder for each class; pictures are "
            "scaled."
        )


def _check_classes(names: list[str], classes: tuple[str, ...], folder: Path) -> None:
    for name in names:
        if name not in classes:
            raise DataFormatError(
                f"{folder} contains the class {name!r}, and the network has only "
                f"{', '.join(classes)}. Pass data with these classes: the name of a folder is that "
                "of its class, and the labels of IDX files are digits."
            )
