"""Names that the course does not have, and the packages that have them."""

from collections.abc import Callable
from typing import Any

import mt_autodiff
import mt_nn
from mt_autodiff.names import missing, missing_function
from mt_nn._names import ABSENT, EXPRESSIONS


def course_getattr(package: str) -> Callable[[str], Any]:
    """Return the function ``__getattr__`` of a package of the course, which raises an error."""

    def unknown(name: str) -> Any:
        for library in (mt_autodiff, mt_nn):
            if name in library.__all__:
                raise AttributeError(
                    f"{package} has no attribute {name!r}, because it has the names of the course; "
                    f"write `from {library.__name__} import {name}`",
                    name=name,
                    obj=None,
                )
        is_method = callable(getattr(mt_autodiff.Tensor, name, None))
        if not is_method and (name in EXPRESSIONS or name in ABSENT):
            raise missing(package, name, EXPRESSIONS, ABSENT)
        raise missing_function(package, name, mt_autodiff.Tensor)

    return unknown
