"""Task 0.5: visualisation, of which only the points are judged."""

import numpy as np
import pytest

from grading.checking.compare import expect, expect_array
from grading.checking.points import RULES
from grading.protocol.messages import Subject

pytestmark = pytest.mark.task0_5


@pytest.mark.parametrize("name", RULES)
def test_points_and_labels(subject: Subject, name: str) -> None:
    response = subject.call("datasets.points", options={"name": name, "n": 200})
    points, _ = response.arrays
    expect(points.shape == (200, 2), "there are not 200 points in the plane", response)
    inside = (points >= 0) & (points <= 1)
    expect(bool(inside.all()), "a point lies outside of the unit square", response)
    expect_array(response, RULES[name](points[:, 0], points[:, 1]).astype(float), which=1)
    spread = np.ptp(points, axis=0)
    expect(bool((spread > 0.8).all()), "the points do not fill the square", response)


def test_balanced_arms_of_the_spiral(subject: Subject) -> None:
    response = subject.call("datasets.points", options={"name": "Spiral", "n": 50})
    points, labels = response.arrays
    expect(points.shape == (50, 2), "there are not 50 points in the plane", response)
    expect(bool(labels.sum() == 25), "the arms are not equally long", response)
