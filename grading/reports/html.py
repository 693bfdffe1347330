"""Report as a self-contained HTML page without scripts, further files and network access.

Jinja escapes every value, so that no text of a submission becomes markup.
"""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from grading.judge.records import Report, Status
from grading.paths import ROOT
from grading.reports import words

TEMPLATES = ROOT / "grading" / "reports" / "templates"


def write(report: Report) -> bytes:
    """Return the report as HTML."""
    page = template("report.html.j2").render(
        report=report,
        words=words,
        css_class=css_class,
        modules=[
            (number, title, report.in_module(number))
            for number, title in report.modules.items()
            if report.in_module(number)
        ],
        explained=[task for task in report.tasks if task.checks],
    )
    return page.encode()


def css_class(status: Status) -> str:
    """Return the CSS class of a status."""
    return status.value.replace(" ", "-")


@cache
def template(name: str) -> Template:
    """Return a template that escapes all values and raises an error for undefined ones."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
