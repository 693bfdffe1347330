"""`doctor`: problems of this installation, with commands that fix them."""

from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grading.cli.doctor_checks import Finding, Health, doctor_checks
from grading.judge.exit_codes import FAILED, OK
from grading.reports.terminal import console, print_plainly

SIGNS = {
    Health.GOOD: ("✓", "green"),
    Health.POOR: ("!", "yellow"),
    Health.BAD: ("✗", "red"),
}


@click.command()
def doctor() -> int:
    """Check the installation and show a command to fix each problem.

    Exits with 1 if a problem prevents judging.
    """
    found: list[Finding] = []
    on = console()
    with on.status("checking"):
        for check in doctor_checks():
            found.append(run_check(check))
    print_plainly(on, lambda to: show(found, to))
    return FAILED if any(each.health is Health.BAD for each in found) else OK


def run_check(check: Callable[[], Finding]) -> Finding:
    """Run a check; an exception in the check is reported as a problem."""
    try:
        return check()
    except Exception as error:
        name = getattr(check, "__name__", "?").replace("_", " ").strip()
        text = f"{type(error).__name__}: {error}"
        return Finding(name, Health.BAD, text, "hatch env remove default && hatch run doctor")


def show(found: list[Finding], on: Console) -> None:
    """Write the findings and a summary."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in found:
        sign, colour = SIGNS[each.health]
        text = Text(each.text)
        if each.remedy:
            text.append(f"\n→ {each.remedy}", style="bold")
        table.add_row(Text(sign, style=f"bold {colour}"), Text(each.subject), text)
    on.print(table)
    bad = sum(each.health is Health.BAD for each in found)
    poor = sum(each.health is Health.POOR for each in found)
    if bad:
        closing = Text(f"Problems to fix with the commands above: {bad}", style="bold red")
    elif poor:
        closing = Text(f"The installation works; warnings: {poor}", style="bold yellow")
    else:
        closing = Text("No problems found", style="bold green")
    on.print()
    on.print(closing)
