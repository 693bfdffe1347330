"""Runs of the app at commit 0270e5e: display, resuming, predictions of the pretrained networks."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mt_app.insight.networks import PRETRAINED, load_sentence_reader
from mt_app.insight.sentences import explain_sentence
from mt_app.jobs import ProcessQueue, go_on, read_run
from mt_models.prediction import predict

OLD = Path(__file__).parents[2] / "mt-models" / "tests" / "data" / "commit-0270e5e"
ANSWERS: dict[str, Any] = json.loads((OLD / "answers.json").read_text("utf-8"))


def test_predictions_of_the_bundled_digit_network_are_unchanged() -> None:
    answer = predict(PRETRAINED / "digits.safetensors", str(OLD / "seven.png"))
    np.testing.assert_allclose(answer.probabilities, ANSWERS["digits.safetensors"], atol=1e-6)


def test_predictions_of_the_bundled_sentence_network_are_unchanged() -> None:
    reader = load_sentence_reader(PRETRAINED / "sentiment.safetensors")
    insight = explain_sentence(reader, "A film that nobody will forget.")
    assert insight.positive == pytest.approx(ANSWERS["sentiment.safetensors"], rel=1e-4)


def test_a_run_is_shown() -> None:
    run = read_run(ProcessQueue(), OLD / "app")
    assert run is not None
    assert run.state == "ended"
    assert run.can_go_on
    assert run.has_network
    assert len(run.records) == 14
    assert run.live is not None
    assert (run.live.phase, run.live.epoch) == ("stopped", 15)
    assert len(run.curve()) == 147
    evaluation = run.evaluation()
    assert evaluation is not None
    assert len(evaluation.labels) == 100


@pytest.mark.app
def test_an_earlier_run_is_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "points-1"
    shutil.copytree(OLD / "app", folder)
    queue = ProcessQueue()
    go_on(queue, folder)
    assert queue.wait(folder, 300.0)
    run = read_run(queue, folder)
    old = read_run(queue, OLD / "app")
    assert run is not None
    assert old is not None
    assert run.finished, run.output()
    assert run.records[:14] == old.records
    assert len(run.records) == 30
