"""Families of operations: handlers by name, registered with a decorator."""

from collections.abc import Callable
from typing import TypeAlias

from grading.driver.attribution import submission_code
from grading.protocol.messages import Request, Response

Handler: TypeAlias = Callable[[Request], Response]


class Family:
    """Operations by name."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def operation(self, handler: Handler) -> Handler:
        """Register a handler under its name; a decorator."""
        self.handlers[handler.__name__] = handler
        return handler

    def perform(self, operation: str, request: Request) -> Response:
        """Perform a request.

        Raises:
            KeyError: There is no such operation.
        """
        handler = self.handlers[operation]
        with submission_code:
            return handler(request)
