"""The report as one page that needs nothing else: no script, no other file, no network.

Jinja escapes every value, so that nothing in a submission becomes markup.
"""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from grading.judge.records import Report, Status
from grading.paths import ROOT
from grading.reports import words

TEMPLATES = ROOT / "grading" / "reports" / "templates"


def write(report: Report) -> bytes:
    """Return the report as a page."""
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
    """Return the name of a status in the style sheet."""
    return status.value.replace(" ", "-")


@cache
def template(name: str) -> Template:
    """Return a template in which everything is escaped and nothing may be undefined."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
