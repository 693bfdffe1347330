"""The lesson pages: settings, steps, valid and invalid text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.app

testing = pytest.importorskip("streamlit.testing.v1", reason="Streamlit is not installed")


def _draw(name: str) -> None:
    import importlib

    importlib.import_module(f"mt_app.pages.{name}").render()


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Open a page of an app that keeps its runs in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def open_it(name: str, **address: str) -> Any:
        app = testing.AppTest.from_function(_draw, args=(name,), default_timeout=120)
        for parameter, value in address.items():
            app.query_params[parameter] = value
        return app.run()

    return open_it


def test_the_address_selects_settings_and_step(open_page: Callable[..., Any]) -> None:
    address = {
        "conv.channels": "2",
        "conv.phase": "Weight gradient",
        "conv.weight gradient.at": "3",
    }
    app = open_page("convolution", **address)
    assert app.code[0].value.startswith("[0, 0, 0, 2] = ")
    app = open_page("autodiff", **{"autodiff.formula": "x*x", "autodiff.x": "3"})
    assert app.table[0].value["backpropagation"].tolist() == ["6"]
    app = open_page("points", **{"points.set": "Xor", "points.w1": "-3"})
    assert app.slider(key="points.w1").value == -3.0
    app = open_page("tensors", **{"tensor.operations": "permute(1, 0)[1:]"})
    assert app.table[0].value["shape"].tolist()[-1] == "(3, 3)"


def figures(app: Any) -> list[str]:
    return [one.value for one in app.markdown if "mt-figure" in one.value]


def test_steps_of_a_convolution_forward_and_backward(open_page: Callable[[str], Any]) -> None:
    app = open_page("convolution")
    assert app.code[0].value.startswith("[0, 0, 0] = ")
    app.button(key="conv.forward.next").click().run()
    assert app.code[0].value.startswith("[0, 0, 1] = ")
    for _ in range(2):
        app.button(key="conv.forward.back").click().run()
    assert app.code[0].value.startswith("[0, 4, 4] = ")
    assert len(figures(app)) == 5


def test_every_choice_of_a_convolution_draws(open_page: Callable[[str], Any]) -> None:
    app = open_page("convolution")
    assert "x_{c,\\,p + k}" in app.latex[0].value
    app.toggle(key="conv.reverse").set_value(True)
    app.slider(key="conv.channels").set_value(3)
    app.slider(key="conv.kernels").set_value(2)
    app.slider(key="conv.kernel").set_value(4)
    app.selectbox(key="conv.layout").set_value("channels last")
    for phase in ("forward", "input gradient", "weight gradient"):
        app.segmented_control(key="conv.phase").set_value(phase).run()
        sign = "+" if phase == "input gradient" else "-"
        assert f" {sign} k}}" in app.latex[0].value
        for dims in ("1-D", "2-D"):
            app.segmented_control(key="conv.dims").set_value(dims).run()
            assert not app.exception
            assert len(figures(app)) == 5


def test_a_step_beyond_the_end_is_the_last_step(open_page: Callable[[str], Any]) -> None:
    app = open_page("convolution")
    app.slider(key="conv.forward.at").set_value(25).run()
    app.segmented_control(key="conv.dims").set_value("1-D").run()
    assert not app.exception
    assert app.code[0].value.startswith("[0, 7] = ")


def test_play_and_stop_replace_each_other(open_page: Callable[[str], Any]) -> None:
    app = open_page("pooling")
    assert app.button(key="pool.play").label == "Play"
    for label in ("Stop", "Play"):
        app.button(key="pool.play").click().run()
        assert app.button(key="pool.play").label == label


@pytest.mark.parametrize("kind", ["average", "maximum"])
def test_pooling_with_one_window_and_with_many(open_page: Callable[[str], Any], kind: str) -> None:
    app = open_page("pooling")
    app.segmented_control(key="pool.kind").set_value(kind)
    for height, width in ((4, 6), (1, 1)):
        app.select_slider(key="pool.kh").set_value(height)
        app.select_slider(key="pool.kw").set_value(width)
        app.run()
        assert not app.exception
        assert len(figures(app)) == 4


def test_softmax_survives_large_logits(open_page: Callable[[str], Any]) -> None:
    app = open_page("probabilities")
    before = app.table[0].value["probability"].tolist()
    app.select_slider(key="soft.shift").set_value(1000).run()
    table = app.table[0].value
    assert table["probability"].tolist() == before
    assert set(table["exp(x), plain"]) == {"inf"}


def test_every_rate_of_dropout(open_page: Callable[[str], Any]) -> None:
    app = open_page("probabilities")
    for rate in (0.0, 1.0):
        app.slider(key="drop.rate").set_value(rate).run()
        assert not app.exception


def test_every_operator(open_page: Callable[[str], Any]) -> None:
    from mt_app.lessons.operators import OPERATORS

    app = open_page("operators")
    for of in OPERATORS:
        app.pills(key="op.name").set_value(of.name).run()
        assert not app.exception
        assert app.code[0].value == of.source.rstrip()


def test_a_formula_is_differentiated(open_page: Callable[[str], Any]) -> None:
    app = open_page("autodiff")
    app.text_input[0].set_value("x * x * y").run()
    app.slider(key="autodiff.x").set_value(3.0)
    app.slider(key="autodiff.y").set_value(2.0)
    app.run()
    table = app.table[0].value
    assert table["backpropagation"].tolist() == ["12", "9"]
    assert [float(v) for v in table["central difference"]] == pytest.approx([12, 9])
    app.button(key="autodiff.next").click().run()
    assert any("passes it on" in one.value for one in app.markdown)


@pytest.mark.parametrize(
    "text", ["__import__('os').abort()", "1 / (x - x)", "x +", "", "x.__class__", "(x**8)**8"]
)
def test_invalid_formulas_are_reported_on_the_page(
    open_page: Callable[[str], Any], text: str
) -> None:
    app = open_page("autodiff")
    app.text_input[0].set_value(text).run()
    assert not app.exception
    assert len(app.error) == 1
    app.text_input[0].set_value("x * y").run()
    assert not app.error


@pytest.mark.parametrize(
    ("shape", "chain", "complains"),
    [
        ("3, 4", "permute(1, 0)[1:].contiguous()", False),
        ("2, 0", "", False),
        ("", "", False),
        ("3, 4", "view(5)", True),
        ("3, 4", "exec('x')", True),
        ("a", "", True),
        ("99, 99", "", True),
    ],
)
def test_views(open_page: Callable[[str], Any], shape: str, chain: str, complains: bool) -> None:
    app = open_page("tensors")
    app.text_input[0].set_value(shape)
    app.text_input[1].set_value(chain)
    app.run()
    assert not app.exception
    assert bool(app.error) == complains


def test_shapes_that_do_not_broadcast_are_reported(open_page: Callable[[str], Any]) -> None:
    app = open_page("tensors")
    app.text_input(key="cast.b").set_value("5, 7").run()
    assert not app.exception
    assert "aligned at the right" in app.error[0].value


def test_gradient_descent_moves_the_sliders(open_page: Callable[[str], Any]) -> None:
    app = open_page("points")
    before = float(app.metric[0].value)
    for _ in range(2):
        app.button(key="points.step20").click().run()
    assert not app.exception
    assert float(app.metric[0].value) < before / 3
    assert app.slider(key="points.w1").value < 0


def test_layers_and_points_change_the_regions(open_page: Callable[..., Any]) -> None:
    def shown(app: Any) -> list[str]:
        assert not app.exception
        return [metric.value for metric in app.metric if metric.label in ("right", "parameters")]

    app = open_page("points", **{"build.set": "Xor", "points": "5005001.5015001"})
    assert shown(app)[-1] == str(2 * 6 + 6 + 6 + 1)
    assert shown(app)[-2].endswith("of 52")
    app.slider(key="build.layers").set_value(0).run()
    assert shown(app)[-1] == "3"
    app = open_page("points", points="nonsense")
    assert "contains no points" in app.warning[0].value


def test_every_network_has_a_tree(open_page: Callable[[str], Any]) -> None:
    from mt_app.lessons.modules import NETWORKS

    app = open_page("modules")
    for name in NETWORKS:
        app.segmented_control(key="tree.network").set_value(name)
        for training in (True, False):
            app.toggle(key="tree.training").set_value(training).run()
            assert not app.exception
            modes = set(app.dataframe[0].value["mode"]) - {""}
            assert modes == {"train" if training else "eval"}


def test_names_are_read_letter_by_letter_on_four_engines(open_page: Callable[..., Any]) -> None:
    app = open_page("names", **{"names.steps": "10", "names.name": "ada", "names.at": "2"})
    assert not app.exception
    assert len(figures(app)) == 3
    assert app.table[0].value["engine"].tolist() == ["Scalar", "Reference", "Fast", "Tuned"]
    app.button(key="names.next").click().run()
    assert app.slider(key="names.at").value == 3
    for name, problem in (("zoë", "letters a to z"), ("", "allowed are 1 to 15")):
        app.text_input(key="names.name").set_value(name).run()
        assert not app.exception
        assert problem in app.error[0].value


def test_layer_norm_with_ones_has_no_gradient(open_page: Callable[..., Any]) -> None:
    ones = {"norm.weights": "all ones", "norm.upstream": "all ones", "norm.at": "11"}
    app = open_page("layer_norm", **ones)
    assert not app.exception
    (drawn,) = figures(app)
    assert "up to gradient" in drawn
    numbers = drawn.split("up to gradient: ")[1].split('"')[0].split(", ")
    assert {abs(float(each)) for each in numbers} == {0.0}


def test_steps_of_attention_forward_and_backward(open_page: Callable[..., Any]) -> None:
    app = open_page("attention", **{"attention.seed": "2"})
    assert not app.exception
    assert len(figures(app)) == 3
    assert app.code[0].value.startswith("[0, 0] = (")
    app.button(key="attention.scores.next").click().run()
    assert "the mask hides key 1 from query 0" in app.code[0].value
    app.toggle(key="attention.causal").set_value(False).run()
    assert "the mask hides" not in app.code[0].value
    address = {"attention.phase": "Key gradient", "attention.key gradient.at": "8"}
    app = open_page("attention", **address)
    assert app.code[0].value.startswith("[3, 1] = (")
    app = open_page("attention", **{"attention.phase": "Weights", "attention.length": "1"})
    assert not app.exception
    assert len(figures(app)) == 2
