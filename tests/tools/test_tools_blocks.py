"""Generated blocks of documents are replaced or inserted."""

import pytest

from tools.blocks import NoPlaceError, with_block


def test_a_block_replaces_the_previous_one() -> None:
    text = "# Title\n\n## Commands\n\nmore\n"
    once = with_block(text, "speed", "first\n", before="## Commands")
    assert once.index("first") < once.index("## Commands")
    twice = with_block(once, "speed", "second", before="## Commands")
    assert "first" not in twice
    assert twice == with_block(text, "speed", "second", before="## Commands")
    assert twice.replace("second", "first") == once


def test_the_first_comment_may_name_a_command() -> None:
    mark = "<!-- kernels: written by `python -m tools.gpu_kernels` -->"
    text = f"above\n{mark}\nold\n<!-- end of kernels -->\nbelow"
    assert with_block(text, "kernels", r"\1 new") == (
        f"above\n{mark}\n\n\\1 new\n\n<!-- end of kernels -->\nbelow"
    )


def test_a_document_without_markers_is_an_error() -> None:
    with pytest.raises(NoPlaceError, match=r"README\.md has no place for speed"):
        with_block("# Title\n", "speed", "x", before="## Commands", document="README.md")
