"""Links to lines lead to the definition that their text names."""

from pathlib import Path

import pytest

from tools.line_links import definitions, refreshed
from tools.markdown import Document, documents

pytestmark = pytest.mark.docs


@pytest.mark.parametrize("document", documents(), ids=str)
def test_a_link_to_a_line_leads_to_the_definition(document: Document) -> None:
    text = document.file.read_text("utf-8")
    assert refreshed(text, document.file.parent) == text, "out of date: `hatch run links`"


def test_nested_definitions_have_dotted_names() -> None:
    source = "def f():\n    class A:\n        def g(self): ...\n\n\n@cache\ndef h(): ...\n"
    assert definitions(source) == {"f": 1, "f.A": 2, "f.A.g": 3, "h": 7}


def test_the_line_of_a_moved_definition_is_updated(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("\n\ndef f(): ...\n", "utf-8")
    assert refreshed("see [`f`](a.py#L1) and [`f()`](a.py#L9)", tmp_path) == (
        "see [`f`](a.py#L3) and [`f()`](a.py#L3)"
    )


def test_a_missing_definition_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(): ...\n", "utf-8")
    with pytest.raises(ValueError, match="does not define g"):
        refreshed("[`g`](a.py#L1)", tmp_path)
    with pytest.raises(ValueError, match="name of a definition"):
        refreshed("[here](a.py#L1)", tmp_path)
