"""Commands whose help ends with examples in the form that the user typed."""

import click

PROGRAM = "{program}"
"""The placeholder of the program in the examples."""


def typed_form() -> str:
    """Return the program as the user typed it, from the current command."""
    ctx = click.get_current_context(silent=True)
    return "minitorch" if ctx is None else str(ctx.find_root().info_name)


class CommandWithExamples(click.Command):
    """A command whose epilog may contain `PROGRAM`."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog with the typed program."""
        if self.epilog:
            text = self.epilog.replace(PROGRAM, str(ctx.find_root().info_name))
            formatter.write_paragraph()
            for line in text.splitlines():
                formatter.write(f"  {line}\n")
