"""Predictions and evaluations of networks that are trained on own data."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mt_models.datasets import DataError, Vocabulary, load_glove, load_mnist_split
from mt_models.pictures import draw_run
from mt_models.prediction import evaluate, load_predictor, predict
from mt_models.recipes import DigitsRecipe, PointsRecipe, Recipe, SentimentRecipe, classes_of
from mt_models.training import BEST, Display, Progress, Run, Settings, last_checkpoint, train
from mt_nn import Checkpoint, load_checkpoint, save_checkpoint
from mt_tensor import Reference

DIGITS = {1: "one", 0: "null", 2: "$x$"}
TONES = {
    "good": "a charming and funny film",
    "bad": "dull , slow and not funny",
    "other": "the film begins at nine in the evening",
}


def train_run(recipe: Recipe, folder: Path, epochs: int = 1) -> Run:
    """Train as the command does."""
    folder.mkdir()
    problem = recipe.build()
    settings = Settings(epochs, batch_size=16)
    optimizer = recipe.make_optimizer(problem.network.parameters())
    header = recipe.header(problem, settings)
    run = Run(folder, problem, optimizer, settings, recipe.to_json(), header, Display())
    progress = train(problem, optimizer, settings, run)
    assert run.evaluation is not None
    draw_run(folder, problem, progress.records, run.evaluation)
    return run


def write_pictures(folder: Path, count: int) -> None:
    images, labels = load_mnist_split("test")
    for digit, name in DIGITS.items():
        (folder / name).mkdir(parents=True)
        for number in np.flatnonzero(labels == digit)[:count].tolist():
            Image.fromarray(255 - images[number]).save(folder / name / f"{number:04}.png")


def write_texts(path: Path, names: list[str], count: int) -> None:
    rows = [f'"{TONES[name]}, {number}",{name}\n' for number in range(count) for name in names]
    path.write_text("text,label\n" + "".join(rows), encoding="utf-8")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `run` on three classes, and other pictures in `other`."""
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder / "train", 20)
    write_pictures(folder / "other", 4)
    shutil.rmtree(folder / "other" / "null")
    recipe = DigitsRecipe(data=str(folder / "train"), lr=0.25)
    train_run(recipe, folder / "run", epochs=5)
    shutil.rmtree(folder / "train")
    return folder


