"""A subject in this process, without isolation: for trusted code only."""

from pathlib import Path

from grading.driver import perform
from grading.driver.attribution import is_graders
from grading.protocol.messages import DriverError, Request, Response, Subject, SubjectError


class InProcessSubject(Subject):
    """The `minitorch` that this process imports."""

    folder = Path(__file__).resolve().parents[2]

    def answer(self, request: Request) -> Response:
        """Perform a request in this process."""
        try:
            return perform(request)
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            if is_graders(error):
                raise DriverError(kinds, str(error), request) from error
            raise SubjectError(kinds, str(error), request) from error
