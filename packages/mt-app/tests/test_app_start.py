"""Starting the app: the options that Streamlit gets."""

import sys
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from mt_app.__main__ import MAIN, main


@pytest.fixture
def streamlit_calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the arguments of Streamlit's command line."""
    calls: list[list[str]] = []

    def streamlit(arguments: list[str], **options: Any) -> None:
        calls.append(arguments)

    cli = ModuleType("streamlit.web.cli")
    cli.main = streamlit  # type: ignore[attr-defined]
    for name in ("streamlit", "streamlit.web"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "streamlit.web.cli", cli)
    return calls


def test_the_server_listens_locally_and_sends_no_statistics(
    streamlit_calls: list[list[str]],
) -> None:
    result = CliRunner().invoke(main, ["--headless"])
    assert result.exit_code == 0, result.output
    (arguments,) = streamlit_calls
    assert arguments[:2] == ["run", str(MAIN)]
    assert MAIN.is_file()
    assert {
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--server.showEmailPrompt=false",
    } <= set(arguments)
    # Without a port, Streamlit takes the next one that is free.
    assert not any("server.port" in argument for argument in arguments)


def test_address_and_port_can_be_chosen(streamlit_calls: list[list[str]]) -> None:
    CliRunner().invoke(main, ["--address", "0.0.0.0", "--port", "8600"])
    assert {"--server.address=0.0.0.0", "--server.port=8600"} <= set(streamlit_calls[0])


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_an_invalid_port_is_refused(streamlit_calls: list[list[str]], port: str) -> None:
    result = CliRunner().invoke(main, ["--port", port])
    assert result.exit_code == 2
    assert streamlit_calls == []
