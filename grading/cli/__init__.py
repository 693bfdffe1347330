"""The grader's command line; each command is a module, imported on use."""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from grading.judge.exit_codes import HARNESS, INTERRUPTED, USAGE

COMMANDS = {
    "grade": "grading.cli.grade:grade",
    "regrade": "grading.cli.regrade:regrade",
    "policy": "grading.cli.policy:policy",
    "status": "grading.cli.status:status",
    "doctor": "grading.cli.doctor:doctor",
    "scaffold": "grading.cli.scaffold:scaffold",
    "sync": "grading.cli.scaffold:sync",
}
"""Module and function of each command."""


class Commands(click.Group):
    """Group of commands that imports only the called command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if the name is unknown."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 nothing that was judged failed, 1 something failed, "
    "2 usage error, 3 error of the grader.",
)
def commands() -> None:
    """Judge solutions of the course's tasks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show "✓" shows "?".
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = commands.main(
            None if arguments is None else list(arguments),
            prog_name="grading",
            standalone_mode=False,
        )
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return _harness_failed(error)
    return code if isinstance(code, int) else 0


def _harness_failed(error: Exception) -> int:
    traceback.print_exception(error)
    print(
        "\nError of the grader; it is independent of the submission. "
        "`hatch run doctor` checks the installation.",
        file=sys.stderr,
    )
    return HARNESS
