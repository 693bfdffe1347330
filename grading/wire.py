"""Requests and answers as lines of text: arrays and plain values, nothing that can execute.

An array keeps its strides: its cells are written in the order of memory.
"""

import base64
import json
from typing import Any

import numpy as np

from grading.subject import Answer, Array, Request


def encode_request(request: Request) -> str:
    """Return a request as one line."""
    return json.dumps(
        {
            "operation": request.operation,
            "arrays": [_encode(array) for array in request.arrays],
            "options": request.options,
            "upstream": _encode(request.upstream),
        }
    )


def decode_request(line: str) -> Request:
    """Return the request of a line."""
    fields = json.loads(line)
    arrays = tuple(map(_decode_array, fields["arrays"]))
    return Request(fields["operation"], arrays, fields["options"], _decode(fields["upstream"]))


def encode_answer(answer: Answer) -> str:
    """Return an answer, without its request, as one line."""
    return json.dumps(
        {
            "arrays": [_encode(array) for array in answer.arrays],
            "gradients": [_encode(array) for array in answer.gradients],
            "plain": answer.plain,
        }
    )


def encode_error(error: BaseException) -> str:
    """Return what the code under test raised, as one line."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return json.dumps({"kinds": kinds, "message": str(error)})


def decode_answer(line: str, request: Request) -> Answer | tuple[list[str], str]:
    """Return the answer of a line; or the kinds and the message of an error."""
    fields = json.loads(line)
    if "kinds" in fields:
        return fields["kinds"], fields["message"]
    return Answer(
        request,
        tuple(map(_decode_array, fields["arrays"])),
        tuple(map(_decode, fields["gradients"])),
        fields["plain"],
    )


def _encode(array: Array | None) -> Any:
    if array is None:
        return None
    order = sorted(range(array.ndim), key=lambda dim: -array.strides[dim])
    cells = np.ascontiguousarray(array.transpose(order), np.float64)
    return {
        "shape": list(cells.shape),
        "order": order,
        "cells": base64.b64encode(cells.tobytes()).decode("ascii"),
    }


def _decode(fields: Any) -> Array | None:
    return None if fields is None else _decode_array(fields)


def _decode_array(fields: Any) -> Array:
    cells = np.frombuffer(base64.b64decode(fields["cells"]), np.float64).copy()
    inverse = np.argsort(np.array(fields["order"], np.int64))
    return cells.reshape(fields["shape"]).transpose(inverse)
