"""The data sets: MNIST, SST-2, GloVe, plain texts, points in the plane, and the data of users.

The embedded data are files in the package; nothing is downloaded unless `load_sst2_from_hub` is
called with the name of a data set. Other images are read from folders of pictures by class or IDX
files, other texts from CSV files. The readers return NumPy arrays and texts, no tensors and no
mini-batches.
"""

from mt_models.datasets.digit_images import ImageError, normalize_digit, read_digit
from mt_models.datasets.errors import (
    ChecksumError,
    DataError,
    DataFormatError,
    HubUnreachableError,
    MissingDataError,
    UnreadableDataError,
)
from mt_models.datasets.files import data_folder, read_embedded
from mt_models.datasets.glove import Glove, load_glove
from mt_models.datasets.hub import load_sst2_from_hub
from mt_models.datasets.images import (
    LabelledImages,
    load_images,
    load_picture_folder,
    load_test_images,
)
from mt_models.datasets.mnist import Mnist, MnistSplit, load_mnist, load_mnist_split, parse_idx
from mt_models.datasets.plain_texts import load_names, load_plain_text, split_text
from mt_models.datasets.points import (
    DATASETS,
    Graph,
    UniformSource,
    circle,
    diag,
    simple,
    spiral,
    split,
    xor,
)
from mt_models.datasets.sst2 import (
    Sentences,
    Sst2,
    Sst2Split,
    TrainingSet,
    load_sst2,
    load_sst2_split,
    parse_tsv,
    read_tsv,
)
from mt_models.datasets.texts import (
    LABEL_COLUMNS,
    TEXT_COLUMNS,
    LabelledTexts,
    load_test_texts,
    load_texts,
    read_texts,
)
from mt_models.datasets.tokens import plain_characters, tokenise
from mt_models.datasets.vocabulary import MIN_LENGTH, PADDING, UNKNOWN, Vocabulary

__all__ = [
    "DATASETS",
    "LABEL_COLUMNS",
    "MIN_LENGTH",
    "PADDING",
    "TEXT_COLUMNS",
    "UNKNOWN",
    "ChecksumError",
    "DataError",
    "DataFormatError",
    "Glove",
    "Graph",
    "HubUnreachableError",
    "ImageError",
    "LabelledImages",
    "LabelledTexts",
    "MissingDataError",
    "Mnist",
    "MnistSplit",
    "Sentences",
    "Sst2",
    "Sst2Split",
    "TrainingSet",
    "UniformSource",
    "UnreadableDataError",
    "Vocabulary",
    "circle",
    "data_folder",
    "diag",
    "load_glove",
    "load_images",
    "load_mnist",
    "load_mnist_split",
    "load_names",
    "load_picture_folder",
    "load_plain_text",
    "load_sst2",
    "load_sst2_from_hub",
    "load_sst2_split",
    "load_test_images",
    "load_test_texts",
    "load_texts",
    "normalize_digit",
    "parse_idx",
    "parse_tsv",
    "plain_characters",
    "read_digit",
    "read_embedded",
    "read_texts",
    "read_tsv",
    "simple",
    "spiral",
    "split",
    "split_text",
    "tokenise",
    "xor",
]
