"""Resources that all sessions share: the job queue, networks and data sets."""

from pathlib import Path

import numpy as np
import streamlit as st

from mt_app.insight.computing import COMPUTING
from mt_app.insight.digits import explain_digit
from mt_app.insight.networks import (
    DigitReader,
    SentenceReader,
    load_digit_reader,
    load_sentence_reader,
)
from mt_app.insight.sentences import explain_sentence
from mt_app.insight.texts import continue_text
from mt_app.jobs import ProcessQueue, RunView
from mt_models.datasets import Mnist, Sst2, load_images, load_sst2
from mt_models.prediction import LanguageModel, find_checkpoint, load_language_model

LOADING = "Loading the network, and compiling its kernels the first time …"


@st.cache_resource(show_spinner=False)
def job_queue() -> ProcessQueue:
    """Return the queue of long-running jobs."""
    return ProcessQueue()


@st.cache_resource(show_spinner="Reading the images …", max_entries=2)
def images_of(folder: Path | None) -> Mnist:
    """Return the images of a folder, by default the digits of MNIST.

    Raises:
        DataError: The folder cannot be read.
    """
    return load_images(folder)


@st.cache_resource(show_spinner="Reading the sentences …")
def sst2() -> Sst2:
    """Return the sentences."""
    return load_sst2()


def digit_reader(source: Path) -> DigitReader:
    """Return the network of a checkpoint or a run; for a running one its latest network."""
    path = find_checkpoint(source)
    reader: DigitReader = _digit_reader(path, path.stat().st_mtime_ns)
    return reader


def sentence_reader(source: Path) -> SentenceReader:
    """Return the network of a checkpoint or a run; for a running one its latest network."""
    path = find_checkpoint(source)
    reader: SentenceReader = _sentence_reader(path, path.stat().st_mtime_ns)
    return reader


def language_model(source: Path) -> LanguageModel:
    """Return the network of a checkpoint or a run; for a running one its latest network."""
    path = find_checkpoint(source)
    model: LanguageModel = _language_model(path, path.stat().st_mtime_ns)
    return model


@st.cache_resource(show_spinner=LOADING, max_entries=4)
def _language_model(path: Path, written: int) -> LanguageModel:
    with COMPUTING:
        model = load_language_model(path)
    continue_text(model, model.tokenizer.tokens[0], length=2)
    return model


@st.cache_resource(show_spinner=LOADING, max_entries=4)
def _digit_reader(path: Path, written: int) -> DigitReader:
    reader = load_digit_reader(path)
    explain_digit(reader, np.zeros((28, 28), np.uint8))  # A first prediction compiles the kernels.
    return reader


@st.cache_resource(show_spinner=LOADING, max_entries=2)
def _sentence_reader(path: Path, written: int) -> SentenceReader:
    reader = load_sentence_reader(path)
    explain_sentence(reader, "a")
    return reader


def choose_network(pretrained: Path, runs: list[RunView], key: str) -> Path:
    """Let the user choose a network: the pretrained one, or one of a run.

    Args:
        pretrained: The checkpoint that comes with the app.
        runs: The runs of the problem.
        key: The unique key of the widget, and its name in the address.
    """
    sources = {"pretrained": pretrained}
    sources |= {run.name: run.folder for run in runs if run.has_network}
    chosen = st.selectbox("Network", list(sources), key=key, bind="query-params")
    return sources.get(chosen, pretrained)


def checkout() -> Path | None:
    """Return the root of the checkout of this package; None if the package is installed."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "grading" / "__main__.py").is_file() else None
