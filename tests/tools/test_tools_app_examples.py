"""The examples of the app: the stored report is one that the grader would write today."""

from tools.app_examples import OPERATORS, RIGHT, TARGET
from tools.workspace import ROOT


def test_the_example_of_a_report_has_the_present_style_and_mistake() -> None:
    report = (TARGET / "report.html").read_text("utf-8")
    style = ROOT / "grading" / "reports" / "templates" / "style.css"
    assert style.read_text("utf-8").strip() in report
    assert (ROOT / OPERATORS).read_text("utf-8").count(RIGHT) == 1
