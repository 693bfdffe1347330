"""Data sets of points in the plane."""

from grading.driver.family import Family
from grading.driver.results import float_array
from grading.protocol.messages import Request, Response
from minitorch.datasets import datasets

family = Family()


@family.operation
def points(request: Request) -> Response:
    """Draw a data set; return its points and their classes."""
    graph = datasets[request.options["name"]](request.options["n"])
    return Response(request, (float_array(graph.X, "X"), float_array(graph.y, "y")))
