"""Trees of parameters; see `mt_nn.module`."""

from collections.abc import Sequence

import mt_nn
from mt_nn.parameter import Parameter


class Module(mt_nn.Module):
    """A part of a model; see `mt_nn.Module`."""

    def modules(self) -> Sequence[mt_nn.Module]:
        """Return the modules that are members of this one, as the course promises."""
        return self.children()


__all__ = ["Module", "Parameter"]