@pytest.fixture(scope="module", params=[["good", "bad"], ["good", "bad", "other"]])
def texts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on two or on three classes, and other texts."""
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder / "train.csv", request.param, 8)
    write_texts(folder / "other.csv", request.param, 2)
    recipe = SentimentRecipe(data=str(folder / "train.csv"), optimizer="adam", lr=0.005)
    run = train_run(recipe, folder / "run", epochs=3)
    assert f"classes: {', '.join(sorted(request.param))}" in run.header
    (folder / "train.csv").unlink()
    return folder


def test_pictures_are_evaluated_as_they_are_predicted(pictures: Path) -> None:
    evaluation = evaluate(pictures / "run", pictures / "other")
    assert evaluation.classes == ("$x$", "null", "one")
    assert evaluation.labels.tolist() == [0] * 4 + [2] * 4
    assert evaluation.accuracy > 0.7
    files = sorted((pictures / "other").rglob("*.png"))
    for file, expected in zip(files, evaluation.probabilities, strict=True):
        prediction = predict(pictures / "run", str(file))
        assert prediction.classes == evaluation.classes
        np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-4, atol=1e-6)
    chosen = evaluation.probabilities[np.arange(8), evaluation.labels]
    assert evaluation.loss == pytest.approx(-np.log(chosen).mean(), rel=1e-5)


def test_texts_are_evaluated_as_they_are_predicted(texts: Path) -> None:
    evaluation = evaluate(texts / "run", texts / "other.csv")
    names = sorted({*["good", "bad"], *evaluation.classes})
    assert evaluation.classes == tuple(names)
    assert evaluation.accuracy > 0.7
    lines = (texts / "other.csv").read_text().splitlines()[1:]
    for line, expected, label in zip(
        lines, evaluation.probabilities, evaluation.labels, strict=True
    ):
        text, _, name = line.rpartition(",")
        assert names[label] == name
        prediction = predict(texts / "run", text.strip('"'))
        assert prediction.classes == evaluation.classes
        np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(evaluation.probabilities.sum(1), 1, rtol=1e-5)
    chosen = evaluation.probabilities[np.arange(len(lines)), evaluation.labels]
    assert evaluation.loss == pytest.approx(-np.log(chosen).mean(), rel=1e-3)


def test_own_data_leave_pictures(pictures: Path, texts: Path) -> None:
    for folder in (pictures, texts):
        for name in ("confusion", "errors", "curves"):
            assert (folder / "run" / f"{name}.png").stat().st_size > 1000


def test_training_data_are_noted(tmp_path: Path) -> None:
    write_texts(tmp_path / "a.csv", ["good", "bad"], 4)
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    train_run(SentimentRecipe(data=str(tmp_path / "a.csv")), tmp_path / "run")
    assert (
        "trained on a part of these data"
        in evaluate(tmp_path / "run", tmp_path / "a.csv").notes[-1]
    )
    assert not any("trained" in n for n in evaluate(tmp_path / "run", tmp_path / "b.csv").notes)


@pytest.mark.parametrize("layout", ["pictures", "pictures/train"])
def test_training_pictures_are_noted(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(Path(layout), 4)
    train_run(DigitsRecipe(data="pictures"), Path("run"))
    assert "trained on a part of these data" in evaluate("run", "pictures").notes[-1]
    write_pictures(Path("other/test"), 2)
    shutil.copytree("pictures", "other", dirs_exist_ok=True)
    assert not any("trained" in note for note in evaluate("run", "other/test").notes)


def test_long_and_unknown_texts_are_noted(tmp_path: Path) -> None:
    long = "fine zzyzx " * 300
    (tmp_path / "a.csv").write_text("text,label\n" + f"{long},good\ndull,bad\n" * 4)
    problem = SentimentRecipe(data=str(tmp_path / "a.csv"), backend="reference").build()
    assert problem.length == 400
    assert problem.train.inputs.shape == (6, 400)
    assert problem.notes[1].startswith("words with a vector: 50.1%")
    assert problem.notes[2] == "3 of 6 texts are cut after 400 words"


def test_checkpoints_without_word_vectors(texts: Path, tmp_path: Path) -> None:
    """The networks that the app contains are such checkpoints."""
    checkpoint = load_checkpoint(texts / "run" / BEST)
    expected = predict(texts / "run", "a funny film")
    network = SentimentRecipe(**checkpoint.meta["options"]).build_network(
        Vocabulary(load_glove()), Reference(np.float32), len(expected.classes)
    )
    checkpoint.restore(network)
    del network.embedding
    save_checkpoint(tmp_path / "small", model=network, meta=checkpoint.meta)
    found = predict(tmp_path / "small", "a funny film")
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_resuming_with_changed_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_pictures(data, 5)
    recipe = DigitsRecipe(data=str(data), lr=0.25)
    train_run(recipe, tmp_path / "run")
    checkpoint = last_checkpoint(tmp_path / "run")
    assert classes_of(checkpoint) == ("$x$", "null", "one")
    (data / "null").rename(data / "zero")
    with pytest.raises(ValueError, match=r"have changed: classes \['\$x\$', 'one', 'zero'\], and"):
        resumed(recipe, tmp_path / "run")
    shutil.rmtree(data)
    write_pictures(data, 6)
    with pytest.raises(ValueError, match="have changed: examples 15, and 12 when the run began"):
        resumed(recipe, tmp_path / "run")


def resumed(recipe: Recipe, folder: Path) -> Progress:
    problem = recipe.build()
    optimizer = recipe.make_optimizer(problem.network.parameters())
    run = Run(folder, problem, optimizer, Settings(2, 16), recipe.to_json(), (), Display())
    return run.resume(last_checkpoint(folder))


def test_errors(pictures: Path, texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="columns are only for the texts of a CSV file; leave"):
        evaluate(pictures / "run", pictures / "other", text_column="text")
    with pytest.raises(DataError, match="is a file; allowed: a folder with a folder of pictures"):
        evaluate(pictures / "run", texts / "other.csv")
    with pytest.raises(DataError, match=r"contains no test.csv, validation.csv or dev.csv; pass"):
        evaluate(texts / "run", pictures / "other")
    with pytest.raises(ValueError, match="backend 'abacus' does not exist; allowed: reference"):
        evaluate(pictures / "run", pictures / "other", "abacus")
    train_run(PointsRecipe(backend="reference", n=4), tmp_path / "points")
    with pytest.raises(ValueError, match="runs of points are not supported; use a run of"):
        evaluate(tmp_path / "points", "x")


def test_inputs_of_another_kind_are_named(pictures: Path, texts: Path, tmp_path: Path) -> None:
    picture = str(next((pictures / "other").rglob("*.png")))
    reader, writer = load_predictor(texts / "run"), load_predictor(pictures / "run")
    with pytest.raises(
        ValueError, match=r"another kind; .*run.* classifies sentences; pass one in"
    ):
        reader(picture)
    with pytest.raises(FileNotFoundError, match="classifies pictures; pass the path of an image"):
        writer("a funny film " * 100)
    with pytest.raises(
        DataError, match=r"The run in .* is one of mnist, which classifies pictures"
    ):
        evaluate(pictures / "run", texts / "other.csv")
    with pytest.raises(DataError, match="one of sentiment, which classifies sentences"):
        evaluate(texts / "run", pictures / "other")
    assert writer(picture).doubt == ""  # Own classes are not digits.
    train_run(PointsRecipe(backend="reference", n=4), tmp_path / "points")
    plane = load_predictor(tmp_path / "points")
    with pytest.raises(
        ValueError, match=r"classifies points; pass two coordinates such as 0.2,0.8"
    ):
        plane("0.2")
    expected = plane.problem.probabilities(np.array([[0.2, 0.8]]))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(plane("0.2,0.8").probabilities, expected[0])


def test_texts_without_a_known_word_have_no_answer(texts: Path) -> None:
    network = load_predictor(texts / "run")
    for text in ("zzyzx", "zzyzx, qqzz!", "?!"):
        with pytest.raises(ValueError, match="no word that the network knows, so there is no"):
            network(text)
    assert network("zzyzx film").unknown == ("zzyzx",)


def test_a_network_is_loaded_once_for_many_inputs(
    texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def load(path: Path) -> Checkpoint:
        loaded.append(path)
        return load_checkpoint(path)

    # The function hides the module of its name.
    module = importlib.import_module("mt_models.prediction.predict")
    monkeypatch.setattr(module, "load_checkpoint", load)
    network = load_predictor(texts / "run")
    answers = [network(text) for text in TONES.values()]
    assert len(loaded) == 1
    for text, answer in zip(TONES.values(), answers, strict=True):
        expected = predict(texts / "run", text).probabilities
        np.testing.assert_array_equal(answer.probabilities, expected)
        assert [name for name, _ in answer.top(1)] == [answer.answer]
