"""A subject in another process returns the same responses as one in this process."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given

from grading.checking.strategies import arrays, shapes
from grading.driver.in_process import InProcessSubject
from grading.isolation import IsolatedSubject
from grading.isolation.replies import read_reply
from grading.paths import ROOT
from grading.protocol.messages import Array, Request, Response, Subject, SubjectError
from grading.protocol.wire import decode_request, encode_request, encode_response


@pytest.fixture(scope="module")
def worker() -> Iterator[Subject]:
    with IsolatedSubject(ROOT) as subject:
        yield subject


@given(x=shapes(min_side=0).flatmap(arrays))
def test_requests_keep_their_strides(x: Array) -> None:
    request = Request("tensor.neg", (x, x[:1]), {"dim": 1, "order": [1.5, None]}, upstream=-x)
    received = decode_request(encode_request(request, "1"))
    assert received.operation == request.operation
    assert received.options == request.options
    assert received.upstream is not None
    np.testing.assert_array_equal(received.upstream, -x)
    np.testing.assert_array_equal(received.arrays[0], x)
    if x.size and min(x.shape) > 1:
        assert received.arrays[0].strides == x.strides


@given(x=shapes(min_side=0).flatmap(arrays))
def test_responses_are_read_as_they_were_sent(x: Array) -> None:
    request = Request("tensor.neg")
    frame = encode_response(Response(request, (x,), (None, x), [1, "two"]), "1")
    response = read_reply(frame, request, "1")
    assert isinstance(response, Response)
    np.testing.assert_array_equal(response.array, x)
    assert response.gradients[0] is None
    assert response.plain == [1, "two"]


def test_both_subjects_return_equal_responses(worker: Subject) -> None:
    x, y = np.arange(6.0).reshape(3, 2).T, np.ones(3)
    here = InProcessSubject().call("tensor.mul", [x, y], upstream=np.ones((2, 3)))
    there = worker.call("tensor.mul", [x, y], upstream=np.ones((2, 3)))
    np.testing.assert_array_equal(there.array, here.array)
    for received, expected in zip(there.gradients, here.gradients, strict=True):
        assert received is not None
        assert expected is not None
        np.testing.assert_array_equal(received, expected)


def test_errors_come_back_with_their_kinds(worker: Subject) -> None:
    for subject in (InProcessSubject(), worker):
        with pytest.raises(SubjectError) as caught:
            subject.call("layout.common_shape", options={"a": [2], "b": [3]})
        assert "IndexingError" in caught.value.kinds
        assert "(2,)" in caught.value.message
