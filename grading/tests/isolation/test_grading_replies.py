"""The judge reads every reply as a response or an error of the submission, or rejects it."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.isolation.replies import Raised, parse_header, printable, read_reply
from grading.protocol.messages import Request, Response
from grading.protocol.wire import Frame, WireError, encode_response

REQUEST = Request("tensor.neg")

GOOD: dict[str, Any] = {"number": "1", "arrays": [], "gradients": [], "plain": None}

ARRAY = {"dtype": "float64", "shape": [2], "order": [0]}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)

pieces = st.sampled_from(
    ["arrays", "gradients", "plain", "kinds", "message", "trace", "number", "dtype", "shape"]
)


@given(header=st.dictionaries(pieces, json_values), cells=st.binary(max_size=40))
def test_any_header_is_read_or_refused(header: dict[str, Any], cells: bytes) -> None:
    header["number"] = "1"
    try:
        reply = read_reply(Frame(header, cells), REQUEST, "1")
    except WireError:
        return
    assert isinstance(reply, Response | Raised)


@given(
    dtype=st.sampled_from(["float64", "float32", "int64", "bool", "object", "<f8", 8]),
    shape=json_values | st.lists(st.integers(-2, 3) | st.sampled_from([1 << 40, 1 << 61])),
    order=json_values | st.permutations(range(2)),
    cells=st.binary(max_size=64),
)
def test_any_array_is_read_or_refused(dtype: Any, shape: Any, order: Any, cells: bytes) -> None:
    array = {"dtype": dtype, "shape": shape, "order": order}
    try:
        reply = read_reply(Frame({**GOOD, "arrays": [array]}, cells), REQUEST, "1")
    except WireError:
        return
    assert isinstance(reply, Response)
    assert reply.array.nbytes == len(cells)
    assert reply.array.dtype != object


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": "2"}, "number of the request"),
        ({"arrays": {}}, "list"),
        ({"arrays": [None]}, "described by"),
        ({"arrays": [ARRAY]}, "needs 16 bytes, and 0 are left"),
        ({"arrays": [{**ARRAY, "dtype": "object"}]}, "dtype"),
        ({"arrays": [{**ARRAY, "shape": [-1]}]}, "natural"),
        ({"arrays": [{**ARRAY, "shape": [True]}]}, "natural"),
        ({"arrays": [{**ARRAY, "order": [1]}]}, "permutation"),
        ({"arrays": [{**ARRAY, "shape": [0, 1 << 62], "order": [0, 1]}]}, "natural"),
        ({"arrays": [{**ARRAY, "shape": [0, 1 << 61], "order": [0, 1]}]}, "2\\*\\*63 bytes"),
        ({"arrays": [{**ARRAY, "shape": [0] * 33}]}, "32 dimensions"),
        ({"arrays": [None] * 10_001}, "at most 10000"),
        ({"kinds": []}, "names"),
        ({"kinds": ["A"], "message": 3}, "text"),
        ({"kinds": ["A"], "message": "", "trace": [["file", "one", "f"]]}, "trace"),
    ],
)
def test_invalid_messages_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(WireError, match=message):
        read_reply(Frame({**GOOD, **change}), REQUEST, "1")


def test_bytes_beyond_the_arrays_are_refused() -> None:
    with pytest.raises(WireError, match="3 bytes belong to no array"):
        read_reply(Frame(GOOD, b"abc"), REQUEST, "1")


def test_bools_are_one_of_two_bytes() -> None:
    array = {"dtype": "bool", "shape": [3], "order": [0]}
    reply = read_reply(Frame({**GOOD, "arrays": [array]}, b"\x00\x01\xff"), REQUEST, "1")
    assert isinstance(reply, Response)
    np.testing.assert_array_equal(reply.array.view(np.uint8), [0, 1, 1])


@given(x=st.sampled_from([np.float64(3.0), np.array(2.5), np.zeros((0, 3)), np.array([1, 2], int)]))
def test_arrays_of_every_rank_are_read(x: Any) -> None:
    x = np.asarray(x)
    reply = read_reply(encode_response(Response(REQUEST, (x,)), "1"), REQUEST, "1")
    assert isinstance(reply, Response)
    assert (reply.array.shape, reply.array.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(reply.array, x)


def test_deep_values_are_refused() -> None:
    deep: Any = []
    for _ in range(50):
        deep = [deep]
    with pytest.raises(WireError, match="40 deep"):
        read_reply(Frame({**GOOD, "plain": deep}), REQUEST, "1")


@pytest.mark.parametrize("text", [b"[" * 200_000, b"[1]", b"", b"\xff", b'{"a": 1' + b"0" * 9000])
def test_headers_are_objects(text: bytes) -> None:
    with pytest.raises(WireError, match="JSON object"):
        parse_header(text)


@given(text=st.text() | st.text(alphabet="\x1b[2J\r\n\u202e\ud800\x00a"))
def test_texts_are_printable(text: str) -> None:
    shown = printable(json.loads(json.dumps(text)), longest=50)
    assert len(shown) <= 51
    shown.encode("utf-8")
    assert not set(shown) & set(map(chr, [*range(9), *range(11, 32), 127, 0x202E]))
