"""Every page draws itself without an error, as Streamlit runs it but without a browser."""

import importlib
import pkgutil

import pytest

pytestmark = pytest.mark.app

testing = pytest.importorskip("streamlit.testing.v1", reason="the extra `app` is not installed")


def pages() -> list[str]:
    from mt_models.app import pages

    return sorted(module.name for module in pkgutil.iter_modules(pages.__path__))


@pytest.mark.parametrize("name", pages())
def test_a_page_draws_itself(name: str) -> None:
    app = testing.AppTest.from_function(_draw, args=(name,), default_timeout=120).run()
    assert not app.exception
    assert app.title[0].value


def _draw(name: str) -> None:
    import importlib

    importlib.import_module(f"mt_models.app.pages.{name}").render()


def test_every_page_has_a_render() -> None:
    for name in pages():
        assert callable(importlib.import_module(f"mt_models.app.pages.{name}").render)
