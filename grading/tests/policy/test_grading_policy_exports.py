"""Files of platforms: only chosen cells change; files that do not fit are refused."""

import csv
import io
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.policy.exports import canvas, moodle
from grading.policy.exports.cells import FileError, parse
from grading.policy.exports.grades import Grade, Grades
from grading.policy.model import Moodle
from grading.tests.policy.importers import CanvasCourse, MoodleAssignment, RefusedError

TEXT = st.text(st.sampled_from('ab,;"\n ü=\t'), max_size=6)


@settings(max_examples=50)
@given(
    rows=st.lists(st.lists(TEXT, min_size=2, max_size=4), min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    bom=st.booleans(),
    data=st.data(),
)
def test_a_changed_cell_is_the_only_change(
    rows: list[list[str]], end: str, quoting: int, bom: bool, data: st.DataObject
) -> None:
    """The oracle is Python's `csv` module, which reads the file before and after."""
    text = io.StringIO(newline="")
    # A header, so that the delimiter is clear.
    table = [["Student", "ID", "Section", "Task"], *rows]
    csv.writer(text, lineterminator=end, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    content = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
    cells = parse(content)
    assert cells.rows == table
    assert cells.encode() == content
    row = data.draw(st.integers(0, len(table) - 1))
    column = data.draw(st.integers(0, len(table[row]) - 1))
    new = data.draw(TEXT | st.just("a\rb"))
    cells.set(row, column, new)
    table[row][column] = new
    after = cells.encode().decode("utf-8-sig" if bom else "utf-8")
    assert list(csv.reader(io.StringIO(after, newline=""))) == table


def grades(by_id: Mapping[str, Grade], of: float = 10.0) -> Grades:
    return Grades(by_id, {each: f"learner {each}" for each in by_id}, of, 2)


HEADER = "Student,ID,SIS Login ID,Section,Task (7)"


def gradebook(*rows: str, header: str = HEADER, points: str = "10") -> bytes:
    lines = [header, f"    Points Possible,,,,{points}", *rows]
    return "".join(f"{line}\n" for line in lines).encode()


def test_cells_of_canvas() -> None:
    rows = ["a,1,a,A,", "b,2,b,A,3", "c,3,c,A,EX", "d,4,d,A,N/A", "e,5,e,A,7.501", "f,6,f,A,8"]
    marks: dict[str, Grade] = {"1": 9.5, "2": None, "3": 4.0, "4": 5.0, "5": 7.5, "6": "excused"}
    filled = canvas.fill(gradebook(*rows), grades(marks))
    after = filled.content.decode().splitlines()[2:]
    assert after == ["a,1,a,A,9.5", "b,2,b,A,3", "c,3,c,A,4", "d,4,d,A,N/A", rows[4], "f,6,f,A,EX"]
    assert filled.changed == {"1": "9.5", "3": "4", "6": "EX"}
    assert filled.left == {
        "learner 2": "there is no mark",
        "learner 4": "Canvas does not assign it to this learner",
    }
    users = {str(i): {"login": name} for i, name in enumerate("abcdef", start=1)}
    gradebook_ = CanvasCourse(users, {"7": ("Task", 10.0)}, unassigned={("4", "7")})
    gradebook_.grades = {
        ("2", "7"): "3.00",
        ("3", "7"): "EX",
        ("5", "7"): "7.50",
        ("6", "7"): "8.00",
    }
    gradebook_.upload(filled.content)
    assert {user for user, *_ in gradebook_.changes} == {"1", "3", "6"}


def test_a_gradebook_with_semicolons_and_decimal_commas() -> None:
    header = HEADER.replace(",", ";")
    content = f"{header}\n    Points Possible;;;;10,00\na;1;a;A;\nb;2;b;A;7,25\n".encode()
    filled = canvas.fill(content, grades({"1": 9.5, "2": 7.25}))
    assert filled.content == content.replace(b"a;1;a;A;", b"a;1;a;A;9,5")


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (b"Name,Number\nx,1\n", "", "it is not Canvas' gradebook: its header begins with"),
        (gradebook("a,1,a,A,", points="20"), "", r"has 20 points .* \[export\] out_of = 20"),
        (gradebook("a,1,a,A,", points="(read only)"), "", "as read only"),
        (gradebook("a,1,a,A,", "b,1,b,A,"), "", "rows 3 and 4 have the same ID '1'"),
        (gradebook("a,1,a,A,", header=f"{HEADER},Other (8)"), "", r"\[export.canvas\] column ="),
        (gradebook("a,1,a,A,,", header=f"{HEADER},Task (7)"), "7", "it has 2 columns '7'"),
        (gradebook("a,1,a,A,"), "9", "has no column '9'; its assignments are 'Task \\(7\\)'"),
        (
            gradebook("a,1,a,A,", header="Student,ID,Section,Final Score (7)"),
            "Final Score (7)",
            "Canvas never imports the column",
        ),
        (b"", "", "it is empty"),
        (b"Student,ID\n\xff", "", "it is not UTF-8"),
        (b'Student,ID,Section,"T (7)\n', "", "the quote in row 1 is not closed"),
    ],
)
def test_gradebooks_that_are_refused(content: bytes, column: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        canvas.fill(content, grades({"1": 5.0}), column)


WORKSHEET = (
    "Identifier,Full name,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (grade),Feedback comments\n"
)


def test_cells_of_moodle() -> None:
    rows = (
        "Participant 1,a,Submitted,,10.00,Yes,-,\n"
        'Participant 2,b,Submitted,3.00,10.00,Yes,"Tuesday, 8 October 2030, 9:00 AM",keep\n'
        "Participant 3,c,Submitted,,10.00,Yes,-,\n"
        "Participant 4,d,Submitted,,10.00,Yes,-,\n"
    )
    marks: dict[str, Grade] = {"1": 9.5, "2": None, "3": 11.0, "4": "excused", "5": 3.0}
    content = (WORKSHEET + rows).encode()
    filled = moodle.fill(content, grades(marks), Moodle())
    assert filled.content == content.replace(b"Submitted,,10.00", b"Submitted,9.5,10.00", 1)
    assert filled.left == {
        "learner 2": "there is no mark",
        "learner 3": "Moodle skips grades above 10",
        "learner 4": "excused; Moodle's worksheet has no sign for it",
    }
    assert filled.strangers == ["learner 5"]
    assignment = MoodleAssignment(10.0, {"1": None, "2": 3.0, "3": None, "4": None})
    assignment.upload(filled.content)
    assert assignment.changes == [("1", None, 9.5)]
    assert assignment.comments["2"] == "keep"


def test_a_worksheet_in_another_language() -> None:
    content = (
        "ID,Vollständiger Name,Bewertung,Bestwertung,Zuletzt geändert (Bewertung)\r\n"
        'Teilnehmer/in 4711,a,,"10,00",-\r\n'
    ).encode()
    with pytest.raises(FileError, match=r"no column 'Identifier'.*\[export.moodle\] identifier"):
        moodle.fill(content, grades({"4711": 7.5}), Moodle())
    headers = Moodle(
        identifier="ID",
        grade="Bewertung",
        maximum="Bestwertung",
        modified="Zuletzt geändert (Bewertung)",
    )
    filled = moodle.fill(content, grades({"4711": 7.5}), headers)
    assert filled.content == content.replace(b"a,,", b'a,"7,5",')


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Participant 1,a,S,,20.00,Yes,-,\n", r"maximum grade in row 2 is '20.00' .*out_of = 20"),
        ("Participant 1,a,S,,Satisfactory,Yes,-,\n", "needs a numeric grade"),
        ("Learner,a,S,,10.00,Yes,-,\n", "row 2 has no participant"),
    ],
)
def test_worksheets_that_are_refused(row: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        moodle.fill((WORKSHEET + row).encode(), grades({"1": 5.0}), Moodle())


def test_a_worksheet_with_two_columns_of_grades_is_refused() -> None:
    content = WORKSHEET.replace("Full name", "Grade") + "Participant 1,,S,,10.00,Yes,-,\n"
    with pytest.raises(FileError, match="it has 2 columns 'Grade'"):
        moodle.fill(content.encode(), grades({"1": 5.0}), Moodle())


def test_the_readers_refuse_wrong_files() -> None:
    """The readers of the tests enforce the rules of the platforms."""
    course = CanvasCourse({"1": {}}, {"7": ("Task", 10.0)}, grades={("1", "7"): "5.00"})
    for header in ("Name,ID,Section,Task (7)", "Student,ID,Task (7),Section", "Student,ID,Section"):
        with pytest.raises(RefusedError):
            course.upload(f"{header}\na,1,A,5\n".encode())
    course.upload(b"Student,ID,Section,Task (7)\na,1,A,\n")
    assert course.changes == [("1", "7", "5.00", "")], "a blank cell clears the score"
    course.upload(b"Student,ID,Section,New task,Final Score\na,1,A,5,5\nb,9,A,5,5\n")
    assert (course.new_assignments, course.missing_students) == (["New task"], ["b"])
    assignment = MoodleAssignment(10.0, {"1": 5.0})
    with pytest.raises(RefusedError, match="Last modified"):
        assignment.upload(b"Identifier,Grade\nParticipant 1,5\n")
