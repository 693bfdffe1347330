"""What a failed check has found out, in parts that a report can lay out."""

from dataclasses import dataclass

from grading.subject import Answer, Array, Plain, Request


@dataclass(frozen=True)
class Finding:
    """One wrong answer.

    Hypothesis has shrunk the request by the time that a finding reaches a report: it is the
    smallest that goes wrong.

    Attributes:
        sentence: What is wrong, in one sentence without a full stop.
        request: What was asked.
        name: Which part of the answer is wrong: "the result", "result 1", "the gradient of
            operand 0".
        expected: The right value of that part; None where only a property was demanded.
        received: What came instead; None if nothing did.
        index: The first index at which two arrays differ; None if their shapes do, and for
            what is no array.
        answer: The whole answer; None if the code under test raised an exception.
    """

    sentence: str
    request: Request
    name: str = "the result"
    expected: Array | Plain | None = None
    received: Array | Plain | None = None
    index: tuple[int, ...] | None = None
    answer: Answer | None = None
