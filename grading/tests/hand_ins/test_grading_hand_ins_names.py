"""Names of a download contain learners and ids; a learner chooses only the end of a name.

The oracle writes names by the rules of the platforms.
"""

import re
import unicodedata
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.hand_ins.names import TIME, Named, recognised

OTHERS = (
    "x_99_100_hw.zip",
    "Eve_99_assignsubmission_file_hw.zip",
    "Homework 4_eve_attempt_2099-01-01-00-00-00_hw.zip",
    "anon_a1B2c_100_hw.zip",
    "_99_100_",
    "text.html",
    "..",
)
"""Names of files that imitate the names of other learners."""

FILES = st.sampled_from(OTHERS) | st.text(
    st.sampled_from("ab_1-. LATE\nü"), min_size=1, max_size=12
)
IDS = st.integers(1, 99_999).map(str)
PEOPLE = st.text(st.sampled_from("Anna Müller-Öz 李'"), min_size=1, max_size=10)


@st.composite
def canvas_downloads(draw: st.DrawFn) -> dict[str, Named]:
    """Names as Canvas writes them: the name without other signs, ids, the learner's file."""
    names: dict[str, Named] = {}
    numbers = draw(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=4, unique=True))
    for user, attachment in numbers:
        word = re.sub(r"\W", "", draw(PEOPLE).lower()) or "a"
        late = "_LATE" * draw(st.booleans())
        file = draw(FILES)
        names[f"{word}{late}_{user}_{attachment}_{file}"] = Named("Canvas", user, word, file)
    return names


@st.composite
def moodle_downloads(draw: st.DrawFn) -> dict[str, Named]:
    """Names as Moodle writes them; `_` in the name becomes a space."""
    names: dict[str, Named] = {}
    for number in draw(st.lists(IDS, min_size=1, max_size=4, unique=True)):
        person = draw(PEOPLE)
        file = draw(FILES)
        name = f"{person}_{number}_assignsubmission_file_{file}"
        names[name] = Named("Moodle", number, person, file)
    return names


@st.composite
def blackboard_downloads(draw: st.DrawFn) -> dict[str, Named]:
    """Names as Blackboard writes them; the users do not share the first part of their names."""
    title = draw(st.sampled_from(["Homework 4", "HW_4 (a)", "_", "hw_attempt"]))
    word = draw(st.sampled_from(["attempt", "poging"]))
    users = draw(st.lists(st.sampled_from(["ann", "b_en", "c_1", "dora"]), min_size=2, unique=True))
    names: dict[str, Named] = {}
    for user in users:
        at = draw(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))).replace(microsecond=0)
        file = draw(FILES)
        name = f"{title}_{user}_{word}_{at.strftime(TIME)}"
        names[f"{name}_{file}"] = Named("Blackboard", user, "", file, at.isoformat())
        names[f"{name}.txt"] = Named("Blackboard", user, "", "", at.isoformat(), is_text=True)
    return names


@settings(max_examples=100)
@given(canvas_downloads() | moodle_downloads() | blackboard_downloads())
def test_ids_are_read_whatever_the_files_are_called(names: dict[str, Named]) -> None:
    assert recognised(names) == names


@settings(max_examples=50)
@given(st.dictionaries(IDS, PEOPLE, min_size=1, max_size=4), st.sampled_from(["", "_"]))
def test_folders_of_moodle_with_and_without_an_underscore(people: dict[str, str], end: str) -> None:
    names = {
        f"{person}_{number}_assignsubmission_file{end}": Named("Moodle", number, person, "")
        for number, person in people.items()
    }
    assert recognised([], names) == names


@settings(max_examples=30)
@given(st.lists(FILES, max_size=4))
def test_any_names_are_accepted(names: list[str]) -> None:
    assert set(recognised(names, names)) <= set(names)


@pytest.mark.parametrize(
    ("name", "identifier", "learner", "is_text"),
    [
        ("doejane_101_text.html", "101", "doejane", True),
        ("doejane_LATE_101_link.html", "101", "doejane", True),
        ("anon_a1B2c_5001_hw-1.tar.gz", "anon_a1B2c", "", False),
        ("LATE_anon_a1B2c_text.html", "anon_a1B2c", "", True),
        ("studenttest_9_10_hw.zip", "9", "studenttest", False),
        ("team_7b_9_10_hw.zip", "9", "team_7b", False),
        ("Participant_4711_assignsubmission_file_hw.zip", "4711", "Participant", False),
        ("jdoe_Jane Doe_4711_assignsubmission_file_hw.zip", "4711", "jdoe_Jane Doe", False),
        ("Default group_assignsubmission_file_hw.zip", "Default group", "", False),
        ("Jane Doe_4711_assignsubmission_onlinetext_text.html", "4711", "Jane Doe", True),
        ("Homework 4_jdoe_attempt_2030-10-08-23-59-00_hw.zip", "jdoe", "", False),
    ],
)
def test_other_names_of_platforms(name: str, identifier: str, learner: str, is_text: bool) -> None:
    named = recognised([name])[name]
    assert (named.identifier, named.learner, named.is_text) == (identifier, learner, is_text)


@pytest.mark.parametrize(
    "name",
    [
        "anna.zip",
        "hw_1.zip",
        "Group_1_2_hw.zip",
        "my hw_1_2_x.zip",
        "hw_x_attempt_2030-13-08-23-59-00_hw.zip",
    ],
)
def test_other_names_are_not_recognised(name: str) -> None:
    assert recognised([name]) == {}


def test_decomposed_accents_are_read() -> None:
    name = unicodedata.normalize("NFD", "müller_1_2_hw.zip")
    assert recognised([name])[name].learner == "müller"
