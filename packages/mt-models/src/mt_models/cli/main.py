"""The command line: `minitorch train mnist` and the other commands.

Each command is a module, imported on use, so that `--version` and completions are fast.
"""

import io
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import get_completion_class

from mt_models import __version__
from mt_models.cli.examples import PROGRAM

COMMANDS = {
    "train": "mt_models.cli.train:train",
    "predict": "mt_models.cli.predict:predict",
    "generate": "mt_models.cli.generate:generate",
    "evaluate": "mt_models.cli.evaluate:evaluate",
    "runs": "mt_models.cli.runs:runs",
    "doctor": "mt_models.cli.doctor:doctor",
}
"""Module and name of each command that is imported on use."""
ELSEWHERE = {
    "app": "the app is the package mt-app: with it, `python -m mt_app` starts it",
    "names": "the smallest GPT runs with `python -m mt_models.names`",
    **dict.fromkeys(
        ("status", "scaffold", "sync", "regrade", "policy"),
        "it is a command of the grader, which is part of a checkout: `{program} grade` says how to "
        "get it",
    ),
}
"""Commands of a checkout that are not commands of this program, and the way to them."""
COMPLETION_VARIABLE = "_MINITORCH_COMPLETE"
"""The environment variable with which a shell asks for completions."""


class Commands(click.Group):
    """A group of commands that prints expected errors in one line, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if the name is unknown."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name.

        Raises:
            click.UsageError: There is none; the message names a similar one, or the program.
        """
        name = args[0]
        if ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        alike = get_close_matches(name, self.list_commands(ctx), 1)
        hint = f"did you mean {alike[0]}?" if alike else "--help lists the commands"
        way = ELSEWHERE.get(name, hint).replace(PROGRAM, str(ctx.info_name))
        raise click.UsageError(f"there is no command {name!r}; {way}", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from mt_models.cli.errors import EXPECTED, sentence

            if ctx.params.get("debug") or not isinstance(error, EXPECTED):
                raise
            raise click.ClickException(sentence(error)) from error


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        python = ".".join(map(str, sys.version_info[:3]))
        click.echo(f"minitorch {__version__} (Python {python})")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def main(debug: bool) -> None:
    """Train the networks of the course, and run trained ones."""
    # Characters that the terminal cannot show are escaped instead of raising an error.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@main.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Name the command that grades solutions.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def grade(arguments: tuple[str, ...]) -> None:
    """Name the command that grades solutions: the grader is part of a checkout."""
    task = " ".join(arguments) or "task4_2"
    raise click.UsageError(
        "grading needs a checkout of the repository, because the grader is not part of the "
        "installed packages. Clone or unpack the repository, then run in its folder:\n"
        "  python3 -m venv .boot && .boot/bin/pip install -q hatch\n"
        f"  .boot/bin/hatch run grade {task}"
    )


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script for completion in a shell.

    The script completes commands, options and runs. Add it to the start file of the shell:
    minitorch completion bash >> ~/.bashrc. For fish the file is
    ~/.config/fish/completions/minitorch.fish.
    """
    # The script calls the console script, in whichever form this command was typed.
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "minitorch", COMPLETION_VARIABLE).source())
