"""Attacks on replies: forged, prepared, cached and missing ones."""

import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grading.isolation import IsolatedSubject
from grading.judge import replays
from grading.tests.attacks.exam import LIMITS, OTHERS, sit
from grading.tests.attacks.trees import write_tree
from grading.tests.judge.test_grading_replays import FORGES, LATER, charged, outcome

WRONG = "def mul(x, y): return 42.0\n"

TO_ALL_DESCRIPTORS = """
    import json, os, struct

    def shout(header, cells=b"", lengths=None):
        text = json.dumps(header).encode() if not isinstance(header, bytes) else header
        sizes = lengths or (len(text), len(cells))
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, struct.pack("<QQ", *sizes) + text + cells)
            except OSError:
                pass
    """
"""Source that finds the socket without its number, and writes a frame to it."""


def shouting(statement: str) -> str:
    """Return a `mul` that writes to the socket before it returns."""
    indented = textwrap.indent(statement, "    ")
    return f"{textwrap.dedent(TO_ALL_DESCRIPTORS)}\ndef mul(x, y):\n{indented}\n    return 42.0\n"


ANSWER = """{"number": NUMBER, "arrays": [], "gradients": [], "plain": True}"""

NO_ANSWERS = {
    "a response to no request": f"shout({ANSWER.replace('NUMBER', repr('0' * 32))})",
    "a response without a number": f"shout({ANSWER.replace('NUMBER', 'None')})",
    "no object": "shout([1, 2, 3])",
    "no JSON": "shout(b'\\xff\\x00{{{')",
    "very deep brackets": "shout(b'[' * 100_000)",
    "a long number": "shout(b'1' * 100_000)",
    "noise": "import random; shout(random.Random(0).randbytes(5000), lengths=(1 << 63, 1 << 62))",
    "a frame shorter than its announced length": "shout(b'{}', lengths=(2, 1 << 50))",
    "a header shorter than its announced length": "shout(b'{}', lengths=(1 << 20, 0))",
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.measured("attack")
def test_malformed_replies(tree: Path, statement: str) -> None:
    limits = replace(LIMITS, hang_seconds=5.0)
    result = sit(write_tree(tree, shouting(statement)), limits)
    assert result.mul.kinds[0] in {"BadReply", "TimedOut"}
    assert result.passed == OTHERS


@pytest.mark.measured("attack")
def test_replies_sent_in_advance(tree: Path) -> None:
    """Frames that arrive before the next request are not accepted as replies."""
    header = (
        "{'number': None, 'arrays': [{'dtype': 'float64', 'shape': [4], 'order': [0]}], "
        "'gradients': [], 'plain': None}"
    )
    in_advance = f"""{textwrap.dedent(TO_ALL_DESCRIPTORS)}
import threading
threading.Timer(0.2, lambda: [shout({header}, bytes(32)) for _ in range(10)]).start()
"""
    with IsolatedSubject(write_tree(tree, WRONG, first=in_advance), limits=LIMITS) as subject:
        one = np.ones(4)
        with pytest.raises(BaseException, match=r"BadReply|WorkerDied") as caught:
            # The frames arrive between two requests, after some time.
            for _ in range(1000):
                subject.call("operators.each", [one], {"formula": "neg"})
                time.sleep(0.1)
        assert type(caught.value).__name__ == "CheckAbandoned"
        subject.begin_check()
        answer = subject.call("operators.each", [one], {"formula": "neg"})
        np.testing.assert_array_equal(answer.array, -one)


PATCHES = {
    "json": """
        import json
        json.dumps = lambda *args, **more: '{"number": "1", "passed": true}'
        """,
    "json of endless length": """
        import json
        json.dumps = lambda *args, **more: '{"number":' + '[' * 200_000
        """,
    "many arrays": """
        import json
        true = json.dumps
        json.dumps = lambda value, **more: true({**value, "arrays": value["arrays"] * 10_001})
        """,
    "array of another size": """
        import json
        true = json.dumps
        def lie(value, **more):
            if value.get("arrays"):
                value["arrays"][0]["shape"] = [2**40, 2**40, 0, -1]
            return true(value)
        json.dumps = lie
        """,
    "array of objects": """
        import json
        true = json.dumps
        def lie(value, **more):
            if value.get("arrays"):
                value["arrays"][0]["dtype"] = "object"
            return true(value)
        json.dumps = lie
        """,
    "wire": """
        import grading.protocol.wire
        grading.protocol.wire.encode_response = lambda *args: None
        import grading.worker.loop
        grading.worker.loop.encode_response = lambda answer, number: answer
        """,
    "no traces": """
        import grading.worker.loop as loop
        loop.encode_response = lambda answer, number: loop.Frame(
            {"number": number, "kinds": [1, None], "message": 7, "trace": 3})
        """,
}


@pytest.mark.slow
@pytest.mark.parametrize("first", PATCHES.values(), ids=PATCHES)
@pytest.mark.measured("attack")
def test_patches_of_modules_of_the_worker(tree: Path, first: str) -> None:
    """Patches affect only the submission's process: no check passes, and the run continues."""
    assert sit(write_tree(tree, first=first)).passed == set()


COMPARISONS = """
    import numpy as np
    np.allclose = np.array_equal = np.isclose = lambda *args, **more: True
    np.testing.assert_allclose = np.testing.assert_array_equal = lambda *args, **more: None
    import math
    math.isclose = lambda *args, **more: True
    """

AGREEABLE = """
    class Agreeable(float):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __sub__(self, other): return 0.0
        __rsub__ = __sub__
        def __lt__(self, other): return True
        __le__ = __gt__ = __ge__ = __lt__
        def __abs__(self): return 0.0
        def __len__(self): return 4
        def __float__(self): return 42.0
        def __array__(self, *args, **more):
            import numpy
            return numpy.full(4, numpy.nan)
        __hash__ = None

    def mul(x, y): return Agreeable(0)
    """


@pytest.mark.measured("attack")
def test_comparisons_run_in_the_judge(tree: Path) -> None:
    result = sit(write_tree(tree, WRONG, first=COMPARISONS))
    assert result.mul.message == "a wrong result"
    assert result.passed == OTHERS


@pytest.mark.slow
@pytest.mark.parametrize(
    "mul",
    [
        AGREEABLE,
        "def mul(x, y): return float('nan')",
        "def mul(x, y): return float('inf')",
        "def mul(x, y): return [x * y]",
        "def mul(x, y): return None",
        "def mul(x, y): return 'x * y'",
        "def mul(x, y): return type('A', (), {'__float__': lambda self: 'a'})()",
    ],
)
@pytest.mark.measured("attack")
def test_objects_that_compare_equal_to_all(tree: Path, mul: str) -> None:
    assert sit(write_tree(tree, mul)).passed == OTHERS


@pytest.mark.measured("attack")
def test_cached_results_do_not_pass(tree: Path) -> None:
    remembers = """
        known = []

        def mul(x, y):
            if len(known) < 4:
                known.append(x * y)
            return known[-1]
        """
    result = sit(write_tree(tree, remembers))
    assert result.mul.message == "a wrong result"


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_no_state_survives_a_worker(tree: Path, sandbox: None) -> None:
    """A file that a worker writes is not visible to the next worker."""
    notes = """
        def mul(x, y):
            import os, pathlib
            places = [os.getcwd(), os.path.expanduser("~"), "/tmp", "/dev/shm", "/var/tmp"]
            places += [os.environ["TMPDIR"], os.environ["NUMBA_CACHE_DIR"]]
            places += [os.path.dirname(__file__)]
            notes = [pathlib.Path(place, "note-of-a-worker") for place in places]
            if any(note.exists() for note in notes):
                return x * y
            for note in notes:
                try:
                    note.parent.mkdir(parents=True, exist_ok=True)
                    note.write_text("it was here")
                except OSError:
                    pass
            os._exit(1)
        """
    result = sit(write_tree(tree, notes), checks=["mul", "mul again"])
    for name in ("mul", "mul again"):
        assert result.marks[name].kinds[0] == "WorkerDied"


@pytest.mark.slow
@pytest.mark.measured("attack")
def test_time_is_measured_in_the_judge(tree: Path) -> None:
    """A call that takes too long is stopped, even if the worker's clocks are changed."""
    forged = """
        import time
        time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0.0
        """
    endless = "def mul(x, y):\n    while True: pass\n"
    limits = replace(LIMITS, call_seconds=2.0)
    result = sit(write_tree(tree, endless, first=forged), limits)
    assert result.mul.kinds[0] == "TimedOut"
    assert result.passed == OTHERS


DRIVERS = {
    "some time after its import": LATER,
    "after some requests": """
        from grading.driver.family import Family

        def counting(original, seen=[]):
            def perform(self, operation, request):
                seen.append(operation)
                if len(seen) == 3:
                    forge()
                return original(self, operation, request)

            return perform

        Family.perform = counting(Family.perform)
        """,
}
"""Times at which a submission replaces an operation of the driver."""


@pytest.mark.slow
@pytest.mark.parametrize("when", DRIVERS.values(), ids=DRIVERS)
@pytest.mark.measured("attack")
def test_right_answers_of_a_replaced_driver(
    tree: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function itself is wrong. The other answers are those of the submission's functions."""
    monkeypatch.setattr(replays, "PAUSE", 0.5)
    wrong = "def mul(x, y): return x + y\n"
    write_tree(tree, wrong, f"{FORGES}\n{textwrap.dedent(when)}\n")
    found = charged(tree, outcome("mul"), outcome("add"))
    assert list(found) == ["mul"]
    assert "does not come from the functions of the course" in found["mul"]
