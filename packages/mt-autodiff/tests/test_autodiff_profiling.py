"""Profiles: events, totals, tables and traces."""

import io
import json
import threading
from pathlib import Path

import pytest

from mt_autodiff import Profile, Tensor, no_grad, profile, record, tensor
from mt_autodiff.profiling import active_profile


def leaf() -> Tensor:
    return tensor([1.0, 2.0, 3.0], requires_grad=True)


def watched() -> Profile:
    with profile(show=False) as found:
        x = leaf()
        (x * x + x).sum().backward()
    return found


def test_every_call_forward_and_backward() -> None:
    assert [(event.name, event.phase) for event in watched().events] == [
        ("Mul", "forward"),
        ("Add", "forward"),
        ("Sum", "forward"),
        ("Sum", "backward"),
        ("Add", "backward"),
        ("Mul", "backward"),
    ]


def test_bytes_are_those_of_the_results() -> None:
    sizes = {(event.name, event.phase): event.size for event in watched().events}
    assert sizes["Mul", "forward"] == 3 * 8
    assert sizes["Sum", "forward"] == 8
    # A gradient shared by both operands is counted once.
    assert sizes["Add", "backward"] == 3 * 8
    assert sizes["Mul", "backward"] == 2 * 3 * 8


def test_totals_are_sorted_by_duration() -> None:
    found = watched()
    for _ in range(2):
        found.begin()
        found.end("long", "region")
    totals = found.totals()
    assert sum(total.calls for total in totals) == len(found.events)
    assert [t.seconds for t in totals] == sorted((t.seconds for t in totals), reverse=True)
    (long,) = [total for total in totals if total.name == "long"]
    assert (long.calls, long.size) == (2, 0)


def test_nested_calls_are_counted_once() -> None:
    with profile(show=False) as found, record("outer"), record("inner"):
        leaf() * 2.0
    mul, inner, outer = found.events
    assert (mul.name, inner.name, outer.name) == ("Mul", "inner", "outer")
    assert inner.inner == mul.duration
    assert outer.inner == inner.duration
    assert outer.start <= inner.start <= mul.start
    own = sum(total.seconds for total in found.totals())
    assert own == pytest.approx(outer.duration / 1e9)


def test_calls_outside_of_profile_are_not_measured() -> None:
    with profile(show=False) as found:
        pass
    leaf() * 2.0
    with record("region"):
        pass
    assert found.events == []
    assert active_profile() is None


def test_the_innermost_profile_measures() -> None:
    with profile(show=False) as outer:
        with profile(show=False) as inner:
            leaf() * 2.0
        leaf() + 2.0
    assert [event.name for event in inner.events] == ["Mul"]
    assert [event.name for event in outer.events] == ["Add"]


def test_other_threads_are_not_measured() -> None:
    with profile(show=False) as found:
        thread = threading.Thread(target=lambda: leaf() * 2.0)
        thread.start()
        thread.join()
    assert found.events == []


def test_a_call_that_raises_is_recorded_and_ends_the_profile(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(IndexError), profile() as found:
        leaf() * tensor([1.0, 2.0])
    assert [(event.name, event.size) for event in found.events] == [("Mul", 0)]
    assert active_profile() is None
    assert "Mul" in capsys.readouterr().out


def test_profiling_does_not_change_results() -> None:
    with profile(show=False), no_grad():
        assert (leaf() * 2.0).is_constant()
    x, y = leaf(), leaf()
    (x * x).sum().backward()
    with profile(show=False):
        (y * y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert x.grad.to_numpy().tolist() == y.grad.to_numpy().tolist()


def test_the_table_has_a_line_for_each_name_and_phase() -> None:
    text = io.StringIO()
    with profile(file=text):
        x = leaf()
        (x * x * x).sum().backward()
    head, *lines = text.getvalue().splitlines()
    assert head.split() == ["operation", "phase", "calls", "time", "share", "each", "results"]
    rows = {tuple(line.split()[:3]) for line in lines}
    assert rows == {
        ("Mul", "forward", "2"),
        ("Mul", "backward", "2"),
        ("Sum", "forward", "1"),
        ("Sum", "backward", "1"),
    }


def test_the_trace_has_the_format_of_viewers(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with profile(trace=path, show=False) as found, record("step"):
        (leaf() * 2.0).sum().backward()
    events = json.loads(path.read_text())["traceEvents"]
    assert events[0]["name"] == "step"
    assert len(events) == len(found.events)
    for event in events:
        assert event["ph"] == "X"
        assert event["ts"] >= 0
        assert event["dur"] >= 0
        assert {"pid", "tid", "cat"} <= set(event)
    step, *inside = events
    assert all(event["ts"] + event["dur"] <= step["ts"] + step["dur"] + 1e-3 for event in inside)
    assert {event["args"]["bytes"] for event in inside} == {24, 8}


def test_a_profile_without_events() -> None:
    empty = Profile()
    assert empty.totals() == []
    assert empty.table().startswith("operation")
